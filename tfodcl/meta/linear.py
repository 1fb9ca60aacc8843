"""The linear adaptive stage: one layer from the latent to the classes, the fast weights of OML and ANML.

No bias: with classes that arrive one after another it would hold little but which class came last.
"""

from collections.abc import Callable

import numpy as np
import tensorflow as tf


class LinearStage(tf.Module):
    """logits = z K, with z (n, latent_dim) and K = `kernel` (latent_dim, num_classes), Kaiming initialised."""

    def __init__(self, latent_dim: int, num_classes: int, rng: np.random.Generator, dtype=tf.float32) -> None:
        super().__init__(name="linear_stage")
        self._std = np.sqrt(2.0 / latent_dim)
        self.kernel = tf.Variable(rng.normal(0, self._std, (latent_dim, num_classes)), dtype=dtype, name="kernel")

    def __call__(self, z: tf.Tensor) -> tf.Tensor:
        return z @ self.kernel

    def draw_class(self, rng: np.random.Generator) -> np.ndarray:
        """A new (latent_dim,) column for the class that an episode is about to learn."""
        return rng.normal(0, self._std, self.kernel.shape[0]).astype(self.kernel.dtype.as_numpy_dtype)

    def reset_class(self, label: tf.Tensor, column: tf.Tensor) -> None:
        self.kernel.assign(tf.tensor_scatter_nd_update(self.kernel, class_indices(self.kernel, label), column))

    def adapt(
        self, z: tf.Tensor, label: tf.Tensor, inner_lr: float, second_order: bool
    ) -> Callable[[tf.Tensor], tf.Tensor]:
        """Takes len(z) inner SGD steps, batch 1, all of class `label`; returns the adapted z -> logits.

        The fast weights are never formed. A step adds the outer product of z_i and the error e_i =
        softmax(logits_i) - onehot, so that
            logits_t = z_t K - inner_lr * sum_{i<t} <z_t, z_i> e_i ,
        which needs the Gram matrix of the trajectory only. It is exact, and differentiating through it gives
        the second-order meta-gradient. First order (second_order=False) holds all e_i and z_i of the sum
        constant: the gradient at the fast weights is applied to the slow ones.
        """
        num_steps = z.shape[0]
        slow_logits, gram = z @ self.kernel, tf.linalg.matmul(z, z, transpose_b=True)
        target = tf.one_hot(label, self.kernel.shape[1], dtype=z.dtype)
        errors: list[tf.Tensor] = []
        for t in range(num_steps):
            logits = slow_logits[t]
            if errors:
                logits -= inner_lr * tf.linalg.matvec(tf.stack(errors), gram[t, :t], transpose_a=True)
            errors.append(tf.nn.softmax(logits) - target)
        steps, directions = tf.stack(errors), z
        if not second_order:
            steps, directions = tf.stop_gradient(steps), tf.stop_gradient(z)
        return lambda query: query @ self.kernel - inner_lr * tf.matmul(query, directions, transpose_b=True) @ steps


def class_indices(kernel: tf.Variable, label: tf.Tensor) -> tf.Tensor:
    """(rows, 2) indices of column `label` of a (rows, num_classes) matrix."""
    rows = tf.range(kernel.shape[0])
    return tf.stack([rows, tf.fill(tf.shape(rows), tf.cast(label, tf.int32))], axis=1)
