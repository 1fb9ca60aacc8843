"""From a trained network, cut at its latent-replay layer, to the package that devices learn from as QLR-CL does."""

import dataclasses
from pathlib import Path

from tfodcl.backbones import layers_of
from tfodcl.backbones.split import adaptive_stage, frozen_stage, initial_weights
from tfodcl.data import Dataset
from tfodcl.meta.recipes import Trained
from tfodcl.methods.qlr import Qlr
from tfodcl.package import Package
from tfodcl.presets import SplitPreset
from tfodcl.quantize.assembly import pack, with_info
from tfodcl.quantize.frozen import freeze
from tfodcl.stages import network_section
from tfodcl.stages.network import Training


def assemble_split(
    trained: Trained, dataset: Dataset, preset: SplitPreset, split: int, seed: int, folder: Path
) -> Package:
    """Quantizes the layers up to `split`, fits the preset's codec to their int8 latents, and packs both stages.

    The head has a row for each class of the preset's stream. The learning rate of the package is a placeholder until
    it is searched.

    Args:
      trained: the whole network, by the recipe of Qlr.
      split: the latent-replay layer, instead of the preset's.
      seed: of fine-tuning and codebooks.
      folder: for checkpoints and logs.

    Raises:
      InputError: the network has no such layer, or cannot be cut.
    """
    training = preset.training
    layers = layers_of(training.encoder, dataset.input_shape)
    name = f"{Qlr.RECIPE}_{split}"
    frozen = freeze(name, frozen_stage(trained.encoder, layers, split), dataset, training, seed, folder)
    encoder = f"{training.encoder}, layers 0 to {split}"
    package = pack(Qlr.RECIPE, encoder, frozen, trained, dataset, training, preset.num_replays, seed)
    network = adaptive_stage(layers, split, training.num_classes)
    section = network_section.pack(network, initial_weights(trained.encoder, network), Training())
    learning = dataclasses.replace(package.learning, capacity=training.num_classes)
    return with_info(dataclasses.replace(package, learning=learning, network=section), split=split)
