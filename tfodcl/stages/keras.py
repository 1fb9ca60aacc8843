"""An adaptive stage run with TensorFlow: what stages/network.py describes, its inference and its training steps.

Nothing here is random: the same weights and mini-batches give the same stage.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from tfodcl.stages.network import HEAD, NORM_EPSILON, Layer, Network, Training

_HEAD_KERNEL = f"{HEAD}/kernel"


class Moments(NamedTuple):
    """Mean and variance of a mini-batch, (channels,) each."""

    mean: tf.Tensor
    variance: tf.Tensor


def batch_renorm(
    x: tf.Tensor, gamma: tf.Tensor, beta: tf.Tensor, moving: Moments, r_max: float, d_max: float
) -> tuple[tf.Tensor, Moments]:
    """Batch renormalisation in training, as network.Training writes it: x (n, h, w, c) -> (n, h, w, c).

    Returns the mini-batch's moments too, for the moving ones.
    """
    mean, variance = tf.nn.moments(x, axes=(0, 1, 2))
    deviation = tf.sqrt(variance + NORM_EPSILON)
    moving_deviation = tf.sqrt(moving.variance + NORM_EPSILON)
    r = tf.stop_gradient(tf.clip_by_value(deviation / moving_deviation, 1 / r_max, r_max))
    d = tf.stop_gradient(tf.clip_by_value((mean - moving.mean) / moving_deviation, -d_max, d_max))
    scale = gamma * r / deviation  # per channel, so that the maps are read once
    return x * scale + (beta + gamma * d - mean * scale), Moments(mean, variance)


class KerasStage:
    """An adaptive stage, of which no class is known at first.

    Args:
      network: its description.
      weights: its initial arrays, float32, by name; copied.
      training: how it is trained.
      dtype: of all arithmetic; "float64" where the stage serves as an oracle.

    Raises:
      InputError: `weights` are not the network's.
    """

    def __init__(
        self, network: Network, weights: Mapping[str, np.ndarray], training: Training, dtype: str = "float32"
    ) -> None:
        network.check_weights(weights)
        self.network, self.training = network, training
        self._arrays = {name: tf.Variable(tf.cast(array, dtype)) for name, array in weights.items()}
        self._trained = {name: self._arrays[name] for name in network.trained_names}
        self._velocities = {name: tf.Variable(tf.zeros_like(array)) for name, array in self._trained.items()}
        self._known = tf.Variable(tf.zeros(network.num_classes, tf.bool))
        latents = tf.TensorSpec((None, network.latent_dim), dtype)
        labels = tf.TensorSpec((None,), tf.int64)
        self._infer = tf.function(self._logits, input_signature=[latents], autograph=False)
        self._update = tf.function(self._step, input_signature=[latents, labels], autograph=False)

    @property
    def weights(self) -> dict[str, np.ndarray]:
        """Every array by name, copied."""
        return {name: array.numpy() for name, array in self._arrays.items()}

    @property
    def head(self) -> np.ndarray:
        """(num_classes, num_features), one row a class, copied."""
        return self._arrays[_HEAD_KERNEL].numpy().T

    @property
    def state_bytes(self) -> int:
        """Of arrays and velocities."""
        kept = (*self._arrays.values(), *self._velocities.values())
        return sum(array.dtype.size * array.shape.num_elements() for array in kept)

    def set_head(self, rows: np.ndarray, known: np.ndarray) -> None:
        """Replaces the head by rows (num_classes, num_features); all velocities become zero.

        known: (num_classes,) bool, the classes among which the stage decides.
        """
        self._arrays[_HEAD_KERNEL].assign(rows.T)
        self._known.assign(known)
        for velocity in self._velocities.values():
            velocity.assign(tf.zeros_like(velocity))

    def logits(self, z: np.ndarray) -> np.ndarray:
        """(n, latent_dim) -> (n, num_classes), with the moving statistics; the least there is for unknown classes."""
        return self._infer(z).numpy()

    def step(self, z: np.ndarray, labels: np.ndarray) -> float:
        """One SGD step on a mini-batch, z (n, latent_dim) and labels (n,) int64 of known classes.

        Returns the mean cross-entropy over the known classes, before the step.
        """
        return float(self._update(z, labels))

    def _logits(self, z: tf.Tensor) -> tf.Tensor:
        return self._forward(z, None)

    def _forward(self, z: tf.Tensor, moments: dict[str, Moments] | None) -> tf.Tensor:
        """Logits; in training, `moments` takes those of the mini-batch by layer."""
        x = tf.reshape(z, (-1, *self.network.latent_shape))
        for layer in self.network.layers:
            if layer.kind == "pool":
                x = tf.reduce_mean(x, axis=(1, 2), keepdims=True)
            elif layer.kind != "head":
                x = tf.nn.relu(self._normalize(layer, self._convolve(layer, x), moments))
        features = tf.reshape(x, (-1, self.network.num_features))
        logits = tf.matmul(features, self._arrays[_HEAD_KERNEL])
        return tf.where(self._known, logits, logits.dtype.min)

    def _convolve(self, layer: Layer, x: tf.Tensor) -> tf.Tensor:
        kernel = self._arrays[f"{layer.name}/kernel"]
        if layer.kind == "depthwise":
            return tf.nn.depthwise_conv2d(x, kernel[..., None], (1, layer.stride, layer.stride, 1), "SAME")
        if layer.kind == "pointwise":
            kernel = kernel[None, None]
        return tf.nn.conv2d(x, kernel, layer.stride, "SAME")

    def _normalize(self, layer: Layer, x: tf.Tensor, moments: dict[str, Moments] | None) -> tf.Tensor:
        gamma, beta = self._arrays[f"{layer.name}/gamma"], self._arrays[f"{layer.name}/beta"]
        moving = Moments(self._arrays[f"{layer.name}/moving_mean"], self._arrays[f"{layer.name}/moving_variance"])
        if moments is None:
            scale = gamma / tf.sqrt(moving.variance + NORM_EPSILON)
            return x * scale + (beta - moving.mean * scale)
        y, moments[layer.name] = batch_renorm(x, gamma, beta, moving, self.training.r_max, self.training.d_max)
        return y

    def _step(self, z: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
        training = self.training
        moments: dict[str, Moments] = {}
        with tf.GradientTape() as tape:
            logits = self._forward(z, moments)
            loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits))
        gradients = tape.gradient(loss, self._trained)
        for name, array in self._trained.items():
            velocity, gradient = self._velocities[name], gradients[name]
            velocity.assign(training.momentum * velocity + gradient + training.weight_decay * array)
            array.assign_sub(training.learning_rate * velocity)
        for name, (mean, variance) in moments.items():
            for array, value in ((f"{name}/moving_mean", mean), (f"{name}/moving_variance", variance)):
                moving = self._arrays[array]
                moving.assign_add((1 - training.norm_momentum) * (value - moving))
        return loss
