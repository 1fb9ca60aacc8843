"""Swapping: same class, others than those in memory, installed when due; slow, damaged and vanished storage, with a
simulated clock and reads that the test lets through."""

import threading

import numpy as np
import pytest

from tfodcl.errors import InputError
from tfodcl.replay.hierarchy import DamagedRecordError, StorageError, Swapper, Tier
from tfodcl.replay.hierarchy.swapper import LAG, MOST_PENDING, Reading

NUM_RECORDS = {0: 50, 1: 50, 2: 6}


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Storage:
    """Reads take `seconds` of the simulated clock and wait while `gate` is closed."""

    num_records = NUM_RECORDS

    def __init__(self, clock: Clock) -> None:
        self.clock, self.seconds, self.gate = clock, 0.0, threading.Event()
        self.gate.set()
        self.reads: list[tuple[int, int]] = []
        self.errors: dict[tuple[int, int] | None, StorageError] = {}

    def read(self, label: int, number: int) -> np.ndarray:
        assert self.gate.wait(20)
        self.clock.now += self.seconds
        self.reads.append((label, number))
        for key in ((label, number), None):
            if key in self.errors:
                raise self.errors[key]
        return np.array([label, number], np.uint8)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def storage(clock) -> Storage:
    return Storage(clock)


@pytest.fixture
def tier() -> Tier:
    """Six records of each class, all of class 2's."""
    filled = Tier(18, 2, np.random.default_rng(0))
    filled.divide((0, 1, 2))
    for label in range(3):
        for number in range(6):
            filled.offer(label, number, np.array([label, number], np.uint8))
    return filled


@pytest.fixture
def make(storage, clock):
    made = []

    def new(ratio: float, seed: int = 0) -> Swapper:
        made.append(Swapper(storage, ratio, np.random.default_rng(seed), clock))
        return made[-1]

    yield new
    storage.gate.set()
    for swapper in made:
        swapper.close()


def wait_for_reads(swapper: Swapper) -> None:
    for request in swapper._pending:
        assert request.done.wait(20)


def step(swapper: Swapper, tier: Tier, used: np.ndarray) -> list[Reading]:
    """One step of training, after all that was asked for has been read."""
    wait_for_reads(swapper)
    readings = swapper.install()
    swapper.request(tier, used)
    return readings


def check_consistent(tier: Tier) -> None:
    np.testing.assert_array_equal(tier.records, np.stack([tier.labels, tier.numbers], axis=1).astype(np.uint8))
    assert len(set(zip(tier.labels.tolist(), tier.numbers.tolist(), strict=True))) == len(tier.labels)


def test_used_records_are_replaced_by_others_of_their_class_after_the_lag(make, tier):
    swapper, labels, numbers = make(0.5), tier.labels.copy(), tier.numbers.copy()
    used = np.concatenate([tier.slots_of(0), tier.slots_of(1)[:2]])
    swapper.request(tier, used)
    for _ in range(LAG - 1):
        wait_for_reads(swapper)
        assert swapper.install() == [] and (tier.numbers == numbers).all()
    wait_for_reads(swapper)
    assert len(swapper.install()) == 1
    changed = np.flatnonzero(tier.numbers != numbers)
    assert len(changed) == 4 and set(changed) <= set(used)
    assert (tier.labels == labels).all() and (tier.numbers[changed] >= 6).all()
    check_consistent(tier)
    counts = swapper.counts
    assert (counts.num_requests, counts.num_hits, counts.num_stalls, counts.num_swapped) == (1, 1, 0, 4)
    assert counts.bytes_read == 8 and counts.num_damaged == 0


def test_a_class_of_which_memory_has_all_is_not_read_again(make, tier, storage):
    swapper = make(1.0)
    for _ in range(2 * LAG):
        step(swapper, tier, tier.slots_of(2))
    assert storage.reads == [] and swapper.counts.num_requests == 0


