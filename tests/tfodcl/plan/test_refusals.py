"""What the board cannot run is refused with the operator, the rule and what was received."""

import numpy as np
import pytest

from tfodcl import plan
from tfodcl.errors import InputError

IMAGE = (1, 4, 4, 2)
STEPS = {"strideH": 1, "strideW": 1, "padding": 0}


def refused(tflite: bytes, rule: str) -> None:
    with pytest.raises(InputError, match=rule) as caught:
        plan.build(tflite)
    assert "Received: " in str(caught.value) and "\n" not in str(caught.value)


def conv(
    builder, weights=None, scales=0.1, zero_point=0, biases=(0, 0, 0), output=(1, 4, 4, 3), image=IMAGE, **options
):
    """A convolution of IMAGE, right but for what is given."""
    weights = np.ones((3, 3, 3, 2), np.int8) if weights is None else weights
    source = builder.tensor(image, 0.5, 0)
    inputs = [
        source,
        builder.tensor(weights.shape, scales, zero_point, weights),
        builder.tensor((len(biases),), 0.05, 0, np.array(biases, np.int32)),
    ]
    sink = builder.operator("CONV_2D", inputs, builder.tensor(output, 0.5, 0), 3, **{**STEPS, **options})
    return builder.finish(source, sink)


def test_a_right_convolution_is_planned(builder):
    assert plan.make(conv(builder)).costs[0].macs == 4 * 4 * 3 * 9 * 2


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"dilationHFactor": 2}, r"operator 0 \(CONV_2D\) must have no dilation. Received: \(2, 1\)."),
        ({"strideW": 0}, "windows and strides in 1..255"),
        ({"fusedActivationFunction": 4}, "must have no activation, RELU, RELU6 or RELU_N1_TO_1"),
        ({"padding": 1}, "must have an output of 2. Received: 4"),
        ({"zero_point": 3}, r"weights of zero point 0. Received: \[3\]"),
        ({"scales": [0.1, 0.2]}, "must have 1 or 3 weight scales, along 0. Received: 2"),
        ({"biases": (0, 0)}, "must have 3 biases. Received: 2"),
        ({"biases": (2**30, 0, 0)}, "sums of bias and weights within 1073741823. Received: 1073741824"),
        ({"weights": np.ones((3, 3, 3, 1), np.int8)}, r"weights for \(3, 2\) channels"),
        ({"image": (2, 4, 4, 2)}, "the batch must be 1"),
        ({"image": (1, 1, 4, 4, 2)}, "at most 4 known dimensions"),
        ({"image": (1, 4, 0, 2)}, "at most 4 known dimensions"),
        (
            {"weights": np.ones((3, 1, 1, 65_537), np.int8), "image": (1, 4, 4, 65_537)},
            "at most 65536 products. Received: 65537",
        ),
    ],
)
def test_a_convolution_that_the_board_cannot_run_is_named(changes, rule, builder):
    refused(conv(builder, **changes), rule)


def one_operator(builder, name, output=IMAGE, scale=0.5, zero_point=0, inputs=(), **options):
    source = builder.tensor(IMAGE, 0.5, 0)
    sink = builder.operator(name, [source, *inputs], builder.tensor(output, scale, zero_point), 2, **options)
    return builder.finish(source, sink)


def test_an_unknown_operator_is_named_beside_the_known_ones(builder):
    refused(one_operator(builder, "TANH"), "operator 0 must be one of ADD, .*SOFTMAX. Received: TANH")


def test_probabilities_have_their_fixed_scale(builder):
    refused(one_operator(builder, "LOGISTIC"), r"LOGISTIC\) must have output scale 1/256, zero point -128")
    refused(one_operator(builder.__class__(), "SOFTMAX", beta=1.0), "SOFTMAX.* must have output scale 1/256")


def test_a_softmax_of_too_fine_a_scale_is_named(builder):
    tflite = one_operator(builder, "SOFTMAX", scale=1 / 256, zero_point=-128, beta=1e-9)
    refused(tflite, "must have beta x scale above 2.-26")


def test_pools_keep_scale_and_channels(builder):
    window = {**STEPS, "filterHeight": 2, "filterWidth": 2}
    refused(one_operator(builder, "MAX_POOL_2D", scale=0.4, **window), "one scale and zero point for inputs and output")
    refused(one_operator(builder.__class__(), "AVERAGE_POOL_2D", output=(1, 4, 4, 3), **window), "must keep channels")


def test_means_are_over_height_and_width(builder):
    axes = builder.tensor((1,), None, values=np.array([3], np.int32))
    refused(one_operator(builder, "MEAN", output=(1, 4, 4), inputs=[axes]), "must be over height and width")
    other = builder.__class__()
    bytes_as_axes = other.tensor((2,), None, values=np.array([1, 2], np.int8))
    refused(one_operator(other, "MEAN", inputs=[bytes_as_axes]), "must have constant INT32 axes. Received: INT8")


def test_pads_leave_the_batch(builder):
    pads = builder.tensor((4, 2), None, values=np.array([[1, 0], [0, 0], [0, 0], [0, 0]], np.int32))
    refused(one_operator(builder, "PAD", inputs=[pads]), "must pad 4 dimensions, not the batch")


def test_shapes_of_two_inputs_must_meet(builder):
    other = builder.tensor((1, 4, 4, 2), 0.5, 0, np.zeros((1, 4, 4, 2), np.int8))
    refused(one_operator(builder, "ADD", output=(1, 4, 4, 3), inputs=[other]), "must have an output of")


def test_float_tensors_are_named(builder):
    source = builder.tensor(IMAGE, None)
    sink = builder.operator("QUANTIZE", [source], builder.tensor(IMAGE, 0.5, 0))
    refused(builder.finish(source, sink), "the encoder's input: tensors must have one scale above 0")


def test_tensors_are_computed_once_before_they_are_used(builder):
    source, late = builder.tensor(IMAGE, 0.5, 0), builder.tensor(IMAGE, 0.5, 0)
    sink = builder.operator("QUANTIZE", [late], builder.tensor(IMAGE, 0.5, 0))
    builder.operator("QUANTIZE", [source], late)
    refused(builder.finish(source, sink), "must be computed before they are used. Received: 'tensor 1'")
    twice = builder.__class__()
    source, sink = twice.tensor(IMAGE, 0.5, 0), twice.tensor(IMAGE, 0.5, 0)
    twice.operator("QUANTIZE", [source], sink)
    twice.operator("QUANTIZE", [source], sink)
    refused(twice.finish(source, sink), "must be computed once. Received: 'tensor 1' twice")


@pytest.mark.parametrize("tflite", [b"", b"no flatbuffer at all", b"\x1c\0\0\0TFL3" + bytes(range(37))])
def test_what_is_no_tflite_file_is_refused(tflite):
    refused(tflite, "must be a")


def test_a_truncated_file_is_refused(builder):
    tflite = conv(builder)
    num_refused = 0
    for size in range(8, len(tflite), 13):
        try:
            plan.build(tflite[:size])
        except InputError:
            num_refused += 1
    assert num_refused > len(tflite) / 13 / 2
