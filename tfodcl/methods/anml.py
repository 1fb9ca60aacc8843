"""ANML on the device (Beaulieu et al. 2020): inner-loop steps on the new class only, nothing is replayed."""

from typing import ClassVar

import numpy as np

from tfodcl.package import Learning, Package
from tfodcl.stages.classifier import Classifier, Encoder
from tfodcl.streams import Task


class Anml:
    """Learns each class from its own samples, one by one; what keeps the old ones is the meta-trained latent."""

    RECIPE: ClassVar[str] = "anml"
    RATES: ClassVar[tuple[str, ...]] = ("inner",)

    def __init__(self, package: Package, encoder: Encoder, learning: Learning, seed: int) -> None:
        self.classifier = Classifier(package, encoder)
        self.codec = None
        self.memory = None
        self._learning = learning

    def learn(self, task: Task) -> None:
        label = self.classifier.stage.add_class()
        z = self.classifier.dequantize(self.classifier.encode(task.x))
        self.classifier.inner_loop(z, label, self._learning.inner_lr)

    def predict(self, x: np.ndarray) -> np.ndarray:
        return self.classifier.predict(x)
