"""LightCL (arXiv 2407.10545): what generalises is frozen, and the important feature maps of the rest are held.

  loss = cross-entropy over the new task's classes + strength * (pattern distance + logit distance)

Before a task (but the first) the network's feature maps and logits of the task's first `buffer_size` samples are kept:
references. After a task the channels of each convolution of the last stage whose maps have the greatest l1 norm on the
task's samples become important, IMPORTANT_SHARE of them, and stay so. The pattern distance sums the squared
differences of references' maps in important channels, the logit distance those of earlier classes' logits.

The frozen stage runs once for a sample and its mirror image, and what it gives is cached, in int8 where it is int8, as
far as `cache_bytes` go. So a random mirror image is one of the two, and a random shift moves the latent's map, by as
many positions as MOST_SHIFT pixels are there. Drawings (one channel) are not mirrored, as in meta/augment.py. The
frozen stage's batch norms do not move (in the published code they do).

References are computed with moving moments, as in a test: held is what a test will see.
"""

from typing import ClassVar

import numpy as np
import tensorflow as tf
import tf_keras as keras

from tfodcl.data.shift import shift_at_random
from tfodcl.stages.classifier import FrozenStage
from tfodcl.stages.keras_network import KerasNetwork, cross_entropy, in_chunks
from tfodcl.streams import SplitTask
from tfodcl.task_methods.distillation import pattern_distance
from tfodcl.task_methods.learning import MiniBatches, Networks, TaskLearning, num_bytes
from tfodcl.task_methods.naive import Naive

IMPORTANT_SHARE = 0.15
NUM_RANKED_SAMPLES = 256  # of a task, by whose maps channels are ranked
MOST_SHIFT = 4  # pixels, as samples are shifted that whole networks learn from


