"""From a trained float encoder to the package that devices learn from."""

import dataclasses
from pathlib import Path

from tfodcl.compress.product_quantizer import ProductQuantizer
from tfodcl.compress.record import RECORD_HEADER_BYTES
from tfodcl.data import Dataset
from tfodcl.meta.aim import AimStage
from tfodcl.meta.recipes import Trained
from tfodcl.methods.lifelearner import LifeLearner
from tfodcl.package import Learning, Package
from tfodcl.presets import Preset
from tfodcl.quantize.frozen import Frozen, freeze
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
    frozen = freeze(recipe, trained.encoder, dataset, preset, seed, folder)
    if recipe != LifeLearner.RECIPE:
        preset = dataclasses.replace(preset, codec="uniform:8")
    num_records = preset.num_classes * preset.samples_per_class
    package = pack(recipe, preset.encoder, frozen, trained, dataset, preset, num_records, seed)
    stage = trained.stage
    return dataclasses.replace(package, adaptive=stage.weights() if isinstance(stage, AimStage) else {})


def pack(
    recipe: str,
    name: str,
    frozen: Frozen,
    trained: Trained,
    dataset: Dataset,
    preset: Preset,
    num_records: int,
    seed: int,
) -> Package:
    """The package of a frozen encoder and a head of the data set's meta-test classes.

    Args:
      recipe: as `assemble` takes it.
      name: of the encoder.
      num_records: most that are kept, of the preset's codec.
      seed: of codebooks.
    """
    setting, codec = frozen.fit(preset.codec, seed)
    steps = {
        "supervised training": preset.pretrain_steps,
        "supervised training, AIM": preset.aim_pretrain_steps,
        "meta-training": preset.meta_steps,
    }
    return Package(
        encoder=frozen.model,
        latent_dim=frozen.encoder.latent_dim,
        latent_scale=frozen.encoder.latent_scale,
        latent_zero_point=frozen.encoder.latent_zero_point,
        codec=codec,
        learning=Learning(
            capacity=len(dataset.split.meta_test),
            inner_lr=1e-3,
            outer_lr=1e-3,
            replay_batch=preset.replay_batch,
            replay_epochs=preset.replay_epochs,
            replay_budget_bytes=num_records * (RECORD_HEADER_BYTES + codec.payload_bytes),
        ),
        plan=frozen.plan.content,
        info={
            "recipe": recipe,
            "dataset": dataset.name,
            "seed": seed,
            "input_shape": list(frozen.encoder.input_shape),
            "front_end": dataset.front_end,
            "learning_rates": {},
            "stages": [
                *({"name": stage, "seconds": used, "steps": steps[stage]} for stage, used in trained.seconds.items()),
                {"name": "quantize-aware fine-tuning", "seconds": frozen.seconds, "steps": preset.qat_steps},
            ],
            "encoder": frozen.describe(name, setting, codec),
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
