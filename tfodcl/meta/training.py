"""The two ways an encoder is trained: plain supervised, and by episodes (OML, ANML; Javed & White 2019,
Beaulieu et al. 2020; LifeLearner section 3). Whether it is OML or ANML, with or without AIM, is the choice of the
encoder (modulated or not) and of the adaptive stage, not of the loop.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import numpy as np
import tensorflow as tf
import tf_keras as keras

from tfodcl.data import Dataset, as_float
from tfodcl.meta.augment import Augmentation
from tfodcl.meta.loop import run_steps
from tfodcl.streams import index_meta_train, sample_episode


class AdaptiveStage(Protocol):
    """What is trained after the latent; see LinearStage and AimStage."""

    kernel: tf.Variable  # of the classifier, (its inputs, num_classes)
    variables: tuple[tf.Variable, ...]
    trainable_variables: tuple[tf.Variable, ...]

    def __call__(self, z: tf.Tensor) -> tf.Tensor: ...

    def draw_class(self, rng: np.random.Generator) -> np.ndarray: ...

    def reset_class(self, label: tf.Tensor, column: tf.Tensor) -> None: ...

    def adapt(
        self, z: tf.Tensor, label: tf.Tensor, inner_lr: float, second_order: bool
    ) -> Callable[[tf.Tensor], tf.Tensor]: ...


def cross_entropy(labels: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    return tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits))


def share_correct(labels: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    return tf.reduce_mean(tf.cast(tf.argmax(logits, axis=1) == labels, tf.float32))


def pretrain(
    encoder: keras.Model,
    stage: AdaptiveStage,
    dataset: Dataset,
    num_steps: int,
    batch_size: int,
    optimizer: keras.optimizers.Optimizer,
    augment: Augmentation | None,
    seed: int,
    checkpoint: Path,
    logs: Path,
    description: str,
) -> float:
    """Supervised training on the meta-train classes: cross-entropy. Returns seconds."""
    index = index_meta_train(dataset)
    trained = [*encoder.trainable_variables, *stage.trainable_variables]
    optimizer.build(trained)

    @tf.function(autograph=False)
    def update(x: tf.Tensor, y: tf.Tensor) -> dict[str, tf.Tensor]:
        with tf.GradientTape() as tape:
            logits = stage(tf.cast(encoder(x, training=True), stage.kernel.dtype))
            loss = cross_entropy(y, logits)
        optimizer.apply_gradients(zip(tape.gradient(loss, trained), trained, strict=True))
        return {"loss": loss, "accuracy": share_correct(y, logits)}

    def step(number: int) -> dict[str, tf.Tensor]:
        rng = np.random.default_rng([seed, 1, number])
        batch = rng.integers(len(index.all), size=batch_size)
        x = as_float(dataset.x_train[index.all[batch]])
        return update(augment(x, rng) if augment else x, index.all_labels[batch])

    variables = [*encoder.variables, *stage.variables, *optimizer.variables]
    return run_steps(step, variables, num_steps, checkpoint, logs, description)


def meta_update(
    encoder: keras.Model,
    stage: AdaptiveStage,
    optimizer: keras.optimizers.Optimizer,
    num_inner: int,
    inner_lr: float,
    second_order: bool,
) -> Callable[[np.ndarray, tf.Tensor, tf.Tensor, np.ndarray], dict[str, tf.Tensor]]:
    """One meta step as `meta_train` takes it: (x, y, label, column) -> scalars.

    x (n, *input_shape) float32 and y (n,) int64 are the trajectory of `num_inner` samples of class `label` and then
    the random batch; column (dim,) replaces that of the class.
    """
    trained = [*encoder.trainable_variables, *stage.trainable_variables]
    optimizer.build(trained)

    @tf.function(autograph=False)
    def update(x: tf.Tensor, y: tf.Tensor, label: tf.Tensor, column: tf.Tensor) -> dict[str, tf.Tensor]:
        stage.reset_class(label, column)
        with tf.GradientTape() as tape:
            z = tf.cast(encoder(x, training=True), stage.kernel.dtype)
            logits = stage.adapt(z[:num_inner], label, inner_lr, second_order)(z)
            loss = cross_entropy(y, logits)
        optimizer.apply_gradients(zip(tape.gradient(loss, trained), trained, strict=True))
        return {"meta_loss": loss, "accuracy": share_correct(y, logits)}

    return update


def meta_train(
    encoder: keras.Model,
    stage: AdaptiveStage,
    dataset: Dataset,
    num_steps: int,
    num_inner: int,
    num_random: int,
    inner_lr: float,
    outer_lr: float,
    second_order: bool,
    seed: int,
    checkpoint: Path,
    logs: Path,
    description: str,
) -> float:
    """Episodes: learn one class in `num_inner` inner steps, then be good at it and at a random batch of all.

    The class's column of the stage is drawn anew before. The meta-loss is the mean cross-entropy of the
    fast weights over the trajectory and the random batch; Adam with `outer_lr` on all slow weights.
    Returns seconds.
    """
    index = index_meta_train(dataset)
    optimizer = keras.optimizers.Adam(outer_lr)
    update = meta_update(encoder, stage, optimizer, num_inner, inner_lr, second_order)

    def step(number: int) -> dict[str, tf.Tensor]:
        episode = sample_episode(index, number, seed, num_inner, num_random)
        x = as_float(dataset.x_train[np.concatenate([episode.trajectory, episode.random])])
        y = np.concatenate([np.full(num_inner, episode.label), episode.random_labels])
        column = stage.draw_class(np.random.default_rng([seed, 2, number]))
        return update(x, tf.constant(y, tf.int64), tf.constant(episode.label), column)

    variables = [*encoder.variables, *stage.variables, *optimizer.variables]
    return run_steps(step, variables, num_steps, checkpoint, logs, description)
