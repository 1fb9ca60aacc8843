"""Oracles: TensorFlow Lite Micro (the tflite_micro wheel), and float64 for the quantization of inputs."""

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

from tfodcl.errors import InputError
from tfodcl.stages.tflite import TfliteEncoder

SHAPE, LATENT_DIM, LOW, HIGH = (8, 6, 2), 16, -1.5, 2.5


def convert(outputs: int = 1, int8: bool = True) -> bytes:
    """A small convolutional encoder for inputs in LOW..HIGH, as .tflite."""
    keras.utils.set_random_seed(1)
    source = keras.Input(SHAPE)
    hidden = keras.layers.MaxPool2D()(keras.layers.Conv2D(5, 3, activation="relu", padding="same")(source))
    flat = keras.layers.Flatten()(hidden)
    latent = keras.layers.Dense(LATENT_DIM, activation="relu")(flat)
    mask = keras.layers.Dense(LATENT_DIM, activation="sigmoid")(flat)
    product = keras.layers.Multiply()([latent, mask])
    model = keras.Model(source, [product, mask][:outputs])
    function = tf.function(lambda x: model(x)).get_concrete_function(tf.TensorSpec((1, *SHAPE), tf.float32))
    frozen = convert_variables_to_constants_v2(function)
    converter = tf.lite.TFLiteConverter.from_concrete_functions([frozen], tf.Module())
    if int8:
        rng = np.random.default_rng(2)
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = lambda: (
            [rng.uniform(LOW, HIGH, (1, *SHAPE)).astype(np.float32)] for _ in range(16)
        )
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = converter.inference_output_type = tf.int8
    return converter.convert()


@pytest.fixture(scope="module")
def model() -> bytes:
    return convert()


def test_reference_latents_are_bit_identical_to_the_microcontrollers(model):
    from tflite_micro.python.tflite_micro import runtime

    interpreter = runtime.Interpreter.from_bytes(model)
    q = np.random.default_rng(3).integers(-128, 128, (64, *SHAPE)).astype(np.int8)
    expected = []
    for sample in q:
        interpreter.set_input(sample[None], 0)  # before every call: TFLM reuses its memory
        interpreter.invoke()
        expected.append(interpreter.get_output(0).reshape(-1).copy())
    latents = TfliteEncoder(model, reference=True).encode_quantized(q)
    assert latents.dtype == np.int8 and len(np.unique(latents)) > 20
    np.testing.assert_array_equal(latents, np.stack(expected))


def test_fast_latents_are_close_to_the_reference(model):
    q = np.random.default_rng(4).integers(-128, 128, (64, *SHAPE)).astype(np.int8)
    fast, reference = (TfliteEncoder(model, reference).encode_quantized(q).astype(int) for reference in (False, True))
    assert np.abs(fast - reference).max() <= 2
    assert np.mean(fast != reference) < 0.2


def test_shapes_and_scales_are_those_of_the_model(model):
    encoder = TfliteEncoder(model)
    assert encoder.input_shape == SHAPE and encoder.latent_dim == LATENT_DIM
    assert encoder.input_scale == pytest.approx((HIGH - LOW) / 255, rel=0.02)
    assert encoder.input_zero_point == pytest.approx(-128 - LOW / encoder.input_scale, abs=1)
    assert encoder.latent_zero_point == -128  # the product of a ReLU and a sigmoid is never negative


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_inputs_are_rounded_to_the_nearest_step_and_clipped(model, dtype):
    encoder = TfliteEncoder(model)
    rng = np.random.default_rng(5)
    if dtype == np.uint8:
        x = rng.integers(0, 256, (9, *SHAPE), dtype=np.uint8)
        real = x.astype(np.float64) / 255
    else:
        x = rng.uniform(LOW - 1, HIGH + 1, (9, *SHAPE)).astype(np.float32)
        real = x.astype(np.float64)
    q = encoder.quantize(x)
    assert q.dtype == np.int8 and q.shape == x.shape
    back = (q.astype(np.float64) - encoder.input_zero_point) * encoder.input_scale
    low, high = ((bound - encoder.input_zero_point) * encoder.input_scale for bound in (-128, 127))
    assert np.abs(back - np.clip(real, low, high)).max() <= encoder.input_scale * (0.5 + 1e-6)
    if dtype == np.float32:
        assert (q == 127).any() and (q == -128).any()


def test_pixels_and_their_real_values_give_the_same_latents(model):
    encoder = TfliteEncoder(model)
    pixels = np.random.default_rng(6).integers(0, 256, (5, *SHAPE), dtype=np.uint8)
    np.testing.assert_array_equal(encoder.encode(pixels), encoder.encode(pixels / np.float32(255)))


def test_a_sample_is_encoded_alike_alone_and_among_others(model):
    encoder = TfliteEncoder(model)
    x = np.random.default_rng(7).uniform(LOW, HIGH, (6, *SHAPE)).astype(np.float32)
    alone = np.concatenate([encoder.encode(sample[None]) for sample in x])
    np.testing.assert_array_equal(encoder.encode(x), alone)
    assert encoder.encode(x[:0]).shape == (0, LATENT_DIM)


@pytest.mark.parametrize("content", [b"", b"not a model", b"\x1c\0\0\0TFL3 and more"])
def test_what_is_not_a_tflite_is_refused(content):
    with pytest.raises(InputError, match=rf"must be a .tflite model. Received: {len(content)} bytes, .*[^.]\.$"):
        TfliteEncoder(content)


def test_a_truncated_model_is_refused(model):
    with pytest.raises(InputError, match=f"Received: {len(model) // 2} bytes"):
        TfliteEncoder(model[: len(model) // 2])


def test_a_float_model_is_refused():
    with pytest.raises(InputError, match="int8 in and out. Received: float32 in, float32 out"):
        TfliteEncoder(convert(int8=False))


def test_a_model_of_two_outputs_is_refused():
    with pytest.raises(InputError, match="one input and one output. Received: 1 inputs, 2 outputs"):
        TfliteEncoder(convert(outputs=2))


@pytest.mark.parametrize("shape", [(3, 8, 6, 1), (3, 6, 8, 2), (8, 6, 2), (0, 8, 6)])
def test_samples_of_another_shape_are_refused(model, shape):
    with pytest.raises(InputError, match=r"encoder's shape \(8, 6, 2\). Received: \("):
        TfliteEncoder(model).quantize(np.zeros(shape, np.uint8))


def test_nothing_is_written_to_stderr_before_there_is_work(model, capfd):
    TfliteEncoder(model)
    assert capfd.readouterr().err == ""
