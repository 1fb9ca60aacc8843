"""Latent replay: LifeLearner with latents stored as they are, one byte a value (Pellegrini et al. 2020)."""

from tfodcl.compress.uniform import UniformCodec
from tfodcl.methods.lifelearner import LifeLearner
from tfodcl.package import Learning, Package
from tfodcl.stages.classifier import Encoder


class LatentReplay(LifeLearner):
    def __init__(self, package: Package, encoder: Encoder, learning: Learning, seed: int) -> None:
        super().__init__(package, encoder, learning, seed, UniformCodec(package.latent_dim, num_bits=8))
