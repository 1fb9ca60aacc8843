"""Naive: SGD on new samples alone; what is forgotten without any method."""

from typing import ClassVar

import numpy as np

from tfodcl.stages.keras_network import KerasNetwork
from tfodcl.streams import SplitTask
from tfodcl.task_methods.learning import MiniBatches, Networks, TaskLearning, num_bytes


class Naive:
    """See the module."""

    STRENGTHS: ClassVar[tuple[float, ...]] = ()
    buffer_bytes = 0

    def __init__(self, networks: Networks, learning: TaskLearning, seed: int) -> None:
        self.model = networks.whole()
        self.network = KerasNetwork.of(self.model, learning.learning_rate)
        self._batches = MiniBatches(learning, seed)
        self._step = self.network.minimizer(self.network.cross_entropy)

    @property
    def state_bytes(self) -> int:
        return num_bytes(self.model.weights)

    def learn(self, task: SplitTask) -> None:
        for chosen in self._batches.all(len(task.x), self.network):
            self._step(self._batches.prepare(task.x[chosen]), task.labels[chosen])

    def scores(self, x: np.ndarray) -> np.ndarray:
        return self.network.scores(x)
