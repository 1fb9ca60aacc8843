"""The section *network*: round trips, the worked example of micro/SPEC.md 2.8, and everything that no writer writes."""

import dataclasses
import math
import re
import struct
from pathlib import Path

import numpy as np
import pytest

from tfodcl import package
from tfodcl.errors import InputError
from tfodcl.stages import network_section
from tfodcl.stages.network import Layer, Network, Training, convolution, head, pool

ROOT = Path(__file__).parents[3]
GOLDEN = ROOT / "tests" / "golden" / "package_with_network_v1.bin"
RATE = 0.25
HEADER_BYTES, LAYER_BYTES = 32, 16


def small_network() -> Network:
    """A layer of every kind: 5x4x3 -> 3x2x8 -> 3x2x8 -> 3x2x6 -> mean -> 5 classes."""
    conv = convolution("layer_1", "conv", (5, 4, 3), 8, 3, 2)
    depthwise = convolution("layer_2", "depthwise", conv.output_shape, 8, 3, 1)
    pointwise = convolution("layer_3", "pointwise", depthwise.output_shape, 6, 1, 1)
    last = pool("layer_4", pointwise.output_shape)
    return Network((5, 4, 3), (conv, depthwise, pointwise, last, head(last.output_shape, 5)))


def weights_of(network: Network) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    return {
        name: rng.uniform(0, 1, shape).astype(np.float32) - (0 if name.endswith("variance") else 0.5)
        for name, shape in network.array_shapes.items()
    }


def small_section() -> bytes:
    return network_section.pack(small_network(), weights_of(small_network()), Training(RATE))


def assert_refused(section: bytes, rule: str = "Received") -> None:
    with pytest.raises(InputError, match=rule) as caught:
        network_section.unpack(section, RATE)
    assert "Received" in str(caught.value) and "\n" not in str(caught.value)


def with_field(fields: str, offset: int, value: float) -> bytes:
    """The section with one field replaced."""
    section = bytearray(small_section())
    struct.pack_into(f"<{fields}", section, offset, value)
    return bytes(section)


def test_a_stage_comes_back():
    network, weights = small_network(), weights_of(small_network())
    training = Training(RATE, momentum=0.5, weight_decay=0.125, r_max=1.5, d_max=0.75, norm_momentum=0.875)
    found = network_section.unpack(network_section.pack(network, weights, training, max_new=300), RATE)
    assert found.max_new == 300
    assert found.network == network
    assert found.training == training
    assert found.weights.keys() == weights.keys()
    for name, array in weights.items():
        np.testing.assert_array_equal(found.weights[name], array, strict=True)


def test_constants_are_the_float32_that_a_board_reads():
    training = network_section.unpack(small_section(), RATE).training
    assert training.momentum == float(np.float32(0.9))
    assert training.norm_momentum == float(np.float32(0.99))


def test_names_are_given_by_position():
    network = small_network()
    names = {layer.name: f"layer_{20 + number}" for number, layer in enumerate(network.layers[:-1])} | {"head": "head"}
    layers = tuple(dataclasses.replace(layer, name=names[layer.name]) for layer in network.layers)
    other = Network(network.latent_shape, layers)
    weights = {
        f"{names[name.split('/')[0]]}/{name.split('/')[1]}": array for name, array in weights_of(network).items()
    }
    assert network_section.pack(other, weights, Training(RATE)) == small_section()


def test_the_worked_example_is_that_of_the_code():
    network = Network((1, 1, 2), (head((1, 1, 2), 3),))
    kernel = np.array([[1, 2, 3], [4, 5, 6]], np.float32)
    section = network_section.pack(network, {"head/kernel": kernel}, Training(RATE, 0.5, 0.25, 1, 0, 1))
    chapter = (ROOT / "micro" / "SPEC.md").read_text(encoding="utf-8").split("### 2.8 Network")[1].split("### 2.9")[0]
    lines = re.findall(r"^([0-9a-f]{4})  ((?:[0-9a-f]{2} ?)+)$", chapter, re.MULTILINE)
    assert bytes.fromhex("".join(dump for _, dump in lines)) == section
    assert [int(offset, 16) for offset, _ in lines] == list(range(0, len(section), 16))


