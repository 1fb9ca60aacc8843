"""Descriptions of residual networks against the same networks built of Keras layers, and against published counts."""

import pytest
import tf_keras as keras

from tfodcl.backbones import count_macs
from tfodcl.errors import InputError
from tfodcl.stages.network import Layer
from tfodcl.stages.resnet import ResNet, num_parameters, resnet

layers = keras.layers
INPUT = (32, 32, 3)
BLOCKS = {18: (2, 2, 2, 2), 32: (5, 5, 5), 50: (3, 4, 6, 3)}
SPARSE = (0.8, 0.8, 0.3, 0.2)


def conv_norm(x, channels: int, size: int, stride: int):
    size = (size, 1) if 1 == x.shape[2] < x.shape[1] else size
    return layers.BatchNormalization()(layers.Conv2D(channels, size, stride, "same", use_bias=False)(x))


def keras_resnet(depth: int, input_shape: tuple[int, int, int], num_classes: int, widths: list[int]) -> keras.Model:
    """After He et al. 2016, figure 5: bottlenecks for 50 layers, else basic blocks. The stem is 3x3, not pooled."""
    inputs = keras.Input(input_shape)
    x = layers.ReLU()(conv_norm(inputs, widths[0], 3, 1))
    for stage, (width, num_blocks) in enumerate(zip(widths, BLOCKS[depth], strict=True)):
        for block in range(num_blocks):
            stride = 2 if stage > 0 and block == 0 else 1
            if depth < 50:
                plan = [(width, 3, stride), (width, 3, 1)]
            else:
                plan = [(width, 1, 1), (width, 3, stride), (4 * width, 1, 1)]
            y = x
            for number, (channels, size, step) in enumerate(plan):
                y = conv_norm(layers.ReLU()(y) if number else y, channels, size, step)
            if x.shape != y.shape:
                x = conv_norm(x, y.shape[-1], 1, stride)
            x = layers.ReLU()(layers.Add()([x, y]))
    outputs = layers.Dense(num_classes, use_bias=False)(layers.GlobalAveragePooling2D()(x))
    return keras.Model(inputs, outputs)


def convolutions(network: ResNet) -> list[Layer]:
    return [layer for layer in network.layers if layer.kind == "conv"]


@pytest.mark.parametrize(
    ("depth", "input_shape", "num_classes", "kept"),
    [
        (18, INPUT, 10, (1, 1, 1, 1)),
        (18, (64, 64, 3), 200, (1, 1, 1, 1)),
        (18, (15, 10, 1), 7, SPARSE),
        (32, INPUT, 100, (1, 1, 1, 1)),
        (50, INPUT, 10, (1, 1, 1, 1)),
        (50, INPUT, 10, SPARSE),
        (18, (100, 1, 6), 5, (1, 1, 1, 1)),
        (50, (128, 1, 45), 19, SPARSE),
    ],
)
def test_a_description_has_the_parameters_products_and_maps_of_the_network_of_keras(
    depth, input_shape, num_classes, kept
):
    network = resnet(depth, input_shape, num_classes, kept=kept)
    widths = [round(64 * 2**stage * share) for stage, share in enumerate(kept[: len(BLOCKS[depth])])]
    model = keras_resnet(depth, input_shape, num_classes, widths)
    assert num_parameters(network.units) == sum(array.shape.num_elements() for array in model.trainable_weights)
    assert sum(layer.macs for layer in network.layers) == count_macs(model)
    found = [(layer.size, layer.output_shape) for layer in convolutions(network)]
    expected = [
        (layer.kernel_size[0], layer.output_shape[1:]) for layer in model.layers if isinstance(layer, layers.Conv2D)
    ]
    assert sorted(found) == sorted(expected)


@pytest.mark.parametrize(("depth", "usual"), [(18, 11_173_962), (50, 23_520_842)])
def test_usual_networks_for_cifar_have_a_bias_in_the_head_and_else_as_many_parameters(depth, usual):
    assert num_parameters(resnet(depth, INPUT, 10).units) == usual - 10


