"""MobileNet-V1 has the published sizes and numbers."""

import pytest

from tfodcl.backbones import count_macs
from tfodcl.backbones.mobilenet import build_mobilenet, mobilenet_layers
from tfodcl.backbones.split import adaptive_stage
from tfodcl.errors import InputError

SMALL = (8, 8, 3)


def latents(layers, numbers) -> list[int]:
    return [layers[number].num_outputs for number in numbers]


def test_latents_of_the_paper_at_128x128():
    """QLR-CL's memory for replays rests on these numbers of elements."""
    layers = mobilenet_layers((128, 128, 3))
    assert len(layers) == 28
    assert latents(layers, range(19, 23)) == [32_768] * 4
    assert layers[19].output_shape == (8, 8, 512)
    assert latents(layers, [23]) == [8_192]
    assert latents(layers, range(24, 27)) == [16_384] * 3
    assert latents(layers, [27]) == [1_024]


def test_the_whole_network_has_the_published_4_2_million_parameters_and_569_million_macs():
    """At 224x224 with 1,000 classes; Howard et al. 2017, table 8. Their 1,000 biases of the head are not here."""
    layers = mobilenet_layers((224, 224, 3))
    first = layers[0]
    behind = adaptive_stage(layers, 0, num_classes=1000)
    parameters = behind.num_parameters + 3 * 3 * 3 * 32 + 2 * 32
    assert parameters == 4_231_976 - 1000  # the published network's trained values
    assert sum(layer.macs for layer in behind.layers) + first.macs == pytest.approx(569e6, rel=0.001)


@pytest.mark.parametrize(("width", "millions"), [(0.75, 325), (0.5, 149), (0.25, 41)])
def test_thinner_networks_have_the_published_macs(width, millions):
    """Howard et al. 2017, table 6."""
    layers = mobilenet_layers((224, 224, 3), width)
    behind = adaptive_stage(layers, 0, num_classes=1000)
    macs = layers[0].macs + sum(layer.macs for layer in behind.layers)
    assert macs == pytest.approx(millions * 1e6, rel=0.02)


@pytest.mark.parametrize(
    ("shape", "last_map", "sizes", "last"),
    [
        ((32, 32, 3), 2, [32, 16, 8, 4, 2], 2),
        ((32, 32, 3), 4, [32, 32, 16, 8, 4], 4),
        ((28, 28, 1), 2, [28, 14, 7, 4, 2], 2),
        ((8, 8, 3), 2, [8, 8, 8, 4, 2], 2),
        ((8, 8, 3), 8, [8, 8, 8, 8, 8], 8),
        ((128, 128, 3), 4, [64, 32, 16, 8, 4], 4),
        ((20, 9, 1), 2, [20, 20, 10, 5, 3], 2),
    ],
)
def test_small_inputs_keep_their_resolution_longer(shape, last_map, sizes, last):
    layers = mobilenet_layers(shape, last_map=last_map)
    assert [layers[number].output_shape[0] for number in (0, 3, 7, 11, 23)] == sizes
    assert min(layers[26].output_shape[:2]) == last >= last_map


def test_the_keras_model_has_the_shapes_and_macs_of_its_layers():
    layers, model = mobilenet_layers(SMALL, 0.125), build_mobilenet(SMALL, 0.125)
    for layer in layers[:-1]:
        assert model.get_layer(f"{layer.name}_relu").output_shape == (None, *layer.output_shape)
    assert model.output_shape == (None, layers[27].num_outputs)
    assert count_macs(model) == sum(layer.macs for layer in layers)


@pytest.mark.parametrize(
    ("arguments", "rule"),
    [
        ((SMALL, 0.0), "width must be above 0. Received: width=0.0"),
        ((SMALL, 1.0, 9), "last_map must be in 1..8, the input's size. Received: last_map=9"),
        ((SMALL, 1.0, 0), "Received: last_map=0"),
    ],
)
def test_bad_sizes_are_named(arguments, rule):
    with pytest.raises(InputError, match=rule):
        mobilenet_layers(*arguments)
