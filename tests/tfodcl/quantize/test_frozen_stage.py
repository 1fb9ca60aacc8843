"""The layers before a latent-replay layer become an int8 encoder like any other, which boards can run."""

import numpy as np
import pytest
import tf_keras as keras

from tfodcl import plan
from tfodcl.backbones.mobilenet import build_mobilenet, mobilenet_layers
from tfodcl.backbones.split import frozen_stage
from tfodcl.quantize import qat, tflite
from tfodcl.stages.tflite import TfliteEncoder

SHAPE, WIDTH = (8, 8, 3), 0.125


@pytest.mark.parametrize("split", [3, 4, 27])  # a depthwise layer, a pointwise one, the mean over all positions
def test_int8_latents_of_a_split_are_those_of_the_float_layers(split):
    keras.utils.set_random_seed(1)
    model, layers = build_mobilenet(SHAPE, WIDTH), mobilenet_layers(SHAPE, WIDTH)
    x = np.random.default_rng(0).random((64, *SHAPE), np.float32)
    for _ in range(20):
        model(x, training=True)  # statistics of the data, or the deep layers would fade away
    frozen = frozen_stage(model, layers, split)

    content = tflite.convert(qat.quantize(frozen, x), x)
    encoder = TfliteEncoder(content)
    latents = encoder.encode(x)

    assert encoder.latent_dim == layers[split].num_outputs
    assert encoder.latent_zero_point == latents.min() == -128  # ReLU: no level is spent below zero
    real = (latents.astype(np.float32) - encoder.latent_zero_point) * encoder.latent_scale
    expected = frozen(x).numpy()
    assert np.linalg.norm(real - expected) < 0.2 * np.linalg.norm(expected)
    assert plan.make(content).arena_bytes > 0
