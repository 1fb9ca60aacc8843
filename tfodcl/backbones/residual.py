"""Residual encoders for small images that fit microcontrollers.

The paper's ANML for CIFAR has 8.9 MB in int8, 7.3 M of its weights in the dense layer of the mask. Here P is a
residual network (He et al. 2016, basic blocks) of about a million weights, and NM gates channels instead of elements.
For the STM32H747 (2 MB flash, 1 MB RAM in all) that leaves room for firmware, codebook, records and two checkpoints of
the head. The largest activation, 32x32x32, takes 32 KB.
"""

import tf_keras as keras

from tfodcl.backbones.blocks import conv_norm_relu, norm
from tfodcl.backbones.dscnn import channel_gate

layers = keras.layers


def basic_block(x, num_channels: int, stride: int, name: str):
    """conv, norm, ReLU, conv, norm, + shortcut (1x1 convolution where the shape changes), ReLU."""
    y = conv_norm_relu(x, num_channels, 3, stride, "same", f"{name}_a")
    y = layers.Conv2D(
        num_channels, 3, 1, "same", use_bias=False, kernel_initializer="he_normal", name=f"{name}_b_conv"
    )(y)
    y = norm(y, f"{name}_b")
    if stride != 1 or x.shape[-1] != num_channels:
        x = layers.Conv2D(
            num_channels, 1, stride, use_bias=False, kernel_initializer="he_normal", name=f"{name}_short_conv"
        )(x)
        x = norm(x, f"{name}_short")
    return layers.ReLU(name=f"{name}_relu")(layers.Add(name=f"{name}_add")([x, y]))


def build_residual(
    input_shape: tuple[int, int, int],
    stem_channels: int,
    blocks: tuple[tuple[int, int], ...],
    nm_channels: int = 0,
    pooled: bool = False,
) -> keras.Model:
    """Input (batch, *input_shape) float32 -> latent (batch, latent_dim) float32, >= 0.

    Args:
      input_shape: such as (32, 32, 3).
      stem_channels: of the first convolution, at full resolution.
      blocks: (channels, stride) of every basic block.
      nm_channels: of the neuromodulatory network; 0: no modulation.
      pooled: whether the latent is the mean over all positions, one value for every channel of the last block: head,
        checkpoints and records are then small, so that a board with few large erase blocks can keep them all. All
        positions otherwise.
    """
    inputs = keras.Input(input_shape)
    x = conv_norm_relu(inputs, stem_channels, 3, 1, "same", "stem")
    for i, (num_channels, stride) in enumerate(blocks):
        x = basic_block(x, num_channels, stride, f"block_{i + 1}")
    if pooled:
        x = layers.GlobalAveragePooling2D(keepdims=True, name="pool")(x)
    if nm_channels:
        x = channel_gate(x, inputs, nm_channels)
    return keras.Model(inputs, layers.Flatten(name="flat")(x), name="residual")
