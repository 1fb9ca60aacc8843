"""How each encoder is made: modulated or plain, by supervision or by episodes, with or without AIM."""

import dataclasses
import functools
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tf_keras as keras

from tfodcl.backbones import build
from tfodcl.data import Dataset, as_float
from tfodcl.meta.aim import AimStage
from tfodcl.meta.augment import augmentation
from tfodcl.meta.linear import LinearStage
from tfodcl.meta.loop import make_deterministic
from tfodcl.meta.training import AdaptiveStage, meta_train, pretrain
from tfodcl.meta.whitening import whiten
from tfodcl.presets import Preset
from tfodcl.streams import codec_samples

CosineDecay = keras.optimizers.schedules.CosineDecay
# Decoupled decay (Loshchilov & Hutter 2019): 5e-3 a step, times the rate, holds what 5e-4 in the gradient would.
OPTIMIZERS = {
    "adam": keras.optimizers.Adam,
    "sgd": functools.partial(keras.optimizers.SGD, momentum=0.9, nesterov=True, weight_decay=5e-3),
}


@dataclass(frozen=True)
class Recipe:
    """`modulated`: with NM (ANML) or without (OML); `episodes`: meta-trained; `aim`: AIM before the classifier."""

    modulated: bool
    episodes: bool
    aim: bool


RECIPES = {
    "pretrained": Recipe(modulated=True, episodes=False, aim=False),
    "oml": Recipe(modulated=False, episodes=True, aim=False),
    "anml": Recipe(modulated=True, episodes=True, aim=False),
    "oml_aim": Recipe(modulated=False, episodes=True, aim=True),
    "anml_aim": Recipe(modulated=True, episodes=True, aim=True),
    "qlr": Recipe(modulated=False, episodes=False, aim=False),
}


@dataclass(frozen=True, eq=False)
class Trained:
    """A trained float encoder, the adaptive stage it was trained with, and seconds by stage of training."""

    encoder: keras.Model
    stage: AdaptiveStage
    seconds: dict[str, float]


class Trainer:
    """Trains the encoders of one data set and preset; the supervised ones that others start from, once.

    Args:
      dataset: its meta-train classes are trained on.
      preset: sizes.
      second_order: gradients through the inner steps.
      seed: of everything.
      folder: for checkpoints and TensorBoard logs.
    """

    def __init__(self, dataset: Dataset, preset: Preset, second_order: bool, seed: int, folder: Path) -> None:
        self._dataset, self._preset, self._seed = dataset, preset, seed
        self._second_order = second_order
        self._folder = folder
        self._supervised: dict[bool, Trained] = {}

    def train(self, name: str) -> Trained:
        """The encoder of recipe `name`, resumed where an earlier call was interrupted."""
        recipe, preset = RECIPES[name], self._preset
        if not recipe.episodes:
            return self._finished(self._supervise(recipe.modulated))
        make_deterministic(self._seed)
        encoder = self._build(recipe.modulated, recipe.aim)
        stage = self._stage(encoder.output_shape[1], recipe.aim)
        seconds: dict[str, float] = {}
        if preset.warm_start:
            start = self._supervise(recipe.modulated)
            seconds.update(start.seconds)
            for layer in start.encoder.layers:
                if layer.weights:
                    encoder.get_layer(layer.name).set_weights(layer.get_weights())
            if recipe.aim:
                steps = preset.aim_pretrain_steps
                seconds["supervised training, AIM"] = self._pretrain(f"{name}_supervised", encoder, stage, steps)
            else:
                stage.kernel.assign(start.stage.kernel)
        seconds["meta-training"] = meta_train(
            encoder,
            stage,
            self._dataset,
            preset.meta_steps,
            preset.num_inner,
            preset.num_random,
            preset.aim_inner_lr if recipe.aim else preset.inner_lr,
            preset.outer_lr,
            self._second_order,
            self._seed,
            self._folder / "checkpoints" / f"{name}.npz",
            self._folder / "logs" / name,
            f"{name}: meta-training",
        )
        return self._finished(Trained(self._in_float32(encoder, recipe.modulated, recipe.aim), stage, seconds))

    def _finished(self, trained: Trained) -> Trained:
        whitening = self._preset.whitening
        if whitening is None:
            return trained
        fitted, _ = codec_samples(self._dataset, self._seed)
        return dataclasses.replace(trained, encoder=whiten(trained.encoder, as_float(fitted), whitening))

    def _supervise(self, modulated: bool) -> Trained:
        if modulated not in self._supervised:
            name = "pretrained" if modulated else "pretrained_plain"
            make_deterministic(self._seed)
            encoder = self._build(modulated, aim=False)
            stage = self._stage(encoder.output_shape[1], aim=False)
            seconds = self._pretrain(name, encoder, stage, self._preset.pretrain_steps)
            exact = self._in_float32(encoder, modulated, aim=False)
            self._supervised[modulated] = Trained(exact, stage, {"supervised training": seconds})
        return self._supervised[modulated]

    def _build(self, modulated: bool, aim: bool, precision: str = "") -> keras.Model:
        preset, width = self._preset, self._preset.aim_width if aim else 0
        return build(preset.encoder, self._dataset.input_shape, modulated, width, precision or preset.precision)

    def _in_float32(self, encoder: keras.Model, modulated: bool, aim: bool) -> keras.Model:
        """The encoder with the same weights and float32 activations, as it is quantized and tested."""
        if self._preset.precision == "float32":
            return encoder
        exact = self._build(modulated, aim, "float32")
        exact.set_weights(encoder.get_weights())
        return exact

    def _pretrain(self, name: str, encoder: keras.Model, stage: AdaptiveStage, num_steps: int) -> float:
        preset = self._preset
        return pretrain(
            encoder,
            stage,
            self._dataset,
            num_steps,
            preset.pretrain_batch,
            OPTIMIZERS[preset.pretrain_optimizer](CosineDecay(preset.pretrain_lr, num_steps)),
            augmentation(self._dataset) if preset.augment else None,
            self._seed,
            self._folder / "checkpoints" / f"{name}.npz",
            self._folder / "logs" / name,
            f"{name}: supervised training",
        )

    def _stage(self, latent_dim: int, aim: bool) -> AdaptiveStage:
        preset, rng = self._preset, np.random.default_rng([self._seed, 7])
        num_classes = len(self._dataset.split.meta_train)
        if not aim:
            return LinearStage(latent_dim, num_classes, rng)
        return AimStage(
            latent_dim, num_classes, preset.aim_mechanisms, preset.aim_active, preset.aim_attention_dim, rng
        )
