"""The linear head, trained on the device (LifeLearner section 3): logits = W z, SGD on softmax cross-entropy."""

import numpy as np

from tfodcl.errors import InputError

# Most rows, and most weights of them, that are multiplied at once: these and their gradient stay in the cache, and
# with mini-batches of 8 OpenBLAS takes its kernel for small products, which neither copies weights nor starts threads.
_SLICE_ROWS = 128
_SLICE_WEIGHTS = 1 << 16


class LinearHead:
    """W is (capacity + 1, latent_dim) float32, zero at first; no bias.

    As in the meta-training, the softmax is over all `capacity` classes, those still to come included: a class
    then starts from what its predecessors taught all others, and the order of the classes matters less. The
    rows of classes to come are equal to one another, since they start equal and have equal gradients; row
    `num_classes` stands for all of them.
    """

    def __init__(self, latent_dim: int, capacity: int) -> None:
        self.weights = np.zeros((capacity + 1, latent_dim), np.float32)
        self.num_classes = 0

    @property
    def state_bytes(self) -> int:
        """Bytes of RAM for the rows in use."""
        return self.weights[: self.num_classes + 1].nbytes

    def add_class(self) -> int:
        """Returns the label of a new class. Raises InputError when all `capacity` rows are taken."""
        self.num_classes = add_row(self.weights, self.num_classes)
        return self.num_classes - 1

    def remove_class(self, label: int) -> None:
        """The class becomes one to come; the labels above it go down by one."""
        self.weights[label:-1] = self.weights[label + 1 :].copy()
        self.weights[self.num_classes :] = 0
        self.num_classes -= 1

    def logits(self, z: np.ndarray) -> np.ndarray:
        """(n, latent_dim) float32 -> (n, num_classes)."""
        return z @ self.weights[: self.num_classes].T

    def step(self, z: np.ndarray, labels: np.ndarray, learning_rate: float) -> None:
        """One SGD step on the mean cross-entropy of z (n, latent_dim) with labels (n,)."""
        rows = self.weights[: self.num_classes + 1]
        num_rows = max(1, min(_SLICE_ROWS, _SLICE_WEIGHTS // rows.shape[1]))
        slices = [slice(first, first + num_rows) for first in range(0, len(rows), num_rows)]
        parts = [z @ rows[chosen].T for chosen in slices]
        logits = parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1)  # a copy is a tenth of a small step
        error = softmax_error(logits, labels, len(self.weights) - 1 - self.num_classes)
        for chosen in slices:
            gradient = error[:, chosen].T @ z
            gradient *= np.float32(learning_rate / len(z))
            rows[chosen] -= gradient


def softmax_error(logits: np.ndarray, labels: np.ndarray, num_to_come: int) -> np.ndarray:
    """The gradient of the cross-entropy with respect to the logits, softmax - onehot.

    Args:
      logits: (n, num_classes + 1) float32; the last column stands for `num_to_come` equal ones.
      labels: (n,) in [0, num_classes).
      num_to_come: classes still to come, >= 0.

    Returns:
      (n, num_classes + 1) float32; the last column is the gradient of each of the equal ones.
    """
    if num_to_come == 0:  # the last column stands for none; as the maximum it could make all others underflow
        logits = logits.copy()
        logits[:, -1] = -np.inf
    error = np.exp(logits - logits.max(axis=1, keepdims=True))
    error /= error[:, :-1].sum(axis=1, keepdims=True) + num_to_come * error[:, -1:]
    error[np.arange(len(labels)), labels] -= 1
    return error


def add_row(rows: np.ndarray, num_classes: int) -> int:
    """Makes row `num_classes` of (capacity + 1, dim) that of a new class; returns the new number of classes."""
    capacity = len(rows) - 1
    if num_classes == capacity:
        raise InputError(f"the package's capacity must hold every class. Received: one more than {capacity} classes.")
    rows[num_classes + 1] = rows[num_classes]
    return num_classes + 1
