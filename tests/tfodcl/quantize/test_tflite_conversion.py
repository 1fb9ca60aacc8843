"""The .tflite encoder: int8 throughout, mask included, and the same on TensorFlow Lite Micro."""

import numpy as np
import pytest
import tensorflow as tf
from tflite_micro.python.tflite_micro import runtime

from tfodcl.data import as_float
from tfodcl.stages.tflite import TfliteEncoder


def open_reference(model: bytes) -> tf.lite.Interpreter:
    kernels = tf.lite.experimental.OpResolverType.BUILTIN_REF
    interpreter = tf.lite.Interpreter(model_content=model, experimental_op_resolver_type=kernels)
    interpreter.allocate_tensors()
    return interpreter


@pytest.mark.filterwarnings("ignore:.*tf.lite.Interpreter is deprecated:UserWarning")
def test_every_tensor_is_an_integer_and_mask_and_product_are_inside(quantized):
    interpreter = open_reference(quantized.tflite)
    (source,), (sink,) = interpreter.get_input_details(), interpreter.get_output_details()
    operators = {one["op_name"] for one in interpreter._get_ops_details()}

    assert source["dtype"] == sink["dtype"] == np.int8
    assert {one["dtype"] for one in interpreter.get_tensor_details()} <= {
        np.int8,
        np.int32,
    }  # int32: biases, shapes
    assert {"LOGISTIC", "MUL"} <= operators
    assert not operators & {"DEQUANTIZE", "FLEX", "CUSTOM"}


def test_images_go_in_as_their_bytes_and_latents_use_the_whole_int8_range(quantized):
    encoder = TfliteEncoder(quantized.tflite)
    assert encoder.latent_zero_point == -128
    if quantized.dataset.front_end["kind"] == "image":
        assert encoder.input_scale == pytest.approx(1 / 255, rel=1e-6)
        assert encoder.input_zero_point == -128
        np.testing.assert_array_equal(
            encoder.quantize(quantized.dataset.x_train[:4]), quantized.dataset.x_train[:4].astype(int) - 128
        )


# Largest difference, and share of latents that differ by more than 1: rounding adds up over residual's 12 layers.
TOLERANCES = {"anml_tiny": (3, 0.01), "dscnn_tiny": (3, 0.05), "residual": (10, 0.2)}


def test_int8_latents_are_those_of_the_quantize_aware_model(quantized):
    x = quantized.dataset.x_train[:40]
    encoder = TfliteEncoder(quantized.tflite, reference=True)
    expected = (
        quantized.twin(as_float(x), training=False).numpy() / encoder.latent_scale + encoder.latent_zero_point
    )

    difference = np.abs(encoder.encode(x) - np.rint(expected))

    largest, share = TOLERANCES[quantized.name]
    assert difference.max() <= largest
    assert np.mean(difference > 1) < share


def test_tensorflow_lite_micro_gives_the_same_bits_as_the_reference_kernels(quantized):
    encoder = TfliteEncoder(quantized.tflite, reference=True)
    micro = runtime.Interpreter.from_bytes(quantized.tflite)
    inputs = np.random.default_rng(0).integers(-128, 128, (16, *encoder.input_shape)).astype(np.int8)
    inputs = np.concatenate([inputs, encoder.quantize(quantized.dataset.x_train[:16])])

    latents = encoder.encode_quantized(inputs)

    assert len(np.unique(latents)) > 16
    for sample, latent in zip(inputs, latents, strict=True):
        micro.set_input(sample[None], 0)  # before every call: its memory is reused
        micro.invoke()
        np.testing.assert_array_equal(micro.get_output(0).reshape(-1), latent)
