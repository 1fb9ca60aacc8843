"""LifeLearner on the device (arXiv 2311.11420, section 3): inner loop on the new class, then outer-loop epochs over
compressed replays of all classes, which a class-balanced memory keeps."""

from typing import ClassVar

import numpy as np

from tfodcl.compress.record import RECORD_HEADER_BYTES, Codec
from tfodcl.package import Learning, Package
from tfodcl.replay.policy import ClassBalancedMemory
from tfodcl.stages.classifier import Classifier, Encoder
from tfodcl.streams import Task


class LifeLearner:
    """See the module. `codec` is the package's (the paper's: bitmap_pq) unless another is given."""

    RECIPE: ClassVar[str] = "anml"
    RATES: ClassVar[tuple[str, ...]] = ("inner", "outer")

    def __init__(
        self, package: Package, encoder: Encoder, learning: Learning, seed: int, codec: Codec | None = None
    ) -> None:
        self.classifier = Classifier(package, encoder)
        self.codec = codec or package.codec
        self.memory = ClassBalancedMemory(
            learning.replay_budget_bytes,
            RECORD_HEADER_BYTES + self.codec.payload_bytes,
            self.codec.payload_bytes,
            seed,
        )
        self._learning = learning
        self._rng = np.random.default_rng([seed, 6])

    def learn(self, task: Task) -> None:
        learning, classifier = self._learning, self.classifier
        label = classifier.stage.add_class()
        latents = classifier.encode(task.x)
        classifier.inner_loop(classifier.dequantize(latents), label, learning.inner_lr)
        self.memory.add(label, self.codec.encode(latents))
        z = classifier.dequantize(self.codec.decode(self.memory.payloads))
        classifier.outer_loop(
            z, self.memory.labels, learning.replay_batch, learning.replay_epochs, learning.outer_lr, self._rng
        )

    def predict(self, x: np.ndarray) -> np.ndarray:
        return self.classifier.predict(x)
