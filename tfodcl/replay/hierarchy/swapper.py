"""Swapping: records of episodic memory that were just trained on are replaced by others of the same class from storage.

    trainer:  install() ─► step on a mini-batch ─► request(tier, slots) ─► install() ─► step ..
    worker:                                           └─► reads ──────────────┘

The trainer alone touches memory: it names slots and records when it requests, and copies what has been read when it
installs. So nothing is locked while a step computes, and a step never waits for storage: what it may wait for is one
copy of the records of at most MOST_PENDING requests, in RAM. A request is installed LAG steps later, not sooner, so
that results do not depend on a thread's speed as long as storage keeps up; where it does not, the request is late, and
when MOST_PENDING wait, further ones are refused. Both count as stalls.
"""

import queue
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from tfodcl.errors import InputError
from tfodcl.replay.hierarchy.storage import DamagedRecordError, SampleStorage, StorageError
from tfodcl.replay.hierarchy.tier import Tier

LAG = 2  # steps from a request to its installation
MOST_PENDING = 4
_CLOSE_SECONDS = 5.0  # a read from a medium that hangs cannot be ended


@dataclass
class SwapCounts:
    """Of all that was swapped.

    Attributes:
      num_requests: that were accepted.
      num_hits: of these, installed when they were due.
      num_stalls: late or refused.
      num_swapped: records replaced.
      num_damaged: records that storage could not give whole; the old ones stayed.
      bytes_read: from storage.
    """

    num_requests: int = 0
    num_hits: int = 0
    num_stalls: int = 0
    num_swapped: int = 0
    num_damaged: int = 0
    bytes_read: int = 0


class Reading(NamedTuple):
    """How storage answered a request.

    Attributes:
      seconds: of a record's reading.
      load: of the time from the request until it was due, the share after which all had been read, 0..1; 1 if late.
    """

    seconds: float
    load: float


@dataclass(eq=False)
class _Request:
    tier: Tier
    slots: np.ndarray
    labels: np.ndarray
    numbers: np.ndarray
    due: int
    begin: float
    records: list[np.ndarray | None] = field(default_factory=list)  # None: damaged
    seconds: float = 0.0  # of reading
    end: float = 0.0
    failure: StorageError | None = None
    is_late: bool = False
    done: threading.Event = field(default_factory=threading.Event)


