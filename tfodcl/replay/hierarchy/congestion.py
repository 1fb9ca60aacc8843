"""What the runtime does when storage becomes slow: it swaps less, and more again when that is over (Miro,
arXiv 2308.06053).

Storage is compared with itself: a record's reading takes so long at first, and congestion is a multiple of that which
also takes most of the time until the record is due. Slower readings that are ready long before, as on a busy processor
those from the page cache, make no step wait, and less swapping would bring nothing. Rates of swapping are halved at
each decision while congestion lasts and doubled when it is over: first the interval grows to 2, 4 and MOST_INTERVAL
epochs, then the ratio falls.
"""

from collections import deque
from statistics import median

from tfodcl.errors import InputError

NUM_FIRST = 16  # readings that the baseline is the median of
NUM_USUAL = 64  # congested readings after which they are how storage is now, such as outgrown caches
NUM_RECENT = 8  # readings whose median is compared with it
BEGIN_FACTOR, BEGIN_LOAD = 3.0, 0.5  # of the baseline and of the time until due: above both, storage is congested
END_FACTOR, END_LOAD = 1.5, 0.25  # below one of which it is no longer
MOST_INTERVAL = 5  # epochs
_LEAST_RATE = 1 / 64


class CongestionDetector:
    """Told how long readings take, knows whether storage is congested.

    Attributes:
      baseline_seconds: of a record; None before NUM_FIRST readings. A lower median of recent ones lowers it, so that a
        start amid congestion does not stay the measure; NUM_USUAL congested readings raise it.
      is_congested: now.
    """

    def __init__(self) -> None:
        self.baseline_seconds: float | None = None
        self.is_congested = False
        self._num_congested = 0
        self._first: list[float] = []
        self._recent: deque[float] = deque(maxlen=NUM_RECENT)
        self._loads: deque[float] = deque(maxlen=NUM_RECENT)

    def observe(self, seconds: float, load: float) -> None:
        """A reading's seconds per record and the share that it took of the time until it was due, both at least 0."""
        if not (seconds >= 0 and load >= 0):
            raise InputError(
                f"a reading must take 0 seconds and 0 of its time at least. Received: seconds={seconds}, load={load}."
            )
        self._recent.append(seconds)
        self._loads.append(load)
        if self.baseline_seconds is None:
            self._first.append(seconds)
            if len(self._first) == NUM_FIRST:
                self.baseline_seconds = median(self._first)
            return
        if len(self._recent) < NUM_RECENT:
            return
        now = median(self._recent)
        self.baseline_seconds = min(self.baseline_seconds, now)
        factor, least_load = (END_FACTOR, END_LOAD) if self.is_congested else (BEGIN_FACTOR, BEGIN_LOAD)
        self.is_congested = now > factor * self.baseline_seconds and median(self._loads) > least_load
        self._num_congested = self._num_congested + 1 if self.is_congested else 0
        if self._num_congested == NUM_USUAL:
            self.baseline_seconds, self.is_congested, self._num_congested = now, False, 0


class SwapSchedule:
    """How often is swapped, and how much.

    Args:
      ratio: of a mini-batch's episodic records, without congestion, 0..1.

    Attributes:
      rate: of swapping, 1 without congestion.
    """

    def __init__(self, ratio: float) -> None:
        if not 0 <= ratio <= 1:
            raise InputError(f"a swap ratio must be 0..1. Received: ratio={ratio}.")
        self._most_ratio, self.rate = ratio, 1.0

    @property
    def interval(self) -> int:
        """Swapped is in every so many epochs."""
        return min(MOST_INTERVAL, round(1 / self.rate))

    @property
    def ratio(self) -> float:
        """Then."""
        return self._most_ratio * self.rate * self.interval

    def is_on(self, epoch: int) -> bool:
        """Whether there is swapping in epoch 0, 1, .."""
        return epoch % self.interval == 0

    def decide(self, is_congested: bool) -> None:
        """Once an epoch in which there was swapping."""
        self.rate = max(_LEAST_RATE, self.rate / 2) if is_congested else min(1.0, self.rate * 2)
