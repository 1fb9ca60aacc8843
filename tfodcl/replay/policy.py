"""What to keep: a class-balanced memory of records within a budget of bytes."""

import numpy as np

from tfodcl.errors import InputError


class ClassBalancedMemory:
    """Records of one size. While there is room, all are kept; then every class has an equal share.

    A new record in a full memory takes the place of a random one of the largest class; when its own class is
    the largest already, it takes the place of one of its own with the probability kept / seen, so that what is
    kept of a class is a fair sample of it (reservoir sampling, Vitter 1985).

    Args:
      budget_bytes: of all records together.
      record_bytes: of one record, label included.
      payload_bytes: of one record's payload.
      seed: of the random choices.
    """

    def __init__(self, budget_bytes: int, record_bytes: int, payload_bytes: int, seed: int) -> None:
        self.capacity = budget_bytes // record_bytes
        self.record_bytes = record_bytes
        self.budget_bytes = budget_bytes
        self.bytes_written = 0
        self._rng = np.random.default_rng([seed, 5])
        self._payloads = np.empty((0, payload_bytes), np.uint8)
        self._labels = np.empty(0, np.int64)
        self._num_seen: dict[int, int] = {}

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

    def add(self, label: int, payloads: np.ndarray) -> None:
        """Offers records of one class, (n, payload_bytes) uint8, in turn.

        Raises:
          InputError: the budget cannot hold one record of every class.
        """
        self.check_room(len({*self._labels.tolist(), label}))
        room = max(0, self.capacity - len(self))
        self._payloads = np.concatenate([self._payloads, payloads[:room]])
        self._labels = np.concatenate([self._labels, np.full(len(payloads[:room]), label)])
        self._num_seen[label] = self._num_seen.get(label, 0) + len(payloads[:room])
        self.bytes_written += len(payloads[:room]) * self.record_bytes
        for payload in payloads[room:]:
            self._replace(label, payload)

    def check_room(self, num_classes: int) -> None:
        """Raises InputError where the budget cannot hold one record of each of `num_classes`."""
        if self.capacity < num_classes:
            raise InputError(
                f"the replay budget must hold a record of every class. Received: {self.budget_bytes} bytes for "
                f"{num_classes} classes of {self.record_bytes}-byte records."
            )

    def _replace(self, label: int, payload: np.ndarray) -> None:
        self._num_seen[label] = self._num_seen.get(label, 0) + 1
        counts = np.bincount(self._labels, minlength=label + 1)
        victim = label if counts[label] == counts.max() else int(counts.argmax())
        if victim == label and self._rng.random() >= counts[label] / self._num_seen[label]:
            return
        slot = self._rng.choice(np.flatnonzero(self._labels == victim))
        self._payloads[slot], self._labels[slot] = payload, label
        self.bytes_written += self.record_bytes
