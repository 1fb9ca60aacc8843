"""From operators of a .tflite to entries of a plan: everything that can be computed before the board runs."""

import struct
from collections.abc import Callable

import numpy as np

from tfodcl.errors import InputError
from tfodcl.plan import fixed_point, rules
from tfodcl.plan.entry import Array, Entry, Field, Kind, Scratch
from tfodcl.plan.graph import Operator, Tensor
from tfodcl.plan.rules import require

_MAX_MEAN_PIXELS = 1 << 22
_MAX_SOFTMAX_CHANNELS = 511
_MAX_CONCATENATED = 255


def lower(operator: Operator) -> Entry | None:
    """The operator's entry; None for RESHAPE, which moves nothing.

    Raises:
      InputError: names the operator and what the board cannot run of it.
    """
    if operator.name == "RESHAPE":
        (source,) = rules.values(operator, 1)
        require(source.values is None, operator, "must have a computed input", "a constant")
        require(source.num_bytes == operator.output.num_bytes, operator, "must keep all values", operator.output.dims)
        return None
    if operator.name not in _LOWER:
        known = ", ".join(sorted([*_LOWER, "RESHAPE"]))
        raise InputError(f"operator {operator.index} must be one of {known}. Received: {operator.name}.")
    return _LOWER[operator.name](operator)


def _conv(operator: Operator) -> Entry:
    (source,), output = rules.values(operator, 1), operator.output
    _require_no_dilation(operator)
    tensor = rules.weights(operator, output.shape[2], 0)
    require(len(tensor.dims) == 4, operator, "must have weights of 4 dimensions", tensor.dims)
    num_channels, height, width, depth = tensor.dims
    expected = (output.shape[2], source.shape[2])
    require((num_channels, depth) == expected, operator, f"must have weights for {expected} channels", tensor.dims)
    window = rules.window_fields(operator, source, height, width)
    num_products = height * width * depth
    assert tensor.values is not None and tensor.offset is not None
    sums = tensor.values.astype(np.int64).sum(axis=(1, 2, 3))
    channels = rules.channel_array(operator, source, sums, num_products, _channel_factors(source, tensor, output))
    scratch = Scratch(0 if height * width == 1 else 2 * num_products)
    return Entry(
        Kind.CONV,
        operator.name,
        source,
        output,
        (window, _u32(tensor.offset), channels, scratch),
        rules.activation(operator),
        macs=output.num_bytes * num_products,
    )


def _depthwise_conv(operator: Operator) -> Entry:
    (source,), output = rules.values(operator, 1), operator.output
    _require_no_dilation(operator)
    tensor = rules.weights(operator, output.shape[2], 3)
    require(len(tensor.dims) == 4, operator, "must have weights of 4 dimensions", tensor.dims)
    _, height, width, num_channels = tensor.dims
    whole = num_channels == output.shape[2] and num_channels % source.shape[2] == 0 and tensor.dims[0] == 1
    require(whole, operator, "must have as many outputs for every input channel", (source.dims, tensor.dims))
    window = rules.window_fields(operator, source, height, width)
    assert tensor.values is not None and tensor.offset is not None
    sums = tensor.values.astype(np.int64).sum(axis=(0, 1, 2))
    channels = rules.channel_array(operator, source, sums, height * width, _channel_factors(source, tensor, output))
    return Entry(
        Kind.DEPTHWISE_CONV,
        operator.name,
        source,
        output,
        (window, _u32(tensor.offset), channels, Scratch(height * width * source.shape[2])),
        rules.activation(operator),
        macs=output.num_bytes * height * width,
    )


def _require_no_dilation(operator: Operator) -> None:
    dilation = (operator.options.dilationHFactor, operator.options.dilationWFactor)
    require(dilation == (1, 1), operator, "must have no dilation", dilation)


def _channel_factors(source: Tensor, tensor: Tensor, output: Tensor) -> np.ndarray:
    """(num_channels,) float64, from sums of products to output values."""
    scales = np.broadcast_to(tensor.scales.astype(np.float64), output.shape[2])
    return source.scale * scales / output.scale


