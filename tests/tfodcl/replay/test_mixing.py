import itertools
from pathlib import Path

import numpy as np
import pytest

from tfodcl.errors import InputError
from tfodcl.replay.mixing import Draw, Mixing, batch_seed, drawn

SPEC = (Path(__file__).parents[3] / "micro" / "SPEC.md").read_text(encoding="utf-8")


def test_the_papers_mini_batch_is_21_new_and_107_replayed():
    assert Mixing().parts(300, 1500) == (21, 107)


@pytest.mark.parametrize(
    ("num_new", "num_kept", "parts"),
    [
        (300, 3000, (11, 117)),
        (300, 0, (128, 0)),
        (50, 0, (50, 0)),
        (2, 3000, (1, 127)),
        (3000, 1, (127, 1)),
        (10, 20, (10, 20)),
        (1, 1, (1, 1)),
    ],
)
def test_a_mini_batch_has_new_and_replayed_samples_in_proportion_and_at_least_one_of_each(num_new, num_kept, parts):
    assert Mixing().parts(num_new, num_kept) == parts
    assert sum(parts) <= 128


def test_sizes_that_cannot_work_are_refused():
    with pytest.raises(InputError, match="must hold a new sample and a replayed one. Received: batch_size=1"):
        Mixing(batch_size=1)
    with pytest.raises(InputError, match="epochs must be at least 1. Received: epochs=0"):
        Mixing(epochs=0)


def test_new_samples_come_once_an_epoch_and_replays_all_before_any_comes_again():
    mixing = Mixing(batch_size=8, epochs=3)
    drawn_batches = list(mixing.mini_batches(num_new=11, num_kept=20, seed=1))  # 2 new and 6 replays
    assert [(len(new), len(replays)) for new, replays in drawn_batches] == [(2, 6)] * 5 * 3
    epochs = [np.concatenate([new for new, _ in drawn_batches[start : start + 5]]) for start in (0, 5, 10)]
    assert all(len(np.unique(epoch)) == 10 and epoch.max() <= 10 for epoch in epochs)
    assert epochs[0].tolist() != epochs[1].tolist()
    replays = np.concatenate([replays for _, replays in drawn_batches])
    for start in range(0, 80, 20):
        assert sorted(replays[start : start + 20]) == list(range(20))


def test_without_replays_mini_batches_are_of_new_samples():
    batches = list(Mixing(batch_size=4, epochs=1).mini_batches(9, 0, 7))
    assert [len(new) for new, _ in batches] == [4, 4] and all(replays == [] for _, replays in batches)


def test_what_is_drawn_differs_by_purpose_number_training_batch_and_seed():
    orders = [
        drawn(20, batch_seed(seed, batch), what, number)
        for seed, batch, what, number in itertools.product((0, 1), (1, 2), Draw, (0, 1, 2))
    ]
    assert len(set(map(tuple, orders))) == len(orders)


def test_the_worked_example_is_that_of_the_code():
    batches = Mixing(batch_size=4, epochs=1).mini_batches(3, 5, batch_seed(0, 2))
    texts = [f"new {', '.join(map(str, new))} with replays {', '.join(map(str, replays))}" for new, replays in batches]
    assert f"Training batch 2, 3 new samples, 5 records, mini-batches of 4: {'; '.join(texts)}." in SPEC
