"""The linear head, trained on the device (LifeLearner section 3): logits = W z, SGD on softmax cross-entropy."""

import numpy as np

from tfodcl.errors import InputError


def softmax_error(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """softmax(logits) - onehot(labels), the gradient of the cross-entropy: (n, k) float32 from (n, k), (n,)."""
    error = np.exp(logits - logits.max(axis=1, keepdims=True))
    error /= error.sum(axis=1, keepdims=True)
    error[np.arange(len(labels)), labels] -= 1
    return error


class LinearHead:
    """W is (capacity, latent_dim) float32, its rows zero until their class is added; no bias.

    A zero row needs no random numbers on the device and gives the first steps of a class the direction of its
    own samples. The softmax is over the classes added so far, so that rows of no class cost nothing.
    """

    def __init__(self, latent_dim: int, capacity: int) -> None:
        self.weights = np.zeros((capacity, latent_dim), np.float32)
        self.num_classes = 0

    @property
    def state_bytes(self) -> int:
        """Bytes of RAM for the weights of the classes so far."""
        return self.weights[: self.num_classes].nbytes

    def add_class(self) -> int:
        """Returns the label of a new class. Raises InputError when all `capacity` rows are taken."""
        check_capacity(self.num_classes, len(self.weights))
        self.num_classes += 1
        return self.num_classes - 1

    def logits(self, z: np.ndarray) -> np.ndarray:
        """(n, latent_dim) float32 -> (n, num_classes)."""
        return z @ self.weights[: self.num_classes].T

    def step(self, z: np.ndarray, labels: np.ndarray, learning_rate: float) -> None:
        """One SGD step on the mean cross-entropy of z (n, latent_dim) with labels (n,)."""
        error = softmax_error(self.logits(z), labels)
        self.weights[: self.num_classes] -= np.float32(learning_rate / len(z)) * (error.T @ z)


def check_capacity(num_classes: int, capacity: int) -> None:
    if num_classes == capacity:
        raise InputError(f"the package's capacity must hold every class. Received: one more than {capacity} classes.")
