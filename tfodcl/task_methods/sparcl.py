"""SparCL (Wang et al. 2022, arXiv 2209.09476): ER or DER++ on a sparse network, with sparse gradients and fewer data.

Masks (TDM). Of every kernel DENSITY of the weights are there, at first those of greatest magnitude. Every UPDATE_SHARE
of a task's epochs, until LAST_UPDATE of them, the mask shrinks by CHURN of its weights, those of least importance

  |w| + ALPHA |d L_task / d w| + BETA |d L_buffer / d w|

and grows by as many random others, which begin at 0. With each task but the first it grows by CHURN, and shrinks
back at the first update (L_task: cross-entropy over the new task's classes; L_buffer: over all, of the buffer.)

Gradients (DGM). Of every kernel GRADIENT_DENSITY of the weights move: those in the mask of greatest gradient, ALPHA and
BETA weighted as above; chosen anew at every update.

Data (DDR). Until LAST_REMOVAL of a task's epochs, each update removes samples, REMOVED_SHARE of the task in all: those
that were classified wrongly least often so far.

Shares of epochs and samples, and CHURN, are those of the published code for CIFAR-10; DENSITY is what LightCL's table
compares with, in whose memory half the mask's gradients are counted; ALPHA and BETA are as far as is known.
"""

import math
from typing import ClassVar

import numpy as np
import tensorflow as tf

from tfodcl.data import as_float
from tfodcl.stages.keras_network import cross_entropy
from tfodcl.streams import SplitTask
from tfodcl.task_methods.derpp import Derpp
from tfodcl.task_methods.er import Er
from tfodcl.task_methods.learning import MiniBatches, Networks, TaskLearning

DENSITY, GRADIENT_DENSITY, CHURN = 0.1, 0.05, 0.01
UPDATE_SHARE, LAST_UPDATE, LAST_REMOVAL, REMOVED_SHARE = 0.1, 0.9, 0.4, 0.3
ALPHA, BETA = 0.5, 1.0
NUM_RANKED_SAMPLES = 256  # of a task, for the gradients above


class Sparcl:
    """SparCL over ER."""

    STRENGTHS: ClassVar[tuple[float, ...]] = ()
    BASE: ClassVar[type[Er] | type[Derpp]] = Er

    def __init__(self, networks: Networks, learning: TaskLearning, seed: int) -> None:
        self._epochs, self._num_classes = learning.epochs, networks.num_classes
        self._base = self.BASE(networks, learning, seed)
        self._order = MiniBatches(learning, seed + 1)
        self._rng = np.random.default_rng([seed, 14])
        self.network = self._base.network
        # Of kernels; scales and offsets are there and move.
        self.masks = [np.ones(variable.shape, bool) for variable in self.network.variables]
        self.gradient_masks = [tf.Variable(tf.ones_like(variable)) for variable in self.network.variables]
        self.network.gradient_masks = self.gradient_masks
        self._gradients = tf.function(self._differentiate, autograph=False, reduce_retracing=True)
        for i in self._kernels:
            self.masks[i] = greatest(np.abs(self.network.variables[i].numpy()), DENSITY)
        self._hide()

    @property
    def state_bytes(self) -> int:
        return self._base.state_bytes + sum(mask.size // 8 for mask in self.masks)

    @property
    def buffer_bytes(self) -> int:
        return self._base.buffer_bytes

    @property
    def _kernels(self) -> list[int]:
        return [i for i, variable in enumerate(self.network.variables) if len(variable.shape) > 1]

    def learn(self, task: SplitTask) -> None:
        left, num_wrong = np.arange(len(task.x)), np.zeros(len(task.x), int)
        removals = [epoch for epoch in self._updates() if epoch <= LAST_REMOVAL * self._epochs]
        density = DENSITY + CHURN if task.number > 0 else DENSITY
        if task.number > 0:
            self._grow(density)
        self._choose_gradients(self._weighted_gradients(task))
        for epoch in self._order.epochs(self.network):
            if epoch in self._updates():
                gradients = self._weighted_gradients(task)
                self._shrink(gradients, DENSITY if density > DENSITY else DENSITY - CHURN)
                density = DENSITY
                self._grow(density)
                self._choose_gradients(gradients)
            if epoch in removals:
                num_removed = math.floor(REMOVED_SHARE * len(task.x) / len(removals))
                left = left[np.argsort(num_wrong[left], kind="stable")[num_removed:]]
            for chosen in self._order.epoch(len(left)):
                samples = left[chosen]
                logits = self._base.observe(task.x[samples], task.labels[samples])
                num_wrong[samples] += logits.argmax(axis=1) != task.labels[samples]
        self._shrink(self._weighted_gradients(task), DENSITY)  # where there was no update

    def scores(self, x: np.ndarray) -> np.ndarray:
        return self._base.scores(x)

    def _updates(self) -> range:
        """Epochs before which masks change."""
        period = max(1, round(UPDATE_SHARE * self._epochs))
        return range(period, math.floor(LAST_UPDATE * self._epochs) + 1, period)

    def _weighted_gradients(self, task: SplitTask) -> list[np.ndarray]:
        """ALPHA and BETA of the magnitudes of the gradients, of each variable."""
        x, labels = task.x[:NUM_RANKED_SAMPLES], task.labels[:NUM_RANKED_SAMPLES]
        found = [ALPHA * np.abs(one) for one in self._gradients(as_float(x), labels, *bounds(task.classes))]
        if len(self._base.buffer):
            x, labels, *_ = self._base.buffer.draw(self._base.buffer.capacity)
            of_buffer = self._gradients(as_float(x), labels, *bounds(range(self._num_classes)))
            found = [one + BETA * np.abs(other) for one, other in zip(found, of_buffer, strict=True)]
        return found

    def _differentiate(self, x: tf.Tensor, labels: tf.Tensor, first: tf.Tensor, stop: tf.Tensor) -> list[tf.Tensor]:
        with tf.GradientTape() as tape:
            loss = cross_entropy(labels - first, self.network.forward(x, False)[:, first:stop])
        return tape.gradient(loss, self.network.variables)

    def _shrink(self, gradients: list[np.ndarray], density: float) -> None:
        for i in self._kernels:
            importance = np.abs(self.network.variables[i].numpy()) + gradients[i]
            self.masks[i] = greatest(np.where(self.masks[i], importance, -1), density)
        self._hide()

    def _grow(self, density: float) -> None:
        """At random, of what is not there."""
        for i in self._kernels:
            chance = self._rng.random(self.masks[i].shape)
            self.masks[i] = greatest(np.where(self.masks[i], 2, chance), density)

    def _choose_gradients(self, gradients: list[np.ndarray]) -> None:
        for i in self._kernels:
            chosen = greatest(np.where(self.masks[i], gradients[i], -1), GRADIENT_DENSITY)
            self.gradient_masks[i].assign(chosen.astype(np.float32))

    def _hide(self) -> None:
        for i in self._kernels:
            variable = self.network.variables[i]
            variable.assign(variable * self.masks[i].astype(np.float32))


def bounds(classes: range) -> tuple[tf.Tensor, tf.Tensor]:
    """As tensors: a number would have TensorFlow trace anew for every task."""
    return tf.constant(classes.start, tf.int64), tf.constant(classes.stop, tf.int64)


def greatest(values: np.ndarray, share: float) -> np.ndarray:
    """Whether each value is among the greatest, ceil(share * size) of them; of equal ones the first."""
    chosen = np.zeros(values.size, bool)
    chosen[np.argsort(-values, axis=None, kind="stable")[: math.ceil(share * values.size)]] = True
    return chosen.reshape(values.shape)
