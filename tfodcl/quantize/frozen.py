"""An encoder made int8, as devices run it, with the latents that codecs are fitted to."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tf_keras as keras

from tfodcl import plan
from tfodcl.backbones import count_macs
from tfodcl.compress.record import Codec, reconstruction_error
from tfodcl.compress.setting import CodecSetting
from tfodcl.data import Dataset, as_float
from tfodcl.presets import Preset
from tfodcl.quantize import metadata, qat, tflite
from tfodcl.stages.tflite import TfliteEncoder
from tfodcl.streams import codec_samples


@dataclass(frozen=True, eq=False)
class Frozen:
    """See the module.

    Attributes:
      model: the full-int8 .tflite.
      plan: of the model, for boards.
      encoder: runs the model.
      fitted, held_out: (n, latent_dim) int8 latents of meta-train samples, to fit codecs to and to test them.
      num_parameters, macs: of the float encoder.
      seconds: of fine-tuning.
    """

    model: bytes
    plan: plan.Plan
    encoder: TfliteEncoder
    fitted: np.ndarray
    held_out: np.ndarray
    num_parameters: int
    macs: int
    seconds: float

    def fit(self, text: str, seed: int) -> tuple[CodecSetting, Codec]:
        """The codec setting that `text` names, with a number for AUTO, and the codec fitted to the latents."""
        zero_point = self.encoder.latent_zero_point
        setting = CodecSetting.parse(text).resolve(self.fitted, zero_point)
        return setting, setting.fit(self.fitted, zero_point, seed)

    def describe(self, name: str, setting: CodecSetting, codec: Codec) -> dict[str, Any]:
        """What a package's `info` says of the encoder `name` and its codec, as `fit` gives both."""
        zero_point = self.encoder.latent_zero_point
        return {
            "name": name,
            "tflite_bytes": len(self.model),
            "parameters": self.num_parameters,
            "macs": self.macs,
            "arena_bytes": self.plan.arena_bytes,
            "latent_dim": self.encoder.latent_dim,
            "latent_density": float(np.mean(self.held_out != zero_point)),
            "codec": {
                "setting": str(setting),
                "name": codec.NAME,
                "payload_bytes": codec.payload_bytes,
                "reconstruction_error": reconstruction_error(codec, self.held_out, zero_point),
            },
        }


def freeze(name: str, encoder: keras.Model, dataset: Dataset, preset: Preset, seed: int, folder: Path) -> Frozen:
    """Fine-tunes and quantizes a float encoder.

    Args:
      name: of checkpoints, logs and the model, such as the recipe of its training.
      encoder: (n, h, w, c) -> (n, latent_dim).
      seed: of fine-tuning and of the samples.
      folder: for checkpoints and logs.
    """
    twin, seconds = qat.fine_tune(
        encoder,
        dataset,
        preset.qat_steps,
        preset.qat_batch,
        preset.qat_lr,
        seed,
        folder / "checkpoints" / f"{name}_qat.npz",
        folder / "logs" / f"{name}_qat",
        f"{name}: quantize-aware fine-tuning",
    )
    x_fitted, x_held_out = codec_samples(dataset, seed)
    model = tflite.convert(twin, as_float(np.concatenate([x_fitted, x_held_out])))
    model = metadata.describe(model, dataset, name)
    frozen = TfliteEncoder(model)
    return Frozen(
        model=model,
        plan=plan.make(model),
        encoder=frozen,
        fitted=frozen.encode(x_fitted),
        held_out=frozen.encode(x_held_out),
        num_parameters=encoder.count_params(),
        macs=count_macs(encoder),
        seconds=seconds,
    )
