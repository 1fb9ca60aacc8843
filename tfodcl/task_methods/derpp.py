"""DER++ (Buzzega et al. 2020, arXiv 2004.07211): a reservoir of samples with their labels and the logits they had then.

  loss = cross-entropy + strength * mean (logits' - logits then)^2 + REPLAY_WEIGHT * cross-entropy''

' and '' are of two draws from the reservoir, each a mini-batch of its own to the batch norms.
"""

from typing import ClassVar

import numpy as np
import tensorflow as tf

from tfodcl.replay.reservoir import Reservoir
from tfodcl.stages.keras_network import KerasNetwork, cross_entropy
from tfodcl.streams import SplitTask
from tfodcl.task_methods.distillation import logit_distance
from tfodcl.task_methods.learning import MiniBatches, Networks, TaskLearning, num_bytes

REPLAY_WEIGHT = 0.5  # the paper's beta on Split CIFAR-10 with 200 samples


class Derpp:
    """See the module."""

    STRENGTHS: ClassVar[tuple[float, ...]] = (0.1, 0.03, 0.3)  # the paper's alpha first

    def __init__(self, networks: Networks, learning: TaskLearning, seed: int) -> None:
        self._model = networks.whole()
        self.network = KerasNetwork.of(self._model, learning.learning_rate)
        self.buffer = Reservoir(learning.buffer_size, seed)
        self._strength = learning.strength_of(Derpp)
        self._batches = MiniBatches(learning, seed)
        self._first_step = self.network.minimizer(self.network.cross_entropy)
        self._step = self.network.minimizer(self._loss)

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
        new = self._batches.prepare(x)
        if len(self.buffer):
            held_x, _, held_logits = self.buffer.draw(len(x))
            old_x, old_labels, _ = self.buffer.draw(len(x))
            old = (self._batches.prepare(held_x), held_logits, self._batches.prepare(old_x), old_labels)
            logits = self._step(new, labels, *old)
        else:
            logits = self._first_step(new, labels)
        self.buffer.add(x, labels, logits)
        return logits

    def scores(self, x: np.ndarray) -> np.ndarray:
        return self.network.scores(x)

    def _loss(
        self,
        x: tf.Tensor,
        labels: tf.Tensor,
        held_x: tf.Tensor,
        held_logits: tf.Tensor,
        old_x: tf.Tensor,
        old_labels: tf.Tensor,
    ) -> tuple[tf.Tensor, tf.Tensor]:
        held = logit_distance(self.network.forward(held_x, True), held_logits)
        replayed = cross_entropy(old_labels, self.network.forward(old_x, True))
        loss, logits = self.network.cross_entropy(x, labels)
        return loss + self._strength * held + REPLAY_WEIGHT * replayed, logits