def _fully_connected(operator: Operator) -> Entry:
    (source,), output = rules.values(operator, 1), operator.output
    tensor = rules.weights(operator, output.num_bytes, 0)
    expected = (output.num_bytes, source.num_bytes)
    require(tensor.dims == expected, operator, f"must have weights {expected}, for one sample", tensor.dims)
    assert tensor.values is not None and tensor.offset is not None
    sums = tensor.values.astype(np.int64).sum(axis=1)
    channels = rules.channel_array(operator, source, sums, source.num_bytes, _channel_factors(source, tensor, output))
    return Entry(
        Kind.FULLY_CONNECTED,
        operator.name,
        source,
        output,
        (_u32(tensor.offset), channels),
        rules.activation(operator),
        macs=output.num_bytes * source.num_bytes,
    )


def _pool(kind: Kind) -> Callable[[Operator], Entry]:
    def lower_pool(operator: Operator) -> Entry:
        (source,), options = rules.values(operator, 1), operator.options
        rules.require_same_quantization(operator, source)
        require(source.shape[2] == operator.output.shape[2], operator, "must keep channels", operator.output.dims)
        window = rules.window_fields(operator, source, options.filterHeight, options.filterWidth)
        no_pads = window[4:6] == b"\0\0"
        in_place = (source,) if no_pads else ()
        return Entry(kind, operator.name, source, operator.output, (window,), rules.activation(operator), in_place)

    return lower_pool


def _mean(operator: Operator) -> Entry:
    (source,), output = rules.values(operator, 1), operator.output
    axes = {int(axis) % len(source.dims) for axis in _axes(operator)}
    require(
        len(source.dims) == 4 and axes == {1, 2}, operator, "must be over height and width", (source.dims, sorted(axes))
    )
    num_pixels = source.shape[0] * source.shape[1]
    require(num_pixels <= _MAX_MEAN_PIXELS, operator, f"must have at most {_MAX_MEAN_PIXELS} pixels", num_pixels)
    multiplier, shift = fixed_point.mean_multiplier(source.scale / output.scale, num_pixels)
    return Entry(Kind.MEAN, operator.name, source, output, (struct.pack("<ii", multiplier, shift),))


def _axes(operator: Operator) -> np.ndarray:
    return rules.constant(operator, 1, "INT32", "axes").reshape(-1)


def _add(operator: Operator) -> Entry:
    first, second = rules.values(operator, 2)
    twice_greatest = 2 * max(first.scale, second.scale)
    scaled = [
        fixed_point.quantize_multiplier(real)
        for real in (
            first.scale / twice_greatest,
            second.scale / twice_greatest,
            twice_greatest / ((1 << 20) * operator.output.scale),
        )
    ]
    shifts = [shift for _, shift in scaled]
    require(max(shifts) <= 0, operator, "must have an output scale that is not far below its inputs'", shifts)
    fields = (second, struct.pack("<3b3x", *shifts), struct.pack("<3i", *(multiplier for multiplier, _ in scaled)))
    return _elementwise(Kind.ADD, operator, first, second, fields)


def _mul(operator: Operator) -> Entry:
    first, second = rules.values(operator, 2)
    multiplier, shift = fixed_point.quantize_multiplier(first.scale * second.scale / operator.output.scale)
    require(shift <= 30, operator, "must have scales whose ratio is below 2^30", f"2^{shift}")
    return _elementwise(Kind.MUL, operator, first, second, (second, struct.pack("<bxi", shift, multiplier)))


def _elementwise(kind: Kind, operator: Operator, first: Tensor, second: Tensor, fields: tuple[Field, ...]) -> Entry:
    output = operator.output
    shape = np.broadcast_shapes(first.shape, second.shape)
    require(shape == output.shape, operator, f"must have an output of {shape}", output.shape)
    in_place = tuple(one for one in (first, second) if one.shape == output.shape)
    return Entry(kind, operator.name, first, output, fields, rules.activation(operator), in_place)


def _logistic(operator: Operator) -> Entry:
    (source,) = rules.values(operator, 1)
    _require_probabilities(operator)
    return _lookup(operator, source, fixed_point.logistic_table(source.scale, source.zero_point))


def _quantize(operator: Operator) -> Entry:
    (source,), output = rules.values(operator, 1), operator.output
    table = fixed_point.requantize_table(source.scale, source.zero_point, output.scale, output.zero_point)
    return _lookup(operator, source, table)


