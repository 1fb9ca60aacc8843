"""A whitened encoder gives an affine function of its features, white on the samples it was set by."""

import numpy as np
import tf_keras as keras

from tfodcl.backbones import build
from tfodcl.meta.whitening import SHRINKAGE, whiten, zca


def test_zca_makes_directions_of_great_variance_equal_and_small_ones_not_large():
    rng = np.random.default_rng(0)
    features = rng.normal(size=(5000, 4)) * [10.0, 3.0, 1.0, 0.01] @ np.linalg.qr(rng.normal(size=(4, 4)))[0] + 7

    kernel, bias = zca(features)
    white = features @ kernel + bias

    variances = np.linalg.eigvalsh(np.cov(features.T))
    expected = variances / (variances + SHRINKAGE * variances.mean())
    np.testing.assert_allclose(np.linalg.eigvalsh(np.cov(white.T)), np.sort(expected), rtol=1e-9)
    np.testing.assert_allclose(white.mean(axis=0), 0, atol=1e-9)
    np.testing.assert_allclose(kernel, kernel.T, rtol=1e-9)
    assert expected.max() > 0.95 and expected.min() < 1e-4


def test_whitening_is_a_layer_of_the_encoder_shared_by_all_positions():
    encoder = build("dscnn_tiny", (49, 10, 1), True)
    x = np.random.default_rng(1).normal(size=(300, 49, 10, 1)).astype(np.float32)

    white = whiten(encoder, x)

    features = encoder(x).numpy().reshape(300, 5, 64)
    kernel, bias = zca(features.reshape(-1, 64).astype(np.float64))
    np.testing.assert_allclose(white(x).numpy().reshape(300, 5, 64), features @ kernel + bias, atol=1e-3)
    assert white.output_shape == encoder.output_shape
    assert [layer.name for layer in white.layers][-2:] == ["whiten", "flat"]
    assert isinstance(white.layers[-2], keras.layers.Conv2D)
