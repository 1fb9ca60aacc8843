"""From a trained network, cut at its latent-replay layer, to the package that devices learn from as QLR-CL does."""

import dataclasses
from pathlib import Path

import numpy as np

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
    weights, max_new = initial_weights(trained.encoder, network), most_new(dataset, preset)
    section = network_section.pack(network, weights, Training(), max_new)
    learning = dataclasses.replace(package.learning, capacity=training.num_classes)
    return with_info(dataclasses.replace(package, learning=learning, network=section), split=split)


def most_new(dataset: Dataset, preset: SplitPreset) -> int:
    """Samples of the greatest training batch of the preset's streams; as many as the section can say."""
    samples = preset.training.samples_per_class
    if dataset.group_train is not None:
        samples = int(np.unique(dataset.group_train, return_counts=True)[1].max())
    return min(max(preset.first_classes, preset.groups_per_batch) * samples, network_section.MOST_NEW)
