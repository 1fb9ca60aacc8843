"""MobileNet-V1 (Howard et al. 2017, arXiv 1704.04861), its layers numbered as QLR-CL numbers them (arXiv 2110.10486).

Layer 0 is the first convolution, 3x3; 2k - 1 and 2k are the depthwise 3x3 and the pointwise convolution of block
k = 1..13; 27 is the mean over all positions. Every convolution is followed by batch norm and ReLU. (The paper says
ReLU, its published networks have ReLU6. No bound is needed here: ranges are calibrated before it becomes int8.)

Five layers have stride 2: 0 and the depthwise ones of blocks 2, 4, 6 and 12. For inputs of 224x224 and 128x128 that
leaves maps of 7x7 and 4x4 at the end. For smaller ones the first of the five have stride 1 instead, as many as it takes
for a last map of at least `last_map` x `last_map`. With 32x32 inputs:

| last_map | strides of 0, 3, 7, 11, 23 | layers 11..22 | layers 23..26 |
|----------|----------------------------|---------------|---------------|
| 2        | 1, 2, 2, 2, 2              | 4x4           | 2x2           |
| 4        | 1, 1, 2, 2, 2              | 8x8           | 4x4           |
"""

import tf_keras as keras

from tfodcl.backbones.blocks import conv_norm_relu, depthwise_norm_relu
from tfodcl.errors import InputError
from tfodcl.stages.network import Layer, Shape, convolution, pool

# Output channels at width 1 of the first convolution and of blocks 1..13.
_CHANNELS = (32, 64, 128, 128, 256, 256, 512, 512, 512, 512, 512, 512, 1024, 1024)
_STRIDED_BLOCKS = (0, 2, 4, 6, 12)  # 0: the first convolution


def mobilenet_layers(input_shape: Shape, width: float = 1.0, last_map: int = 2) -> tuple[Layer, ...]:
    """Layers 0..27, named layer_0 .. layer_27.

    Args:
      input_shape: (height, width, channels), height and width at least `last_map`.
      width: multiplies every number of channels, which is then rounded to a multiple of 8, at least 8; above 0.
      last_map: least height and width of the map that layer 27 averages, at least 1.

    Raises:
      InputError: a number is out of range.
    """
    if width <= 0:
        raise InputError(f"width must be above 0. Received: width={width}.")
    smallest = min(input_shape[:2])
    if not 1 <= last_map <= smallest:
        raise InputError(f"last_map must be in 1..{smallest}, the input's size. Received: last_map={last_map}.")
    channels = [max(8, round(count * width / 8) * 8) for count in _CHANNELS]
    num_strided = max(n for n in range(len(_STRIDED_BLOCKS) + 1) if -(-smallest // 2**n) >= last_map)
    strided = _STRIDED_BLOCKS[len(_STRIDED_BLOCKS) - num_strided :]

    layers = [convolution("layer_0", "conv", input_shape, channels[0], 3, 2 if 0 in strided else 1)]
    for block in range(1, len(channels)):
        shape, stride = layers[-1].output_shape, 2 if block in strided else 1
        layers.append(convolution(f"layer_{2 * block - 1}", "depthwise", shape, shape[2], 3, stride))
        shape = layers[-1].output_shape
        layers.append(convolution(f"layer_{2 * block}", "pointwise", shape, channels[block], 1, 1))
    return (*layers, pool(f"layer_{len(layers)}", layers[-1].output_shape))


def build_mobilenet(input_shape: Shape, width: float = 1.0, last_map: int = 2) -> keras.Model:
    """Input (batch, *input_shape) float32 -> latent (batch, channels of layer 26) float32, >= 0.

    See `mobilenet_layers` for the arguments. Keras layers are named layer_0_conv, layer_0_norm, layer_0_relu, ..
    """
    inputs = x = keras.Input(input_shape)
    for layer in mobilenet_layers(input_shape, width, last_map):
        if layer.kind == "pool":
            x = keras.layers.GlobalAveragePooling2D(keepdims=True, name=layer.name)(x)
        elif layer.kind == "depthwise":
            x = depthwise_norm_relu(x, layer.size, layer.stride, layer.name)
        else:
            x = conv_norm_relu(x, layer.output_shape[2], layer.size, layer.stride, "same", layer.name)
    return keras.Model(inputs, keras.layers.Flatten(name="flat")(x), name="mobilenet")
