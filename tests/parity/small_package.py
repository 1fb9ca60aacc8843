"""One small package and one stream for the learner in Python and the one in C++."""

import numpy as np

from tfodcl import package
from tfodcl.compress.bitmap_pq import BitmapPqCodec
from tfodcl.compress.elias_fano_pq import EliasFanoPqCodec
from tfodcl.compress.product_quantizer import ProductQuantizer
from tfodcl.compress.record import Codec
from tfodcl.compress.uniform import UniformCodec

LATENT_DIM, ZERO_POINT = 64, -128
NUM_KINDS, NUM_SAMPLES = 8, 20


class IdentityEncoder:
    """Its latent is its input, as that of the program's encoder."""

    def quantize(self, x: np.ndarray) -> np.ndarray:
        return x

    def encode_quantized(self, q: np.ndarray) -> np.ndarray:
        return q.reshape(len(q), -1)


def make_inputs() -> np.ndarray:
    """(NUM_KINDS, NUM_SAMPLES, LATENT_DIM) int8: like latents after a ReLU, a third above the zero point."""
    rng = np.random.default_rng(5)
    kinds = rng.normal(-25, 50, (NUM_KINDS, 1, LATENT_DIM))
    values = kinds + rng.normal(0, 15, (NUM_KINDS, NUM_SAMPLES, LATENT_DIM))
    return (np.clip(np.rint(values), 0, 255) - 128).astype(np.int8)


def make_codec(name: str, inputs: np.ndarray) -> Codec:
    latents = inputs.reshape(-1, LATENT_DIM)
    if name == "uniform":
        return UniformCodec.fit(latents, num_bits=7)
    if name == "pq":
        return ProductQuantizer.fit(latents, subvector_dim=4, num_centroids=30)
    if name == "elias_fano_pq":  # sparse enough for two low bits
        return EliasFanoPqCodec.fit(latents, ZERO_POINT, num_kept=12, subvector_dim=4, num_centroids=30)
    return BitmapPqCodec.fit(latents, ZERO_POINT, num_kept=24, subvector_dim=4, num_centroids=30)


def make_package(codec: Codec, budget_records: int) -> package.Package:
    return package.Package(
        encoder=b"\0\0\0\0TFL3",
        latent_dim=LATENT_DIM,
        latent_scale=0.02,
        latent_zero_point=ZERO_POINT,
        codec=codec,
        learning=package.Learning(
            capacity=6,
            inner_lr=0.02,
            outer_lr=0.05,
            replay_batch=8,
            replay_epochs=2,
            replay_budget_bytes=budget_records * (2 + codec.payload_bytes),
        ),
        plan=LATENT_DIM.to_bytes(4, "little"),
    )