def _lookup(operator: Operator, source: Tensor, table: np.ndarray) -> Entry:
    require(source.num_bytes == operator.output.num_bytes, operator, "must keep the shape", operator.output.dims)
    fields = (Array(table.tobytes()),)
    return Entry(Kind.LOOKUP, operator.name, source, operator.output, fields, in_place=(source,))


def _softmax(operator: Operator) -> Entry:
    (source,) = rules.values(operator, 1)
    _require_probabilities(operator)
    num_channels = source.shape[2]
    require(
        num_channels <= _MAX_SOFTMAX_CHANNELS, operator, f"must be over {_MAX_SOFTMAX_CHANNELS} at most", num_channels
    )
    beta = operator.options.beta
    try:
        table = fixed_point.softmax_table(source.scale, beta)
    except ValueError:
        raise InputError(
            f"operator {operator.index} (SOFTMAX) must have beta x scale above 2^-26. Received: {beta}, {source.scale}."
        ) from None
    fields = (Array(table.astype("<i4").tobytes()),)
    return Entry(Kind.SOFTMAX, operator.name, source, operator.output, fields, in_place=(source,))


def _require_probabilities(operator: Operator) -> None:
    output = operator.output
    fits = output.scale == 1 / 256 and output.zero_point == -128
    require(fits, operator, "must have output scale 1/256, zero point -128", (output.scale, output.zero_point))


def _pad(operator: Operator) -> Entry:
    (source,), output = rules.values(operator, 1), operator.output
    rules.require_same_quantization(operator, source)
    pads = rules.constant(operator, 1, "INT32", "pads").astype(np.int64).reshape(-1, 2)
    fits = len(source.dims) == len(pads) == 4 and pads.min() >= 0 and not pads[0].any()
    require(fits, operator, "must pad 4 dimensions, not the batch", pads.tolist())
    expected = tuple(int(size) for size in np.array(source.dims) + pads.sum(axis=1))
    require(expected == output.dims, operator, f"must have an output of {expected}", output.dims)
    top, left, front = (int(before) for before in pads[1:, 0])
    return Entry(Kind.PAD, operator.name, source, output, (struct.pack("<HHI", top, left, front),))


def _concatenation(operator: Operator) -> Entry:
    parts, output = rules.values(operator, len(operator.inputs)), operator.output
    require(1 <= len(parts) <= _MAX_CONCATENATED, operator, f"must have 1..{_MAX_CONCATENATED} inputs", len(parts))
    require(operator.options.fusedActivationFunction == 0, operator, "must have no activation", "one")
    rules.require_same_quantization(operator, *parts)
    num_dims = len(output.dims)
    dim = operator.options.axis % num_dims
    axis = dim + 3 - num_dims  # 0 height, 1 width, 2 channels
    require(axis >= 0, operator, "must not be along the batch", operator.options.axis)
    expected = list(parts[0].shape)
    expected[axis] = sum(part.shape[axis] for part in parts)
    alike = all(
        part.shape[:axis] + part.shape[axis + 1 :] == output.shape[:axis] + output.shape[axis + 1 :] for part in parts
    )
    require(alike and tuple(expected) == output.shape, operator, f"must have an output of {expected}", output.shape)
    fields: tuple[Field, ...] = (struct.pack("<BB", axis, len(parts)), *parts[1:])
    return Entry(Kind.CONCATENATION, operator.name, parts[0], output, fields)


def _u32(value: int) -> bytes:
    return struct.pack("<I", value)


_LOWER: dict[str, Callable[[Operator], Entry]] = {
    "ADD": _add,
    "AVERAGE_POOL_2D": _pool(Kind.AVERAGE_POOL),
    "CONCATENATION": _concatenation,
    "CONV_2D": _conv,
    "DEPTHWISE_CONV_2D": _depthwise_conv,
    "FULLY_CONNECTED": _fully_connected,
    "LOGISTIC": _logistic,
    "MAX_POOL_2D": _pool(Kind.MAX_POOL),
    "MEAN": _mean,
    "MUL": _mul,
    "PAD": _pad,
    "QUANTIZE": _quantize,
    "SOFTMAX": _softmax,
}
