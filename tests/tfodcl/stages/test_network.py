"""Costs and shapes of adaptive stages, by hand for a small one."""

import dataclasses
import math

import numpy as np
import pytest

from tfodcl.errors import InputError
from tfodcl.stages.network import Network, Training, convolution, head, pool


def small_network() -> Network:
    """5x4x3 -> conv 3x3/2 to 8: 3x2x8 -> depthwise 3x3 -> pointwise to 6 -> mean -> 5 classes."""
    conv = convolution("layer_1", "conv", (5, 4, 3), 8, 3, 2)
    depthwise = convolution("layer_2", "depthwise", conv.output_shape, 8, 3, 1)
    pointwise = convolution("layer_3", "pointwise", depthwise.output_shape, 6, 1, 1)
    last = pool("layer_4", pointwise.output_shape)
    return Network((5, 4, 3), (conv, depthwise, pointwise, last, head(last.output_shape, 5)))


def test_shapes_follow_one_another():
    assert [layer.output_shape for layer in small_network().layers] == [
        (3, 2, 8),
        (3, 2, 8),
        (3, 2, 6),
        (1, 1, 6),
        (1, 1, 5),
    ]


def test_every_array_has_a_name_and_a_shape():
    shapes = small_network().array_shapes
    assert {name: shape for name, shape in shapes.items() if name.endswith("kernel")} == {
        "layer_1/kernel": (3, 3, 3, 8),
        "layer_2/kernel": (3, 3, 8),
        "layer_3/kernel": (8, 6),
        "head/kernel": (6, 5),
    }
    norms = {name: shape for name, shape in shapes.items() if not name.endswith("kernel")}
    arrays = ("gamma", "beta", "moving_mean", "moving_variance")
    assert norms == {
        f"layer_{number}/{array}": (channels,) for number, channels in ((1, 8), (2, 8), (3, 6)) for array in arrays
    }
    assert set(shapes) - set(small_network().trained_names) == {name for name in shapes if "moving" in name}


def test_sizes_are_those_counted_by_hand():
    network = small_network()
    macs = [layer.macs for layer in network.layers]
    assert macs == [6 * 8 * 27, 6 * 8 * 9, 6 * 8 * 6, 0, 6 * 5]
    assert network.num_parameters == (27 * 8 + 16) + (9 * 8 + 16) + (8 * 6 + 12) + 6 * 5


def test_a_network_may_be_a_head_alone():
    network = Network((1, 1, 7), (head((1, 1, 7), 3),))
    assert (network.latent_dim, network.num_features, network.num_classes, network.num_parameters) == (7, 7, 3, 21)


def test_layers_that_do_not_meet_are_refused():
    network = small_network()
    with pytest.raises(InputError, match=r"layer_2 must take what comes before it, \(5, 4, 3\). Received: .*3, 2, 8"):
        dataclasses.replace(network, layers=network.layers[1:])
    for layers in ((), network.layers[:-1], (*network.layers, network.layers[-1])):
        with pytest.raises(InputError, match="must end with its only head"):
            dataclasses.replace(network, layers=layers)


def test_weights_that_are_not_the_networks_are_named():
    network = small_network()
    weights = {name: np.zeros(shape, np.float32) for name, shape in network.array_shapes.items()}
    network.check_weights(weights)
    missing = {name: array for name, array in weights.items() if name != "layer_2/beta"}
    with pytest.raises(InputError, match="without layer_2/beta; besides, layer_9/beta"):
        network.check_weights({**missing, "layer_9/beta": np.zeros(8, np.float32)})
    with pytest.raises(InputError, match=r"layer_2/beta must be float32 of shape \(8,\). Received: shape=\(9,\)"):
        network.check_weights({**weights, "layer_2/beta": np.zeros(9, np.float32)})
    with pytest.raises(InputError, match="dtype=float64"):
        network.check_weights({**weights, "layer_2/beta": np.zeros(8)})


@pytest.mark.parametrize(
    "bad",
    [
        {"learning_rate": 0.0},
        {"learning_rate": math.inf},
        {"momentum": 1.0},
        {"weight_decay": -1e-9},
        {"r_max": 0.99},
        {"d_max": -0.1},
        {"norm_momentum": 1.01},
    ],
)
def test_training_out_of_range_is_named(bad):
    ((field, value),) = bad.items()
    with pytest.raises(InputError, match=rf"{field} must be .* Received: {field}={value}\."):
        Training(**bad)
