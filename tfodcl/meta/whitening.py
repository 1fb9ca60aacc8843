"""A last linear layer that makes the channels of an encoder's latent uncorrelated and of equal variance.

Pooled features after a ReLU have a large common mean and a few strong directions; SGD on a linear head follows these
first, and one pass over the replays is too short for the others. Whitened, all are learnt at one rate. The layer is a
1x1 convolution of the encoder, so that devices need to know nothing of it.
"""

import numpy as np
import tf_keras as keras

# Variance added to every direction, as a share of their mean: what hardly varies among the meta-train classes is noise
# that would be blown up. Chosen on validation classes of CIFAR-100, of 0.1 and 1.
SHRINKAGE = 0.1


def whiten(encoder: keras.Model, x: np.ndarray) -> keras.Model:
    """The encoder with a layer "whiten" in front of its last one, "flat".

    Args:
      encoder: (n, h, w, c) -> (n, latent_dim), ends with Flatten of (n, rows, columns, channels).
      x: (n, h, w, c) float32, by whose features the layer is set; every position counts as a sample.
    """
    maps = encoder.get_layer("flat").input  # (n, rows, columns, channels)
    features = keras.Model(encoder.input, maps).predict(x, batch_size=64, verbose=0)
    kernel, bias = zca(features.reshape(-1, features.shape[-1]).astype(np.float64))
    layer = keras.layers.Conv2D(len(bias), 1, name="whiten")
    whitened = keras.layers.Flatten(name="flat")(layer(maps))
    layer.set_weights([kernel[None, None], bias])
    return keras.Model(encoder.input, whitened, name=encoder.name)


def zca(features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(kernel (d, d), bias (d,)) with which features @ kernel + bias are white but for SHRINKAGE, for (n, d) float64.

    Of all such kernels the symmetric one, which changes the features least (Bell & Sejnowski 1997).
    """
    mean = features.mean(axis=0)
    variances, directions = np.linalg.eigh(np.cov(features.T))
    kernel = directions / np.sqrt(variances + SHRINKAGE * variances.mean()) @ directions.T
    return kernel, -mean @ kernel
