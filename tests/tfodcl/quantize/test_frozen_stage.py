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


@pytest.mark.parametrize(
    ("split", "bound"),
    # A depthwise layer, a pointwise one, the mean over all positions. 27 untrained layers amplify roundings so that
    # those of LiteRT and of the quantize-aware twin part by 0.37: still, latents must follow their samples.
    [(3, 0.1), (4, 0.1), (27, 0.5)],
)
def test_int8_latents_of_a_split_are_those_of_its_layers(split, bound):
    keras.utils.set_random_seed(1)
    model, layers = build_mobilenet(SHAPE, WIDTH), mobilenet_layers(SHAPE, WIDTH)
    x = np.random.default_rng(0).random((64, *SHAPE), np.float32)
    for _ in range(200):
        model(x, training=True)  # statistics of the data, or the deep layers would fade away
    frozen = frozen_stage(model, layers, split)

    twin = qat.quantize(frozen, x)
    content = tflite.convert(twin, x)
    encoder = TfliteEncoder(content)
    latents = encoder.encode(x)

    assert encoder.latent_dim == layers[split].num_outputs
    assert encoder.latent_zero_point == latents.min() == -128  # ReLU: no level is spent below zero
    real = (latents.astype(np.float32) - encoder.latent_zero_point) * encoder.latent_scale
    assert distance(real, twin(x, training=False).numpy()) < bound
    if split < 27:
        assert distance(real, frozen(x).numpy()) < 2 * bound
    assert plan.make(content).arena_bytes > 0


def distance(values: np.ndarray, expected: np.ndarray) -> float:
    """|values - expected|, as a share of how much the samples differ: a constant would be near some of them, too."""
    return float(np.linalg.norm(values - expected) / np.linalg.norm(expected - expected.mean(axis=0)))
