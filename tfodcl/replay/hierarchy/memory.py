"""Miro's hierarchical episodic memory (arXiv 2308.06053): a stream buffer for the task that is learnt and an episodic
memory for those before, both in RAM, over storage that keeps every sample.

    samples ─► receive ─► storage, durably
                  └─────► stream buffer ──┐ flush, after the task
                          episodic memory ◄┘  ◄── swapper ── storage

Where memory is too small for a task's samples, the stream buffer has a random part of them; storage has all.
"""

import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from tfodcl.errors import InputError
from tfodcl.replay.hierarchy.storage import DamagedRecordError, SampleStorage, StorageError
from tfodcl.replay.hierarchy.tier import EMPTY, Tier, check_slots


@dataclass(frozen=True)
class Sizes:
    """Of the tiers, in records, at least 0."""

    num_episodic: int
    num_stream: int

    def __post_init__(self) -> None:
        if self.num_episodic < 0 or self.num_stream < 1:
            raise InputError(f"sizes must be at least 0 episodic and 1 in the stream buffer. Received: {self}.")

    @property
    def num_records(self) -> int:
        return self.num_episodic + self.num_stream

    @property
    def text(self) -> str:
        """As --sizes takes them, E:S."""
        return f"{self.num_episodic}:{self.num_stream}"

    def holds(self, num_classes: int, num_new: int) -> bool:
        """Whether episodic memory, if there is any, has a slot for each class, and the stream buffer for each that is
        new."""
        return self.num_stream >= num_new and (self.num_episodic == 0 or self.num_episodic >= num_classes)


@dataclass(frozen=True, eq=False)
class Batch:
    """Slots of a mini-batch: (k,) of the stream buffer, (l,) of episodic memory."""

    stream: np.ndarray
    episodic: np.ndarray


