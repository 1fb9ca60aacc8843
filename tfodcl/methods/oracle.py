"""Oracle: i.i.d. training on the uncompressed latents of all classes seen so far."""

from typing import ClassVar

import numpy as np

from tfodcl.compress.record import RECORD_HEADER_BYTES
from tfodcl.compress.uniform import UniformCodec
from tfodcl.package import Learning, Package
from tfodcl.replay.policy import ClassBalancedMemory
from tfodcl.stages.classifier import Classifier, Encoder
from tfodcl.streams import Task

EPOCHS = 10  # LifeLearner trains its Oracle for 5 or 10


class Oracle:
    """After every class: a new head, 10 epochs over every sample so far. No budget binds it."""

    RECIPE: ClassVar[str] = "anml"
    RATES: ClassVar[tuple[str, ...]] = ("outer",)

    def __init__(self, package: Package, encoder: Encoder, learning: Learning, seed: int) -> None:
        self._package, self._encoder, self._learning = package, encoder, learning
        self._rng = np.random.default_rng([seed, 6])
        self.classifier = Classifier(package, encoder)
        self.codec = UniformCodec(package.latent_dim, num_bits=8)
        payload_bytes = self.codec.payload_bytes
        self.memory = ClassBalancedMemory(2**62, RECORD_HEADER_BYTES + payload_bytes, payload_bytes, seed)

    def learn(self, task: Task) -> None:
        self.memory.add(task.label, self.codec.encode(self.classifier.encode(task.x)))
        self.classifier = Classifier(self._package, self._encoder)
        for _ in range(task.label + 1):
            self.classifier.stage.add_class()
        z = self.classifier.dequantize(self.codec.decode(self.memory.payloads))
        self.classifier.outer_loop(
            z, self.memory.labels, self._learning.replay_batch, EPOCHS, self._learning.outer_lr, self._rng
        )

    def predict(self, x: np.ndarray) -> np.ndarray:
        return self.classifier.predict(x)
