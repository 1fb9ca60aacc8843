"""EWC (Kirkpatrick et al. 2017, arXiv 1612.00796), online: one importance of every weight, summed over the tasks
(Schwarz et al. 2018, arXiv 1805.06370, with gamma 1).

  loss = cross-entropy + strength / 2 * sum F (w - w*)^2

w*: weights after the last task. F: mean over samples of the squared gradient of the label's log-likelihood, the
diagonal of the empirical Fisher information; from NUM_FISHER_SAMPLES of the task, one by one, with the moving moments.

A step descends the cross-entropy by SGD and then the penalty by an implicit (proximal) step,

  w <- (w + c w*) / (1 + c),   c = learning_rate * strength * F

which to first order is SGD's, and stable however great F is: SGD itself diverges where c is above 2 for any weight, as
it is after some tasks.
"""

from typing import ClassVar

import numpy as np
import tensorflow as tf

from tfodcl.data import as_float
from tfodcl.stages.keras_network import KerasNetwork, cross_entropy
from tfodcl.streams import SplitTask
from tfodcl.task_methods.learning import MiniBatches, Networks, TaskLearning, num_bytes

NUM_FISHER_SAMPLES = 256


class Ewc:
    """See the module."""

    # Mammoth's 10 on Split CIFAR-10 (arXiv 2004.07211), which has no half, first.
    STRENGTHS: ClassVar[tuple[float, ...]] = (20.0, 2.0, 200.0)
    buffer_bytes = 0

    def __init__(self, networks: Networks, learning: TaskLearning, seed: int) -> None:
        self._model = networks.whole()
        self.network = KerasNetwork.of(self._model, learning.learning_rate)
        self._strength = learning.strength_of(Ewc)
        self._batches = MiniBatches(learning, seed)
        self.importance = [tf.Variable(tf.zeros_like(weight)) for weight in self.network.variables]
        self.anchors = [tf.Variable(weight) for weight in self.network.variables]
        self._step = self.network.minimizer(self.network.cross_entropy)
        self._hold = tf.function(self._pull, autograph=False)
        self._squared_gradients = tf.function(self._square, autograph=False, reduce_retracing=True)

    @property
    def state_bytes(self) -> int:
        return num_bytes([*self._model.weights, *self.importance, *self.anchors])

    def learn(self, task: SplitTask) -> None:
        for chosen in self._batches.all(len(task.x), self.network):
            self._step(self._batches.prepare(task.x[chosen]), task.labels[chosen])
            self._hold()
        num_samples = min(NUM_FISHER_SAMPLES, len(task.x))
        x, labels = as_float(task.x[:num_samples]), task.labels[:num_samples]
        for i in range(num_samples):
            squares = self._squared_gradients(tf.constant(x[i : i + 1]), tf.constant(labels[i : i + 1]))
            for importance, square in zip(self.importance, squares, strict=True):
                importance.assign_add(square / num_samples)
        for anchor, weight in zip(self.anchors, self.network.variables, strict=True):
            anchor.assign(weight)

    def scores(self, x: np.ndarray) -> np.ndarray:
        return self.network.scores(x)

    def _pull(self) -> None:
        """The penalty's step."""
        for weight, anchor, importance in zip(self.network.variables, self.anchors, self.importance, strict=True):
            c = self.network.learning_rate * self._strength * importance
            weight.assign((weight + c * anchor) / (1 + c))

    def _square(self, x: tf.Tensor, labels: tf.Tensor) -> list[tf.Tensor]:
        with tf.GradientTape() as tape:
            loss = cross_entropy(labels, self.network.forward(x, False))
        return [tf.square(gradient) for gradient in tape.gradient(loss, self.network.variables)]
