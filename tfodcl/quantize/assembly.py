"""From a trained float encoder to the package that devices learn from."""

import dataclasses
from pathlib import Path

import numpy as np

from tfodcl import plan
from tfodcl.backbones import count_macs
from tfodcl.compress.product_quantizer import ProductQuantizer
from tfodcl.compress.record import RECORD_HEADER_BYTES, reconstruction_error
from tfodcl.compress.setting import CodecSetting
from tfodcl.data import Dataset, as_float
from tfodcl.meta.aim import AimStage
from tfodcl.meta.recipes import Trained
from tfodcl.methods.lifelearner import LifeLearner
from tfodcl.package import Learning, Package
from tfodcl.presets import Preset
from tfodcl.quantize import metadata, qat, tflite
from tfodcl.stages.tflite import TfliteEncoder
from tfodcl.streams import codec_samples

_DENSE_SUBVECTOR_DIM = 8  # the paper's, so that pq_replay differs from it in the bitmap alone


def assemble(recipe: str, trained: Trained, dataset: Dataset, preset: Preset, seed: int, folder: Path) -> Package:
    """Quantizes the encoder, fits codebooks to its int8 latents and packs all that a device needs.

    The learning rates of the package are placeholders until they are searched. ANML's package carries LifeLearner's
    codec; the methods of the others replay nothing, and their packages name the plain 8-bit one.

    Args:
      recipe: a key of meta.recipes.RECIPES, by which `trained` was made.
      seed: of fine-tuning and codebooks.
      folder: for checkpoints and logs.
    """
    twin, seconds = qat.fine_tune(
        trained.encoder,
        dataset,
        preset.qat_steps,
        preset.qat_batch,
        preset.qat_lr,
        seed,
        folder / "checkpoints" / f"{recipe}_qat.npz",
        folder / "logs" / f"{recipe}_qat",
        f"{recipe}: quantize-aware fine-tuning",
    )
    x_fitted, x_held_out = codec_samples(dataset, seed)
    model = tflite.convert(twin, as_float(np.concatenate([x_fitted, x_held_out])))
    model = metadata.describe(model, dataset, recipe)
    board_plan = plan.make(model)
    encoder = TfliteEncoder(model)
    fitted, held_out, zero_point = encoder.encode(x_fitted), encoder.encode(x_held_out), encoder.latent_zero_point
    setting = CodecSetting.parse(preset.codec if recipe == LifeLearner.RECIPE else "uniform:8")
    setting = setting.resolve(fitted, zero_point)
    codec = setting.fit(fitted, zero_point, seed)
    record_bytes = RECORD_HEADER_BYTES + codec.payload_bytes
    num_records = preset.num_classes * preset.samples_per_class
    stage = trained.stage
    steps = {
        "supervised training": preset.pretrain_steps,
        "supervised training, AIM": preset.aim_pretrain_steps,
        "meta-training": preset.meta_steps,
    }
    return Package(
        encoder=model,
        latent_dim=encoder.latent_dim,
        latent_scale=encoder.latent_scale,
        latent_zero_point=zero_point,
        codec=codec,
        learning=Learning(
            capacity=len(dataset.split.meta_test),
            inner_lr=1e-3,
            outer_lr=1e-3,
            replay_batch=preset.replay_batch,
            replay_epochs=preset.replay_epochs,
            replay_budget_bytes=num_records * record_bytes,
        ),
        plan=board_plan.content,
        adaptive=stage.weights() if isinstance(stage, AimStage) else {},
        info={
            "recipe": recipe,
            "dataset": dataset.name,
            "seed": seed,
            "input_shape": list(encoder.input_shape),
            "front_end": dataset.front_end,
            "learning_rates": {},
            "stages": [
                *({"name": name, "seconds": used, "steps": steps[name]} for name, used in trained.seconds.items()),
                {"name": "quantize-aware fine-tuning", "seconds": seconds, "steps": preset.qat_steps},
            ],
            "encoder": {
                "name": preset.encoder,
                "tflite_bytes": len(model),
                "parameters": trained.encoder.count_params(),
                "macs": count_macs(trained.encoder),
                "arena_bytes": board_plan.arena_bytes,
                "latent_dim": encoder.latent_dim,
                "latent_density": float(np.mean(held_out != zero_point)),
                "codec": {
                    "setting": str(setting),
                    "name": codec.NAME,
                    "payload_bytes": codec.payload_bytes,
                    "reconstruction_error": reconstruction_error(codec, held_out, zero_point),
                },
            },
        },
    )


def with_dense_quantizer(package: Package, recipe: str, dataset: Dataset, seed: int) -> Package:
    """The package as `recipe`, with a product quantizer of whole latents for pq_replay.

    Apart from what a device gets: its codebook has 256 bytes for every value of the latent, 768 KiB for 3,072.
    """
    x_fitted, _ = codec_samples(dataset, seed)
    quantizer = ProductQuantizer.fit(TfliteEncoder(package.encoder).encode(x_fitted), _DENSE_SUBVECTOR_DIM, seed=seed)
    return dataclasses.replace(with_info(package, recipe=recipe), other_codecs={"pq": quantizer})


def with_info(package: Package, **entries) -> Package:
    """The package with some entries of its `info` replaced."""
    return dataclasses.replace(package, info={**package.info, **entries})
