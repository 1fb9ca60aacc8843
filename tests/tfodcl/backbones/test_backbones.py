"""Encoders have the published sizes, fit where they must, and report their cost truly."""

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras
from tensorflow.python.framework import ops as framework_ops
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2_as_graph

from tfodcl.backbones import FAMILIES, build, count_macs, layers_of
from tfodcl.errors import InputError

SHAPES = {
    "anml": (28, 28, 1),
    "anml_small": (28, 28, 1),
    "anml_tiny": (28, 28, 1),
    "dscnn": (49, 10, 1),
    "dscnn_tiny": (49, 10, 1),
    "residual": (32, 32, 3),
    "residual_pooled": (32, 32, 3),
    "residual_tiny": (28, 28, 1),
    "mobilenet": (32, 32, 3),
    "mobilenet_half": (32, 32, 3),
    "mobilenet_quarter": (28, 28, 1),
    "mobilenet_eighth": (28, 28, 1),
}
FORMS = [
    (name, modulated)
    for name in SHAPES
    for modulated in (True, False)
    if not modulated or FAMILIES[name].modulated is not None
]


def macs_by_tensorflow(model: keras.Model) -> int:
    """Half the FLOPs that TensorFlow's own registry counts for the products of the frozen graph."""
    run = tf.function(lambda x: model(x, training=False))
    signature = tf.TensorSpec((1, *model.input_shape[1:]), tf.float32)
    frozen, _ = convert_variables_to_constants_v2_as_graph(run.get_concrete_function(signature))
    products = [op for op in frozen.graph.get_operations() if op.type in ("Conv2D", "DepthwiseConv2dNative", "MatMul")]
    assert products
    return sum(framework_ops.get_stats_for_node_def(frozen.graph, op.node_def, "flops").value for op in products) // 2


def test_all_families_are_tested():
    assert set(SHAPES) == set(FAMILIES)


@pytest.mark.parametrize(("name", "modulated"), FORMS)
def test_every_form_gives_flat_latents_of_at_least_0_in_whole_subvectors(name, modulated):
    model = build(name, SHAPES[name], modulated)
    x = np.random.default_rng(0).normal(size=(3, *SHAPES[name])).astype(np.float32)

    latents = model(x).numpy()

    assert latents.shape == (3, *model.output_shape[1:])
    assert latents.ndim == 2
    assert latents.shape[1] % 8 == 0  # bytes of a bitmap, subvectors of 8
    assert latents.min() >= 0 and latents.max() > 0


@pytest.mark.parametrize(("name", "modulated"), FORMS)
def test_macs_are_those_that_tensorflow_counts(name, modulated):
    model = build(name, SHAPES[name], modulated)
    assert count_macs(model) == macs_by_tensorflow(model)


@pytest.mark.parametrize(
    ("shape", "latent_dim", "nm_flat"),
    [((32, 32, 3), 4096, 1792), ((84, 84, 3), 16384, 7168), ((28, 28, 1), 2304, 1008)],
)
def test_anml_has_the_published_sizes(shape, latent_dim, nm_flat):
    """LifeLearner's table of ANML: CIFAR, MiniImageNet, Omniglot. Symbolic: nothing of this size is run."""
    with tf.Graph().as_default():
        model = build("anml", shape, modulated=True)
        assert model.output_shape == (None, latent_dim)
        assert model.get_layer("nm_flat").output_shape == (None, nm_flat)


def test_anml_for_cifar_has_8_9_million_int8_weights_and_146_million_macs():
    """The published 8.9 MB; MACs of the same network counted on its .tflite operators: 146.3 M."""
    with tf.Graph().as_default():
        model = build("anml", (32, 32, 3), modulated=True)
        kernels = [layer.kernel.shape.num_elements() for layer in model.layers if hasattr(layer, "kernel")]
        assert sum(kernels) == pytest.approx(8.9e6, rel=0.02)
        assert count_macs(model) == pytest.approx(146.3e6, rel=0.001)


def test_tiny_encoders_cost_what_their_tflite_operators_count():
    assert count_macs(build("anml_tiny", (28, 28, 1), modulated=True)) == pytest.approx(1.83e6, rel=0.005)
    assert count_macs(build("dscnn_tiny", (49, 10, 1), modulated=False)) == pytest.approx(2.66e6, rel=0.005)


