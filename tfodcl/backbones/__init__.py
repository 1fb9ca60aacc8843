"""The encoders, by name: input shape -> latent. Each has a modulated form (ANML's) and a plain one (OML's)."""

from collections.abc import Callable
from dataclasses import dataclass

import tf_keras as keras

from tfodcl.backbones.anml import build_anml
from tfodcl.backbones.dscnn import build_dscnn
from tfodcl.backbones.oml import build_oml
from tfodcl.backbones.residual import build_residual
from tfodcl.errors import InputError

Builder = Callable[[tuple[int, int, int]], keras.Model]


@dataclass(frozen=True)
class Family:
    """An encoder's two forms and what inputs it is for."""

    modulated: Builder
    plain: Builder
    min_size: tuple[int, int]  # of the input, (height, width)


def anml_family(nm_channels: int, p_channels: int, oml_channels: int) -> Family:
    return Family(
        lambda shape: build_anml(shape, nm_channels, p_channels, num_pools=3 if shape[0] >= 64 else 2),
        lambda shape: build_oml(shape, oml_channels),
        min_size=(26, 26),
    )


def dscnn_family(num_channels: int, nm_channels: int) -> Family:
    return Family(
        lambda shape: build_dscnn(shape, num_channels, nm_channels=nm_channels),
        lambda shape: build_dscnn(shape, num_channels),
        min_size=(20, 4),
    )


def residual_family(stem_channels: int, blocks: tuple[tuple[int, int], ...], pooled: bool) -> Family:
    return Family(
        lambda shape: build_residual(shape, stem_channels, blocks, nm_channels=16, pooled=pooled),
        lambda shape: build_residual(shape, stem_channels, blocks, pooled=pooled),
        min_size=(16, 16),
    )


FAMILIES = {
    "anml": anml_family(112, 256, 256),  # the papers' sizes
    "anml_small": anml_family(32, 64, 64),
    "anml_tiny": anml_family(16, 32, 32),  # for the Nano 33 BLE
    "dscnn": dscnn_family(160, 16),  # near the published M (172), latents in whole bytes and subvectors
    "dscnn_tiny": dscnn_family(64, 8),  # for the Nano 33 BLE
    "residual": residual_family(32, ((64, 2), (128, 2), (128, 1), (192, 2)), pooled=False),
    # On the STM32H747: 16 bytes hold a label and 14 codes of 8 values.
    "residual_pooled": residual_family(32, ((64, 2), (64, 1), (64, 1), (112, 2), (112, 1), (112, 1)), pooled=True),
    # Drawings on the Nano 33 BLE, which has room for heads of 200 classes of so short a latent.
    "residual_tiny": residual_family(16, ((32, 2), (64, 2), (64, 1)), pooled=True),
}


# What activations and products are held in while an encoder is trained; its weights and statistics are float32. On a
# processor with bfloat16 instructions the latter takes two thirds of the time.
PRECISIONS = {"float32": "float32", "bfloat16": "mixed_bfloat16"}


def check_fits(name: str, input_shape: tuple[int, int, int]) -> None:
    """Raises InputError where there is no encoder `name` or (height, width, channels) is too small for it."""
    if name not in FAMILIES:
        raise InputError(f"encoder must be one of {', '.join(FAMILIES)}. Received: {name!r}.")
    height, width = FAMILIES[name].min_size
    if input_shape[0] < height or input_shape[1] < width:
        raise InputError(
            f"encoder {name} needs inputs of at least {height}x{width}. Received: {input_shape[0]}x{input_shape[1]}."
        )


def build(
    name: str,
    input_shape: tuple[int, int, int],
    modulated: bool,
    aim_width: int = 0,
    precision: str = "float32",
) -> keras.Model:
    """The float encoder `name` for `input_shape`. Its weights are float32 and in the same order in any precision.

    Args:
      name: a key of FAMILIES.
      input_shape: (height, width, channels).
      modulated: with the neuromodulatory network (ANML) or without (OML).
      aim_width: > 0 adds the dense layer in front of AIM, latent -> aim_width, ReLU.
      precision: a key of PRECISIONS; also the latent's type.

    Raises:
      InputError: as `check_fits`.
    """
    check_fits(name, input_shape)
    family = FAMILIES[name]
    earlier = keras.mixed_precision.global_policy()
    keras.mixed_precision.set_global_policy(PRECISIONS[precision])
    try:
        model = (family.modulated if modulated else family.plain)(input_shape)
        return with_aim_front(model, aim_width) if aim_width else model
    finally:
        keras.mixed_precision.set_global_policy(earlier)


def with_aim_front(model: keras.Model, aim_width: int) -> keras.Model:
    """The encoder with a dense layer and ReLU behind it, latent -> aim_width."""
    reduced = keras.layers.Dense(aim_width, kernel_initializer="he_normal", name="aim_front")(model.output)
    return keras.Model(model.input, keras.layers.ReLU(name="aim_front_relu")(reduced), name=f"{model.name}_aim")


def count_macs(model: keras.Model) -> int:
    """Multiply-accumulates of one inference; taps that fall on padding are counted."""
    total = 0
    for layer in model.layers:
        if isinstance(layer, keras.layers.DepthwiseConv2D):
            _, height, width, channels = layer.output_shape
            total += height * width * channels * layer.kernel_size[0] * layer.kernel_size[1]
        elif isinstance(layer, keras.layers.Conv2D):
            _, height, width, _ = layer.output_shape
            total += height * width * layer.kernel.shape.num_elements()
        elif isinstance(layer, keras.layers.Dense):
            total += layer.kernel.shape.num_elements()
    return total