class Hierarchy:
    """See the module. It and the swapper are used by one thread.

    Args:
      storage: that records come from and go to.
      sizes: of the tiers at first.
      seed: of what is kept.

    Attributes:
      num_damaged: records that storage could not give whole, and others were taken for.
      failure: why storage could not be read when memory was filled last; None: it could.
      rng: draws what is kept.
    """

    def __init__(self, storage: SampleStorage, sizes: Sizes, seed: int) -> None:
        self.storage, self.sizes, self.num_damaged = storage, sizes, 0
        self.failure: StorageError | None = None
        self.rng = _generator(seed)
        self.episodic, self.stream = self._tier(sizes.num_episodic), self._tier(sizes.num_stream)

    @property
    def num_bytes(self) -> int:
        """Of both tiers in RAM."""
        return self.episodic.num_bytes + self.stream.num_bytes

    def begin(self, classes: Sequence[int]) -> None:
        """A task with these new classes begins; the stream buffer becomes theirs, and has what storage has of them,
        if a learner before this one was interrupted.

        Raises:
          InputError: a tier has not a slot for each class.
        """
        self.failure = None
        self.stream.divide(())
        self.stream.divide(classes)
        for label in classes:
            self._fill(self.stream, label, self.episodic)

    def receive(self, labels: np.ndarray, records: np.ndarray) -> None:
        """Samples of the task: when this returns they are in storage.

        Args:
          labels: (n,) of the task's classes.
          records: (n, record_bytes) uint8.

        Raises:
          StorageError: storage is full or gone; memory is as it was.
        """
        foreign = np.setdiff1d(labels, self.stream.classes)
        if len(foreign):
            raise InputError(f"labels must be of {self.stream.classes}, the task's. Received: {foreign[0]}.")
        numbers = self.storage.append(labels, records)
        for label, number, record in zip(labels.tolist(), numbers.tolist(), records, strict=True):
            self.stream.offer(label, number, record)

    def flush(self) -> None:
        """The task is over: its classes get their share of episodic memory, from the stream buffer and, where that has
        less, from storage. The stream buffer is empty then."""
        self.failure, new = None, self.stream.classes
        self.episodic.divide((*self.episodic.classes, *new))
        for label in new:
            self._fill(self.episodic, label, self.stream)
        self.stream.divide(())

    def resize(self, sizes: Sizes) -> None:
        """Gives the tiers other sizes, one after the other; while a tier is resized both forms of it are there. What
        they hold stays as far as there is room, drawn at random; new room is filled from storage, or stays empty where
        that cannot be read (`failure`).

        Raises:
          InputError: a tier would not have a slot for each class; nothing has changed.
        """
        for tier, num_slots in ((self.episodic, sizes.num_episodic), (self.stream, sizes.num_stream)):
            check_slots(num_slots, len(tier.classes))
        self.failure = None
        self.episodic = self._resized(self.episodic, sizes.num_episodic)
        self.stream = self._resized(self.stream, sizes.num_stream)
        self.sizes = sizes

    def restore(self, sizes: Sizes, classes: Sequence[int], labels: np.ndarray, numbers: np.ndarray) -> None:
        """Episodic memory as it was, read from storage: each slot's class and number, EMPTY where none was, or where
        the record is damaged.

        Raises:
          StorageError: storage has not all of it.
        """
        self.sizes = sizes
        self.episodic, self.stream = self._tier(sizes.num_episodic), self._tier(sizes.num_stream)
        self.episodic.divide(classes)
        for slot in np.flatnonzero(labels != EMPTY).tolist():
            label, number = int(labels[slot]), int(numbers[slot])
            try:
                self.episodic.put(slot, label, number, self.storage.read(label, number))
            except DamagedRecordError:
                self.num_damaged += 1

    def resized(self, sizes: Sizes, seed: int) -> "Hierarchy":
        """Another one of these sizes, as `resize` makes them, over the same storage; this one stays as it is."""
        other = copy.copy(self)
        other.rng = _generator(seed)
        other.resize(sizes)
        return other

    def epoch(self, batch_size: int) -> Iterator[Batch]:
        """Mini-batches of everything in memory, once, in random order."""
        stream, episodic = self.stream.filled, self.episodic.filled
        order = self.rng.permutation(len(stream) + len(episodic))
        for start in range(0, len(order), batch_size):
            chosen = order[start : start + batch_size]
            is_new = chosen < len(stream)
            yield Batch(stream[chosen[is_new]], episodic[chosen[~is_new] - len(stream)])

    def gather(self, batch: Batch) -> tuple[np.ndarray, np.ndarray]:
        """(n, record_bytes) uint8 and labels (n,) int64 of a mini-batch, those of the stream buffer first."""
        parts = ((self.stream, batch.stream), (self.episodic, batch.episodic))
        records = np.concatenate([tier.records[slots] for tier, slots in parts])
        return records, np.concatenate([tier.labels[slots] for tier, slots in parts])

    def _tier(self, num_slots: int) -> Tier:
        return Tier(num_slots, self.storage.record_bytes, self.rng)

    def _resized(self, tier: Tier, num_slots: int) -> Tier:
        resized = self._tier(num_slots)
        resized.divide(tier.classes)
        for label in tier.classes:
            self._fill(resized, label, tier)
        return resized

    def _fill(self, tier: Tier, label: int, near: Tier) -> None:
        """Fills a class's share of `tier`, which has none of it, at random from what `near` has, then from storage."""
        free = np.flatnonzero(tier.labels == EMPTY)[: tier.quota]
        taken = self.rng.permutation(near.slots_of(label))[: len(free)]
        for slot, source in zip(free, taken, strict=False):
            tier.put(slot, label, near.numbers[source], near.records[source])
        left = iter(free[len(taken) :].tolist())
        absent = np.setdiff1d(np.arange(self.storage.num_records.get(label, 0)), near.numbers[taken])
        for slot, (number, record) in zip(left, self._stored(label, self.rng.permutation(absent)), strict=False):
            tier.put(slot, label, number, record)

    def _stored(self, label: int, numbers: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
        """Those of the records that storage can give, read one by one as they are asked for."""
        for number in numbers.tolist():
            try:
                yield number, self.storage.read(label, number)
            except DamagedRecordError:
                self.num_damaged += 1
            except StorageError as error:
                self.failure = error
                return


def _generator(seed: int) -> np.random.Generator:
    return np.random.default_rng([seed, 16])
