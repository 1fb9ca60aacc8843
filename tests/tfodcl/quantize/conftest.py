"""Small data sets and encoders that the tests of quantization share."""

from dataclasses import dataclass

import numpy as np
import pytest
import tf_keras as keras

from tfodcl.backbones import build
from tfodcl.data import ClassSplit, Dataset, as_float
from tfodcl.quantize import qat, tflite

SHAPES = {
    "anml_tiny": (28, 28, 1),
    "dscnn_tiny": (49, 10, 1),
    "residual": (32, 32, 3),
    "residual_pooled": (32, 32, 3),
}
MFCC = {"kind": "mfcc", "mean": [float(i) for i in range(10)], "std": [1.0 + i for i in range(10)]}


@dataclass
class Quantized:
    """An encoder, its quantize-aware twin without fine-tuning, and the .tflite of that."""

    name: str
    dataset: Dataset
    model: keras.Model
    twin: keras.Model
    tflite: bytes


def draw_dataset(shape: tuple[int, int, int]) -> Dataset:
    """Ten classes of noise around a pattern each: images with values from 0 to 255, or float features."""
    rng = np.random.default_rng(0)
    y = np.repeat(np.arange(10), 12)
    x = rng.normal(size=(10, *shape))[y] + rng.normal(size=(len(y), *shape))
    if shape == SHAPES["dscnn_tiny"]:
        x, front_end = x.astype(np.float32), MFCC
    else:
        x, front_end = np.clip(128 + 64 * x, 0, 255).astype(np.uint8), {"kind": "image", "scale": 1 / 255}
    split = ClassSplit(np.arange(5), np.arange(5, 7), np.arange(7, 10))
    names = tuple(f"class {i}" for i in range(10))
    return Dataset("noise", x, y, x, y, None, None, names, split, front_end, "noise: CC0")


def build_encoder(name: str) -> keras.Model:
    """Random weights, with norms that are not those of a new network and a mask that opens and closes."""
    keras.utils.set_random_seed(1)
    model, rng = build(name, SHAPES[name], modulated=True), np.random.default_rng(1)
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            size = layer.gamma.shape[0]
            drawn = [rng.normal(center, 0.1, size) for center in (1, 0, 0)]  # gamma, beta, mean
            layer.set_weights([*drawn, rng.uniform(0.5, 1.5, size)])
    mask = model.get_layer("nm_mask")
    mask.set_weights([mask.get_weights()[0], rng.normal(0, 2, mask.get_weights()[1].shape)])
    return model


def quantize(name: str) -> Quantized:
    dataset, model = draw_dataset(SHAPES[name]), build_encoder(name)
    calibration = as_float(dataset.x_train)
    twin = qat.quantize(model, calibration)
    return Quantized(name, dataset, model, twin, tflite.convert(twin, calibration))


@pytest.fixture(scope="session", params=["anml_tiny", "dscnn_tiny", "residual"])
def quantized(request) -> Quantized:
    return quantize(request.param)


@pytest.fixture(scope="session")
def anml() -> Quantized:
    return quantize("anml_tiny")


@pytest.fixture(scope="session", params=SHAPES)
def every_encoder(request) -> Quantized:
    """Those that boards run."""
    return quantize(request.param)
