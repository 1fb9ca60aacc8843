"""Networks so small that NumPy differentiates any formula of them in float64, and tasks to learn with them."""

import math
from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf
import tf_keras as keras

from tfodcl.stages.classifier import FrozenStage
from tfodcl.stages.keras_network import KerasNetwork
from tfodcl.streams import SplitTask

layers = keras.layers
Arrays = list[np.ndarray]

SHAPE, NUM_CLASSES, DIM = (4, 4, 3), 4, 48
NORM_MOMENTUM, NORM_EPSILON = 0.9, 1e-3
FRONT, MIDDLE, LAST = 4, 20, 14  # channels of StagedNetworks
LATENT_SCALE, LATENT_ZERO_POINT, LATENT_DIM = 1 / 32, -128, 4 * 4 * FRONT


def draw_tasks(num_samples: int = 20, seed: int = 0, channels: int = 3) -> tuple[SplitTask, SplitTask]:
    """Overlapping Gaussians, uint8, two classes a task; no sample is twice there."""
    shape = (*SHAPE[:2], channels)
    means = np.random.default_rng(99).uniform(40, 215, (NUM_CLASSES, *shape))

    def draw(number: int) -> SplitTask:
        rng = np.random.default_rng([seed, number])
        labels = 2 * number + rng.permutation(np.arange(num_samples) % 2)
        x = np.clip(rng.normal(means[labels], 50), 0, 255).astype(np.uint8)
        return SplitTask(number, range(2 * number, 2 * number + 2), x, labels)

    return draw(0), draw(1)


def kernel(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, np.sqrt(2 / shape[-2]), shape).astype(np.float32)


ANY_NETWORK = KerasNetwork(lambda x, training: x, [], 1.0)  # where only the order of samples is asked for


class LinearNetworks:
    """x -> batch norm of channels, where `norm` says so -> one kernel (48, 4) -> logits."""

    num_classes, pretrained = NUM_CLASSES, True

    def __init__(self, norm: bool = False) -> None:
        self._norm = norm
        self.kernel = kernel(1, DIM, NUM_CLASSES)

    def whole(self) -> keras.Model:
        inputs = x = keras.Input(SHAPE)
        if self._norm:
            x = layers.BatchNormalization(momentum=NORM_MOMENTUM, epsilon=NORM_EPSILON, name="norm")(x)
        model = keras.Model(inputs, layers.Dense(NUM_CLASSES, use_bias=False, name="head")(layers.Flatten()(x)))
        model.get_layer("head").set_weights([self.kernel])
        return model


class StagedNetworks:
    """x -> front 3 to 4 -> middle 4 to 20 -> last 20 to 14, 1x1 convolutions, each with softplus -> mean -> head.

    Softplus is smooth: float32 and float64 never disagree on the side of an edge. `norm`: with a batch norm behind
    front and middle. Cut behind the front, whose latents are int8.
    """

    num_classes = NUM_CLASSES

    def __init__(self, pretrained: bool = True, norm: bool = False, channels: int = 3) -> None:
        self.pretrained, self._norm = pretrained, norm
        self._shape = (*SHAPE[:2], channels)
        self.kernels = [kernel(1, channels, FRONT), kernel(2, FRONT, MIDDLE), kernel(3, MIDDLE, LAST)]
        self.head = kernel(4, LAST, NUM_CLASSES)
        self.encoded: list[int] = []  # samples of every call of an encoder

    def whole(self) -> keras.Model:
        inputs = keras.Input(self._shape)
        maps = self._front(inputs)
        return self._with_weights(keras.Model(inputs, self._head(self._last(self._middle(maps)[1])[1])))

    def parts(self) -> list[keras.Model]:
        x, front, last = keras.Input(self._shape), keras.Input((*SHAPE[:2], FRONT)), keras.Input((*SHAPE[:2], LAST))
        parts = [(x, self._front(x)), (front, self._last(self._middle(front)[1])[1]), (last, self._head(last))]
        return [self._with_weights(keras.Model(*part)) for part in parts]

    def cut(self, whole: keras.Model) -> tuple[FrozenStage, keras.Model]:
        x, z = keras.Input(self._shape), keras.Input((*SHAPE[:2], FRONT))
        middle, after_middle = self._middle(z)
        last, after_last = self._last(after_middle)
        front, trained = keras.Model(x, self._front(x)), keras.Model(z, (self._head(after_last), middle, last))
        for model in (front, trained):
            for layer in model.layers:
                layer.set_weights(whole.get_layer(layer.name).get_weights() if layer.weights else [])
        return FrozenStage(RoundingEncoder(front, self.encoded), LATENT_SCALE, LATENT_ZERO_POINT), trained

    def _convolved(self, x, channels: int, name: str, norm: bool):
        maps = layers.Conv2D(channels, 1, use_bias=False, name=name)(x)
        if norm:
            moments = {"momentum": NORM_MOMENTUM, "epsilon": NORM_EPSILON}
            return maps, layers.Activation("softplus")(layers.BatchNormalization(name=f"{name}_norm", **moments)(maps))
        return maps, layers.Activation("softplus")(maps)

    def _front(self, x):
        return self._convolved(x, FRONT, "front", self._norm)[1]

    def _middle(self, x):
        return self._convolved(x, MIDDLE, "middle", self._norm)

    def _last(self, x):
        return self._convolved(x, LAST, "last", False)

    def _head(self, x):
        return layers.Dense(NUM_CLASSES, use_bias=False, name="head")(layers.GlobalAveragePooling2D()(x))

    def _with_weights(self, model: keras.Model) -> keras.Model:
        given = dict(zip(("front", "middle", "last"), (array[None, None] for array in self.kernels), strict=True))
        for layer in model.layers:
            if layer.name in given or layer.name == "head":
                layer.set_weights([given.get(layer.name, self.head)])
        return model


