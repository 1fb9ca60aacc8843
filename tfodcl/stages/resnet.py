"""Residual networks for small photographs, as descriptions: their layers with shapes and costs. NumPy only.

He et al. 2016 (arXiv 1512.03385) with the usual stem for small inputs, one 3x3 convolution of stride 1 and no pooling:

  stem, block_1 .. block_n in three or four stages, the mean over all positions, head

Those are the *units*; a network is cut between two of them. The first block of each stage has stride 2, but that of the
first. A block:

| depth | blocks of the stages | convolutions of a block                                 |
|-------|----------------------|---------------------------------------------------------|
| 18    | 2, 2, 2, 2           | 3x3, 3x3, as wide as the stage                          |
| 32    | 5, 5, 5              | 3x3, 3x3, as wide as the stage                          |
| 50    | 3, 4, 6, 3           | 1x1, 3x3 as wide as the stage, 1x1 to four times as much |

each followed by batch norm, and all but the last by ReLU; then the block's input is added (through a 1x1 convolution
and batch norm where the shape changes), and ReLU follows. Widths of the stages are 1, 2, 4 and 8 times the network's,
64 as published, or 16 for 32 layers: with 10 classes ResNet-18 has 11.17 M parameters, ResNet-32 0.47 M.

Inputs of width 1 are sequences, (time, 1, channels): their convolutions are as long but of width 1.
"""

import dataclasses
import math
from collections.abc import Iterator
from dataclasses import dataclass

from tfodcl.errors import InputError
from tfodcl.stages.network import Layer, Shape, convolution, head, pool

_NUM_BLOCKS = {18: (2, 2, 2, 2), 32: (5, 5, 5), 50: (3, 4, 6, 3)}
DEPTHS = tuple(_NUM_BLOCKS)
_EXPANSION = {18: 1, 32: 1, 50: 4}
_MIN_SIZE = 8  # of inputs: three strides leave a map of 1x1


@dataclass(frozen=True)
class Unit:
    """What a network is cut into.

    Attributes:
      name: stem, block_1, block_2, .. or head.
      stage: from 1 of a block, 0 of the stem, one more than the last block's of the head.
      layers: in order, without the shortcut; of the head: pool and head.
      shortcut: the 1x1 convolution of a block whose shape changes; None elsewhere.
    """

    name: str
    stage: int
    layers: tuple[Layer, ...]
    shortcut: Layer | None = None

    @property
    def input_shape(self) -> Shape:
        return self.layers[0].input_shape

    @property
    def output_shape(self) -> Shape:
        return self.layers[-1].output_shape

    @property
    def trained_layers(self) -> tuple[Layer, ...]:
        """All that have weights, the shortcut last."""
        layers = (*self.layers, self.shortcut) if self.shortcut else self.layers
        return tuple(layer for layer in layers if layer.kind != "pool")


@dataclass(frozen=True)
class ResNet:
    """A network.

    Attributes:
      depth: of DEPTHS.
      units: the stem, the blocks, the head.
    """

    depth: int
    units: tuple[Unit, ...]

    @property
    def input_shape(self) -> Shape:
        return self.units[0].input_shape

    @property
    def num_classes(self) -> int:
        return self.units[-1].output_shape[2]

    @property
    def num_blocks(self) -> int:
        return len(self.units) - 2

    @property
    def layers(self) -> tuple[Layer, ...]:
        """All that have weights, unit by unit."""
        return tuple(layer for unit in self.units for layer in unit.trained_layers)

    @property
    def last_stage(self) -> int:
        """Of the last block."""
        return self.units[-2].stage

    @property
    def blocks_before_last_stage(self) -> int:
        """Where LightCL (arXiv 2407.10545) freezes: stem and so many blocks."""
        return sum(0 < unit.stage < self.last_stage for unit in self.units)

    def cut(self, num_blocks: int) -> tuple[tuple[Unit, ...], tuple[Unit, ...]]:
        """The stem with the first `num_blocks` blocks, and the rest. Raises InputError for more than there are."""
        if not 0 <= num_blocks <= self.num_blocks:
            raise InputError(f"a cut must be behind 0..{self.num_blocks} blocks. Received: {num_blocks}.")
        return self.units[: num_blocks + 1], self.units[num_blocks + 1 :]


