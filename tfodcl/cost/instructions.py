"""Instructions of one SGD step of an adaptive stage, from those that tools/kernel_costs.py counts of each kernel.

Of a kernel, the mean over the sizes that were measured counts, per multiply-accumulate or, where it has none, per
value: larger layers weigh more. A step is that of micro/stage/adaptive_stage.h:

| of              | kernels                                                                                    |
|-----------------|--------------------------------------------------------------------------------------------|
| a convolution   | forward, weight gradient and, but for the first layer, error; per output normalisation,    |
|                 | its gradient, ReLU, its gradient, and y = scale * xhat + offset before both ReLUs          |
| its input       | y and ReLU once more, where a convolution gave it: activations are not kept                |
| pool            | forward and error, per input                                                               |
| the head        | as a convolution, with the loss instead of batch renormalisation and ReLU                  |
| a trained value | SGD, before and after the gradient                                                         |

Left out are copies of gradients, and work for each channel and call. Emulated whole steps of two networks (mini-batches
of 16, pointwise and depthwise layers of 128 and 256 channels) took 0.3 and 0.9 % less than this says.
"""

import json
import math
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from tfodcl.errors import InputError
from tfodcl.stages.network import Kind, Layer, Network

SCHEMA = 1  # of the file that tools/kernel_costs.py writes
Row = Mapping[str, str | int]  # of one kernel and size: layer, part, count, instructions

_KERNELS: dict[Kind, str] = {
    "conv": "conv",
    "depthwise": "depthwise",
    "pointwise": "pointwise",
    "head": "fully_connected",
}


class KernelCosts:
    """Instructions of the kernels on one core, each per multiply-accumulate or value."""

    def __init__(self, rows: Iterable[Row]) -> None:
        """Raises InputError where a row lacks something."""
        sums: defaultdict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0])
        for row in rows:
            try:
                kernel, part = re.sub(r"_\d.*", "", str(row["layer"])), str(row["part"])  # without its size
                instructions, count = int(row["instructions"]), int(row["count"])
                if min(instructions, count) < 1:
                    raise ValueError("less than 1")
            except (KeyError, TypeError, ValueError) as error:
                raise InputError(
                    f"costs of a kernel must have layer, part, count and instructions. Received: {row}."
                ) from error
            sums[kernel, part][0] += instructions
            sums[kernel, part][1] += count
        self._each = {name: instructions / count for name, (instructions, count) in sums.items()}

    def each(self, kernel: str, *parts: str) -> float:
        """The sum over `parts`, such as forward and error. Raises InputError for one that was not measured."""
        for part in parts:
            if (kernel, part) not in self._each:
                known = ", ".join(" ".join(name) for name in self._each) or "none"
                raise InputError(f"costs of {kernel} {part} must have been measured. Received: {known}.")
        return sum(self._each[kernel, part] for part in parts)


def read_kernel_costs(path: Path, boards: Sequence[str]) -> dict[str, KernelCosts]:
    """Board -> costs, from what tools/kernel_costs.py wrote. Raises InputError for another file, or other boards."""
    try:
        content = json.loads(path.read_text())
        if content["schema"] != SCHEMA or set(content["boards"]) != set(boards):
            raise ValueError(f"schema {content['schema']}, boards {', '.join(content['boards'])}")
        return {board: KernelCosts(content["boards"][board]) for board in boards}
    except (OSError, ValueError, KeyError, TypeError) as error:
        rule = f"{path} must be what tools/kernel_costs.py writes of {', '.join(boards)}"
        raise InputError(f"{rule}. Received: {error!r}.") from error


def step_instructions(network: Network, batch_size: int, costs: KernelCosts) -> dict[str, float]:
    """By layer, in order."""
    before = (None, *network.layers)
    return {
        layer.name: _of_layer(network, layer, previous, batch_size, costs)
        for previous, layer in zip(before, network.layers, strict=False)
    }


def _of_layer(network: Network, layer: Layer, previous: Layer | None, batch_size: int, costs: KernelCosts) -> float:
    if layer.kind == "pool":
        return batch_size * layer.num_inputs * costs.each("average_pool", "forward", "error")
    parts = ("forward", "weight_gradient") if previous is None else ("forward", "weight_gradient", "error")
    num_outputs, activation = batch_size * layer.num_outputs, costs.each("batch_renorm", "map")
    total = batch_size * layer.macs * costs.each(_KERNELS[layer.kind], *parts)
    if layer.kind == "head":
        total += num_outputs * costs.each("softmax_cross_entropy", "both")
    else:
        total += num_outputs * (costs.each("batch_renorm", "normalize", "error") + 2 * activation)
        total += num_outputs * costs.each("relu", "forward", "error")
    if previous is not None and previous.kind != "pool":
        total += batch_size * previous.num_outputs * (activation + costs.each("relu", "forward"))
    shapes = layer.array_shapes
    trained = sum(math.prod(shapes[name]) for name in network.trained_names if name in shapes)
    return total + trained * costs.each("sgd", "begin", "end")
