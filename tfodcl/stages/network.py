"""What an adaptive stage is: its layers with their shapes, arrays and costs. NumPy only; stages/keras.py runs it.

A chain from the latent to the head. Activations are (height, width, channels), and the latent is flattened in that
order. Each convolution, SAME-padded as TensorFlow pads and without bias, is followed by batch renormalisation and ReLU:

| kind      | kernel                        | output                                        |
|-----------|-------------------------------|-----------------------------------------------|
| conv      | (size, size, inputs, outputs) | size x size over all channels                 |
| depthwise | (size, size, channels)        | size x size, every channel on its own         |
| pointwise | (inputs, outputs)             | 1 x 1 over all channels                       |
| pool      | none                          | the mean over all positions, (1, 1, channels) |
| head      | (inputs, classes)             | logits, (1, 1, classes); no bias, no norm     |
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from tfodcl.errors import InputError

Kind = Literal["conv", "depthwise", "pointwise", "pool", "head"]
Shape = tuple[int, int, int]  # (height, width, channels)

HEAD = "head"  # the name of the last layer
NORM_EPSILON = 1e-3  # added to a variance before its root is taken
_NORM_ARRAYS = ("gamma", "beta", "moving_mean", "moving_variance")  # (channels,) each, behind every convolution
_STATISTICS = ("moving_mean", "moving_variance")


@dataclass(frozen=True)
class Layer:
    """One layer. See the module for what each kind is.

    Attributes:
      name: its own in the network; names of its arrays begin with it, such as layer_23/kernel.
      size: height and width of the kernel; 1 of pointwise and head, 0 of pool.
      stride: of a convolution; 1 otherwise.
      is_1d: of a conv: its kernel is (size, 1), for maps of width 1, such as time.
    """

    name: str
    kind: Kind
    input_shape: Shape
    output_shape: Shape
    size: int
    stride: int = 1
    is_1d: bool = False

    @property
    def num_inputs(self) -> int:
        return math.prod(self.input_shape)

    @property
    def num_outputs(self) -> int:
        return math.prod(self.output_shape)

    @property
    def array_shapes(self) -> dict[str, tuple[int, ...]]:
        """Shape of every array by its full name."""
        inputs, outputs = self.input_shape[2], self.output_shape[2]
        kernels: dict[Kind, tuple[int, ...]] = {
            "conv": (self.size, 1 if self.is_1d else self.size, inputs, outputs),
            "depthwise": (self.size, self.size, outputs),
            "pointwise": (inputs, outputs),
            "head": (self.num_inputs, outputs),
        }
        if self.kind == "pool":
            return {}
        shapes = {f"{self.name}/kernel": kernels[self.kind]}
        if self.kind != "head":
            shapes.update({f"{self.name}/{array}": (outputs,) for array in _NORM_ARRAYS})
        return shapes

    @property
    def macs(self) -> int:
        """Multiply-accumulates of one sample's forward pass, and as many again of the error, and of the weight
        gradient. Taps on padding are counted; norm, ReLU and pool are not."""
        if self.kind == "pool":
            return 0
        positions = self.output_shape[0] * self.output_shape[1]
        return positions * math.prod(self.array_shapes[f"{self.name}/kernel"])


def convolution(name: str, kind: Kind, input_shape: Shape, num_channels: int, size: int, stride: int) -> Layer:
    """A conv, depthwise or pointwise layer to `num_channels`, SAME-padded."""
    height, width = (-(-length // stride) for length in input_shape[:2])
    return Layer(name, kind, input_shape, (height, width, num_channels), size, stride)


def pool(name: str, input_shape: Shape) -> Layer:
    return Layer(name, "pool", input_shape, (1, 1, input_shape[2]), 0)


def head(input_shape: Shape, num_classes: int) -> Layer:
    return Layer(HEAD, "head", input_shape, (1, 1, num_classes), 1)


@dataclass(frozen=True)
class Network:
    """An adaptive stage.

    Attributes:
      latent_shape: of what the frozen stage gives, before it is flattened.
      layers: each takes what the one before gives; the last, and no other, is the head.
    """

    latent_shape: Shape
    layers: tuple[Layer, ...]

    def __post_init__(self) -> None:
        if [layer.kind for layer in self.layers].count("head") != 1 or self.layers[-1].kind != "head":
            received = ", ".join(layer.kind for layer in self.layers) or "no layers"
            raise InputError(f"a network must end with its only head. Received: {received}.")
        given = self.latent_shape
        for layer in self.layers:
            if layer.input_shape != given:
                raise InputError(
                    f"{layer.name} must take what comes before it, {given}. Received: input_shape={layer.input_shape}."
                )
            given = layer.output_shape

    @property
    def latent_dim(self) -> int:
        return math.prod(self.latent_shape)

    @property
    def num_classes(self) -> int:
        """Rows of the head, the most classes that can be learnt."""
        return self.layers[-1].output_shape[2]

    @property
    def num_features(self) -> int:
        """Inputs of the head."""
        return self.layers[-1].num_inputs

    @property
    def array_shapes(self) -> dict[str, tuple[int, ...]]:
        """Shape of every array by name."""
        return {name: shape for layer in self.layers for name, shape in layer.array_shapes.items()}

    @property
    def trained_names(self) -> tuple[str, ...]:
        """Names of the arrays that SGD changes: all but the moving statistics."""
        return tuple(name for name in self.array_shapes if not name.endswith(_STATISTICS))

    @property
    def num_values(self) -> int:
        """Of all arrays."""
        return sum(math.prod(shape) for shape in self.array_shapes.values())

    @property
    def num_parameters(self) -> int:
        """Values that SGD changes."""
        return sum(math.prod(self.array_shapes[name]) for name in self.trained_names)

    def check_weights(self, weights: Mapping[str, np.ndarray]) -> None:
        """Raises InputError unless `weights` are the network's arrays, all of them, float32."""
        expected = self.array_shapes
        if set(weights) != set(expected):
            missing, others = sorted(set(expected) - set(weights)), sorted(set(weights) - set(expected))
            raise InputError(
                "weights must be those of the network. "
                f"Received: without {', '.join(missing) or 'none'}; besides, {', '.join(others) or 'none'}."
            )
        for name, array in weights.items():
            if array.shape != expected[name] or array.dtype != np.float32:
                raise InputError(
                    f"{name} must be float32 of shape {expected[name]}. "
                    f"Received: shape={array.shape}, dtype={array.dtype}."
                )


