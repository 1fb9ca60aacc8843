"""The frozen stage, and with an adaptive stage behind it: what methods learn with."""

from collections.abc import Callable
from typing import Protocol

import numpy as np

from tfodcl.data import as_float
from tfodcl.package import Package
from tfodcl.stages.aim import AimHead
from tfodcl.stages.linear import LinearHead


class Encoder(Protocol):
    """What a method needs of an encoder; TfliteEncoder is one."""

    def quantize(self, x: np.ndarray) -> np.ndarray:
        """(n, h, w, c) uint8 or float32 -> the encoder's int8 input."""

    def encode_quantized(self, q: np.ndarray) -> np.ndarray:
        """(n, h, w, c) int8 -> (n, latent_dim) int8."""


class FloatEncoder:
    """A float encoder, (n, h, w, c) float32 -> (n, latent_dim) float32, as methods use encoders."""

    def __init__(self, predict: Callable[[np.ndarray], np.ndarray]) -> None:
        self._predict = predict

    def quantize(self, x: np.ndarray) -> np.ndarray:
        return as_float(x)

    def encode_quantized(self, q: np.ndarray) -> np.ndarray:
        return self._predict(q)


class FrozenStage:
    """x -> encoder -> int8 latent -> its real values.

    Args:
      encoder: int8, or a float one.
      scale, zero_point: of its latents; of no meaning for those of a float encoder.

    Attributes:
      encoder, zero_point: as given.
    """

    def __init__(self, encoder: Encoder, scale: float, zero_point: int) -> None:
        self.encoder = encoder
        self._scale, self.zero_point = np.float32(scale), zero_point

    def encode(self, x: np.ndarray) -> np.ndarray:
        """(n, h, w, c) -> (n, latent_dim) int8."""
        return self.encoder.encode_quantized(self.encoder.quantize(x))

    def dequantize(self, latents: np.ndarray) -> np.ndarray:
        """int8 latents -> their real values, float32. Latents of a float encoder are what they are."""
        if latents.dtype == np.float32:
            return latents
        return (latents.astype(np.float32) - self.zero_point) * self._scale


class Classifier(FrozenStage):
    """x -> encoder -> latent z -> stage -> class.

    Args:
      package: gives the latent's scale and zero point, the capacity, and AIM's weights where it has them.
      encoder: of the package.
    """

    def __init__(self, package: Package, encoder: Encoder) -> None:
        super().__init__(encoder, package.latent_scale, package.latent_zero_point)
        capacity = package.learning.capacity
        self.stage: LinearHead | AimHead
        if package.adaptive:
            self.stage = AimHead.of(dict(package.adaptive), capacity)
        else:
            self.stage = LinearHead(package.latent_dim, capacity)

    def predict(self, x: np.ndarray) -> np.ndarray:
        """(n, h, w, c) -> (n,) int64 labels of the classes learnt so far."""
        return self.stage.logits(self.dequantize(self.encode(x))).argmax(axis=1)

    def inner_loop(self, z: np.ndarray, label: int, learning_rate: float) -> None:
        """One SGD step for each of z (n, latent_dim) float32, in order, all of class `label`."""
        for sample in z:
            self.stage.step(sample[None], np.array([label]), learning_rate)

    def outer_loop(
        self,
        z: np.ndarray,
        labels: np.ndarray,
        batch: int,
        epochs: int,
        learning_rate: float,
        rng: np.random.Generator,
    ) -> None:
        """`epochs` passes over z (n, latent_dim) with labels (n,), shuffled, in mini-batches."""
        for _ in range(epochs):
            order = rng.permutation(len(z))
            for start in range(0, len(z), batch):
                chosen = order[start : start + batch]
                self.stage.step(z[chosen], labels[chosen], learning_rate)