class RoundingEncoder:
    """A Keras model whose outputs are rounded to int8; samples one by one, so that a latent is its sample's alone."""

    def __init__(self, model: keras.Model, encoded: list[int]) -> None:
        self.model, self._encoded = model, encoded

    def quantize(self, x: np.ndarray) -> np.ndarray:
        return (x.astype(np.int16) - 128).astype(np.int8)

    def encode_quantized(self, q: np.ndarray) -> np.ndarray:
        self._encoded.append(len(q))
        x = (q.astype(np.float32) + 128) / 255
        maps = [self.model(one[None], training=False).numpy() for one in x]
        latents = np.reshape(maps, (len(q), math.prod(self.model.output_shape[1:]))) / LATENT_SCALE
        return np.clip(np.rint(latents) + LATENT_ZERO_POINT, -128, 127).astype(np.int8)


def softplus(x: np.ndarray) -> np.ndarray:
    return np.logaddexp(0, x)


def real(x: np.ndarray) -> np.ndarray:
    """uint8 -> float64 in [0, 1]."""
    return x.astype(np.float64) / 255


def linear(x: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Logits of LinearNetworks, of uint8 samples."""
    return real(x).reshape(len(x), -1) @ weights


def softmax(logits: np.ndarray) -> np.ndarray:
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def cross_entropy(logits: np.ndarray, labels: np.ndarray) -> float:
    return -float(np.mean(np.log(softmax(logits)[np.arange(len(labels)), labels])))


def gradients(loss: Callable[[Arrays], float], weights: Sequence[np.ndarray], step: float = 1e-6) -> Arrays:
    """Central differences of `loss` at weights."""
    at = [np.array(array, np.float64) for array in weights]
    found = [np.empty(array.shape) for array in at]
    for array, gradient in zip(at, found, strict=True):
        for index in np.ndindex(array.shape):
            value, losses = array[index], []
            for sign in (1, -1):
                array[index] = value + sign * step
                losses.append(loss(at))
            array[index] = value
            gradient[index] = (losses[0] - losses[1]) / (2 * step)
    return found


def descend(loss: Callable[[Arrays], float], weights: Sequence[np.ndarray], learning_rate: float) -> Arrays:
    """One step of gradient descent."""
    pairs = zip(weights, gradients(loss, weights), strict=True)
    return [array - learning_rate * gradient for array, gradient in pairs]


def values(variables: Sequence[tf.Variable]) -> Arrays:
    return [variable.numpy() for variable in variables]


def assert_close(variables: Sequence[tf.Variable], expected: Sequence[np.ndarray]) -> None:
    """float32 after a few steps against float64; kernels of 1x1 convolutions may have two axes in `expected`."""
    for variable, array in zip(variables, expected, strict=True):
        np.testing.assert_allclose(variable.numpy().reshape(array.shape), array, rtol=1e-4, atol=2e-6)
