"""A whitened encoder gives an affine function of its features, white on the samples it was set by."""

import numpy as np
import tf_keras as keras

from tfodcl.backbones import build
from tfodcl.meta.whitening import whiten, zca
from tfodcl.presets import Whitening

SHRINKAGE = 0.1


def test_zca_makes_directions_of_great_variance_equal_and_small_ones_not_large():
    rng = np.random.default_rng(0)
    features = rng.normal(size=(5000, 4)) * [10.0, 3.0, 1.0, 0.01] @ np.linalg.qr(rng.normal(size=(4, 4)))[0] + 7

    kernel, bias = zca(features, SHRINKAGE)
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

    white = whiten(encoder, x, Whitening(SHRINKAGE))

    features = encoder(x).numpy().reshape(300, 5, 64)
    kernel, bias = zca(features.reshape(-1, 64).astype(np.float64), SHRINKAGE)
    np.testing.assert_allclose(white(x).numpy().reshape(300, 5, 64), features @ kernel + bias, atol=1e-3)
    assert white.output_shape == encoder.output_shape
    assert [layer.name for layer in white.layers][-2:] == ["whiten_0", "flat"]
    assert isinstance(white.layers[-2], keras.layers.Conv2D)


def test_inner_layers_are_whitened_together_with_the_latent_in_its_principal_directions():
    rng = np.random.default_rng(2)
    encoder = build("residual_tiny", (28, 28, 1), False)
    x = rng.normal(size=(300, 28, 28, 1)).astype(np.float32)
    inner = keras.Model(encoder.input, encoder.get_layer("block_2_relu").output)

    white = whiten(encoder, x, Whitening(SHRINKAGE, ("block_2_relu",), dim=20))

    parts = [inner(x).numpy().mean(axis=(1, 2)).astype(np.float64), encoder(x).numpy().astype(np.float64)]
    features = np.concatenate([part / np.sqrt(part.var(axis=0).mean()) for part in parts], axis=1)
    variances = np.sort(np.linalg.eigvalsh(np.cov(features.T)))
    z = white(x).numpy()
    assert z.shape == (300, 20)
    np.testing.assert_allclose(z.mean(axis=0), 0, atol=1e-3)
    covariance = np.cov(z.astype(np.float64).T)
    np.testing.assert_allclose(
        covariance, np.diag(variances[-20:] / (variances[-20:] + SHRINKAGE * variances.mean())), atol=1e-3
    )
    # Each is one direction of the features: least squares finds it without rest.
    centred = features - features.mean(axis=0)
    rest = z - centred @ np.linalg.lstsq(centred, z, rcond=None)[0]
    assert np.abs(rest).max() < 1e-3