def test_over_many_steps_no_record_is_there_twice_and_all_come_by(make, tier, storage):
    swapper, seen = make(0.4), set()
    for _ in range(300):
        step(swapper, tier, tier.filled)
        check_consistent(tier)
        seen |= set(zip(tier.labels.tolist(), tier.numbers.tolist(), strict=True))
    assert seen == {(label, number) for label, count in NUM_RECORDS.items() for number in range(count)}
    assert swapper.counts.num_hits == swapper.counts.num_requests - LAG and swapper.counts.num_stalls == 0


@pytest.mark.parametrize(("ratio", "num_swapped"), [(0.0, 0), (0.01, 1), (0.2, 1), (0.5, 3), (1.0, 6)])
def test_the_ratio_is_the_share_of_used_records_that_is_replaced(make, tier, ratio, num_swapped):
    swapper, numbers = make(ratio), tier.numbers.copy()
    used = tier.slots_of(1)
    swapper.request(tier, used)
    for _ in range(LAG):
        wait_for_reads(swapper)
        swapper.install()
    assert (tier.numbers != numbers).sum() == num_swapped == swapper.counts.num_swapped


def test_the_same_seed_swaps_the_same_whatever_the_readers_speed(make, storage, clock):
    found = []
    for seed, seconds in ((1, 0.0), (1, 2.5), (2, 0.0)):
        tier = Tier(6, 2, np.random.default_rng(0))
        tier.divide((0,))
        for number in range(6):
            tier.offer(0, number, np.array([0, number], np.uint8))
        swapper, storage.seconds = make(0.5, seed), seconds
        for _ in range(10):
            step(swapper, tier, tier.filled)
        found.append(tier.numbers.tolist())
    assert found[0] == found[1] != found[2]


def test_slow_storage_stalls_no_step_and_its_seconds_are_told(make, tier, storage, clock):
    swapper, storage.seconds = make(1.0), 0.25
    storage.gate.clear()
    swapper.request(tier, tier.slots_of(0)[:4])
    numbers = tier.numbers.copy()
    clock.now = 8.0
    for number in range(5):  # returns at once: the reads wait for the gate
        late = [Reading(2.0, 1.0)]  # 8 s so far of 4 records, told once
        assert swapper.install() == (late if number == LAG - 1 else [])
    assert swapper.counts.num_stalls == 1 and (tier.numbers == numbers).all()
    storage.gate.set()
    wait_for_reads(swapper)
    assert swapper.install() == [Reading(0.25, 1.0)]
    assert swapper.counts.num_hits == 0 and swapper.counts.num_swapped == 4


def test_how_much_of_its_time_a_reading_took_is_told(make, tier, storage, clock):
    swapper, storage.seconds = make(1.0), 0.25
    for asked_at in (8.0, 20.0):
        clock.now = asked_at
        swapper.request(tier, tier.slots_of(0)[:4])
        wait_for_reads(swapper)  # for a second
        assert [swapper.install() for _ in range(LAG - 1)] == [[]] * (LAG - 1)
        clock.now = asked_at + 5.0
        assert swapper.install() == [Reading(0.25, 0.2)]


def test_no_more_than_so_many_requests_wait(make, tier, storage):
    swapper = make(0.3)
    storage.gate.clear()
    for _ in range(MOST_PENDING + 3):
        swapper.install()
        swapper.request(tier, tier.filled)
    assert swapper.counts.num_requests == MOST_PENDING
    assert swapper.counts.num_stalls == 3 + 1  # refused, and the first one late
    storage.gate.set()
    for _ in range(MOST_PENDING + LAG):
        wait_for_reads(swapper)
        swapper.install()
    check_consistent(tier)
    assert not swapper._pending


def test_slots_that_wait_for_a_record_are_not_asked_for_again(make, tier, storage):
    swapper = make(1.0)
    storage.gate.clear()
    swapper.request(tier, tier.slots_of(0))
    swapper.request(tier, tier.slots_of(0))
    assert swapper.counts.num_requests == 1 and swapper.counts.num_stalls == 0