class Swapper:
    """Swaps between tiers and `storage` in a thread of its own.

    Args:
      storage: is read.
      ratio: share of a mini-batch's episodic records that is replaced, 0..1.
      rng: draws which, and by which.
      clock: in seconds.

    Attributes:
      ratio: may be changed at any time.
      paused: requests are ignored.
      counts: so far.
      rng: as given.
      failure: why storage could not be read; swapping is paused then, and learning goes on with what is in memory.
        `resume` tries again.
    """

    def __init__(
        self,
        storage: SampleStorage,
        ratio: float,
        rng: np.random.Generator,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        if not 0 <= ratio <= 1:
            raise InputError(f"a swap ratio must be 0..1. Received: ratio={ratio}.")
        self.ratio, self.paused = ratio, False
        self.counts = SwapCounts()
        self.failure: StorageError | None = None
        self._storage, self.rng, self._clock = storage, rng, clock
        self._step = 0
        self._pending: deque[_Request] = deque()
        self._asked: queue.SimpleQueue[_Request | None] = queue.SimpleQueue()
        self._worker = threading.Thread(target=self._work, name="swapper", daemon=True)
        self._worker.start()

    def request(self, tier: Tier, used: np.ndarray) -> None:
        """Asks for replacements of `ratio` of the slots `used` (n,), as far as storage has others of their classes
        that are not in the tier; of one slot at least unless `ratio` is 0, as readings tell how storage is."""
        if self.paused:
            return
        busy = [request.slots for request in self._pending if request.tier is tier]
        idle = np.setdiff1d(used, np.concatenate(busy)) if busy else used
        num_chosen = max(1, round(self.ratio * len(used))) if self.ratio > 0 else 0
        chosen = self.rng.permutation(idle)[:num_chosen]
        slots, numbers = self._replacements(tier, chosen)
        if not len(slots):
            return
        if len(self._pending) == MOST_PENDING:
            self.counts.num_stalls += 1
            return
        request = _Request(tier, slots, tier.labels[slots], numbers, self._step + LAG, self._clock())
        self.counts.num_requests += 1
        self._pending.append(request)
        self._asked.put(request)

    def install(self) -> list[Reading]:
        """Puts into memory what is due, once before each step.

        Returns:
          One for each request that was installed, and of one that has become late, so far.
        """
        self._step += 1
        readings = []
        while self._pending and self._pending[0].due <= self._step:
            request = self._pending[0]
            if not request.done.is_set():
                if not request.is_late:
                    readings.append(Reading((self._clock() - request.begin) / len(request.slots), 1.0))
                    self.counts.num_stalls += 1
                request.is_late = True
                break
            self._pending.popleft()
            if request.failure is None:
                readings.append(Reading(request.seconds / len(request.slots), self._load(request)))
            self._finish(request)
        return readings

    def resume(self) -> None:
        self.paused, self.failure = False, None

    def forget(self) -> None:
        """Gives up what is pending."""
        self._pending.clear()

    def close(self) -> bool:
        """What is pending is given up. Returns whether the thread has ended: it has not where a read hangs, and what it
        reads from must stay open then."""
        self.forget()
        self._asked.put(None)
        self._worker.join(_CLOSE_SECONDS)
        return not self._worker.is_alive()

    def _load(self, request: _Request) -> float:
        """Of one that has been read and is due, or was before."""
        if request.is_late:
            return 1.0
        had = self._clock() - request.begin
        return (request.end - request.begin) / had if had else 0.0

    def _replacements(self, tier: Tier, chosen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Of the slots `chosen` those that can be replaced, and numbers of records for them."""
        slots, numbers = [], []
        num_records = self._storage.num_records
        for label in np.unique(tier.labels[chosen]).tolist():
            of_class = chosen[tier.labels[chosen] == label]
            coming = [r.numbers[r.labels == label] for r in self._pending if r.tier is tier]
            held = np.concatenate([tier.numbers[tier.slots_of(label)], *coming])
            others = np.setdiff1d(np.arange(num_records[label]), held)
            drawn = self.rng.permutation(others)[: len(of_class)]
            slots.append(of_class[: len(drawn)])
            numbers.append(drawn)
        return np.concatenate([*slots, np.empty(0, np.int64)]).astype(np.int64), np.concatenate(
            [*numbers, np.empty(0, np.int64)]
        ).astype(np.int64)

    def _finish(self, request: _Request) -> None:
        if request.failure is not None:
            self.failure, self.paused = request.failure, True
            return
        self.counts.num_hits += not request.is_late
        for slot, label, number, record in zip(
            request.slots, request.labels, request.numbers, request.records, strict=True
        ):
            if record is None:
                self.counts.num_damaged += 1
                continue
            self.counts.bytes_read += len(record)
            if request.tier.labels[slot] == label:  # memory may have been divided anew since
                request.tier.put(slot, label, number, record)
                self.counts.num_swapped += 1

    def _work(self) -> None:
        while (request := self._asked.get()) is not None:
            begin = self._clock()
            try:
                for label, number in zip(request.labels.tolist(), request.numbers.tolist(), strict=True):
                    request.records.append(self._read(label, number))
            except StorageError as error:
                request.failure = error
            except Exception as error:  # whatever it is, the thread goes on, and says why
                request.failure = StorageError(f"storage must be readable. Received: {error!r}.")
            request.end = self._clock()
            request.seconds = request.end - begin
            request.done.set()
            del request  # with a tier that may be replaced while this thread waits

    def _read(self, label: int, number: int) -> np.ndarray | None:
        try:
            return self._storage.read(label, number)
        except DamagedRecordError:
            return None
