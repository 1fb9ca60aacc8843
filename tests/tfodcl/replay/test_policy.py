import numpy as np
import pytest

from tfodcl.errors import InputError
from tfodcl.replay.policy import ClassBalancedMemory, RandomReplacementMemory

RECORD_BYTES, PAYLOAD_BYTES = 6, 4


def make(capacity: int, seed: int = 0) -> ClassBalancedMemory:
    return ClassBalancedMemory(capacity * RECORD_BYTES, RECORD_BYTES, PAYLOAD_BYTES, seed)


def records(label: int, count: int, start: int = 0) -> np.ndarray:
    """(count, 4) uint8, each telling its label and its number."""
    numbers = np.arange(start, start + count)
    return np.stack([np.full(count, label), numbers // 256, numbers % 256, np.full(count, 77)], axis=1).astype(np.uint8)


def kept_numbers(memory: ClassBalancedMemory, label: int) -> list[int]:
    own = memory.payloads[memory.labels == label].astype(int)
    return sorted((own[:, 1] * 256 + own[:, 2]).tolist())


def counts(memory: ClassBalancedMemory) -> list[int]:
    return np.unique(memory.labels, return_counts=True)[1].tolist()


def test_everything_is_kept_while_there_is_room():
    memory = make(capacity=30)
    for label in range(3):
        memory.add(label, records(label, 10))
    assert len(memory) == 30
    for label in range(3):
        assert kept_numbers(memory, label) == list(range(10))


@pytest.mark.parametrize("capacity", [7, 10, 29, 31])
def test_the_budget_is_never_exceeded_and_classes_stay_balanced(capacity):
    memory = make(capacity)
    for label in range(7):
        memory.add(label, records(label, 20))
        assert memory.used_bytes == len(memory) * RECORD_BYTES <= memory.budget_bytes
        assert len(memory) == min(capacity, 20 * (label + 1))
        held = counts(memory)
        assert len(held) == label + 1 and max(held) - min(held) <= 1


def test_labels_and_payloads_stay_together():
    memory = make(capacity=11)
    for label in range(5):
        memory.add(label, records(label, 15))
        np.testing.assert_array_equal(memory.payloads[:, 0], memory.labels)
        for known in range(label + 1):
            numbers = kept_numbers(memory, known)
            assert len(set(numbers)) == len(numbers)


def test_classes_of_unequal_size_share_what_the_small_ones_leave():
    memory = make(capacity=12)
    for label, count in enumerate([2, 30, 3, 30]):
        memory.add(label, records(label, count))
    assert sorted(counts(memory)) == [2, 3, 3, 4]


def test_more_than_the_capacity_offered_at_once_fills_it_exactly():
    memory = make(capacity=5)
    memory.add(0, records(0, 100))
    assert len(memory) == 5
    assert set(kept_numbers(memory, 0)) <= set(range(100))


def test_records_offered_in_parts_are_treated_as_offered_at_once():
    whole, parts = make(4, seed=9), make(4, seed=9)
    whole.add(0, records(0, 40))
    for start in range(0, 40, 8):
        parts.add(0, records(0, 8, start))
    np.testing.assert_array_equal(whole.payloads, parts.payloads)
    assert whole.bytes_written == parts.bytes_written


@pytest.mark.parametrize("label", [0, 1, 2])
def test_what_is_kept_of_a_class_is_a_fair_sample_of_it(label):
    num_trials, num_offered, capacity = 600, 12, 9  # ends with 3 of 12 records of each of 3 classes
    times = np.zeros(num_offered)
    for seed in range(num_trials):
        memory = make(capacity, seed)
        for one in range(3):
            memory.add(one, records(one, num_offered))
        times[kept_numbers(memory, label)] += 1
    expected = num_trials * 3 / num_offered
    assert times.sum() == num_trials * 3
    # Chi-square, 11 degrees of freedom: p < 0.001 above 31.3, and less likely still without replacement.
    assert np.square(times - expected).sum() / expected < 31.3


def test_bytes_written_are_those_of_every_record_ever_stored():
    memory = make(capacity=4)
    memory.add(0, records(0, 4))
    assert memory.bytes_written == 4 * RECORD_BYTES
    memory.add(1, records(1, 2))  # both replace one of class 0
    assert memory.bytes_written == 6 * RECORD_BYTES
    before = memory.payloads.copy()
    written = memory.bytes_written
    for number in range(50):
        memory.add(1, records(1, 1, 100 + number))
        changed = (memory.payloads != before).any()
        assert memory.bytes_written - written == (RECORD_BYTES if changed else 0)
        before, written = memory.payloads.copy(), memory.bytes_written


def test_the_same_seed_keeps_the_same_records():
    first, second, other = make(6, seed=1), make(6, seed=1), make(6, seed=2)
    for memory in (first, second, other):
        for label in range(3):
            memory.add(label, records(label, 20))
    np.testing.assert_array_equal(first.payloads, second.payloads)
    assert (first.payloads != other.payloads).any()


def test_a_new_class_that_has_no_place_is_refused_and_nothing_changes():
    memory = make(capacity=2)
    memory.add(0, records(0, 3))
    memory.add(1, records(1, 3))
    before = memory.payloads.copy()
    with pytest.raises(InputError, match="a record of every class. Received: 12 bytes for 3 classes of 6-byte records"):
        memory.add(2, records(2, 3))
    np.testing.assert_array_equal(memory.payloads, before)
    memory.add(1, records(1, 1, start=50))  # known classes still may
    assert counts(memory) == [1, 1]


def test_a_budget_below_one_record_is_refused():
    with pytest.raises(InputError, match="Received: 5 bytes for 1 classes of 6-byte records"):
        ClassBalancedMemory(5, RECORD_BYTES, PAYLOAD_BYTES, seed=0).add(0, records(0, 1))


def make_random(capacity: int, seed: int = 0) -> RandomReplacementMemory:
    return RandomReplacementMemory(capacity * RECORD_BYTES, RECORD_BYTES, PAYLOAD_BYTES, seed)


def add_batch(memory: RandomReplacementMemory, number: int, count: int) -> None:
    """A training batch of two labels, whose records tell its number."""
    payloads = records(number, count)
    memory.add(np.where(np.arange(count) % 2, 7, number), payloads)


def held_by_batch(memory: RandomReplacementMemory) -> np.ndarray:
    return np.bincount(memory.payloads[:, 0])


def test_random_replacement_fills_room_first_then_replaces_its_share_of_the_capacity():
    memory, written = make_random(capacity=24), 0
    for number, (count, num_taken) in enumerate([(10, 10), (10, 10), (20, 6), (9, 4), (9, 4), (2, 2)], start=1):
        before = memory.payloads.copy()
        add_batch(memory, number, count)
        own = memory.payloads[memory.payloads[:, 0] == number]
        assert len(own) == len(np.unique(own, axis=0)) == num_taken  # 24 // (number + 1) at least, where there are
        assert len(memory) == min(24, len(before) + num_taken)
        written += num_taken
        assert memory.bytes_written == written * RECORD_BYTES
        assert memory.used_bytes == len(memory) * RECORD_BYTES <= memory.budget_bytes


def test_a_first_training_batch_above_the_capacity_fills_it_once():
    memory = make_random(capacity=24)
    add_batch(memory, 1, 100)
    assert len(memory) == 24 and len(np.unique(memory.payloads, axis=0)) == 24
    assert memory.bytes_written == 24 * RECORD_BYTES
    assert np.ptp(memory.payloads[:, 2]) > 50  # not the first 24


def test_random_replacement_keeps_labels_and_payloads_together():
    memory = make_random(capacity=11)
    for number in range(1, 7):
        add_batch(memory, number, 15)
    numbers = memory.payloads[:, 1].astype(int) * 256 + memory.payloads[:, 2]
    np.testing.assert_array_equal(memory.labels, np.where(numbers % 2, 7, memory.payloads[:, 0]))


def test_random_replacement_gives_every_training_batch_the_same_share():
    """Batch i comes in with capacity / (i + 1) records and loses a share to each later one: all end with capacity /
    (num_batches + 1), the first, which found the memory empty, with twice that."""
    num_trials, capacity, num_batches = 5, 2520, 9  # a multiple of 2..10
    held = np.zeros(num_batches + 1)
    for seed in range(num_trials):
        memory = make_random(capacity, seed)
        for number in range(1, num_batches + 1):
            add_batch(memory, number, 2600)
        held += held_by_batch(memory)
    share = num_trials * capacity / (num_batches + 1)
    np.testing.assert_allclose(held[1:], [2 * share, *[share] * 8], rtol=0.12)  # four deviations


def test_random_replacement_depends_on_its_seed_only():
    first, second, other = make_random(6, seed=1), make_random(6, seed=1), make_random(6, seed=2)
    for memory in (first, second, other):
        for number in range(1, 4):
            add_batch(memory, number, 20)
    np.testing.assert_array_equal(first.payloads, second.payloads)
    assert (first.payloads != other.payloads).any()


def test_random_replacement_needs_room_for_every_class():
    make_random(capacity=3).check_room(3)
    with pytest.raises(InputError, match="a record of every class. Received: 18 bytes for 4 classes of 6-byte records"):
        make_random(capacity=3).check_room(4)
