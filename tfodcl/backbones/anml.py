"""ANML: a prediction network P whose features a neuromodulatory network NM gates (Beaulieu et al. 2020).

    latent = flatten(P(x)) * sigmoid(W flatten(NM(x)) + b)

P and NM are three times [conv 3x3 valid, batch norm, ReLU], with a 2x2 max-pool after the convolutions that
`num_pools` names. Sizes of the papers (LifeLearner, arXiv 2311.11420; ANML): 112 channels in NM, 256 in P.

| input                     | num_pools | NM flat | latent |
|---------------------------|-----------|---------|--------|
| 32x32x3 CIFAR             | 2         | 1,792   | 4,096  |
| 84x84x3 MiniImageNet      | 3         | 7,168   | 16,384 |
| 28x28x1 Omniglot, glyphs  | 2         | 1,008   | 2,304  |
"""

import tf_keras as keras

from tfodcl.backbones.blocks import conv_norm_relu

layers = keras.layers


def convolutions(x, num_channels: int, num_pools: int, name: str):
    """Three blocks of conv 3x3 valid, norm, ReLU; the first `num_pools` are followed by max-pool 2x2."""
    for i in range(3):
        x = conv_norm_relu(x, num_channels, 3, 1, "valid", f"{name}_{i + 1}")
        if i < num_pools:
            x = layers.MaxPooling2D(2, name=f"{name}_{i + 1}_pool")(x)
    return x


def build_anml(
    input_shape: tuple[int, int, int], nm_channels: int = 112, p_channels: int = 256, num_pools: int = 2
) -> keras.Model:
    """Input (batch, *input_shape) float32 -> latent (batch, latent_dim) float32, >= 0."""
    x = keras.Input(input_shape)
    p = layers.Flatten(name="p_flat")(convolutions(x, p_channels, num_pools, "p"))
    nm = layers.Flatten(name="nm_flat")(convolutions(x, nm_channels, num_pools, "nm"))
    mask = layers.Dense(p.shape[-1], activation="sigmoid", name="nm_mask")(nm)
    return keras.Model(x, layers.Multiply(name="gate")([p, mask]), name="anml")
