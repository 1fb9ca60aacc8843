"""FDR, function distance regularization (Benjamin et al. 2019, arXiv 1805.08289): after each task the buffer takes in
samples of it with their logits, an equal share for every task, and the network is held to these outputs.

  loss = cross-entropy + strength * mean ||softmax(logits') - softmax(logits then)||
"""

from typing import ClassVar

import numpy as np
import tensorflow as tf

from tfodcl.stages.keras_network import KerasNetwork
from tfodcl.streams import SplitTask
from tfodcl.task_methods.distillation import function_distance
from tfodcl.task_methods.learning import MiniBatches, Networks, TaskLearning, num_bytes


class Fdr:
    """See the module."""

    STRENGTHS: ClassVar[tuple[float, ...]] = (0.3, 1.0, 3.0)  # Mammoth's (arXiv 2004.07211) on Split CIFAR-10 first

    def __init__(self, networks: Networks, learning: TaskLearning, seed: int) -> None:
        self._model = networks.whole()
        self.network = KerasNetwork.of(self._model, learning.learning_rate)
        self._strength, self._buffer_size = learning.strength_of(Fdr), learning.buffer_size
        self._batches = MiniBatches(learning, seed)
        self._rng = np.random.default_rng([seed, 12])
        self._kept: list[tuple[np.ndarray, np.ndarray]] = []  # samples and logits of each task
        self._first_step = self.network.minimizer(self.network.cross_entropy)
        self._step = self.network.minimizer(self._loss)

    @property
    def state_bytes(self) -> int:
        return num_bytes(self._model.weights) + self.buffer_bytes

    @property
    def buffer_bytes(self) -> int:
        return sum(x.nbytes + logits.nbytes for x, logits in self._kept)

    def learn(self, task: SplitTask) -> None:
        held = [np.concatenate(parts) for parts in zip(*self._kept, strict=True)]  # samples and logits, or nothing
        for chosen in self._batches.all(len(task.x), self.network):
            new = (self._batches.prepare(task.x[chosen]), task.labels[chosen])
            if held:
                x, logits = held
                drawn = self._rng.permutation(len(x))[: len(chosen)]
                self._step(*new, self._batches.prepare(x[drawn]), logits[drawn])
            else:
                self._first_step(*new)
        share = self._buffer_size // (task.number + 1)
        if not share:
            self._kept = []
            return
        self._kept = [(x[:share], logits[:share]) for x, logits in self._kept]
        x = task.x[:share].copy()  # a view would keep all samples of the task
        self._kept.append((x, self.network.scores(x)))

    def scores(self, x: np.ndarray) -> np.ndarray:
        return self.network.scores(x)

    def _loss(
        self, x: tf.Tensor, labels: tf.Tensor, held_x: tf.Tensor, held_logits: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        held = function_distance(self.network.forward(held_x, True), held_logits)
        loss, logits = self.network.cross_entropy(x, labels)
        return loss + self._strength * held, logits
