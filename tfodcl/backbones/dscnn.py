"""DS-CNN for keyword spotting (Zhang et al. 2017, "Hello Edge"), the speech encoder.

Input: MFCC of 49 frames x 10 coefficients. A 10x4 convolution with stride 2, four depthwise-separable blocks,
then an average pool over time windows and all frequencies. LifeLearner's speech network is unknown; DS-CNN is
the field's habit. The published DS-CNN pools over all of time. Here `num_windows` windows of time are kept
apart, since words differ in the order of their sounds and the head is linear.

Modulated (the ANML way), a small NM of strided convolutions gates every channel: mask = sigmoid(dense(pool)).
"""

import tf_keras as keras

from tfodcl.backbones.blocks import conv_norm_relu, depthwise_norm_relu

layers = keras.layers


def build_dscnn(
    input_shape: tuple[int, int, int], num_channels: int, num_windows: int = 5, nm_channels: int = 0
) -> keras.Model:
    """Input (batch, 49, 10, 1) float32 -> latent (batch, num_windows * num_channels) float32, >= 0.

    Args:
      input_shape: (frames, coefficients, 1).
      num_channels: of all blocks; published sizes: 64 (S), 172 (M), 276 (L).
      num_windows: parts of time that are averaged apart.
      nm_channels: of the neuromodulatory network; 0: no modulation.
    """
    inputs = keras.Input(input_shape)
    x = conv_norm_relu(inputs, num_channels, (10, 4), 2, "same", "stem")
    for i in range(4):
        x = depthwise_norm_relu(x, 3, 1, f"depthwise_{i + 1}")
        x = conv_norm_relu(x, num_channels, 1, 1, "same", f"pointwise_{i + 1}")
    window = (x.shape[1] // num_windows, x.shape[2])
    x = layers.AveragePooling2D(window, name="windows")(x)
    if nm_channels:
        x = channel_gate(x, inputs, nm_channels)
    return keras.Model(inputs, layers.Flatten(name="flat")(x), name="dscnn")


def channel_gate(x, inputs, nm_channels: int):
    """Multiplies every channel of x by a sigmoid of a small network of the inputs (NM of ANML, per channel).

    ANML's own mask has a value for every latent element and a dense layer that grows with the square of the
    size; one value a channel costs thousands of weights instead of millions.
    """
    nm = inputs
    for i in range(3):
        nm = conv_norm_relu(nm, nm_channels, 3, 2, "same", f"nm_{i + 1}")
    nm = layers.GlobalAveragePooling2D(keepdims=True, name="nm_pool")(nm)
    mask = layers.Conv2D(x.shape[-1], 1, activation="sigmoid", name="nm_mask")(nm)
    return layers.Multiply(name="gate")([x, mask])
