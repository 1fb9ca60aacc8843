"""The linear adaptive stage: one layer from the latent to the classes, the fast weights of OML and ANML.

No bias: with classes that arrive one after another it would hold little but which class came last.
"""

from collections.abc import Callable

import numpy as np
import tensorflow as tf


class ClassKernel(tf.Module):
    """`kernel` (dim, num_classes) of a linear classifier, whose columns episodes draw anew; normal, deviation `std`."""

    def __init__(self, dim: int, num_classes: int, std: float, rng: np.random.Generator, dtype: tf.DType) -> None:
        super().__init__()
        self._std = std
        self.kernel = tf.Variable(rng.normal(0, std, (dim, num_classes)), dtype=dtype)

    def draw_class(self, rng: np.random.Generator) -> np.ndarray:
        """A new (dim,) column for the class that an episode is about to learn."""
        return rng.normal(0, self._std, self.kernel.shape[0]).astype(self.kernel.dtype.as_numpy_dtype)

    def reset_class(self, label: tf.Tensor, column: tf.Tensor) -> None:
        """Puts `column` (dim,) in the place of column `label`, a scalar integer."""
        rows = tf.range(self.kernel.shape[0])
        indices = tf.stack([rows, tf.fill(tf.shape(rows), tf.cast(label, tf.int32))], axis=1)  # (dim, 2)
        self.kernel.assign(tf.tensor_scatter_nd_update(self.kernel, indices, column))


class LinearStage(ClassKernel):
    """logits = z K, with z (n, latent_dim) and K = `kernel` (latent_dim, num_classes), Kaiming initialised."""

    def __init__(
        self, latent_dim: int, num_classes: int, rng: np.random.Generator, dtype: tf.DType = tf.float32
    ) -> None:
        super().__init__(latent_dim, num_classes, np.sqrt(2.0 / latent_dim), rng, dtype)

    def __call__(self, z: tf.Tensor) -> tf.Tensor:
        return z @ self.kernel

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