class LightCl:
    """See the module. Pretrained networks are frozen at once; others learn the first task as a whole, and are
    frozen then.

    Without strength no references are kept.

    Raises:
      InputError: as networks.cut.
    """

    STRENGTHS: ClassVar[tuple[float, ...]] = (2e-4, 2e-5, 2e-6)  # the paper's beta first; 2e-3 diverges

    def __init__(self, networks: Networks, learning: TaskLearning, seed: int) -> None:
        self._networks, self._learning, self._seed = networks, learning, seed
        self._strength = learning.strength_of(type(self))
        self._batches = MiniBatches(learning, seed)
        self._rng = np.random.default_rng([seed, 13])
        self._cut(networks.whole())

    def _cut(self, whole: keras.Model) -> None:
        self.frozen, self._model = self._networks.cut(whole)
        self.map_shape = self._model.input_shape[1:]
        self.network = KerasNetwork(
            lambda z, training: self._model(z, training=training)[0],
            self._model.trainable_variables,
            self._learning.learning_rate,
        )
        self.important = [tf.Variable(tf.zeros(maps.shape[-1])) for maps in self._model.outputs[1:]]
        self._first = tf.Variable(0)  # of the new task's classes; those before it are earlier ones
        self._stop = tf.Variable(0)
        self._plain_step = self.network.minimizer(self._cross_entropy)
        self._step = self.network.minimizer(self._loss)

    @property
    def state_bytes(self) -> int:
        """Of what is trained, and the important channels."""
        return num_bytes([*self._model.weights, *self.important])

    @property
    def buffer_bytes(self) -> int:
        """References live while a task is learnt, and nothing of a task is kept."""
        return 0

    def learn(self, task: SplitTask) -> None:
        if task.number == 0 and not self._networks.pretrained:
            first = Naive(self._networks, self._learning, self._seed)
            first.learn(task)
            self._cut(first.model)
        else:
            self._learn_behind_frozen(task)
        self._rank(task)

    def _learn_behind_frozen(self, task: SplitTask) -> None:
        self._first.assign(task.classes.start)
        self._stop.assign(task.classes.stop)
        latents = Latents(self.frozen, task.x, self._learning.cache_bytes)
        references = self._references(task) if self._strength and task.number > 0 else []
        for chosen in self._batches.all(len(task.x), self.network):
            z = self._changed(latents, chosen) if self._learning.augment else self._maps(latents.plain(chosen))
            if references:
                self._step(z, task.labels[chosen], *references)
            else:
                self._plain_step(z, task.labels[chosen])

    def scores(self, x: np.ndarray) -> np.ndarray:
        return in_chunks(lambda chunk: self.network.scores(self._maps(self.frozen.encode(chunk))))(x)

    def _maps(self, latents: np.ndarray) -> np.ndarray:
        return self.frozen.dequantize(latents).reshape(-1, *self.map_shape)

    def _changed(self, latents: "Latents", chosen: np.ndarray) -> np.ndarray:
        """Latents of `chosen`, of photographs as random mirror images, shifted at random."""
        as_mirror = latents.of_photographs & (self._rng.random(len(chosen)) < 0.5)
        z = self._maps(latents.mirrored(chosen, as_mirror))
        return shift_at_random(z, round(MOST_SHIFT * z.shape[1] / latents.input_height), self._rng)

    def _references(self, task: SplitTask) -> list[tf.Tensor]:
        """Maps of the task's first samples, and the network's logits and feature maps of them."""
        z = tf.constant(self._maps(self.frozen.encode(task.x[: self._learning.buffer_size])))
        return [z, *self._model(z, training=False)]

    def _rank(self, task: SplitTask) -> None:
        z = self._maps(self.frozen.encode(task.x[:NUM_RANKED_SAMPLES]))
        for important, maps in zip(self.important, self._model(z, training=False)[1:], strict=True):
            norms = tf.reduce_sum(tf.abs(maps), axis=(0, 1, 2)).numpy()
            num_important = max(1, round(IMPORTANT_SHARE * len(norms)))
            added = np.zeros(len(norms), np.float32)
            added[np.argsort(-norms, kind="stable")[:num_important]] = 1
            important.assign(np.maximum(important.numpy(), added))

    def _cross_entropy(self, z: tf.Tensor, labels: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        logits = self.network.forward(z, True)[:, self._first : self._stop]
        return cross_entropy(labels - tf.cast(self._first, labels.dtype), logits), logits

    def _loss(
        self, z: tf.Tensor, labels: tf.Tensor, held_z: tf.Tensor, held_logits: tf.Tensor, *held: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        logits, *maps = self._model(held_z, training=False)
        earlier = tf.cast(tf.range(logits.shape[1]) < self._first, logits.dtype)
        distance = pattern_distance([logits, *maps], [held_logits, *held], [earlier, *self.important])
        loss, new_logits = self._cross_entropy(z, labels)
        return loss + self._strength * distance, new_logits


class Latents:
    """Of a task's samples and their mirror images: computed once, as far as they fit, else when they are asked for.

    Args:
      frozen: x -> latents.
      x: (n, h, w, c).
      cache_bytes: for both latents of as many samples as fit.
    """

    def __init__(self, frozen: FrozenStage, x: np.ndarray, cache_bytes: int) -> None:
        self._frozen, self._x = frozen, x
        self.input_height, self.of_photographs = x.shape[1], x.shape[3] == 3
        first = frozen.encode(x[:1])
        self._latent_dim, self._dtype = first.shape[1], first.dtype
        self.num_cached = min(len(x), cache_bytes // (2 * first.nbytes))
        cached = x[: self.num_cached]
        self._cached = (frozen.encode(cached), frozen.encode(cached[:, :, ::-1]))

    def plain(self, chosen: np.ndarray) -> np.ndarray:
        return self.mirrored(chosen, np.zeros(len(chosen), bool))

    def mirrored(self, chosen: np.ndarray, as_mirror: np.ndarray) -> np.ndarray:
        """(k, latent_dim) of samples `chosen`, of those mirrored where `as_mirror` (k,) says so."""
        known = chosen < self.num_cached
        latents = np.empty((len(chosen), self._latent_dim), self._dtype)
        for cached, of_this in zip(self._cached, (~as_mirror & known, as_mirror & known), strict=True):
            latents[of_this] = cached[chosen[of_this]]
        if not known.all():
            x, mirror = self._x[chosen[~known]], as_mirror[~known, None, None, None]
            latents[~known] = self._frozen.encode(np.where(mirror, x[:, :, ::-1], x))
        return latents
