"""Exemplars: samples that stand for their class, equally many of each (iCaRL, Rebuffi et al. 2017)."""

import numpy as np

from tfodcl.errors import InputError


class Exemplars:
    """So many samples at most; as classes are added, each keeps those of its samples that came first.

    Args:
      capacity: at least a sample of each class that will be added.
    """

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self._of_class: dict[int, np.ndarray] = {}

    @property
    def labels(self) -> list[int]:
        """Those that there are exemplars of, in order of arrival."""
        return list(self._of_class)

    @property
    def num_bytes(self) -> int:
        return sum(x.nbytes for x in self._of_class.values())

    def of(self, label: int) -> np.ndarray:
        """(k, ..) of one class."""
        return self._of_class[label]

    def share(self, num_new: int) -> int:
        """Of a class once there are so many new ones.

        Raises:
          InputError: it would be none.
        """
        num_classes = len(self._of_class) + num_new
        if self.capacity < num_classes:
            raise InputError(
                f"a buffer must hold a sample of each class. Received: {self.capacity} samples, {num_classes} classes."
            )
        return self.capacity // num_classes

    def add(self, new: dict[int, np.ndarray]) -> None:
        """Samples of new classes, (n, ..) each, the best first; all are cut to their share. Raises InputError as
        `share`."""
        share = self.share(len(new))
        # Copies: views would keep all samples of a task.
        self._of_class = {label: x[:share].copy() for label, x in {**self._of_class, **new}.items()}

    def all(self) -> tuple[np.ndarray, np.ndarray]:
        """(n, ..) samples and (n,) int64 labels of all. Raises InputError of none."""
        if not self._of_class:
            raise InputError("there must be exemplars before all are asked for. Received: none.")
        labels = np.repeat(np.array(self.labels), [len(x) for x in self._of_class.values()])
        return np.concatenate(list(self._of_class.values())), labels

    def beside(self, x: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Samples (n, ..) and labels (n,), and behind them all exemplars', if there are any."""
        if not self._of_class:
            return x, labels
        return tuple(np.concatenate(pair) for pair in zip((x, labels), self.all(), strict=True))


def herd(features: np.ndarray, num_chosen: int) -> np.ndarray:
    """(k,) indices of samples in the order in which they bring the mean of those chosen nearest to the mean of all.

    Args:
      features: (n, d), n at least 1.
      num_chosen: k, at most n.
    """
    mean, total = features.mean(axis=0), np.zeros(features.shape[1])
    chosen: list[int] = []
    for number in range(1, min(num_chosen, len(features)) + 1):
        distances = np.linalg.norm(mean - (total + features) / number, axis=1)
        distances[chosen] = np.inf
        best = int(distances.argmin())
        chosen.append(best)
        total += features[best]
    return np.array(chosen, np.int64)
