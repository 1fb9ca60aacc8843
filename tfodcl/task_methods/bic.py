"""BiC, bias correction (Wu et al. 2019, arXiv 1905.13260): a network that learns new classes beside few samples of old
ones prefers the new; two numbers, learnt from samples of both that were held out, take that back.

  stage 1: loss = (1 - l) * cross-entropy over classes so far + l * mean over samples of - sum p log p'
           p, p': softmax over earlier classes of outputs / TEMPERATURE, of the network before the task and now
           l: share of earlier classes among all so far
  stage 2: outputs of the task's classes become a * logit + b; a, b minimise the cross-entropy of held-out samples

Outputs are logits, corrected by the a and b of earlier tasks, which stay as they are. Held out is a HELD_OUT_SHARE of
each earlier class's exemplars, one at least, and as many samples of each new class; where an earlier class has one
exemplar only, it is needed to learn from, and nothing is corrected. The problem of stage 2 is convex with two unknowns,
so it is solved, where the paper descends; within bounds, since few samples that are told apart have no finite minimum.
"""

from typing import ClassVar

import numpy as np
import tensorflow as tf
from scipy.optimize import minimize
from scipy.special import log_softmax, softmax

from tfodcl.replay.exemplars import Exemplars
from tfodcl.stages.keras_network import KerasNetwork, cross_entropy
from tfodcl.streams import SplitTask
from tfodcl.task_methods.learning import MiniBatches, Networks, TaskLearning, num_bytes

TEMPERATURE = 2.0
HELD_OUT_SHARE = 0.1
BOUNDS = ((0.1, 10.0), (-10.0, 10.0))  # of a and b; a below 0 would turn the task's own classes around


class Bic:
    """See the module.

    Raises:
      InputError: in `learn`, where the buffer does not hold a sample of each class.
    """

    STRENGTHS: ClassVar[tuple[float, ...]] = ()

    def __init__(self, networks: Networks, learning: TaskLearning, seed: int) -> None:
        self._model, self._before = networks.whole(), networks.whole()
        self.network = KerasNetwork.of(self._model, learning.learning_rate)
        self.exemplars = Exemplars(learning.buffer_size)
        self._batches = MiniBatches(learning, seed)
        self.scale = tf.Variable(tf.ones(networks.num_classes))  # a, b of each class
        self.offset = tf.Variable(tf.zeros(networks.num_classes))
        self._first, self._stop = tf.Variable(0), tf.Variable(0)  # of the task's classes
        self._step = self.network.minimizer(self._loss)

    @property
    def state_bytes(self) -> int:
        """With the network as it was before the task."""
        return 2 * num_bytes(self._model.weights) + num_bytes([self.scale, self.offset]) + self.buffer_bytes

    @property
    def buffer_bytes(self) -> int:
        return self.exemplars.num_bytes

    def learn(self, task: SplitTask) -> None:
        self.exemplars.share(len(task.classes))
        self._first.assign(task.classes.start)
        self._stop.assign(task.classes.stop)
        self._before.set_weights(self._model.get_weights())
        learnt, held_out = self._divide(task)
        x, labels = learnt
        for chosen in self._batches.all(len(x), self.network):
            self._step(self._batches.prepare(x[chosen]), labels[chosen])
        if len(held_out[1]):
            self._correct(*held_out, task.classes)
        self.exemplars.add({label: task.x[task.labels == label] for label in task.classes})

    def scores(self, x: np.ndarray) -> np.ndarray:
        return self.network.scores(x) * self.scale.numpy() + self.offset.numpy()

    def _divide(self, task: SplitTask) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
        """Samples and labels to learn from, and those held out: of each class the last."""
        if task.number == 0:
            return (task.x, task.labels), (task.x[:0], task.labels[:0])
        fewest = min(len(self.exemplars.of(label)) for label in self.exemplars.labels)
        num_held = max(1, round(HELD_OUT_SHARE * fewest)) if fewest > 1 else 0
        x, labels = self.exemplars.beside(task.x, task.labels)
        held = np.zeros(len(labels), bool)
        for label in range(task.classes.stop):
            of_class = np.flatnonzero(labels == label)
            held[of_class[max(0, len(of_class) - num_held) :]] = True
        return (x[~held], labels[~held]), (x[held], labels[held])

    def _loss(self, x: tf.Tensor, labels: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        logits, before = self.network.forward(x, True), self._before(x, training=False)
        now, then = (one * self.scale + self.offset for one in (logits, before))
        share = tf.cast(self._first / self._stop, logits.dtype)
        known, learnt = (one[:, : self._first] / TEMPERATURE for one in (then, now))
        soft = -tf.reduce_sum(tf.nn.softmax(known) * tf.nn.log_softmax(learnt), axis=1)
        loss = (1 - share) * cross_entropy(labels, now[:, : self._stop]) + share * tf.reduce_mean(soft)
        return loss, logits

    def _correct(self, x: np.ndarray, labels: np.ndarray, classes: range) -> None:
        outputs = self.scores(x)[:, : classes.stop].astype(np.float64)
        new = np.arange(classes.stop) >= classes.start
        is_label = np.eye(classes.stop)[labels]

        def loss(numbers: np.ndarray) -> tuple[float, np.ndarray]:
            a, b = numbers
            corrected = np.where(new, a * outputs + b, outputs)
            error = (softmax(corrected, axis=1) - is_label) / len(labels)
            gradient = np.array([(error * outputs)[:, new].sum(), error[:, new].sum()])
            return -float(np.mean(log_softmax(corrected, axis=1)[is_label > 0])), gradient

        a, b = minimize(loss, [1.0, 0.0], jac=True, method="L-BFGS-B", bounds=BOUNDS).x
        for variable, value in ((self.scale, a), (self.offset, b)):
            values = variable.numpy()
            values[classes.start : classes.stop] = value
            variable.assign(values)
