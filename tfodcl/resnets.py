"""Residual networks as methods need them that learn tasks: whole, part by part, or cut; and their training before."""

import functools
import math
from collections.abc import Callable
from itertools import groupby
from pathlib import Path

import numpy as np
import tf_keras as keras

from tfodcl.backbones import in_precision
from tfodcl.backbones.resnet import build_units
from tfodcl.data import Dataset, as_float
from tfodcl.errors import InputError
from tfodcl.meta.augment import augmentation
from tfodcl.meta.linear import LinearStage
from tfodcl.meta.loop import make_deterministic
from tfodcl.meta.recipes import OPTIMIZERS, CosineDecay
from tfodcl.meta.training import pretrain
from tfodcl.quantize import tflite
from tfodcl.stages.classifier import FloatEncoder, FrozenStage
from tfodcl.stages.keras_network import inference
from tfodcl.stages.resnet import ResNet
from tfodcl.stages.tflite import TfliteEncoder
from tfodcl.task_presets import TaskPreset

Weights = dict[str, list[np.ndarray]]  # of each Keras layer that has any, by name, as keras orders them


class ResNets:
    """Networks of one description with the same initial weights. See task_methods.learning.Networks.

    Args:
      network: description.
      weights: of all layers but the head, as `pretrain_resnet` gives them; None: drawn from `seed`.
      num_frozen_blocks: where `cut` cuts: behind the stem and so many blocks.
      calibration: (n, h, w, c) samples whose activations give the frozen stage its ranges when it becomes int8; None:
        it stays float32.
      seed: of weights that are drawn, the head's in any case.
    """

    def __init__(
        self,
        network: ResNet,
        weights: Weights | None,
        num_frozen_blocks: int,
        calibration: np.ndarray | None,
        seed: int,
    ) -> None:
        self.network, self.num_classes = network, network.num_classes
        self.pretrained = weights is not None
        self._frozen_units, self._trained_units = network.cut(num_frozen_blocks)
        self._calibration = calibration
        make_deterministic(seed)
        drawn = build_units(network.units, "resnet")
        self._weights = {**weights_of(drawn), **(weights or {})}

    def whole(self) -> keras.Model:
        return with_weights(build_units(self.network.units, "resnet"), self._weights)

    def parts(self) -> list[keras.Model]:
        """Stem and first stage, each further stage, head."""
        stages = groupby(self.network.units, key=lambda unit: max(unit.stage, 1))
        return [with_weights(build_units(tuple(units), f"part_{stage}"), self._weights) for stage, units in stages]

    def cut(self, whole: keras.Model) -> tuple[FrozenStage, keras.Model]:
        weights = weights_of(whole)
        frozen = with_weights(build_units(self._frozen_units, "frozen"), weights)
        num_mapped = sum(unit.stage == self.network.last_stage for unit in self._trained_units)
        trained = with_weights(build_units(self._trained_units, "trained", num_mapped), weights)
        # What diverged has no ranges to become int8 by; in float32 it shows chance, as other methods do then.
        if self._calibration is None or not is_finite(weights):
            return FrozenStage(FloatEncoder(flat_outputs(frozen)), 1.0, 0), trained
        encoder = TfliteEncoder(quantized(frozen, self._calibration))
        return FrozenStage(encoder, encoder.latent_scale, encoder.latent_zero_point), trained

    def frozen_model(self) -> bytes:
        """The .tflite of the frozen stage before anything is learnt. Raises InputError without calibration samples."""
        if self._calibration is None:
            raise InputError("a frozen stage must have calibration samples to become int8. Received: none.")
        return quantized(with_weights(build_units(self._frozen_units, "frozen"), self._weights), self._calibration)


def quantized(model: keras.Model, calibration: np.ndarray) -> bytes:
    return tflite.convert(model, as_float(calibration), num_samples=len(calibration))


def flat_outputs(model: keras.Model) -> Callable[[np.ndarray], np.ndarray]:
    """(n, h, w, c) float32 -> (n, latent_dim)."""
    infer, latent_dim = inference(functools.partial(model, training=False)), math.prod(model.output_shape[1:])
    nothing = np.empty((0, latent_dim), np.float32)
    return lambda x: infer(x).reshape(len(x), latent_dim) if len(x) else nothing


def weights_of(model: keras.Model) -> Weights:
    return {layer.name: layer.get_weights() for layer in model.layers if layer.weights}


def is_finite(weights: Weights) -> bool:
    return all(np.isfinite(array).all() for arrays in weights.values() for array in arrays)


def with_weights(model: keras.Model, weights: Weights) -> keras.Model:
    for layer in model.layers:
        if layer.weights:
            layer.set_weights(weights[layer.name])
    return model


def pretrain_resnet(
    network: ResNet, dataset: Dataset, preset: TaskPreset, seed: int, folder: Path, name: str
) -> tuple[Weights, float]:
    """Supervised training on all classes of a data set, of all units but the head; resumed where it was interrupted.

    Args:
      network: its input must have the data set's shape.
      seed: of initial weights and mini-batches.
      folder: for checkpoints and logs.
      name: of these.

    Returns:
      The weights, and seconds.
    """
    make_deterministic(seed)
    with in_precision(preset.precision):
        body = build_units(network.units[:-1], "resnet")
        encoder = keras.Model(body.input, keras.layers.GlobalAveragePooling2D(name="pool")(body.output))
    dataset = dataset.with_all_trained()
    stage = LinearStage(encoder.output_shape[1], len(dataset.class_names), np.random.default_rng([seed, 7]))
    seconds = pretrain(
        encoder,
        stage,
        dataset,
        preset.pretrain_steps,
        preset.pretrain_batch,
        OPTIMIZERS["sgd"](CosineDecay(preset.pretrain_lr, preset.pretrain_steps)),
        augmentation(dataset),
        seed,
        folder / "checkpoints" / f"{name}.npz",
        folder / "logs" / name,
        f"{name}: supervised training",
    )
    return weights_of(encoder), seconds
