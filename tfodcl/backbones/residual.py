"""A residual encoder for 32x32 colour images that fits the STM32H747 (2 MB flash, 1 MB RAM in all).

The paper's ANML for CIFAR has 8.9 MB in int8, 7.3 M of its weights in the dense layer of the mask. Here P is a
residual network (He et al. 2016, basic blocks) of 1.2 M weights, and NM gates channels instead of elements:
1.2 MB in int8 leave room for firmware, codebook and 900 records of half a KB. The largest activation, 32x32x32,
takes 32 KB.
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
    stem_channels: int = 32,
    blocks: tuple[tuple[int, int], ...] = ((64, 2), (128, 2), (128, 1), (192, 2)),
    nm_channels: int = 0,
    num_wide: int = 0,
    pooled: bool = False,
) -> keras.Model:
    """Input (batch, *input_shape) float32 -> latent (batch, latent_dim) float32, >= 0.

    Args:
      input_shape: (32, 32, 3) gives latent_dim 4 * 4 * 192 = 3,072, or 192 where `pooled`.
      stem_channels: of the first convolution, at full resolution.
      blocks: (channels, stride) of every basic block.
      nm_channels: of the neuromodulatory network; 0: no modulation.
      num_wide: channels of a last 1x1 convolution; 0: none. More channels keep more of what pooling would lose.
      pooled: whether the latent is the mean over all positions: head, checkpoints and records are then smaller, so
        that a board with few large erase blocks can keep them all.
    """
    inputs = keras.Input(input_shape)
    x = conv_norm_relu(inputs, stem_channels, 3, 1, "same", "stem")
    for i, (num_channels, stride) in enumerate(blocks):
        x = basic_block(x, num_channels, stride, f"block_{i + 1}")
    if num_wide:
        x = conv_norm_relu(x, num_wide, 1, 1, "same", "wide")
    if pooled:
        x = layers.GlobalAveragePooling2D(keepdims=True, name="pool")(x)
    if nm_channels:
        x = channel_gate(x, inputs, nm_channels)
    return keras.Model(inputs, layers.Flatten(name="flat")(x), name="residual")
