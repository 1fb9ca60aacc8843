"""PQ replay: LifeLearner with whole latents product quantized, no bitmap (as REMIND stores; Hayes et al. 2020)."""

from typing import ClassVar

from tfodcl.errors import InputError
from tfodcl.methods.lifelearner import LifeLearner
from tfodcl.package import Learning, Package
from tfodcl.stages.classifier import Encoder


class PqReplay(LifeLearner):
    RECIPE: ClassVar[str] = "anml_pq"  # anml's encoder, and the codebook, which is too large for a device's package

    def __init__(self, package: Package, encoder: Encoder, learning: Learning, seed: int) -> None:
        if "pq" not in package.other_codecs:
            received = ", ".join(package.other_codecs) or "no other codecs"
            raise InputError(f"pq_replay needs a package with the codec pq. Received: {received}.")
        super().__init__(package, encoder, learning, seed, package.other_codecs["pq"])
