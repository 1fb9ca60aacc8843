"""A network of many operators: MobileNet, as TensorFlow Lite Micro's person detection has it, at half its width."""

import numpy as np

from tfodcl import plan

# Strides and channels of the blocks, each a depthwise and a pointwise convolution.
BLOCKS = ((1, 8), (2, 16), (1, 16), (2, 32), (1, 32), (2, 64), (1, 64), (1, 64), (2, 128), (1, 128))


def person_detection(builder, size: int) -> bytes:
    """96 x 96 x 1 -> 2 in the original; random weights."""
    rng = np.random.default_rng(3)

    def weighted(name, source, in_scale, shape, channel_dim, out_shape, **options):
        num_channels = shape[channel_dim]
        num_products = int(np.prod(shape)) // num_channels
        scales = np.float32(rng.uniform(0.8, 1.2, num_channels) / (50 * np.sqrt(num_products)))
        biases = rng.normal(0, 4000, num_channels).astype(np.int32)
        values = rng.integers(-127, 128, shape).astype(np.int8)
        inputs = [
            source,
            builder.tensor(shape, scales, 0, values, channel_dim),
            builder.tensor((num_channels,), np.float32(in_scale) * scales, 0, biases),
        ]
        output = builder.tensor(out_shape, 0.0235, -128)
        relu6 = {"padding": 0, "fusedActivationFunction": 3}
        return builder.operator(name, inputs, output, 3, **relu6, **options)

    one = {"strideH": 1, "strideW": 1}
    two = {"strideH": 2, "strideW": 2, "depthMultiplier": 8}
    source = builder.tensor((1, size, size, 1), 1 / 255, -128)
    size, depth = size // 2, 8
    x = weighted("DEPTHWISE_CONV_2D", source, 1 / 255, (1, 3, 3, depth), 3, (1, size, size, depth), **two)
    for stride, num_channels in BLOCKS:
        size = -(-size // stride)
        strides = {"strideH": stride, "strideW": stride, "depthMultiplier": 1}
        x = weighted("DEPTHWISE_CONV_2D", x, 0.0235, (1, 3, 3, depth), 3, (1, size, size, depth), **strides)
        x = weighted("CONV_2D", x, 0.0235, (num_channels, 1, 1, depth), 0, (1, size, size, num_channels), **one)
        depth = num_channels
    window = {"filterHeight": size, "filterWidth": size, "strideH": 2, "strideW": 2, "padding": 1}
    x = builder.operator("AVERAGE_POOL_2D", [x], builder.tensor((1, 1, 1, depth), 0.0235, -128), 2, **window)
    x = weighted("CONV_2D", x, 0.0235, (2, 1, 1, depth), 0, (1, 1, 1, 2), **one)
    shape = builder.tensor((2,), None, values=np.array([1, 2], np.int32))
    x = builder.operator("RESHAPE", [x, shape], builder.tensor((1, 2), 0.0235, -128))
    return builder.finish(source, builder.operator("SOFTMAX", [x], builder.tensor((1, 2), 1 / 256, -128), 2, beta=1.0))


def test_person_detection_gives_the_same_bits(builder, encode, oracle):
    tflite = person_detection(builder, 48)
    samples = np.random.default_rng(0).integers(-128, 128, (8, 48, 48, 1)).astype(np.int8)
    expected = oracle(tflite, samples)
    assert len(np.unique(expected)) > 4
    np.testing.assert_array_equal(encode(tflite, samples), expected)


def test_person_detection_has_its_largest_tensors_at_once_and_nothing_else(builder):
    planned = plan.make(person_detection(builder, 96))
    two_largest = 2 * 48 * 48 * 8  # input and output of the first depthwise convolution of a block
    window = 3 * 3 * 8
    assert two_largest + window <= planned.arena_bytes <= two_largest + window + 16