def num_parameters(units: tuple[Unit, ...]) -> int:
    """Kernels, and scales and offsets of batch norms."""
    return sum(
        math.prod(shape)
        for unit in units
        for layer in unit.trained_layers
        for name, shape in layer.array_shapes.items()
        if not name.endswith(("moving_mean", "moving_variance"))
    )


def resnet(
    depth: int,
    input_shape: Shape,
    num_classes: int,
    width: int = 64,
    kept: tuple[float, float, float, float] = (1.0, 1.0, 1.0, 1.0),
) -> ResNet:
    """Describes a network.

    Args:
      depth: of DEPTHS.
      input_shape: (height, width, channels), at least 8x8, or (time, 1, channels), at least 8 long.
      num_classes: rows of the head, at least 2.
      width: channels of stem and first stage, at least 8.
      kept: of each stage's channels, the share that is there, above 0 and at most 1: a static mask that hides channels
        from the beginning is a narrower network. The stem is as wide as the first stage; of three stages the last of
        these has no say.

    Raises:
      InputError: a number is out of range.
    """
    if depth not in _NUM_BLOCKS:
        raise InputError(f"depth must be of {', '.join(map(str, DEPTHS))}. Received: depth={depth}.")
    is_small = input_shape[0] < _MIN_SIZE or 1 != input_shape[1] < _MIN_SIZE
    if is_small or num_classes < 2 or width < 8:
        raise InputError(
            f"a ResNet needs inputs of at least {_MIN_SIZE}x{_MIN_SIZE} or {_MIN_SIZE}x1, 2 classes and a width of 8. "
            f"Received: {input_shape[0]}x{input_shape[1]}, num_classes={num_classes}, width={width}."
        )
    if not all(0 < share <= 1 for share in kept):
        raise InputError(f"shares of channels must be above 0 and at most 1. Received: {kept}.")
    expansion = _EXPANSION[depth]
    widths = [max(1, round(width * 2**stage * share)) for stage, share in enumerate(kept)]
    stem = convolution("stem", "conv", input_shape, widths[0], 3, 1)
    units, shape = [Unit("stem", 0, (stem,))], stem.output_shape
    for stage, first in _blocks(depth):
        name, stride = f"block_{len(units)}", 2 if first and stage > 1 else 1
        units.append(_block(name, stage, shape, widths[stage - 1], stride, expansion))
        shape = units[-1].output_shape
    last = pool("pool", shape)
    units.append(Unit("head", units[-1].stage + 1, (last, head(last.output_shape, num_classes))))
    return ResNet(depth, tuple(map(_in_1d, units) if input_shape[1] == 1 else units))


def _in_1d(unit: Unit) -> Unit:
    """The unit with kernels of width 1."""

    def in_1d(layer: Layer) -> Layer:
        return dataclasses.replace(layer, is_1d=layer.kind == "conv")

    layers = tuple(in_1d(layer) for layer in unit.layers)
    return dataclasses.replace(unit, layers=layers, shortcut=unit.shortcut and in_1d(unit.shortcut))


def _blocks(depth: int) -> Iterator[tuple[int, bool]]:
    """(stage, whether it is the stage's first) of each block."""
    for stage, count in enumerate(_NUM_BLOCKS[depth], 1):
        for number in range(count):
            yield stage, number == 0


def _block(name: str, stage: int, shape: Shape, width: int, stride: int, expansion: int) -> Unit:
    if expansion == 1:
        first = convolution(f"{name}_a", "conv", shape, width, 3, stride)
        layers: tuple[Layer, ...] = (first, convolution(f"{name}_b", "conv", first.output_shape, width, 3, 1))
    else:
        first = convolution(f"{name}_a", "conv", shape, width, 1, 1)
        second = convolution(f"{name}_b", "conv", first.output_shape, width, 3, stride)
        third = convolution(f"{name}_c", "conv", second.output_shape, width * expansion, 1, 1)
        layers = (first, second, third)
    same = layers[-1].output_shape == shape
    shortcut = None if same else convolution(f"{name}_short", "conv", shape, width * expansion, 1, stride)
    return Unit(name, stage, layers, shortcut)
