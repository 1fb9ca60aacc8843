"""PQ replay: LifeLearner with the whole latent product quantized and no bitmap (as REMIND stores, Hayes et al. 2020)."""

from tfodcl.methods.lifelearner import LifeLearner
from tfodcl.package import Learning, Package
from tfodcl.stages.classifier import Encoder


class PqReplay(LifeLearner):
    def __init__(self, package: Package, encoder: Encoder, learning: Learning, seed: int) -> None:
        super().__init__(package, encoder, learning, seed, package.other_codecs["pq"])
