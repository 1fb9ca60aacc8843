"""OML's representation network: six convolutions and no modulation (Javed & White 2019, section 4).

Its prediction network is linear here, which makes OML the same as ANML without the mask; the linear layer is
the adaptive stage and not part of this encoder. Strides alternate 2, 1 with "same" padding, a choice of ours
that gives 28x28 and 32x32 inputs a 4x4 map (the published strides are for 84x84 inputs).
"""

import tf_keras as keras

from tfodcl.backbones.blocks import conv_norm_relu

STRIDES = (2, 1, 2, 1, 2, 1)


def build_oml(input_shape: tuple[int, int, int], num_channels: int = 256) -> keras.Model:
    """Input (batch, *input_shape) float32 -> latent (batch, latent_dim) float32, >= 0."""
    x = inputs = keras.Input(input_shape)
    for i, stride in enumerate(STRIDES):
        x = conv_norm_relu(x, num_channels, 3, stride, "same", f"rep_{i + 1}")
    return keras.Model(inputs, keras.layers.Flatten(name="flat")(x), name="oml")
