"""The blocks that the encoders are made of."""

import tf_keras as keras

layers = keras.layers

# The moving averages follow some ten batches: quick trainings have a few hundred.
NORM_MOMENTUM = 0.9


def norm(x, name: str):
    """Batch normalisation; folded into the convolution before it when the encoder becomes int8."""
    return layers.BatchNormalization(momentum=NORM_MOMENTUM, name=f"{name}_norm")(x)


def conv_norm_relu(x, num_channels: int, kernel_size, stride: int, padding: str, name: str):
    x = layers.Conv2D(
        num_channels,
        kernel_size,
        stride,
        padding,
        use_bias=False,
        kernel_initializer=keras.initializers.HeNormal(),
        name=f"{name}_conv",
    )(x)
    return layers.ReLU(name=f"{name}_relu")(norm(x, name))


def depthwise_norm_relu(x, kernel_size: int, stride: int, name: str):
    x = layers.DepthwiseConv2D(
        kernel_size,
        stride,
        "same",
        use_bias=False,
        depthwise_initializer=keras.initializers.HeNormal(),
        name=f"{name}_conv",
    )(x)
    return layers.ReLU(name=f"{name}_relu")(norm(x, name))
