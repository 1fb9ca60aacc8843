"""The encoders that boards run, by their plans: the same bits as elsewhere, in less memory."""

import numpy as np

from tfodcl import plan
from tfodcl.backbones import count_macs
from tfodcl.plan import graph


def draw_samples(tflite: bytes, num_samples: int) -> np.ndarray:
    """Noise around a few levels, so that masks open and close."""
    shape = graph.read(tflite).input.shape
    rng = np.random.default_rng(0)
    levels = rng.uniform(-100, 100, (num_samples, 1, 1, 1))
    return np.clip(levels + 60 * rng.normal(size=(num_samples, *shape)), -128, 127).astype(np.int8)


def test_latents_are_those_of_other_implementations(every_encoder, encode, oracle):
    samples = draw_samples(every_encoder.tflite, 16)
    expected = oracle(every_encoder.tflite, samples)
    assert len(np.unique(expected)) > 16
    found = encode(every_encoder.tflite, samples)
    if every_encoder.name == "residual_pooled" and oracle.__name__ == "_run_reference":
        # TensorFlow's own kernels and TensorFlow Lite Micro's, which boards follow bit by bit, differ on this network
        # in 2 of 1,792 latent values by 1: TensorFlow's MEAN over 64 positions is up to 0.53 from the exact mean.
        assert np.abs(found.astype(int) - expected).max() <= 1
        assert np.mean(found != expected) < 0.005
        return
    np.testing.assert_array_equal(found, expected)


def test_the_plan_counts_the_encoder_s_products(every_encoder):
    planned = plan.make(every_encoder.tflite)
    assert sum(cost.macs for cost in planned.costs) == count_macs(every_encoder.model)


# Of tensors and scratch. TensorFlow Lite Micro takes 32,948 for a network of anml_tiny's shapes, its own included.
ARENA_BYTES = {"anml_tiny": 22_736, "dscnn_tiny": 16_640, "residual": 66_880, "residual_pooled": 98_976}


def test_the_arena_is_as_small_as_it_was(every_encoder):
    assert plan.make(every_encoder.tflite).arena_bytes <= ARENA_BYTES[every_encoder.name]
