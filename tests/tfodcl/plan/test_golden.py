"""A frozen encoder with every operator, its frozen plan, and the latents that every implementation gives."""

from pathlib import Path

import numpy as np

from tfodcl import plan
from tfodcl.plan import graph
from tfodcl.plan.entry import Kind
from tfodcl.plan.operators import lower

GOLDEN = Path(__file__).parents[2] / "golden"
TFLITE = (GOLDEN / "plan_encoder.tflite").read_bytes()
INPUT_SHAPE = (7, 6, 3)
NUM_SAMPLES = 4


def golden_samples() -> np.ndarray:
    """(4, 7, 6, 3) int8."""
    index = np.arange(NUM_SAMPLES * int(np.prod(INPUT_SHAPE)))
    return ((index * index * 7 + index * 31) % 256 - 128).astype(np.int8).reshape(NUM_SAMPLES, *INPUT_SHAPE)


def every_operator(builder) -> bytes:
    """How the frozen encoder was built."""
    rng = np.random.default_rng(0)
    same, valid, relu = 0, 1, 1
    gate, shortcut = (1 / 256, -128), (0.05, -3)

    def constant(*values) -> int:
        return builder.tensor(np.shape(values), None, values=np.array(values, np.int32))

    def weighted(name, source, source_scale, shape, channel_dim, output_shape, output, **options) -> int:
        values = rng.integers(-127, 128, shape).astype(np.int8)
        num_channels = shape[channel_dim]
        scales = np.float32(rng.uniform(0.002, 0.004, 1 if name == "FULLY_CONNECTED" else num_channels))
        biases = rng.integers(-2000, 2000, num_channels).astype(np.int32)
        inputs = [
            source,
            builder.tensor(shape, scales, 0, values, channel_dim),
            builder.tensor((num_channels,), np.float32(source_scale) * scales, 0, biases),
        ]
        return builder.operator(name, inputs, builder.tensor(output_shape, *output), 3, **options)

    source = builder.tensor((1, *INPUT_SHAPE), 0.02, -10)
    pads = constant([0, 0], [1, 1], [2, 0], [0, 1])
    padded = builder.operator("PAD", [source, pads], builder.tensor((1, 9, 8, 4), 0.02, -10), 2)
    strides = {"strideH": 2, "strideW": 2, "padding": same, "fusedActivationFunction": relu}
    conv = weighted("CONV_2D", padded, 0.02, (5, 3, 3, 4), 0, (1, 5, 4, 5), (0.03, -128), **strides)
    steps = {"strideH": 1, "strideW": 1}
    deep = {**steps, "padding": valid, "depthMultiplier": 2}
    depthwise = weighted("DEPTHWISE_CONV_2D", conv, 0.03, (1, 3, 3, 10), 3, (1, 3, 2, 10), shortcut, **deep)
    pool = {**steps, "padding": same, "filterHeight": 2, "filterWidth": 2}
    greatest = builder.operator("MAX_POOL_2D", [depthwise], builder.tensor((1, 3, 2, 10), *shortcut), 2, **pool)
    average = builder.operator("AVERAGE_POOL_2D", [greatest], builder.tensor((1, 3, 2, 10), *shortcut), 2, **pool)
    axes = constant(1, 2)
    mean = builder.operator("MEAN", [greatest, axes], builder.tensor((1, 1, 1, 10), 0.04, 0), 2, keepDims=True)
    point = {**steps, "padding": valid}
    pointwise = weighted("CONV_2D", mean, 0.04, (10, 1, 1, 10), 0, (1, 1, 1, 10), (0.03, 5), **point)
    opened = builder.operator("LOGISTIC", [pointwise], builder.tensor((1, 1, 1, 10), *gate), 2)
    gated = builder.operator("MUL", [greatest, opened], builder.tensor((1, 3, 2, 10), 0.04, 2), 2)
    added = builder.operator("ADD", [greatest, gated], builder.tensor((1, 3, 2, 10), 0.08, 1), 2)
    rescaled = builder.operator("QUANTIZE", [added], builder.tensor((1, 3, 2, 10), *shortcut), 2)
    both = builder.operator("CONCATENATION", [average, rescaled], builder.tensor((1, 3, 2, 20), *shortcut), 2, axis=3)
    flat = builder.operator("RESHAPE", [both, constant(1, 120)], builder.tensor((1, 120), *shortcut))
    scores = weighted("FULLY_CONNECTED", flat, 0.05, (8, 120), 0, (1, 8), (0.02, 0))
    return builder.finish(source, builder.operator("SOFTMAX", [scores], builder.tensor((1, 8), *gate), 2, beta=1.0))


def test_the_golden_encoder_has_every_operator():
    operators = graph.read(TFLITE).operators
    kinds = {entry.kind for entry in map(lower, operators) if entry is not None}
    assert kinds == set(Kind)
    assert "RESHAPE" in {operator.name for operator in operators}


def test_the_golden_encoder_is_the_one_built_here(builder, oracle):
    built, samples = every_operator(builder), golden_samples()
    assert plan.make(built).costs == plan.make(TFLITE).costs
    np.testing.assert_array_equal(oracle(built, samples), oracle(TFLITE, samples))


def test_golden_latents_are_those_of_other_implementations(oracle):
    latents = np.frombuffer((GOLDEN / "plan_latents.bin").read_bytes(), np.int8).reshape(NUM_SAMPLES, 8)
    assert len(np.unique(latents)) > 8
    np.testing.assert_array_equal(oracle(TFLITE, golden_samples()), latents)


def test_golden_latents_are_those_of_the_builtin_encoder(encode):
    latents = np.frombuffer((GOLDEN / "plan_latents.bin").read_bytes(), np.int8).reshape(NUM_SAMPLES, 8)
    np.testing.assert_array_equal(encode(TFLITE, golden_samples()), latents)


def test_the_golden_plan_is_still_made():
    assert plan.build(TFLITE) == (GOLDEN / "plan_v1.bin").read_bytes()
