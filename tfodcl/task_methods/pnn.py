"""PNN, progressive networks (Rusu et al. 2016, arXiv 1606.04671): every task has a column of its own, which sees what
the earlier ones compute; these do not change any more, so nothing is forgotten, and memory grows with every task.

Between two parts of a network the map of the new column gets the earlier columns' maps, through a 1x1 convolution of
all of them together that is zero at first (the paper's adapters have a hidden layer more). Columns begin with the same
initial weights, pretrained ones where there are any.

A column is chosen by the task. Without it all columns' scores stand side by side, which were never compared while they
were trained.
"""

from typing import ClassVar

import numpy as np
import tensorflow as tf
import tf_keras as keras

from tfodcl.stages.keras_network import KerasNetwork, cross_entropy
from tfodcl.streams import SplitTask
from tfodcl.task_methods.learning import MiniBatches, Networks, TaskLearning, num_bytes


class Column:
    """Parts of a network, and between them laterals from the columns `earlier`."""

    def __init__(self, parts: list[keras.Model], earlier: "list[Column]") -> None:
        self.parts, self._earlier = parts, earlier
        self._laterals = [
            keras.layers.Conv2D(part.output_shape[-1], 1, use_bias=False, kernel_initializer="zeros")
            for part in (parts[:-1] if earlier else [])
        ]
        for lateral, part in zip(self._laterals, parts, strict=False):
            lateral.build((*part.output_shape[:-1], part.output_shape[-1] * len(earlier)))

    @property
    def variables(self) -> list[tf.Variable]:
        """Those that are trained."""
        laterals = [lateral.kernel for lateral in self._laterals]
        return [*laterals, *(variable for part in self.parts for variable in part.trainable_variables)]

    @property
    def num_bytes(self) -> int:
        weights = [weight for part in self.parts for weight in part.weights]
        return num_bytes([*weights, *(lateral.kernel for lateral in self._laterals)])

    def logits(self, x: tf.Tensor, training: bool) -> tf.Tensor:
        """All columns are computed, in training this one alone as in training."""
        columns = [*self._earlier, self]
        inputs = [x for _ in columns]
        for number in range(len(self.parts)):
            outputs = [
                column.parts[number](given, training=training and column is self)
                for column, given in zip(columns, inputs, strict=True)
            ]
            inputs = [column.joined(number, outputs[: i + 1]) for i, column in enumerate(columns)]
        return inputs[-1]

    def joined(self, number: int, outputs: list[tf.Tensor]) -> tf.Tensor:
        """What this column's next part is given, from the outputs of part `number` of the earlier columns and its."""
        if not self._earlier or number == len(self.parts) - 1:
            return outputs[-1]
        return outputs[-1] + self._laterals[number](tf.concat(outputs[:-1], axis=-1))


class Pnn:
    """See the module."""

    STRENGTHS: ClassVar[tuple[float, ...]] = ()
    buffer_bytes = 0

    def __init__(self, networks: Networks, learning: TaskLearning, seed: int) -> None:
        self._networks, self._learning = networks, learning
        self._batches = MiniBatches(learning, seed)
        self.columns: list[Column] = []
        self._learnt: list[tuple[KerasNetwork, range]] = []

    @property
    def state_bytes(self) -> int:
        return sum(column.num_bytes for column in self.columns)

    def learn(self, task: SplitTask) -> None:
        column = Column(self._networks.parts(), list(self.columns))
        network = KerasNetwork(column.logits, column.variables, self._learning.learning_rate)
        first, stop = task.classes.start, task.classes.stop  # of a column's logits only its task's count

        def loss(x: tf.Tensor, labels: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            logits = network.forward(x, True)[:, first:stop]
            return cross_entropy(labels, logits), logits

        step = network.minimizer(loss)
        for chosen in self._batches.all(len(task.x), network):
            step(self._batches.prepare(task.x[chosen]), task.labels[chosen] - first)
        self.columns.append(column)
        self._learnt.append((network, task.classes))

    def scores(self, x: np.ndarray) -> np.ndarray:
        scores = np.full((len(x), self._networks.num_classes), -np.inf, np.float32)
        for network, classes in self._learnt:
            scores[:, classes.start : classes.stop] = network.scores(x)[:, classes.start : classes.stop]
        return scores
