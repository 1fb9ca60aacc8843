"""Encoders are made as their recipes say."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from tfodcl.data import load
from tfodcl.meta.recipes import OPTIMIZERS, Trainer
from tfodcl.presets import Preset

SMALL = Preset(
    "residual_tiny",
    pretrain_steps=2,
    meta_steps=0,
    num_classes=5,
    samples_per_class=5,
    eval_every=5,
    pretrain_batch=4,
    pretrain_lr=0.1,
    pretrain_optimizer="sgd",
    augment=True,
    precision="bfloat16",
)


def test_sgd_takes_nesterovs_step_and_shrinks_weights_by_the_rate_times_the_decay():
    weight, momentum = np.array([1.0, -2.0]), np.zeros(2)
    variable = tf.Variable(weight.astype(np.float32))
    optimizer = OPTIMIZERS["sgd"](0.1)
    for gradient in ([0.5, 0.25], [-1.0, 0.0], [0.0, 2.0]):
        optimizer.apply_gradients([(tf.constant(gradient, tf.float32), variable)])
        weight = weight - 0.1 * 5e-3 * weight
        momentum = 0.9 * momentum - 0.1 * np.array(gradient)
        weight = weight + 0.9 * momentum - 0.1 * np.array(gradient)
        np.testing.assert_allclose(variable.numpy(), weight, rtol=1e-6)


@pytest.mark.slow
def test_a_bfloat16_training_without_episodes_ends_with_a_float32_encoder_that_is_the_supervised_one(tmp_path):
    trainer = Trainer(load("glyphs", seed=0), SMALL, True, 0, tmp_path)

    supervised, meta_trained = trainer.train("pretrained"), trainer.train("anml")

    x = np.random.default_rng(0).random((2, 28, 28, 1), np.float32)
    latents = meta_trained.encoder(x)
    assert latents.dtype == tf.float32
    np.testing.assert_array_equal(latents, supervised.encoder(x))
    other = Trainer(load("glyphs", seed=0), dataclasses.replace(SMALL, precision="float32"), True, 0, tmp_path / "32")
    difference = np.linalg.norm(other.train("anml").encoder(x) - latents) / np.linalg.norm(latents)
    assert 0 < difference < 0.2  # the same samples and steps, rounded otherwise
