"""Counts against a published one, and against every product written out."""

import itertools

import pytest

from tfodcl.backbones.mobilenet import mobilenet_layers
from tfodcl.cost.macs import Macs, add, step_macs
from tfodcl.stages.network import Layer, Network, convolution, head, pool

BATCH = 3


def count_products(layer: Layer) -> int:
    """Those of one sample's output, one by one."""
    (height, width, channels), (out_height, out_width, outputs) = layer.input_shape, layer.output_shape
    if layer.kind == "pool":
        return 0
    if layer.kind == "head":
        return len(list(itertools.product(range(height), range(width), range(channels), range(outputs))))
    between = range(1) if layer.kind == "depthwise" else range(channels)
    window = (range(layer.size), range(layer.size))
    return len(list(itertools.product(range(out_height), range(out_width), range(outputs), between, *window)))


@pytest.fixture
def network() -> Network:
    layers = [convolution("first", "conv", (5, 4, 2), 3, 3, 2)]
    layers.append(convolution("second", "depthwise", layers[-1].output_shape, 3, 3, 1))
    layers.append(convolution("third", "pointwise", layers[-1].output_shape, 7, 1, 1))
    layers.append(pool("mean", layers[-1].output_shape))
    return Network((5, 4, 2), (*layers, head(layers[-1].output_shape, 6)))


def test_each_layer_has_the_products_of_its_output_for_every_sample_and_direction(network):
    found = step_macs(network, BATCH)
    assert list(found) == ["first", "second", "third", "mean", "head"]
    for layer in network.layers:
        products = BATCH * count_products(layer)
        assert found[layer.name] == (products, 0 if layer.name == "first" else products, products)


def test_a_head_alone_has_no_error_to_hand_on():
    network = Network((1, 1, 7), (head((1, 1, 7), 3),))
    assert step_macs(network, 1) == {"head": (21, 0, 21)}


def test_mobilenet_has_the_569_million_multiply_accumulates_of_its_paper():
    """Howard et al. 2017, table 4: 224x224 inputs, 1,000 classes."""
    layers = mobilenet_layers((224, 224, 3), last_map=7)
    network = Network((224, 224, 3), (*layers, head(layers[-1].output_shape, 1000)))
    assert round(add(step_macs(network, 1).values()).forward / 1e6) == 569


def test_sums_are_by_direction():
    assert add([Macs(1, 2, 3), Macs(10, 20, 30)]) == (11, 22, 33)
    assert Macs(1, 2, 3).backward == 5 and Macs(1, 2, 3).total == 6
