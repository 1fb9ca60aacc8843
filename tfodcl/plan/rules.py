"""Checks and precomputed values that several operators share."""

import struct

import numpy as np
from ai_edge_litert.schema_py_generated import ActivationFunctionType, Padding

from tfodcl.errors import InputError
from tfodcl.plan import fixed_point
from tfodcl.plan.entry import Array
from tfodcl.plan.graph import Operator, Tensor, check_values

_MAX_BIAS = (1 << 30) - 1
_MAX_PRODUCTS = 1 << 16
_MAX_WINDOW = 255


def require(holds: bool, operator: Operator, rule: str, received: object) -> None:
    """Raises InputError that names operator, rule and what was received, unless it holds."""
    if not holds:
        raise InputError(f"operator {operator.index} ({operator.name}) {rule}. Received: {received}.")


def values(operator: Operator, num_inputs: int) -> list[Tensor]:
    """The first inputs of an operator, which the board must be able to hold, as its output."""
    present = [one for one in operator.inputs[:num_inputs] if one is not None]
    require(len(present) == num_inputs, operator, f"must have {num_inputs} inputs", len(present))
    for tensor in (*present, operator.output):
        check_values(tensor, f"operator {operator.index} ({operator.name})")
    return present


def constant(operator: Operator, index: int, dtype: str, what: str) -> np.ndarray:
    """The values of an input that must be known."""
    tensor = operator.inputs[index] if index < len(operator.inputs) else None
    found = None if tensor is None else tensor.values
    received = "none" if tensor is None or found is None else tensor.type
    require(received == dtype, operator, f"must have constant {dtype} {what}", received)
    assert found is not None
    return found


def require_same_quantization(operator: Operator, *inputs: Tensor) -> None:
    """The output must have scale and zero point of every input."""
    for one in inputs:
        received = f"{one.scale:g}, {one.zero_point} and {operator.output.scale:g}, {operator.output.zero_point}"
        same = one.zero_point == operator.output.zero_point and abs(one.scale - operator.output.scale) <= 1e-6
        require(same, operator, "must have one scale and zero point for inputs and output", received)


def activation(operator: Operator) -> tuple[int, int]:
    """Least and greatest int8 output of the fused activation."""
    function, output = operator.options.fusedActivationFunction, operator.output
    bounds = {
        ActivationFunctionType.NONE: (None, None),
        ActivationFunctionType.RELU: (0.0, None),
        ActivationFunctionType.RELU6: (0.0, 6.0),
        ActivationFunctionType.RELU_N1_TO_1: (-1.0, 1.0),
    }
    require(function in bounds, operator, "must have no activation, RELU, RELU6 or RELU_N1_TO_1", function)
    low, high = bounds[function]
    least = -128 if low is None else max(_quantize(low, output), -128)
    greatest = 127 if high is None else min(_quantize(high, output), 127)
    require(least <= greatest <= 127 and least <= 127, operator, "must leave values within int8", (least, greatest))
    return least, greatest


def _quantize(real: float, tensor: Tensor) -> int:
    ratio = float(np.float32(real) / np.float32(tensor.scale))
    return tensor.zero_point + int(np.floor(ratio + 0.5) if ratio >= 0 else np.ceil(ratio - 0.5))


def window_fields(operator: Operator, source: Tensor, height: int, width: int) -> bytes:
    """The fields of a window that slides over the source, with pads as the reference computes them."""
    options, output = operator.options, operator.output
    require(len(source.dims) == len(output.dims) == 4, operator, "must have 4 dimensions", (source.dims, output.dims))
    pads = []
    for size, found, window, stride in (
        (source.dims[1], output.dims[1], height, options.strideH),
        (source.dims[2], output.dims[2], width, options.strideW),
    ):
        require(
            1 <= window <= _MAX_WINDOW and 1 <= stride <= _MAX_WINDOW,
            operator,
            f"must have windows and strides in 1..{_MAX_WINDOW}",
            (window, stride),
        )
        same = options.padding == Padding.SAME
        expected = -(-size // stride) if same else (size - window) // stride + 1
        require(expected == found, operator, f"must have an output of {expected}", found)
        pads.append(max((found - 1) * stride + window - size, 0) // 2 if same else 0)
    return struct.pack("<6B2x", height, width, options.strideH, options.strideW, *pads)


def weights(operator: Operator, num_channels: int, channel_dim: int) -> Tensor:
    """The operator's weights: constant int8, zero point 0, one scale or one for each output channel."""
    constant(operator, 1, "INT8", "weights")
    tensor = operator.inputs[1]
    assert tensor is not None
    zero = not np.any(tensor.zero_points)
    require(zero, operator, "must have weights of zero point 0", tensor.zero_points.tolist())
    num_scales = len(tensor.scales)
    allowed = num_scales == 1 or (num_scales == num_channels and tensor.channel_dim == channel_dim)
    require(allowed, operator, f"must have 1 or {num_channels} weight scales, along {channel_dim}", num_scales)
    return tensor


def channel_array(operator: Operator, source: Tensor, sums: np.ndarray, num_products: int, reals: np.ndarray) -> Array:
    """Folded biases, multipliers and shifts of every output channel.

    Args:
      sums: (num_channels,) of each channel's weights.
      num_products: that add up to one output value.
      reals: (num_channels,) float64 factors from sums to output values.
    """
    require(num_products <= _MAX_PRODUCTS, operator, f"must add up at most {_MAX_PRODUCTS} products", num_products)
    biases = np.zeros(len(sums), np.int64)
    if len(operator.inputs) > 2 and operator.inputs[2] is not None:
        biases = constant(operator, 2, "INT32", "biases").astype(np.int64).reshape(-1)
        require(len(biases) == len(sums), operator, f"must have {len(sums)} biases", len(biases))
    biases = biases - source.zero_point * sums
    most = int(np.abs(biases).max())
    require(most <= _MAX_BIAS, operator, f"must have sums of bias and weights within {_MAX_BIAS}", most)
    scaled = [fixed_point.quantize_multiplier(float(real)) for real in reals]
    shift = max(shift for _, shift in scaled)
    require(shift <= 30, operator, "must have scales whose ratio is below 2^30", f"2^{shift}")
    multipliers, shifts = np.array(scaled).T
    return Array(biases.astype("<i4").tobytes() + multipliers.astype("<i4").tobytes() + shifts.astype("<i1").tobytes())
