"""Raw replay: LifeLearner with the encoder's int8 inputs stored, which the encoder sees again at every replay."""

from typing import ClassVar

import numpy as np

from tfodcl.compress.record import RECORD_HEADER_BYTES
from tfodcl.package import Learning, Package
from tfodcl.replay.policy import ClassBalancedMemory
from tfodcl.stages.classifier import Classifier, Encoder
from tfodcl.streams import Task


class RawReplay:
    """An image takes one byte a pixel and channel, a second of speech its 490 MFCC values."""

    RECIPE: ClassVar[str] = "anml"
    RATES: ClassVar[tuple[str, ...]] = ("inner", "outer")

    def __init__(self, package: Package, encoder: Encoder, learning: Learning, seed: int) -> None:
        self.classifier = Classifier(package, encoder)
        self.codec = None
        self._input_shape = tuple(package.info["input_shape"])
        payload_bytes = int(np.prod(self._input_shape))
        self.memory = ClassBalancedMemory(
            learning.replay_budget_bytes, RECORD_HEADER_BYTES + payload_bytes, payload_bytes, seed
        )
        self._learning = learning
        self._rng = np.random.default_rng([seed, 6])

    def learn(self, task: Task) -> None:
        learning, classifier = self._learning, self.classifier
        label = classifier.stage.add_class()
        inputs = classifier.encoder.quantize(task.x)
        z = classifier.dequantize(classifier.encoder.encode_quantized(inputs))
        classifier.inner_loop(z, label, learning.inner_lr)
        self.memory.add(label, inputs.reshape(len(inputs), -1).view(np.uint8))
        replays = self.memory.payloads.view(np.int8).reshape(-1, *self._input_shape)
        for _ in range(learning.replay_epochs):
            z = classifier.dequantize(classifier.encoder.encode_quantized(replays))
            classifier.outer_loop(z, self.memory.labels, learning.replay_batch, 1, learning.outer_lr, self._rng)

    def predict(self, x: np.ndarray) -> np.ndarray:
        return self.classifier.predict(x)
