"""A network cut at its latent-replay layer: a frozen stage that becomes int8, an adaptive stage that devices train."""

import numpy as np
import tf_keras as keras

from tfodcl.errors import InputError
from tfodcl.stages.network import HEAD, NORM_EPSILON, Layer, Network, head


def frozen_stage(model: keras.Model, layers: tuple[Layer, ...], split: int) -> keras.Model:
    """Input -> flattened output of layers[split], of a model as `build_mobilenet` builds it from `layers`.

    Raises InputError where there is no such layer.
    """
    check_split(layers, split)
    name = layers[split].name
    last = model.get_layer(name if layers[split].kind == "pool" else f"{name}_relu")
    latent = keras.layers.Flatten(name="flat")(last.output)
    return keras.Model(model.input, latent, name=f"{model.name}_{split}")


def adaptive_stage(layers: tuple[Layer, ...], split: int, num_classes: int) -> Network:
    """The layers behind layers[split], and a head of `num_classes`. Raises InputError where there is no such layer."""
    check_split(layers, split)
    return Network(layers[split].output_shape, (*layers[split + 1 :], head(layers[-1].output_shape, num_classes)))


def initial_weights(model: keras.Model, network: Network) -> dict[str, np.ndarray]:
    """The adaptive stage's arrays, float32: those of the model it was cut from, and a head of zeros."""
    weights = {}
    for layer in network.layers[:-1]:
        if layer.kind == "pool":
            continue
        norm = model.get_layer(f"{layer.name}_norm")
        assert norm.epsilon == NORM_EPSILON
        (kernel,) = model.get_layer(f"{layer.name}_conv").get_weights()
        arrays = (kernel, *norm.get_weights())
        for (name, shape), array in zip(layer.array_shapes.items(), arrays, strict=True):
            weights[name] = array.reshape(shape)  # Keras: (size, size, channels, 1) and (1, 1, inputs, outputs)
    kernel_name = f"{HEAD}/kernel"
    weights[kernel_name] = np.zeros(network.array_shapes[kernel_name], np.float32)
    return weights


def check_split(layers: tuple[Layer, ...], split: int) -> None:
    """Raises InputError where there is no layer `split`."""
    if not 0 <= split < len(layers):
        raise InputError(f"the latent-replay layer must be in 0..{len(layers) - 1}. Received: split={split}.")
