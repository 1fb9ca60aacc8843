"""A last linear layer that makes the channels of an encoder's latent uncorrelated and of equal variance.

Pooled features after a ReLU have a large common mean and a few strong directions; SGD on a linear head follows these
first, and one pass over the replays is too short for the others. Whitened, all are learnt at one rate. The layer is a
1x1 convolution of the encoder, so that devices need to know nothing of it.

The last block of a supervised encoder knows its training classes best, those before it are more general: whitened
together they tell new classes better apart. The layer is then a sum of convolutions, one of each block's mean.
"""

import numpy as np
import tf_keras as keras

from tfodcl.presets import Whitening

layers = keras.layers


def whiten(encoder: keras.Model, x: np.ndarray, whitening: Whitening) -> keras.Model:
    """The encoder with a layer "whiten" in front of its last one, "flat".

    Args:
      encoder: (n, h, w, c) -> (n, latent_dim), ends with Flatten of (n, rows, columns, channels).
      x: (n, h, w, c) float32, by whose features the layer is set; every position counts as a sample.
      whitening: with inner layers where rows and columns are 1.
    """
    maps = [_pooled(encoder, name) for name in whitening.inner_layers] + [encoder.get_layer("flat").input]
    parts = _features(keras.Model(encoder.input, maps), x)
    scales = np.concatenate([np.full(part.shape[1], part.var(axis=0).mean() ** -0.5) for part in parts])
    kernel, bias = zca(np.concatenate(parts, axis=1) * scales, whitening.shrinkage, whitening.dim)
    kernels = np.split(kernel * scales[:, None], np.cumsum([part.shape[1] for part in parts])[:-1])

    white = [
        _affine(part, one, bias / len(maps), f"whiten_{i}")
        for i, (part, one) in enumerate(zip(maps, kernels, strict=True))
    ]
    total = layers.Add(name="whiten")(white) if len(white) > 1 else white[0]
    return keras.Model(encoder.input, layers.Flatten(name="flat")(total), name=encoder.name)


def zca(features: np.ndarray, shrinkage: float, dim: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """(kernel (d, k), bias (k,)) with which features @ kernel + bias are white but for `shrinkage`, for (n, d) float64.

    With dim = 0, k is d, and the kernel the symmetric one of all such, which changes the features least (Bell &
    Sejnowski 1997). Otherwise k is `dim`, of principal components, those of the greatest variance.
    """
    mean = features.mean(axis=0)
    variances, directions = np.linalg.eigh(np.cov(features.T))
    kernel = directions / np.sqrt(variances + shrinkage * variances.mean())
    kernel = kernel[:, -dim:] if dim else kernel @ directions.T
    return kernel, -mean @ kernel


def _pooled(encoder: keras.Model, name: str):
    return layers.GlobalAveragePooling2D(keepdims=True, name=f"{name}_pool")(encoder.get_layer(name).output)


def _features(model: keras.Model, x: np.ndarray) -> list[np.ndarray]:
    """Of each output, (positions of all samples, channels) float64."""
    outputs = model.predict(x, batch_size=64, verbose=0)
    outputs = outputs if isinstance(outputs, list) else [outputs]
    return [one.reshape(-1, one.shape[-1]).astype(np.float64) for one in outputs]


def _affine(maps, kernel: np.ndarray, bias: np.ndarray, name: str):
    layer = layers.Conv2D(len(bias), 1, name=name)
    result = layer(maps)
    layer.set_weights([kernel[None, None], bias])
    return result
