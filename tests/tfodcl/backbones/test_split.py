"""A network can be cut at any of its layers, and its two stages together are what it was."""

import numpy as np
import pytest
import tf_keras as keras

from tfodcl.backbones.mobilenet import build_mobilenet, mobilenet_layers
from tfodcl.backbones.split import adaptive_stage, frozen_stage, initial_weights
from tfodcl.errors import InputError
from tfodcl.stages.keras import KerasStage
from tfodcl.stages.network import Training

SMALL = (8, 8, 3)


def mobilenet() -> keras.Model:
    """Random weights, and norms that are not those of a new network."""
    keras.utils.set_random_seed(1)
    model, rng = build_mobilenet(SMALL, 0.125), np.random.default_rng(1)
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            size = layer.gamma.shape[0]
            drawn = [rng.normal(center, 0.1, size) for center in (1, 0.1, 0)]  # gamma, beta, mean
            layer.set_weights([*drawn, rng.uniform(0.5, 1.5, size)])
    return model


@pytest.mark.parametrize("split", [0, 11, 22, 23, 26, 27])
def test_a_frozen_and_an_adaptive_stage_are_the_network_they_were_cut_from(split):
    model, layers = mobilenet(), mobilenet_layers(SMALL, 0.125)
    network = adaptive_stage(layers, split, num_classes=4)
    weights = initial_weights(model, network)
    assert not weights["head/kernel"].any()
    rng = np.random.default_rng(2)
    weights["head/kernel"] = rng.normal(size=(network.num_features, 4)).astype(np.float32)
    x = rng.random((3, *SMALL), np.float32)
    stage = KerasStage(network, weights, Training())
    stage.set_head(weights["head/kernel"].T, np.full(4, True))

    frozen = frozen_stage(model, layers, split)
    logits = stage.logits(frozen(x).numpy())

    assert frozen.output_shape == (None, network.latent_dim)
    features = model(x).numpy().astype(np.float64)
    np.testing.assert_allclose(logits, features @ weights["head/kernel"], rtol=1e-3, atol=1e-4)
    assert np.ptp(logits) > 0.1


@pytest.mark.parametrize("split", [-1, 28])
def test_a_layer_that_is_not_there_is_refused(split):
    layers = mobilenet_layers(SMALL, 0.125)
    rule = rf"the latent-replay layer must be in 0..27. Received: split={split}."
    with pytest.raises(InputError, match=rule):
        adaptive_stage(layers, split, num_classes=4)
    with pytest.raises(InputError, match=rule):
        frozen_stage(keras.Model(), layers, split)
