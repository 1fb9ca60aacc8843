"""What is kept is a function of the set of records, in whatever order they come."""

import numpy as np
import pytest

from tfodcl.replay.fair_share import FairShare


def filled(records: list[tuple[int, int]], max_records: int) -> FairShare:
    memory = FairShare(max_records)
    for record_id, label in records:
        memory.add(record_id, label)
    return memory


@pytest.mark.parametrize("seed", range(20))
def test_a_mount_keeps_what_was_kept_in_any_order(seed):
    rng = np.random.default_rng(seed)
    history = [(i, int(rng.integers(0, 5))) for i in range(1, 80)]
    memory = filled(history, 20)
    found = [record for record in history if record[0] in memory or rng.random() < 0.5]
    rng.shuffle(found)
    assert filled([(int(i), int(label)) for i, label in found], 20).items() == memory.items()


def test_shares_are_even_and_hold_the_youngest():
    memory = filled([(i, i // 20) for i in range(1, 60)], 10)
    assert memory.counts() == {0: 4, 1: 3, 2: 3}
    assert [i for i, _ in memory.items()] == [16, 17, 18, 19, 37, 38, 39, 57, 58, 59]


def test_the_one_that_is_dropped_is_told():
    memory = filled([(1, 0), (2, 1)], 2)
    assert memory.add(3, 1) == 2
    assert memory.add(4, 0) == 1
    assert len(memory) == 2 and 3 in memory and 4 in memory


def test_older_records_of_a_class_are_removed():
    memory = filled([(1, 0), (2, 1), (3, 0), (4, 0)], 9)
    assert memory.remove_older(0, 4) == [1, 3]
    assert memory.items() == [(2, 1), (4, 0)]
