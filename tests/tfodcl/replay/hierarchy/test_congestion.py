"""Slow storage is told from storage as it always was, and swapping becomes rarer, then less, then as before."""

import pytest

from tfodcl.errors import InputError
from tfodcl.replay.hierarchy import CongestionDetector, SwapSchedule
from tfodcl.replay.hierarchy.congestion import BEGIN_LOAD, END_LOAD, NUM_FIRST, NUM_RECENT, NUM_USUAL


def fed(*seconds: float, load: float = 1.0) -> CongestionDetector:
    detector = CongestionDetector()
    for each in seconds:
        detector.observe(each, load)
    return detector


def test_storage_that_stays_as_it_is_is_never_congested():
    detector = fed(*[0.001, 0.002, 0.0015] * 40)
    assert not detector.is_congested and detector.baseline_seconds == pytest.approx(0.0015)


def test_storage_several_times_as_slow_is_congested_until_it_is_nearly_as_before():
    detector = fed(*[0.001] * NUM_FIRST)
    states = []
    for seconds in [0.01] * NUM_RECENT + [0.002] * NUM_RECENT + [0.0012] * NUM_RECENT:
        detector.observe(seconds, 1.0)
        states.append(detector.is_congested)
    half = NUM_RECENT // 2
    assert states[half] and not states[half - 2]  # once most of the recent ones are slow
    assert all(states[half : 2 * NUM_RECENT])  # twice the baseline is too much still
    assert not states[-1] and detector.baseline_seconds == 0.001


def test_single_slow_readings_are_no_congestion():
    assert not fed(*[0.001] * NUM_FIRST, *[0.001, 0.001, 0.5] * 20).is_congested


def test_a_start_amid_congestion_does_not_stay_the_measure():
    detector = fed(*[0.02] * NUM_FIRST, *[0.001] * NUM_RECENT)
    assert detector.baseline_seconds == 0.001 and not detector.is_congested
    for _ in range(NUM_RECENT):
        detector.observe(0.02, 1.0)
    assert detector.is_congested


def test_what_lasts_becomes_usual():
    """Storage that has outgrown the page cache."""
    detector = fed(*[22e-6] * NUM_FIRST, *[156e-6] * (NUM_USUAL // 2))
    assert detector.is_congested
    for _ in range(NUM_USUAL):
        detector.observe(156e-6, 1.0)
    assert not detector.is_congested and detector.baseline_seconds == 156e-6


def test_nothing_is_known_before_there_is_a_baseline():
    detector = fed(*[0.001] * 3, *[1.0] * (NUM_FIRST - 4))
    assert detector.baseline_seconds is None and not detector.is_congested


def test_slow_readings_that_are_ready_long_before_they_are_due_are_no_congestion():
    assert not fed(*[0.001] * NUM_FIRST, *[0.02] * NUM_RECENT, load=BEGIN_LOAD).is_congested
    assert fed(*[0.001] * NUM_FIRST, *[0.02] * NUM_RECENT, load=BEGIN_LOAD + 0.01).is_congested


def test_congestion_ends_once_readings_are_ready_long_before_they_are_due():
    """Though still slow: of fewer records, as less is swapped."""
    detector = fed(*[0.001] * NUM_FIRST, *[0.02] * NUM_RECENT)
    states = []
    for load in [END_LOAD + 0.01] * NUM_RECENT + [END_LOAD] * NUM_RECENT:
        detector.observe(0.02, load)
        states.append(detector.is_congested)
    assert all(states[:NUM_RECENT]) and not states[-1]


@pytest.mark.parametrize("seconds", [-0.1, float("nan")])
def test_readings_take_time(seconds):
    with pytest.raises(InputError, match="must take 0 seconds and 0 of its time at least. Received: seconds="):
        fed(seconds)
    with pytest.raises(InputError, match=f"Received: seconds=0.1, load={seconds}."):
        fed(0.1, load=seconds)


def test_first_the_interval_grows_then_the_ratio_falls_and_back():
    schedule, seen = SwapSchedule(0.4), []
    for is_congested in [True] * 8 + [False] * 8:
        schedule.decide(is_congested)
        seen.append((schedule.interval, round(schedule.ratio, 6)))
    down = [(2, 0.4), (4, 0.4), (5, 0.25), (5, 0.125), (5, 0.0625), (5, 0.03125), (5, 0.03125), (5, 0.03125)]
    assert seen[:8] == down
    assert seen[8:] == [*down[4::-1], (1, 0.4), (1, 0.4), (1, 0.4)]


def test_swapping_is_in_every_so_many_epochs():
    schedule = SwapSchedule(0.4)
    assert [schedule.is_on(epoch) for epoch in range(3)] == [True] * 3
    schedule.decide(True)
    schedule.decide(True)
    assert [schedule.is_on(epoch) for epoch in range(6)] == [True, False, False, False, True, False]


def test_at_every_rate_so_much_is_swapped_as_it_says():
    schedule = SwapSchedule(0.8)
    for number in range(1, 7):
        schedule.decide(True)
        assert schedule.ratio / schedule.interval == pytest.approx(0.8 / 2**number)


@pytest.mark.parametrize("ratio", [-0.1, 1.1, float("nan")])
def test_a_ratio_out_of_range_is_refused(ratio):
    with pytest.raises(InputError, match="a swap ratio must be 0..1. Received: ratio="):
        SwapSchedule(ratio)