@pytest.mark.parametrize(("name", "latent_dim"), [("residual", 3072), ("residual_pooled", 96)])
def test_the_residual_encoders_fit_the_stm32h747(name, latent_dim):
    model = build(name, (32, 32, 3), modulated=True)
    assert model.output_shape == (None, latent_dim)
    assert model.count_params() < 1.3e6


def test_bfloat16_has_the_same_float32_weights_and_nearly_the_same_latents():
    half, exact = (build("anml_tiny", (28, 28, 1), True, precision=name) for name in ("bfloat16", "float32"))
    x = np.random.default_rng(0).uniform(size=(3, 28, 28, 1)).astype(np.float32)

    exact.set_weights(half.get_weights())
    rounded, latents = half(x), exact(x).numpy()

    assert rounded.dtype == tf.bfloat16
    assert all(weight.dtype == tf.float32 for weight in half.weights)
    distance = np.linalg.norm(rounded.numpy().astype(np.float32) - latents)
    assert 0 < distance < 2**-6 * np.linalg.norm(latents)  # 8 bits of mantissa, rounded in every layer
    assert build("anml_tiny", (28, 28, 1), True)(x).dtype == tf.float32  # nothing stays behind


@pytest.mark.parametrize(("name", "modulated"), FORMS)
def test_an_encoder_without_a_modulated_form_or_layers_to_cut_is_refused_by_name(name, modulated):
    if FAMILIES[name].modulated is None:
        with pytest.raises(InputError, match=f"encoder {name} has a plain form only. Received: modulated=True."):
            build(name, SHAPES[name], modulated=True)
    if FAMILIES[name].layers is None:
        cut = "mobilenet, mobilenet_half, mobilenet_quarter, mobilenet_eighth"
        with pytest.raises(InputError, match=f"{cut}. Received: {name}."):
            layers_of(name, SHAPES[name])


@pytest.mark.parametrize("shape", [(28, 28, 1), (32, 32, 3), (128, 128, 3)])
@pytest.mark.parametrize("name", ["mobilenet", "mobilenet_half", "mobilenet_quarter"])
def test_the_layers_of_a_mobilenet_are_those_it_is_built_of_and_the_last_map_is_4x4(name, shape):
    with tf.Graph().as_default():
        model, layers = build(name, shape, modulated=False), layers_of(name, shape)
    assert layers[26].output_shape[:2] == (4, 4)
    for layer in layers[:27]:
        assert model.get_layer(f"{layer.name}_relu").output_shape == (None, *layer.output_shape)


def test_modulation_is_a_mask_between_0_and_1_on_the_plain_features():
    model = build("anml_tiny", (28, 28, 1), modulated=True)
    parts = keras.Model(
        model.input, [model.get_layer("p_flat").output, model.get_layer("nm_mask").output, model.output]
    )
    x = np.random.default_rng(0).random((4, 28, 28, 1), np.float32)

    features, mask, latents = (part.numpy() for part in parts(x))

    assert 0 < mask.min() < mask.max() < 1
    np.testing.assert_allclose(latents, features * mask, rtol=1e-6)
    assert np.ptp(mask, axis=0).max() > 1e-3  # it depends on the input


def test_kernels_are_kaiming_initialised():
    kernel = build("anml", (28, 28, 1), modulated=True).get_layer("p_2_conv").kernel.numpy()
    assert kernel.std() == pytest.approx(np.sqrt(2 / (9 * 256)), rel=0.02)


@pytest.mark.parametrize("modulated", [True, False])
def test_aim_width_adds_a_dense_relu_layer(modulated):
    plain, reduced = (build("dscnn_tiny", (49, 10, 1), modulated, width) for width in (0, 24))
    assert reduced.output_shape == (None, 24)
    assert reduced.count_params() - plain.count_params() == plain.output_shape[1] * 24 + 24


@pytest.mark.parametrize(("name", "modulated"), FORMS)
def test_the_smallest_input_builds_and_a_smaller_one_is_one_line(name, modulated):
    height, width = FAMILIES[name].min_size
    channels = SHAPES[name][2]
    with tf.Graph().as_default():
        assert build(name, (height, width, channels), modulated).output_shape[1] > 0
    for small in ((height - 1, width), (height, width - 1)):
        with pytest.raises(InputError, match=f"encoder {name} needs .* Received: {small[0]}x{small[1]}."):
            build(name, (*small, channels), modulated)