def test_resnet_32_of_width_16_has_the_published_parameters_but_for_its_shortcuts():
    """He et al. 2016, table 6: 0.46 M, with shortcuts that have none; ours have two convolutions with batch norm."""
    shortcuts = 16 * 32 + 32 * 64 + 2 * (32 + 64)
    assert round((num_parameters(resnet(32, INPUT, 10, width=16).units) - shortcuts) / 1e6, 2) == 0.46


@pytest.mark.parametrize(("depth", "blocks"), [(18, 6), (32, 10), (50, 13)])
def test_the_last_stage_and_the_head_are_behind_the_cut_of_lightcl(depth, blocks):
    network = resnet(depth, INPUT, 10)
    assert network.blocks_before_last_stage == blocks
    frozen, trained = network.cut(blocks)
    assert frozen + trained == network.units
    last = len(BLOCKS[depth])
    assert {unit.stage for unit in frozen} == set(range(last)) and {unit.stage for unit in trained} == {last, last + 1}
    assert frozen[-1].output_shape == trained[0].input_shape


def test_three_quarters_of_resnet_18_train_behind_that_cut():
    network = resnet(18, INPUT, 10)
    _, trained = network.cut(network.blocks_before_last_stage)
    assert num_parameters(trained) / num_parameters(network.units) == pytest.approx(0.75, abs=0.005)


def test_a_network_is_cut_before_its_first_block_and_behind_its_last():
    network = resnet(18, INPUT, 10)
    assert [unit.name for unit in network.cut(0)[0]] == ["stem"]
    assert [unit.name for unit in network.cut(network.num_blocks)[1]] == ["head"]
    for num_blocks in (-1, 9):
        with pytest.raises(InputError, match=rf"a cut must be behind 0..8 blocks. Received: {num_blocks}\."):
            network.cut(num_blocks)


def test_units_take_what_the_one_before_gives():
    for depth in BLOCKS:
        network = resnet(depth, (9, 21, 2), 5, width=8, kept=SPARSE)
        assert (network.input_shape, network.num_classes) == ((9, 21, 2), 5)
        for before, unit in zip(network.units, network.units[1:], strict=False):
            assert unit.input_shape == before.output_shape
            if unit.shortcut:
                assert (unit.shortcut.input_shape, unit.shortcut.output_shape) == (unit.input_shape, unit.output_shape)


def test_nine_tenths_of_the_parameters_are_hidden_with_the_channels_of_lightcl():
    """Counted from the paper's shares, which multiply from layer to layer: 0.907 of ResNet-18."""
    sparse, whole = (num_parameters(resnet(18, INPUT, 10, kept=kept).units) for kept in (SPARSE, (1, 1, 1, 1)))
    assert 1 - sparse / whole == pytest.approx(0.907, abs=0.002)


@pytest.mark.parametrize(
    ("bad", "rule"),
    [
        ({"depth": 34}, r"depth must be of 18, 32, 50\. Received: depth=34\."),
        ({"input_shape": (7, 32, 3)}, r"at least 8x8 or 8x1, .* Received: 7x32"),
        ({"input_shape": (7, 1, 3)}, "Received: 7x1"),
        ({"input_shape": (32, 2, 3)}, "Received: 32x2"),
        ({"num_classes": 1}, "2 classes .* num_classes=1"),
        ({"width": 7}, "a width of 8.* width=7"),
        ({"kept": (1.0, 1.0, 1.0, 0.0)}, r"above 0 and at most 1\. Received: \(1.0, 1.0, 1.0, 0.0\)"),
        ({"kept": (1.1, 1.0, 1.0, 1.0)}, "shares of channels"),
    ],
)
def test_numbers_out_of_range_are_named(bad, rule):
    good = {"depth": 18, "input_shape": INPUT, "num_classes": 10}
    with pytest.raises(InputError, match=rule):
        resnet(**(good | bad))