def test_a_slot_that_became_another_classs_meanwhile_is_left_alone(make, tier):
    swapper = make(1.0)
    slots = tier.slots_of(0)
    swapper.request(tier, slots)
    tier.put(slots[0], 1, 40, np.array([1, 40], np.uint8))
    for _ in range(LAG):
        wait_for_reads(swapper)
        swapper.install()
    assert (tier.labels[slots[0]], tier.numbers[slots[0]]) == (1, 40)
    assert swapper.counts.num_swapped == 5 and (tier.numbers[slots[1:]] >= 6).all()


def test_the_place_of_a_damaged_record_keeps_the_old_one(make, tier, storage):
    storage.errors = {(0, number): DamagedRecordError("damaged") for number in range(6, 50, 2)}
    swapper, numbers = make(1.0), tier.numbers.copy()
    slots = tier.slots_of(0)
    swapper.request(tier, slots)
    for _ in range(LAG):
        wait_for_reads(swapper)
        swapper.install()
    num_damaged = sum(number % 2 == 0 for _, number in storage.reads)
    assert 0 < num_damaged == swapper.counts.num_damaged < 6 and swapper.counts.num_swapped == 6 - num_damaged
    assert (tier.numbers[slots] == numbers[slots]).sum() == num_damaged
    assert swapper.failure is None and swapper.counts.bytes_read == 2 * (6 - num_damaged)


def test_when_storage_cannot_be_read_swapping_pauses_and_learning_goes_on(make, tier, storage):
    error = StorageError("the medium is gone")
    storage.errors = {None: error}
    swapper, numbers = make(0.5), tier.numbers.copy()
    for _ in range(LAG + 1):
        assert step(swapper, tier, tier.filled) == []  # a failure is no reading
    assert swapper.failure is error and swapper.paused and (tier.numbers == numbers).all()
    for _ in range(MOST_PENDING):
        step(swapper, tier, tier.filled)
    num_requests = swapper.counts.num_requests
    step(swapper, tier, tier.filled)
    assert swapper.counts.num_requests == num_requests and swapper.counts.num_hits == 0
    storage.errors = {}
    swapper.resume()
    for _ in range(LAG + 1):
        step(swapper, tier, tier.filled)
    assert swapper.failure is None and (tier.numbers != numbers).any()


def test_the_thread_survives_what_nobody_expected(make, tier, storage):
    storage.errors = {None: MemoryError("no more")}
    swapper = make(0.5)
    for _ in range(LAG + 1):
        step(swapper, tier, tier.filled)
    assert "storage must be readable. Received: MemoryError" in str(swapper.failure) and swapper._worker.is_alive()


def test_paused_it_asks_for_nothing_and_resumed_it_goes_on(make, tier, storage):
    swapper = make(0.5)
    swapper.paused = True
    for _ in range(LAG + 1):
        step(swapper, tier, tier.filled)
    assert storage.reads == [] and swapper.counts.num_requests == 0
    swapper.resume()
    step(swapper, tier, np.concatenate([tier.slots_of(0), tier.slots_of(1)]))
    wait_for_reads(swapper)
    assert len(storage.reads) == 6


def test_closed_it_has_no_thread(make, tier):
    swapper = make(0.5)
    swapper.request(tier, tier.filled)
    assert swapper.close() and not swapper._worker.is_alive() and swapper.install() == []


def test_a_read_that_hangs_does_not_keep_it_from_closing(make, tier, storage, monkeypatch):
    monkeypatch.setattr("tfodcl.replay.hierarchy.swapper._CLOSE_SECONDS", 0.01)
    swapper = make(0.5)
    storage.gate.clear()
    swapper.request(tier, tier.filled)
    assert not swapper.close()


@pytest.mark.parametrize("ratio", [-0.1, 1.1, float("nan")])
def test_a_ratio_out_of_range_is_refused(storage, ratio):
    with pytest.raises(InputError, match="a swap ratio must be 0..1. Received: ratio="):
        Swapper(storage, ratio, np.random.default_rng(0))
