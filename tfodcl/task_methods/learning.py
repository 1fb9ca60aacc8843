"""What the methods share that learn tasks of several classes with a whole network: learn(task), scores(x).

They are run on a workstation or a Jetson-class board, with TensorFlow.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import ClassVar, Protocol

import numpy as np
import tensorflow as tf
import tf_keras as keras

from tfodcl.data import as_float
from tfodcl.errors import InputError
from tfodcl.replay.hierarchy import MemoryPlan
from tfodcl.stages.classifier import FrozenStage
from tfodcl.stages.keras_network import KerasNetwork
from tfodcl.streams import SplitTask
from tfodcl.task_methods.falling_rate import rate_share

Augmentation = Callable[[np.ndarray, np.random.Generator], np.ndarray]  # as meta.augment makes them


@dataclass(frozen=True)
class TaskLearning:
    """How all of them learn. The defaults are LightCL's (arXiv 2407.10545).

    Attributes:
      learning_rate: of SGD without momentum, above 0.
      batch_size: new samples of a mini-batch.
      epochs: passes over a task's samples.
      buffer_size: samples kept of earlier tasks, and LightCL's references.
      strength: of a method's own term in its loss, at least 0; None: the first of its STRENGTHS, the published one.
      cache_bytes: most bytes that LightCL keeps of its frozen stage's outputs while it learns a task.
      rate_falls: whether the learning rate falls while a task is learnt (falling_rate.py), as published for Miro.
      augment: changes samples of (n, h, w, c) float32 at random; None: they stay as they are.
      memory: Miro's.
    """

    learning_rate: float = 0.01
    batch_size: int = 32
    epochs: int = 50
    buffer_size: int = 15
    strength: float | None = None
    cache_bytes: int = 2 * 2**20
    rate_falls: bool = False
    augment: Augmentation | None = None
    memory: MemoryPlan | None = None

    def __post_init__(self) -> None:
        for name in ("batch_size", "epochs", "buffer_size"):
            if getattr(self, name) < 1:
                raise InputError(f"{name} must be at least 1. Received: {name}={getattr(self, name)}.")
        if not self.learning_rate > 0 or self.cache_bytes < 0 or not (self.strength is None or self.strength >= 0):
            raise InputError(
                "learning_rate must be above 0, strength and cache_bytes at least 0. Received: "
                f"learning_rate={self.learning_rate}, strength={self.strength}, cache_bytes={self.cache_bytes}."
            )

    def strength_of(self, method: "type[TaskMethod]") -> float:
        return method.STRENGTHS[0] if self.strength is None else self.strength


class WholeNetworks(Protocol):
    """Makes networks of one architecture with the same initial weights."""

    def whole(self) -> keras.Model:
        """x (n, h, w, c) float32 -> logits."""


class Networks(WholeNetworks, Protocol):
    """Makes them in other forms too; tfodcl.resnets has residual ones.

    Attributes:
      num_classes: logits of each.
      pretrained: whether the weights come from a training; drawn otherwise.
    """

    num_classes: int
    pretrained: bool

    def parts(self) -> list[keras.Model]:
        """The same, part by part; between two of them is a map (n, h, w, c)."""

    def cut(self, whole: keras.Model) -> tuple[FrozenStage, keras.Model]:
        """The frozen stage with the weights of `whole`, and a copy of what is behind: its latents as maps -> a
        tuple, logits and the outputs of those convolutions of the last stage that are not frozen."""


class TaskMethod(Protocol):
    """A learner of tasks.

    Attributes:
      STRENGTHS: of its own term in the loss: the published one and those that are searched; empty where it has none.
      state_bytes: kept from one task to the next.
      buffer_bytes: of these, samples and what belongs to them.
    """

    STRENGTHS: ClassVar[tuple[float, ...]]

    @property
    def state_bytes(self) -> int: ...

    @property
    def buffer_bytes(self) -> int: ...

    def __init__(self, networks: Networks, learning: TaskLearning, seed: int) -> None: ...

    def learn(self, task: SplitTask) -> None:
        """Learns the next task's classes."""

    def scores(self, x: np.ndarray) -> np.ndarray:
        """(n, h, w, c) -> (n, num_classes) float32; the highest of the classes that come into question decides."""


class MiniBatches:
    """Shuffled mini-batches of samples, changed at random as `learning` says.

    Args:
      seed: of order and changes.

    Attributes:
      rng: that draws them.
    """

    def __init__(self, learning: TaskLearning, seed: int) -> None:
        self._learning = learning
        self.rng = np.random.default_rng([seed, 11])

    def epoch(self, num_samples: int) -> Iterator[np.ndarray]:
        """Indices of each mini-batch of one pass."""
        order, size = self.rng.permutation(num_samples), self._learning.batch_size
        return (order[start : start + size] for start in range(0, num_samples, size))

    def epochs(self, network: KerasNetwork) -> Iterator[int]:
        """Numbers of a task's epochs; in each the network learns at the rate that `learning` says."""
        for epoch in range(self._learning.epochs):
            network.rate_share.assign(rate_share(epoch, self._learning.epochs) if self._learning.rate_falls else 1.0)
            yield epoch

    def all(self, num_samples: int, network: KerasNetwork) -> Iterator[np.ndarray]:
        """Of all `epochs`."""
        for _ in self.epochs(network):
            yield from self.epoch(num_samples)

    def prepare(self, x: np.ndarray) -> np.ndarray:
        """(n, h, w, c) uint8 or float32 -> float32, changed at random."""
        x, augment = as_float(x), self._learning.augment
        return augment(x, self.rng).astype(np.float32) if augment else x


def num_bytes(variables: Iterable[tf.Variable]) -> int:
    return sum(variable.shape.num_elements() * variable.dtype.size for variable in variables)
