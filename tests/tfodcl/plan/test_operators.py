"""Every operator, drawn at random, gives the bits of TensorFlow Lite's reference kernels and of tflite-micro."""

import numpy as np
import pytest
from ai_edge_litert.schema_py_generated import ActivationFunctionType, Padding

CASES = range(24)
ACTIVATIONS = (
    ActivationFunctionType.NONE,
    ActivationFunctionType.RELU,
    ActivationFunctionType.RELU6,
    ActivationFunctionType.RELU_N1_TO_1,
)


class Draw:
    """Random parts of a model."""

    def __init__(self, name: str, case: int) -> None:
        self.rng = np.random.default_rng([case, *name.encode()])

    def size(self, least: int, most: int) -> int:
        return int(self.rng.integers(least, most + 1))

    def scale(self) -> float:
        return float(np.float32(np.exp(self.rng.uniform(-6, 0))))

    def zero_point(self) -> int:
        return int(self.rng.choice([-128, 0, 127, self.rng.integers(-128, 128)]))

    def activation(self) -> int:
        return int(self.rng.choice(ACTIVATIONS, p=[0.55, 0.25, 0.1, 0.1]))

    def image(self) -> tuple[int, int, int, int]:
        return 1, self.size(1, 9), self.size(1, 9), int(self.rng.choice([1, 2, 3, 4, 5, 8, 12, 17]))

    def int8(self, *shape: int) -> np.ndarray:
        return self.rng.integers(-128, 128, shape).astype(np.int8)

    def weights(self, *shape: int) -> np.ndarray:
        return self.rng.integers(-127, 128, shape).astype(np.int8)

    def window(self, shape) -> tuple[int, int, dict]:
        """Height and width of a window on an image, and the options of its strides and pads."""
        padding = int(self.rng.choice([Padding.SAME, Padding.VALID]))
        most = [5, 5] if padding == Padding.SAME else [min(5, shape[1]), min(5, shape[2])]
        options = {"strideH": self.size(1, 3), "strideW": self.size(1, 3), "padding": padding}
        return self.size(1, most[0]), self.size(1, most[1]), options