def test_the_golden_package_is_read_by_the_specification_alone():
    found = package.read(GOLDEN)
    section = found.network
    num_layers, height, width, zero, channels = struct.unpack_from("<HHHHI", section)
    assert (num_layers, height, width, zero, channels) == (5, 2, 2, 0, 11)
    stored = network_section.read(found)
    assert [layer.kind for layer in stored.network.layers] == ["depthwise", "pointwise", "conv", "pool", "head"]
    names = iter(stored.network.array_shapes)
    shapes = [(3, 3, 11), (11, 6), (3, 3, 6, 5), None, (5, 30)]
    for number, (shape, outputs) in enumerate(zip(shapes, (11, 6, 5, 5, 30), strict=True)):
        fields = struct.unpack_from("<BBBBIII", section, HEADER_BYTES + LAYER_BYTES * number)
        assert (fields[0], fields[4]) == ((2, 3, 1, 4, 5)[number], outputs)
        arrays = [] if shape is None else [shape] if number == 4 else [shape, *[(outputs,)] * 4]
        offset = fields[5]
        for one in arrays:
            values = np.frombuffer(section, "<f4", math.prod(one), offset).reshape(one)
            np.testing.assert_array_equal(stored.weights[next(names)], values)
            offset += -(-values.nbytes // 32) * 32
    assert offset == len(section)


def test_every_truncation_is_refused():
    section = small_section()
    for size in range(len(section)):
        assert_refused(section[:size])
    assert_refused(section + bytes(32))


def test_every_changed_byte_is_refused_or_another_section():
    section = small_section()
    num_refused = 0
    for position in range(len(section)):
        for value in {0x00, 0xFF, 0x7F, 0x80, section[position] + 1 & 0xFF} - {section[position]}:
            changed = section[:position] + bytes([value]) + section[position + 1 :]
            try:
                found = network_section.unpack(changed, RATE)
            except InputError as error:
                assert "Received" in str(error)
                num_refused += 1
            else:
                assert network_section.pack(*found) == changed
    assert num_refused > 4 * (HEADER_BYTES + LAYER_BYTES * 5) / 2


@pytest.mark.parametrize(
    ("fields", "offset", "value", "rule"),
    [
        ("H", 0, 0, "must end with its only head. Received: no layers"),
        ("H", 0, 0xFFFF, "must hold its 65535 layers"),
        ("H", 0, 4, "must end with its only head"),
        ("H", 2, 0, "the latent must have 1..1048576 values"),
        ("H", 4, 0, r"Received: \(5, 0, 3\)"),
        ("I", 8, 0, "the latent must have"),
        ("I", 8, 0xFFFFFFFF, "the latent must have"),
        ("f", 12, 1.0, "momentum must be at least 0 and below 1. Received: momentum=1.0"),
        ("f", 12, -0.1, "momentum"),
        ("f", 12, math.nan, "momentum=nan"),
        ("f", 16, -0.1, "weight_decay"),
        ("f", 16, math.inf, "weight_decay"),
        ("f", 20, 0.5, "r_max"),
        ("f", 20, math.inf, "r_max"),
        ("f", 24, -0.5, "d_max"),
        ("f", 24, math.nan, "d_max"),
        ("f", 28, 1.5, "norm_momentum"),
        ("f", 28, -0.5, "norm_momentum"),
        ("B", 32, 0, "the kind of a layer must be in 1..5. Received: kind=0"),
        ("B", 32, 6, "the kind of a layer must be in 1..5. Received: kind=6"),
        ("B", 32, 5, "must end with its only head"),
        ("B", 33, 0, "size and stride of layer_1 must be in 1..255"),
        ("B", 34, 0, "offsets, sizes and padding"),
        ("B", 35, 1, "offsets, sizes and padding"),
        ("I", 36, 0, "the output of layer_1 must have"),
        ("I", 36, 0xFFFFFFFF, "the output of layer_1 must have"),
        ("I", 40, 0, "offsets, sizes and padding"),
        ("I", 44, 1, "offsets, sizes and padding"),
        ("I", 52, 9, "offsets, sizes and padding"),  # outputs of depthwise
        ("B", 65, 2, "offsets, sizes and padding"),  # size of pointwise
        ("B", 81, 1, "offsets, sizes and padding"),  # size of pool
        ("I", 84, 7, "offsets, sizes and padding"),  # outputs of pool
        ("I", 88, 128, "offsets, sizes and padding"),  # arrays of pool
        ("B", 98, 2, "offsets, sizes and padding"),  # stride of the head
        ("I", 100, 65537, "classes must be at most 65536"),
        ("B", 127, 1, "offsets, sizes and padding"),  # after the layers
        ("f", 128, math.nan, "layer_1/kernel must be finite. Received: nan"),
        ("B", -1, 1, "offsets, sizes and padding"),  # after the last array
    ],
)
def test_fields_out_of_range_are_named(fields, offset, value, rule):
    section = small_section()
    assert_refused(with_field(fields, offset % len(section), value), rule)


@pytest.mark.parametrize(
    ("array", "value", "rule"),
    [("layer_2/moving_variance", -1e-9, "must be at least 0"), ("layer_3/gamma", math.inf, "must be finite")],
)
def test_values_that_cannot_be_trained_from_are_not_written(array, value, rule):
    weights = weights_of(small_network())
    weights[array][0] = value
    with pytest.raises(InputError, match=f"{array} {rule}. Received"):
        network_section.pack(small_network(), weights, Training(RATE))


@pytest.mark.parametrize("training", [{"momentum": 0.99999999999}, {"weight_decay": 1e60}])
def test_constants_that_float32_takes_out_of_range_are_not_written(training):
    with pytest.raises(InputError, match=next(iter(training))):
        network_section.pack(small_network(), weights_of(small_network()), Training(RATE, **training))


def test_more_new_samples_than_the_field_holds_are_not_written():
    with pytest.raises(InputError, match="max_new must be in 0..65535. Received: max_new=65536"):
        network_section.pack(small_network(), weights_of(small_network()), Training(RATE), max_new=65536)


@pytest.mark.parametrize(
    ("layer", "rule"),
    [
        (Layer("layer_1", "pointwise", (5, 4, 3), (5, 4, 8), 3), "what their kinds say"),
        (Layer("layer_1", "depthwise", (5, 4, 3), (5, 4, 8), 3), "what their kinds say"),
        (convolution("layer_1", "conv", (5, 4, 3), 8, 256, 1), "size and stride of layer_1 must be in 1..255"),
        (convolution("layer_1", "conv", (5, 4, 3), 1 << 20, 1, 1), "the output of layer_1 must have"),
    ],
)
def test_layers_that_have_no_bytes_are_not_written(layer, rule):
    network = Network((5, 4, 3), (layer, head(layer.output_shape, 2)))
    weights = {name: np.zeros(shape, np.float32) for name, shape in network.array_shapes.items()}
    with pytest.raises(InputError, match=rule):
        network_section.pack(network, weights, Training(RATE))


def test_a_stage_for_other_latents_or_classes_is_refused():
    golden = package.read(GOLDEN)
    fewer = dataclasses.replace(golden, learning=dataclasses.replace(golden.learning, capacity=29))
    with pytest.raises(InputError, match="latent_dim=44 and 44, classes=30 and 29"):
        network_section.read(fewer)
    with pytest.raises(InputError, match="latent_dim=60 and 44, classes=5 and 30"):
        network_section.read(dataclasses.replace(golden, network=small_section()))
    with pytest.raises(InputError, match="must have 32 bytes or more. Received: 0"):
        network_section.read(dataclasses.replace(golden, network=b""))
