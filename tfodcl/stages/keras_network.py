"""A whole network that plain SGD trains: no momentum, no weight decay, as LightCL (arXiv 2407.10545) trains all
methods.

What is minimised is a function of TensorFlow that a method gives.
"""

from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf
import tf_keras as keras

from tfodcl.data import as_float

_TEST_CHUNK = 250  # samples whose activations are held at once

# Of a mini-batch: what is minimised, a scalar, and logits that the caller wants to see.
Loss = Callable[..., tuple[tf.Tensor, tf.Tensor]]


class KerasNetwork:
    """x -> logits.

    Args:
      forward: (x (n, ..) float32, training) -> logits (n, num_classes); training: batch norms use the mini-batch's
        moments and move their own.
      variables: those that SGD changes.
      learning_rate: above 0.

    Attributes:
      rate_share: what the learning rate is multiplied by, 1 unless it is set.
      gradient_masks: None, or for each of `variables` one that its gradients are multiplied by. Set before any step.
    """

    def __init__(
        self, forward: Callable[[tf.Tensor, bool], tf.Tensor], variables: Sequence[tf.Variable], learning_rate: float
    ) -> None:
        self.forward, self.variables, self.learning_rate = forward, tuple(variables), learning_rate
        self.rate_share = tf.Variable(1.0, trainable=False)
        self.gradient_masks: Sequence[tf.Variable] | None = None
        self._infer = inference(lambda x: forward(x, False))

    @classmethod
    def of(cls, model: keras.Model, learning_rate: float) -> "KerasNetwork":
        """All of a Keras model's."""
        return cls(lambda x, training: model(x, training=training), model.trainable_variables, learning_rate)

    def minimizer(self, loss: Loss) -> Callable[..., np.ndarray]:
        """A function of the same arguments as `loss`, mini-batches of any length, that does one SGD step on it.

        It returns the logits that `loss` gives beside, those before the step.
        """

        @tf.function(autograph=False, reduce_retracing=True)
        def step(*arguments: tf.Tensor) -> tf.Tensor:
            with tf.GradientTape() as tape:
                value, logits = loss(*arguments)
            gradients = tape.gradient(value, self.variables)
            if self.gradient_masks is not None:
                gradients = [gradient * mask for gradient, mask in zip(gradients, self.gradient_masks, strict=True)]
            for variable, gradient in zip(self.variables, gradients, strict=True):
                variable.assign_sub(self.learning_rate * self.rate_share * gradient)
            return logits

        return lambda *arguments: step(*map(tf.constant, arguments)).numpy()

    def cross_entropy(self, x: tf.Tensor, labels: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """The loss of samples (n, ..) and labels (n,) int64 alone: mean cross-entropy over all classes."""
        logits = self.forward(x, True)
        return cross_entropy(labels, logits), logits

    def scores(self, x: np.ndarray) -> np.ndarray:
        """(n, ..) uint8 or float32 -> logits (n, num_classes) float32, with the moving moments."""
        return self._infer(x)


def inference(forward: Callable[[tf.Tensor], tf.Tensor]) -> Callable[[np.ndarray], np.ndarray]:
    """A function of samples (n, ..) uint8 or float32, n >= 1, that gives forward of them as float32, chunk by chunk.
    For a mini-batch, Keras's own predict takes seven times as long."""
    infer = tf.function(forward, autograph=False, reduce_retracing=True)
    return in_chunks(lambda x: infer(tf.constant(as_float(x))).numpy())


def in_chunks(function: Callable[[np.ndarray], np.ndarray]) -> Callable[[np.ndarray], np.ndarray]:
    """`function`, which takes samples one by one or many, of few at once: (n, ..) -> (n, ..), n >= 1."""

    def outputs(x: np.ndarray) -> np.ndarray:
        chunks = (x[start : start + _TEST_CHUNK] for start in range(0, len(x), _TEST_CHUNK))
        return np.concatenate([function(chunk) for chunk in chunks])

    return outputs


def cross_entropy(labels: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    """Mean over the mini-batch, labels (n,) int64, logits (n, num_classes)."""
    return tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits))
