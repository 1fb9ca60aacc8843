"""What to keep: memories of records within a budget of bytes."""

import numpy as np

from tfodcl.errors import InputError
from tfodcl.replay.mixing import Draw, batch_seed, drawn


class ReplayMemory:
    """Records of one size, label and payload; which are kept is the choice of the classes below.

    Args:
      budget_bytes: of all records together.
      record_bytes: of one record, label included.
      payload_bytes: of one record's payload.
    """

    def __init__(self, budget_bytes: int, record_bytes: int, payload_bytes: int) -> None:
        self.capacity = budget_bytes // record_bytes
        self.record_bytes = record_bytes
        self.budget_bytes = budget_bytes
        self.bytes_written = 0
        self._payloads = np.empty((0, payload_bytes), np.uint8)
        self._labels = np.empty(0, np.int64)

    def __len__(self) -> int:
        return len(self._labels)

    @property
    def used_bytes(self) -> int:
        return len(self) * self.record_bytes

    @property
    def labels(self) -> np.ndarray:
        """(len,) int64."""
        return self._labels

    @property
    def payloads(self) -> np.ndarray:
        """(len, payload_bytes) uint8."""
        return self._payloads

    def check_room(self, num_classes: int) -> None:
        """Raises InputError where the budget cannot hold one record of each of `num_classes`."""
        if self.capacity < num_classes:
            raise InputError(
                f"the replay budget must hold a record of every class. Received: {self.budget_bytes} bytes for "
                f"{num_classes} classes of {self.record_bytes}-byte records."
            )

    def _append(self, labels: np.ndarray, payloads: np.ndarray) -> None:
        self._payloads = np.concatenate([self._payloads, payloads])
        self._labels = np.concatenate([self._labels, labels])
        self.bytes_written += len(labels) * self.record_bytes


class ClassBalancedMemory(ReplayMemory):
    """While there is room, all records are kept; then every class has an equal share.

    A new record in a full memory takes the place of a random one of the largest class; when its own class is
    the largest already, it takes the place of one of its own with the probability kept / seen, so that what is
    kept of a class is a fair sample of it (reservoir sampling, Vitter 1985).

    Args:
      seed: of the random choices; the others are ReplayMemory's.
    """

    def __init__(self, budget_bytes: int, record_bytes: int, payload_bytes: int, seed: int) -> None:
        super().__init__(budget_bytes, record_bytes, payload_bytes)
        self._rng = np.random.default_rng([seed, 5])
        self._num_seen: dict[int, int] = {}

    def add(self, label: int, payloads: np.ndarray) -> None:
        """Offers records of one class, (n, payload_bytes) uint8, in turn.

        Raises:
          InputError: the budget cannot hold one record of every class.
        """
        self.check_room(len({*self._labels.tolist(), label}))
        room = max(0, self.capacity - len(self))
        first = payloads[:room]
        self._append(np.full(len(first), label), first)
        self._num_seen[label] = self._num_seen.get(label, 0) + len(first)
        for payload in payloads[room:]:
            self._replace(label, payload)

    def _replace(self, label: int, payload: np.ndarray) -> None:
        self._num_seen[label] = self._num_seen.get(label, 0) + 1
        counts = np.bincount(self._labels, minlength=label + 1)
        victim = label if counts[label] == counts.max() else int(counts.argmax())
        if victim == label and self._rng.random() >= counts[label] / self._num_seen[label]:
            return
        slot = self._rng.choice(np.flatnonzero(self._labels == victim))
        self._payloads[slot], self._labels[slot] = payload, label
        self.bytes_written += self.record_bytes


class RandomReplacementMemory(ReplayMemory):
    """After training batch i = 1, 2, .. random ones of its records come in: as many as there is room for, and at least
    h = capacity // (i + 1), for which random earlier ones go (QLR-CL, arXiv 2110.10486, after Pellegrini et al. 2020).
    So every training batch has about the same share, whatever its size and classes. Records lie in the order in which
    they came in (micro/SPEC.md 6.9).

    Args:
      seed: of the random choices; the others are ReplayMemory's.

    Attributes:
      num_batches: i, of the training batches so far.
    """

    def __init__(self, budget_bytes: int, record_bytes: int, payload_bytes: int, seed: int) -> None:
        super().__init__(budget_bytes, record_bytes, payload_bytes)
        self.num_batches = 0
        self._seed = seed

    def add(self, labels: np.ndarray, payloads: np.ndarray) -> None:
        """Offers the records of a training batch, labels (n,) int64 and payloads (n, payload_bytes) uint8."""
        self.num_batches += 1
        seed = batch_seed(self._seed, self.num_batches)
        num_earlier, room = len(self), self.capacity - len(self)
        num_taken = min(len(labels), max(room, self.capacity // (self.num_batches + 1)))
        chosen = drawn(len(labels), seed, Draw.KEPT, 0)[:num_taken]
        dropped = drawn(num_earlier, seed, Draw.KEPT, 1)[: max(0, num_taken - room)]
        self._payloads = np.delete(self._payloads, dropped, axis=0)
        self._labels = np.delete(self._labels, dropped)
        self._append(labels[chosen], payloads[chosen])
