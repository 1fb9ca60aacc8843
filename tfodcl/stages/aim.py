"""AIM on the device: attention fixed, active mechanisms and classifier trained; formulas in meta/aim.py."""

import numpy as np

from tfodcl.errors import InputError
from tfodcl.stages.linear import add_row, softmax_error


class AimHead:
    """Attentive independent mechanisms and a linear classifier, SGD on softmax cross-entropy.

    Args:
      weights: "key" (width, attention_dim), "query" (num_mechanisms, attention_dim) and "mechanisms"
        (num_mechanisms, width, width), float32, from the meta-training.
      num_active: mechanisms that a sample activates.
      capacity: the most classes it can take.
    """

    def __init__(self, weights: dict[str, np.ndarray], num_active: int, capacity: int) -> None:
        self.key, self.query = weights["key"], weights["query"]
        self.mechanisms = weights["mechanisms"].copy()
        self.num_active = num_active
        self.classifier = np.zeros((capacity + 1, self.key.shape[0]), np.float32)  # rows as in LinearHead
        self.num_classes = 0

    @classmethod
    def of(cls, adaptive: dict[str, np.ndarray], capacity: int) -> "AimHead":
        """The head of a package's `adaptive` arrays: `weights` and "num_active" (1,).

        Raises:
          InputError: an array is missing, or their shapes contradict each other.
        """
        shapes = {name: array.shape for name, array in adaptive.items()}
        try:
            (width, attention_dim), (num_mechanisms, _) = shapes["key"], shapes["query"]
            num_active = int(adaptive["num_active"].item())
        except (KeyError, ValueError) as error:
            raise InputError(
                f"adaptive arrays must be key, query, mechanisms, num_active. Received: {shapes}."
            ) from error
        wanted = {
            "key": (width, attention_dim),
            "query": (num_mechanisms, attention_dim),
            "mechanisms": (num_mechanisms, width, width),
            "num_active": (1,),
        }
        if shapes != wanted or not 1 <= num_active <= num_mechanisms:
            raise InputError(
                f"adaptive arrays of AIM must fit each other, num_active in 1..{num_mechanisms}. "
                f"Received: {shapes}, num_active={num_active}."
            )
        return cls({name: adaptive[name] for name in ("key", "query", "mechanisms")}, num_active, capacity)

    @property
    def state_bytes(self) -> int:
        """Bytes of RAM for mechanisms, attention and the classifier's rows so far."""
        arrays = (self.key, self.query, self.mechanisms, self.classifier[: self.num_classes + 1])
        return sum(array.nbytes for array in arrays)

    def add_class(self) -> int:
        """Returns the label of a new class. Raises InputError when all `capacity` rows are taken."""
        self.num_classes = add_row(self.classifier, self.num_classes)
        return self.num_classes - 1

    def attend(self, z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """z (width,) -> indices and attention of the active mechanisms, (num_active,) each."""
        scores = self.query @ (z @ self.key) / np.sqrt(np.float32(self.key.shape[1]))
        active = np.argpartition(-scores, self.num_active - 1)[: self.num_active]
        return active, np.exp(-np.logaddexp(0, -scores[active]))  # sigmoid, without overflow

    def forward(self, z: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """z (width,) -> active (K,), attention (K,), pre-activations u (K, width), hidden h (width,)."""
        active, attention = self.attend(z)
        u = np.einsum("d,kdo->ko", z, self.mechanisms[active], optimize=True)
        return active, attention, u, attention @ np.maximum(u, 0)

    def logits(self, z: np.ndarray) -> np.ndarray:
        """(n, width) float32 -> (n, num_classes)."""
        hidden = np.stack([self.forward(sample)[3] for sample in z])
        return hidden @ self.classifier[: self.num_classes].T

    def step(self, z: np.ndarray, labels: np.ndarray, learning_rate: float) -> None:
        """One SGD step for every sample of z (n, width) with labels (n,): AIM learns with batch 1."""
        for sample, label in zip(z, labels, strict=True):
            self._step_sample(sample, label, np.float32(learning_rate))

    def _step_sample(self, z: np.ndarray, label: int, learning_rate: np.float32) -> None:
        active, attention, u, hidden = self.forward(z)
        rows = self.classifier[: self.num_classes + 1]
        num_to_come = len(self.classifier) - 1 - self.num_classes
        error = softmax_error((rows @ hidden)[None], np.array([label]), num_to_come)[0]
        counts = np.append(np.ones(self.num_classes, np.float32), np.float32(num_to_come))
        gradient = attention[:, None] * ((error * counts) @ rows) * (u > 0)  # (K, width)
        self.mechanisms[active] -= learning_rate * z[None, :, None] * gradient[:, None, :]
        rows -= learning_rate * np.outer(error, hidden)
