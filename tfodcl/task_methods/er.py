"""ER, experience replay (Chaudhry et al. 2019, arXiv 1902.10486): each mini-batch has samples of a reservoir too."""

from typing import ClassVar

import numpy as np

from tfodcl.replay.reservoir import Reservoir
from tfodcl.stages.keras_network import KerasNetwork
from tfodcl.streams import SplitTask
from tfodcl.task_methods.learning import MiniBatches, Networks, TaskLearning, num_bytes


class Er:
    """See the module. As many samples are replayed as are new, or all that there are."""

    STRENGTHS: ClassVar[tuple[float, ...]] = ()

    def __init__(self, networks: Networks, learning: TaskLearning, seed: int) -> None:
        self._model = networks.whole()
        self.network = KerasNetwork.of(self._model, learning.learning_rate)
        self.buffer = Reservoir(learning.buffer_size, seed)
        self._batches = MiniBatches(learning, seed)
        self._step = self.network.minimizer(self.network.cross_entropy)

    @property
    def state_bytes(self) -> int:
        return num_bytes(self._model.weights) + self.buffer_bytes

    @property
    def buffer_bytes(self) -> int:
        return self.buffer.num_bytes

    def learn(self, task: SplitTask) -> None:
        for chosen in self._batches.all(len(task.x), self.network):
            self.observe(task.x[chosen], task.labels[chosen])

    def observe(self, x: np.ndarray, labels: np.ndarray) -> np.ndarray:
        """One step on new samples (n, h, w, c) and replayed ones.

        Returns the new ones' logits (n, num_classes) before.
        """
        replayed = self.buffer.draw(len(x)) if len(self.buffer) else (x[:0], labels[:0])
        both = [np.concatenate(pair) for pair in zip((x, labels), replayed, strict=True)]
        logits = self._step(self._batches.prepare(both[0]), both[1])
        self.buffer.add(x, labels)
        return logits[: len(x)]

    def scores(self, x: np.ndarray) -> np.ndarray:
        return self.network.scores(x)
