"""From a trained float encoder to the package that devices learn from."""

import dataclasses
import math
from pathlib import Path

import numpy as np

from tfodcl import plan
from tfodcl.backbones import count_macs
from tfodcl.compress.bitmap_pq import BitmapPqCodec
from tfodcl.compress.product_quantizer import ProductQuantizer
from tfodcl.compress.record import RECORD_HEADER_BYTES, Codec, reconstruction_error
from tfodcl.compress.uniform import UniformCodec
from tfodcl.data import Dataset, as_float
from tfodcl.meta.aim import AimStage
from tfodcl.meta.recipes import Trained
from tfodcl.methods.lifelearner import LifeLearner
from tfodcl.package import Learning, Package
from tfodcl.presets import Preset
from tfodcl.quantize import metadata, qat, tflite
from tfodcl.stages.tflite import TfliteEncoder
from tfodcl.streams import index_meta_train

CODEC_SAMPLES = 2000  # at most, that codebooks are fitted to; half as many more test them
KEPT_ENERGY = 0.95


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
    samples = codec_samples(dataset, seed)
    model = metadata.describe(tflite.convert(twin, as_float(samples)), dataset, recipe)
    board_plan = plan.make(model)
    encoder = TfliteEncoder(model)
    fitted, held_out = np.split(encoder.encode(samples), [len(samples) * 2 // 3])
    codec: Codec = UniformCodec(encoder.latent_dim, num_bits=8)
    if recipe == LifeLearner.RECIPE:
        zero_point, subvector_dim = encoder.latent_zero_point, preset.subvector_dim
        num_kept = preset.num_kept or choose_num_kept(fitted, zero_point, subvector_dim)
        codec = BitmapPqCodec.fit(fitted, zero_point, num_kept, subvector_dim, seed=seed)
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
        latent_zero_point=encoder.latent_zero_point,
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
                "latent_density": float(np.mean(held_out != encoder.latent_zero_point)),
                "codec": {
                    "name": codec.NAME,
                    "payload_bytes": codec.payload_bytes,
                    "reconstruction_error": reconstruction_error(codec, held_out, encoder.latent_zero_point),
                },
            },
        },
    )


def choose_num_kept(latents: np.ndarray, zero_point: int, subvector_dim: int) -> int:
    """The fewest values a latent, in steps of 64, that hold KEPT_ENERGY of the sum of squares of int8 (n, latent_dim).

    The paper keeps 256 of 4,096 with 94 % zeros. Latents of short trainings are not sparse, and how many of their
    values matter is the encoder's own.
    """
    energy = -np.sort(-np.square(latents.astype(np.float64) - zero_point), axis=1).sum(axis=0)  # largest first
    kept = np.cumsum(energy) / max(energy.sum(), 1.0)
    step, most = math.lcm(64, subvector_dim), len(kept) // subvector_dim * subvector_dim
    enough = int(np.searchsorted(kept, KEPT_ENERGY)) + 1
    return min(-(-enough // step) * step, most)


def with_dense_quantizer(package: Package, recipe: str, dataset: Dataset, preset: Preset, seed: int) -> Package:
    """The package as `recipe`, with a product quantizer of whole latents for pq_replay.

    Apart from what a device gets: its codebook has 256 bytes for every value of the latent, 768 KiB for 3,072.
    """
    samples = codec_samples(dataset, seed)
    latents = TfliteEncoder(package.encoder).encode(samples[: len(samples) * 2 // 3])
    quantizer = ProductQuantizer.fit(latents, preset.subvector_dim, seed=seed)
    return dataclasses.replace(with_info(package, recipe=recipe), other_codecs={"pq": quantizer})


def codec_samples(dataset: Dataset, seed: int) -> np.ndarray:
    """Meta-train samples in random order: codebooks are fitted to two thirds and tested on the rest."""
    chosen = np.random.default_rng([seed, 8]).permutation(index_meta_train(dataset).all)
    return dataset.x_train[chosen[: CODEC_SAMPLES * 3 // 2]]


def with_info(package: Package, **entries) -> Package:
    """The package with some entries of its `info` replaced."""
    return dataclasses.replace(package, info={**package.info, **entries})