def output_dims(shape, height, width, options) -> tuple[int, int]:
    if options["padding"] == Padding.SAME:
        return -(-shape[1] // options["strideH"]), -(-shape[2] // options["strideW"])
    return (shape[1] - height) // options["strideH"] + 1, (shape[2] - width) // options["strideW"] + 1


def add_sum(draw, builder, name, source, input_scale, weights, channel_dim, output_shape, **options) -> int:
    """An operator with weights and, mostly, biases, whose outputs fill the int8 range: its output tensor."""
    num_channels = weights.shape[channel_dim]
    per_channel = draw.rng.random() < 0.7
    scales = np.float32(np.exp(draw.rng.uniform(-6, -3, num_channels if per_channel else 1)))
    num_products = weights.size // num_channels
    typical = input_scale * scales.mean() * np.sqrt(num_products) * 74 * 74
    output_scale = float(np.float32(typical / draw.rng.uniform(20, 200)))
    biases = draw.rng.normal(0, np.sqrt(num_products) * 3000, num_channels).astype(np.int32)
    inputs = [source, builder.tensor(weights.shape, scales, 0, weights, channel_dim)]
    if name == "CONV_2D" or draw.rng.random() < 0.8:  # the reference insists on those of CONV_2D
        inputs.append(builder.tensor(biases.shape, np.float32(input_scale) * scales, 0, biases))
    output = builder.tensor(output_shape, output_scale, draw.zero_point())
    options["fusedActivationFunction"] = draw.activation()
    return builder.operator(name, inputs, output, 3 if "CONV" in name else 4, **options)


def check(builder, encode, oracle, draw, shape, source, sink, num_samples=4):
    tflite = builder.finish(source, sink)
    samples = draw.int8(num_samples, *shape[1:])
    np.testing.assert_array_equal(encode(tflite, samples), oracle(tflite, samples))


@pytest.mark.parametrize("case", CASES)
def test_conv(case, builder, encode, oracle):
    draw = Draw("conv", case)
    shape, scale, num_channels = draw.image(), draw.scale(), draw.size(1, 9)
    height, width, options = draw.window(shape)
    if case % 4 == 0:
        height = width = 1
    source = builder.tensor(shape, scale, draw.zero_point())
    weights = draw.weights(num_channels, height, width, shape[3])
    output_shape = (1, *output_dims(shape, height, width, options), num_channels)
    output = add_sum(draw, builder, "CONV_2D", source, scale, weights, 0, output_shape, **options)
    check(builder, encode, oracle, draw, shape, source, output)


@pytest.mark.parametrize("case", CASES)
def test_depthwise_conv(case, builder, encode, oracle):
    draw = Draw("depthwise", case)
    shape, scale, multiplier = draw.image(), draw.scale(), draw.size(1, 4) if case % 2 else 1
    height, width, options = draw.window(shape)
    source = builder.tensor(shape, scale, draw.zero_point())
    weights = draw.weights(1, height, width, shape[3] * multiplier)
    output_shape = (1, *output_dims(shape, height, width, options), shape[3] * multiplier)
    options["depthMultiplier"] = multiplier
    output = add_sum(draw, builder, "DEPTHWISE_CONV_2D", source, scale, weights, 3, output_shape, **options)
    check(builder, encode, oracle, draw, shape, source, output)


@pytest.mark.parametrize("case", CASES)
def test_fully_connected(case, builder, encode, oracle):
    draw = Draw("fully connected", case)
    shape, scale, num_outputs = (1, draw.size(1, 300)), draw.scale(), draw.size(1, 40)
    source = builder.tensor(shape, scale, draw.zero_point())
    weights = draw.weights(num_outputs, shape[1])
    output = add_sum(draw, builder, "FULLY_CONNECTED", source, scale, weights, 0, (1, num_outputs))
    check(builder, encode, oracle, draw, shape, source, output)


@pytest.mark.parametrize("oracle", ["tflite-micro"], indirect=True)
@pytest.mark.parametrize("has_biases", [False, True])
def test_one_weight_scale_of_a_fully_connected_layer_is_multiplied_in_double_precision(
    has_biases, builder, encode, oracle
):
    """Single precision, which TensorFlow 2.19 still has, would round halfway sums to other outputs."""
    rng = np.random.default_rng(5)
    input_scale, weight_scale = np.float32(rng.uniform(0.1, 0.2, 2))
    single, double = float(input_scale * weight_scale), float(input_scale) * float(weight_scale)
    output_scale = float(np.float32(single * 2.0**23))  # so that a step of the output is 2^23 of the sum
    halves = np.arange(-60, 60) + 0.5
    sums = np.rint((halves * output_scale / single + halves * output_scale / double) / 2).astype(np.int64)
    assert np.mean(np.rint(sums * single / output_scale) != np.rint(sums * double / output_scale)) > 0.9
    sample = np.full((1, 40_000), 127, np.int8)  # sums = 127 x sum of weights + last weight
    sample[0, -1] = 1
    weights = np.zeros((len(sums), sample.size), np.int8)
    quotients, weights[:, -1] = np.divmod(sums, 127)
    weights[:, :-1] = quotients[:, None] // (sample.size - 1)
    for row, rest in zip(weights, quotients % (sample.size - 1), strict=True):
        row[:rest] += 1
    source = builder.tensor(sample.shape, input_scale, 0)
    inputs = [source, builder.tensor(weights.shape, weight_scale, 0, weights)]
    if has_biases:
        inputs.append(builder.tensor((len(sums),), input_scale * weight_scale, 0, np.zeros(len(sums), np.int32)))
    output = builder.tensor((1, len(sums)), output_scale, 0)
    tflite = builder.finish(source, builder.operator("FULLY_CONNECTED", inputs, output, 4))
    np.testing.assert_array_equal(encode(tflite, sample), oracle(tflite, sample))


@pytest.mark.parametrize("name", ["MAX_POOL_2D", "AVERAGE_POOL_2D"])
@pytest.mark.parametrize("case", CASES)
def test_pool(name, case, builder, encode, oracle):
    draw = Draw(name, case)
    shape, quantization = draw.image(), (draw.scale(), draw.zero_point())
    height, width, options = draw.window(shape)
    source = builder.tensor(shape, *quantization)
    output = builder.tensor((1, *output_dims(shape, height, width, options), shape[3]), *quantization)
    options |= {"filterHeight": height, "filterWidth": width, "fusedActivationFunction": draw.activation()}
    builder.operator(name, [source], output, 2, **options)
    check(builder, encode, oracle, draw, shape, source, output)


@pytest.mark.parametrize("case", CASES)
def test_mean(case, builder, encode, oracle):
    draw = Draw("mean", case)
    shape, scale, keep = draw.image(), draw.scale(), bool(case % 2)
    source = builder.tensor(shape, scale, draw.zero_point())
    axes = builder.tensor((2,), None, values=np.array([[1, 2], [2, 1], [-3, -2]][case % 3], np.int32))
    output_scale = float(np.float32(scale * draw.rng.uniform(0.1, 2)))
    output = builder.tensor((1, 1, 1, shape[3]) if keep else (1, shape[3]), output_scale, draw.zero_point())
    builder.operator("MEAN", [source, axes], output, 2, keepDims=keep)
    check(builder, encode, oracle, draw, shape, source, output)


def shapes_of_pair(draw: Draw, case: int):
    """Two shapes of which the first, the input, stretches to the second or the other way round, and both together."""
    full = draw.image()
    gate = [(1, 1, 1, full[3]), (1, full[1], full[2], 1), full, (full[3],), (1, 1, full[2], full[3])][case % 5]
    return (full, gate, full) if case % 2 or len(gate) < 4 else (gate, full, full)


@pytest.mark.parametrize("name", ["ADD", "MUL"])
@pytest.mark.parametrize("case", CASES)
def test_elementwise_with_a_constant(name, case, builder, encode, oracle):
    draw = Draw(name, case)
    shape, other_shape, output_shape = shapes_of_pair(draw, case)
    scales = draw.scale(), draw.scale()
    source = builder.tensor(shape, scales[0], draw.zero_point())
    other = builder.tensor(other_shape, scales[1], draw.zero_point(), draw.int8(*other_shape))
    reach = scales[0] + scales[1] if name == "ADD" else 100 * scales[0] * scales[1]
    output = builder.tensor(output_shape, float(np.float32(reach * draw.rng.uniform(0.3, 2))), draw.zero_point())
    inputs = [source, other] if draw.rng.random() < 0.5 else [other, source]
    builder.operator(name, inputs, output, 2, fusedActivationFunction=draw.activation())
    check(builder, encode, oracle, draw, shape, source, output)


@pytest.mark.parametrize("name", ["ADD", "MUL"])
@pytest.mark.parametrize("case", CASES)
def test_elementwise_of_two_computed_tensors(name, case, builder, encode, oracle):
    """A gate or a shortcut: x and its means, or x and its rescaled copy."""
    draw = Draw(f"computed {name}", case)
    shape = draw.image()
    source = builder.tensor(shape, draw.scale(), draw.zero_point())
    other_scale = draw.scale()
    if case % 2:
        other = builder.tensor((1, 1, 1, shape[3]), other_scale, draw.zero_point())
        axes = builder.tensor((2,), None, values=np.array([1, 2], np.int32))
        builder.operator("MEAN", [source, axes], other, 2, keepDims=True)
    else:
        other = builder.tensor(shape, other_scale, draw.zero_point())
        builder.operator("QUANTIZE", [source], other, 2)
    output = builder.tensor(shape, draw.scale(), draw.zero_point())
    inputs = [source, other] if case % 4 < 2 else [other, source]
    builder.operator(name, inputs, output, 2, fusedActivationFunction=draw.activation())
    check(builder, encode, oracle, draw, shape, source, output)


ALL_VALUES = np.arange(-128, 128).astype(np.int8)


@pytest.mark.parametrize("case", CASES)
def test_logistic_of_every_value(case, builder, encode, oracle):
    draw = Draw("logistic", case)
    source = builder.tensor((1, 256), draw.scale() * 0.3, draw.zero_point())
    output = builder.operator("LOGISTIC", [source], builder.tensor((1, 256), 1 / 256, -128), 2)
    tflite = builder.finish(source, output)
    np.testing.assert_array_equal(encode(tflite, ALL_VALUES[None]), oracle(tflite, ALL_VALUES[None]))


@pytest.mark.parametrize("case", CASES)
def test_quantize_of_every_value(case, builder, encode, oracle):
    draw = Draw("quantize", case)
    source = builder.tensor((1, 256), draw.scale(), draw.zero_point())
    output = builder.operator("QUANTIZE", [source], builder.tensor((1, 256), draw.scale(), draw.zero_point()), 2)
    tflite = builder.finish(source, output)
    np.testing.assert_array_equal(encode(tflite, ALL_VALUES[None]), oracle(tflite, ALL_VALUES[None]))


@pytest.mark.parametrize("case", CASES)
def test_softmax(case, builder, encode, oracle):
    draw = Draw("softmax", case)
    shape = (1, int(draw.rng.choice([1, 2, 3, 10, 100, 511])))
    source = builder.tensor(shape, draw.scale() * 0.3, draw.zero_point())
    output = builder.tensor(shape, 1 / 256, -128)
    builder.operator("SOFTMAX", [source], output, 2, beta=float(draw.rng.choice([1.0, 0.5])))
    check(builder, encode, oracle, draw, shape, source, output)


@pytest.mark.parametrize("case", CASES)
def test_pad(case, builder, encode, oracle):
    draw = Draw("pad", case)
    shape, quantization = draw.image(), (draw.scale(), draw.zero_point())
    pads = np.array([[0, 0], *draw.rng.integers(0, 4, (3, 2))], np.int32)
    source = builder.tensor(shape, *quantization)
    output = builder.tensor(np.array(shape) + pads.sum(axis=1), *quantization)
    builder.operator("PAD", [source, builder.tensor((4, 2), None, values=pads)], output, 2)
    check(builder, encode, oracle, draw, shape, source, output)


@pytest.mark.parametrize("case", CASES)
def test_concatenation_of_computed_and_constant_parts(case, builder, encode, oracle):
    draw = Draw("concatenation", case)
    shape, quantization, axis = draw.image(), (draw.scale(), draw.zero_point()), case % 3 + 1
    other_shape = list(shape)
    other_shape[axis] = draw.size(1, 5)
    source = builder.tensor(shape, *quantization)
    other = builder.tensor(other_shape, *quantization, draw.int8(*other_shape))
    parts = ([source, other], [other, source, source], [source, source], [source])[case % 4]
    sizes = [shape[axis] if part == source else other_shape[axis] for part in parts]
    output_shape = [*shape[:axis], sum(sizes), *shape[axis + 1 :]]
    output = builder.tensor(output_shape, *quantization)
    builder.operator("CONCATENATION", parts, output, 2, axis=axis - 4 if case % 2 else axis)
    check(builder, encode, oracle, draw, shape, source, output)


@pytest.mark.parametrize("case", CASES)
def test_reshape(case, builder, encode, oracle):
    draw = Draw("reshape", case)
    shape, quantization = draw.image(), (draw.scale(), draw.zero_point())
    num_values = int(np.prod(shape))
    source = builder.tensor(shape, *quantization)
    new_shape = builder.tensor((2,), None, values=np.array([1, num_values], np.int32))
    output = builder.tensor((1, num_values), *quantization)
    builder.operator("RESHAPE", [source, new_shape], output, newShape=[1, num_values])
    check(builder, encode, oracle, draw, shape, source, output)
