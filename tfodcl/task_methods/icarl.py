"""iCaRL (Rebuffi et al. 2017, arXiv 1611.07725): exemplars chosen by herding, classes told apart by the nearest mean of
their exemplars' features.

  loss = mean over samples of the sum over classes so far of the binary cross-entropy between sigmoid(logit) and
           whether it is the sample's class, of the task's classes
           sigmoid(logit before the task), of earlier ones

Mini-batches are of the task's samples and all exemplars. Features are what the head takes, of length 1.
"""

import functools
from typing import ClassVar

import numpy as np
import tensorflow as tf
import tf_keras as keras

from tfodcl.replay.exemplars import Exemplars, herd
from tfodcl.stages.keras_network import KerasNetwork, inference
from tfodcl.streams import SplitTask
from tfodcl.task_methods.learning import MiniBatches, Networks, TaskLearning, num_bytes


class Icarl:
    """See the module.

    Raises:
      InputError: in `learn`, where the buffer does not hold a sample of each class.
    """

    STRENGTHS: ClassVar[tuple[float, ...]] = ()

    def __init__(self, networks: Networks, learning: TaskLearning, seed: int) -> None:
        self._model, self._before = networks.whole(), networks.whole()
        self.network = KerasNetwork.of(self._model, learning.learning_rate)
        features = keras.Model(self._model.input, self._model.layers[-1].input)
        self._features = inference(functools.partial(features, training=False))
        self.exemplars = Exemplars(learning.buffer_size)
        self._num_classes = networks.num_classes
        self._batches = MiniBatches(learning, seed)
        self._first, self._stop = tf.Variable(0), tf.Variable(0)  # of the task's classes
        self._step = self.network.minimizer(self._loss)

    @property
    def state_bytes(self) -> int:
        """With the network as it was before the task."""
        return 2 * num_bytes(self._model.weights) + self.buffer_bytes

    @property
    def buffer_bytes(self) -> int:
        return self.exemplars.num_bytes

    def learn(self, task: SplitTask) -> None:
        share = self.exemplars.share(len(task.classes))
        self._first.assign(task.classes.start)
        self._stop.assign(task.classes.stop)
        self._before.set_weights(self._model.get_weights())
        x, labels = self.exemplars.beside(task.x, task.labels)
        for chosen in self._batches.all(len(x), self.network):
            self._step(self._batches.prepare(x[chosen]), labels[chosen])
        of_classes = {label: task.x[task.labels == label] for label in task.classes}
        self.exemplars.add({label: one[herd(self.features(one), share)] for label, one in of_classes.items()})

    def features(self, x: np.ndarray) -> np.ndarray:
        """(n, ..) -> (n, d) float64 of length 1."""
        found = self._features(x).astype(np.float64)
        return found / np.maximum(np.linalg.norm(found, axis=1, keepdims=True), 1e-12)

    def scores(self, x: np.ndarray) -> np.ndarray:
        """Negative distances to the means; of classes without exemplars -inf."""
        found = np.full((len(x), self._num_classes), -np.inf, np.float32)
        features = self.features(x)
        for label in self.exemplars.labels:
            mean = self.features(self.exemplars.of(label)).mean(axis=0)
            mean /= max(np.linalg.norm(mean), 1e-12)
            found[:, label] = -np.linalg.norm(features - mean, axis=1)
        return found

    def _loss(self, x: tf.Tensor, labels: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        logits, before = self.network.forward(x, True), self._before(x, training=False)
        classes = tf.range(self._num_classes)
        is_label = tf.one_hot(labels, self._num_classes)
        targets = tf.where(classes < self._first, tf.sigmoid(before), is_label)
        entropy = tf.nn.sigmoid_cross_entropy_with_logits(targets, logits)
        known = tf.cast(classes < self._stop, entropy.dtype)
        return tf.reduce_mean(tf.reduce_sum(entropy * known, axis=1)), logits