@dataclass(frozen=True)
class Training:
    """How an adaptive stage is trained: SGD with momentum on the mean cross-entropy of a mini-batch.

    With g the gradient of a trained array w and v its velocity, zero at first:

      v = momentum * v + g + weight_decay * w
      w = w - learning_rate * v

    Batch renormalisation (Ioffe 2017) with the mini-batch's mean m and deviation s and the moving M and S, per channel:

      r = clip(s / S, 1 / r_max, r_max)        d = clip((m - M) / S, -d_max, d_max), both constants to the gradient
      y = gamma * ((x - m) / s * r + d) + beta

    m and s^2 = variance + NORM_EPSILON are those of all positions of all samples. Then the moving mean and variance go
    `1 - norm_momentum` of the way to the mini-batch's. (Ioffe's algorithm moves the deviation instead; the variance is
    what a network trained with batch normalisation brings.) The defaults but norm_momentum, which is unknown, are
    QLR-CL's (arXiv 2110.10486).

    Attributes:
      learning_rate: constant, above 0.
      momentum: in [0, 1).
      weight_decay: of every trained array, at least 0.
      r_max, d_max: bounds of the correction, at least 1 and at least 0; with 1 and 0 it is batch normalisation.
      norm_momentum: of the moving statistics, in [0, 1].
    """

    learning_rate: float = 3e-4
    momentum: float = 0.9
    weight_decay: float = 5e-4
    r_max: float = 1.25
    d_max: float = 0.5
    norm_momentum: float = 0.99

    def __post_init__(self) -> None:
        rules = {
            "learning_rate must be above 0 and finite": 0 < self.learning_rate < math.inf,
            "momentum must be at least 0 and below 1": 0 <= self.momentum < 1,
            "weight_decay must be at least 0 and finite": 0 <= self.weight_decay < math.inf,
            "r_max must be at least 1 and finite": 1 <= self.r_max < math.inf,
            "d_max must be at least 0 and finite": 0 <= self.d_max < math.inf,
            "norm_momentum must be in 0..1": 0 <= self.norm_momentum <= 1,
        }
        for rule, holds in rules.items():
            if not holds:
                field = rule.split()[0]
                raise InputError(f"{rule}. Received: {field}={getattr(self, field)}.")
