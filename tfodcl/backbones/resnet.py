"""The Keras form of stages/resnet.py: any run of successive units as a model."""

from collections.abc import Sequence

import tensorflow as tf
import tf_keras as keras

from tfodcl.backbones.blocks import norm
from tfodcl.stages.network import Layer
from tfodcl.stages.resnet import Unit

layers = keras.layers


def build_units(units: Sequence[Unit], name: str, num_mapped: int | None = None) -> keras.Model:
    """(n, *units[0].input_shape) float32 -> what the last unit gives; the head's logits are (n, num_classes) float32.

    Args:
      units: one after another.
      name: of the model. Keras layers are named after the description's: block_3_a_conv, block_3_a_norm.
      num_mapped: the model gives a tuple, its output and the outputs of the convolutions of the last `num_mapped`
        blocks among `units`, before batch norm, in order (n, h, w, channels); shortcuts' are not among them. None: its
        output alone.
    """
    inputs = x = keras.Input(units[0].input_shape)
    blocks = [unit.name for unit in units if unit.name.startswith("block")]
    mapped = blocks[len(blocks) - (num_mapped or 0) :]
    maps: list[tf.Tensor] = []
    for unit in units:
        if unit.name == "head":
            x = layers.GlobalAveragePooling2D(name="pool")(x)
            x = layers.Dense(unit.output_shape[2], use_bias=False, dtype="float32", name="head")(x)
            continue
        x, convolved = _block(x, unit) if unit.name != "stem" else _stem(x, unit)
        if unit.name in mapped:
            maps += convolved
    return keras.Model(inputs, x if num_mapped is None else (x, *maps), name=name)


def _stem(x, unit: Unit):
    x, convolved = _convolve_norm(x, unit.layers[0])
    return layers.ReLU(name="stem_relu")(x), [convolved]


def _block(x, unit: Unit):
    """The block's output, and the outputs of its convolutions."""
    shortcut = _convolve_norm(x, unit.shortcut)[0] if unit.shortcut else x
    maps: list[tf.Tensor] = []
    for layer in unit.layers:
        if maps:
            x = layers.ReLU(name=f"{layer.name}_relu")(x)
        x, convolved = _convolve_norm(x, layer)
        maps.append(convolved)
    x = layers.Add(name=f"{unit.name}_add")([x, shortcut])
    return layers.ReLU(name=f"{unit.name}_relu")(x), maps


def _convolve_norm(x, layer: Layer):
    """After batch norm, and before."""
    stride = layer.stride
    if layer.size == 1 and stride > 1:
        # What the convolution would skip is dropped before it. TensorFlow 2.19's oneDNN kernel of the gradient writes
        # outside its memory where a strided 1x1 convolution's channels are no multiple of 16.
        x, stride = layers.MaxPooling2D(1, stride, name=f"{layer.name}_skip")(x), 1
    convolved = layers.Conv2D(
        layer.output_shape[2],
        (layer.size, 1 if layer.is_1d else layer.size),
        stride,
        "same",
        use_bias=False,
        kernel_initializer=keras.initializers.HeNormal(),
        name=f"{layer.name}_conv",
    )(x)
    return norm(convolved, layer.name), convolved
