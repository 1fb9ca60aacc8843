"""LifeLearner's codec (arXiv 2311.11420): a bitmap of the kept values, and these product quantized.

A latent after a ReLU is mostly zero. The num_kept values farthest from zero are packed in order of position,
padded with zero_point, and quantized; the payload is the bitmap and then the codes. With the paper's sizes,
256 kept of 4096 in subvectors of 8, that is 512 + 32 bytes.
"""

import struct
from typing import ClassVar

import numpy as np

from tfodcl.compress import bitmap
from tfodcl.compress.product_quantizer import MAX_CENTROIDS, ProductQuantizer, check_divides, read_codebook
from tfodcl.compress.record import check_latent_dim, check_latents, check_payloads
from tfodcl.errors import InputError

_SECTION = struct.Struct("<HHIIIHHIb7x")


class BitmapPqCodec:
    """Bitmap of latent_dim bits, then num_kept / subvector_dim codes of one byte.

    Attributes:
      num_kept: values kept of a latent.
      zero_point: the int8 value that stands for 0.
      quantizer: the product quantizer of the num_kept packed values.
    """

    CODEC_ID: ClassVar[int] = 3
    NAME: ClassVar[str] = "bitmap_pq"

    def __init__(self, latent_dim: int, zero_point: int, num_kept: int, quantizer: ProductQuantizer) -> None:
        check_latent_dim(latent_dim)
        _check_kept(zero_point, num_kept, latent_dim)
        if quantizer.latent_dim != num_kept:
            raise InputError(
                f"num_kept must be num_subvectors * subvector_dim. Received: num_kept={num_kept}, "
                f"num_subvectors={quantizer.num_subvectors}, subvector_dim={quantizer.subvector_dim}."
            )
        self.latent_dim, self.zero_point, self.num_kept, self.quantizer = (
            latent_dim,
            zero_point,
            num_kept,
            quantizer,
        )
        self._bitmap_bytes = bitmap.num_bytes(latent_dim)
        self.payload_bytes = self._bitmap_bytes + quantizer.payload_bytes

    @classmethod
    def fit(
        cls,
        latents: np.ndarray,
        zero_point: int,
        num_kept: int = 256,
        subvector_dim: int = 8,
        num_centroids: int = MAX_CENTROIDS,
        seed: int = 0,
    ) -> "BitmapPqCodec":
        """Learns the codebooks from the packed values of latents, (n, latent_dim) int8, n >= 1."""
        latent_dim = latents.shape[-1]
        check_latents(latents, latent_dim)
        _check_kept(zero_point, num_kept, latent_dim)
        if subvector_dim >= 1:
            check_divides(subvector_dim, "num_kept", num_kept)
        mask = bitmap.select(latents, zero_point, num_kept)
        packed = bitmap.gather(latents, mask, num_kept, zero_point)  # (n, num_kept)
        quantizer = ProductQuantizer.fit(packed, subvector_dim, num_centroids, seed)
        return cls(latent_dim, zero_point, num_kept, quantizer)

    def encode(self, latents: np.ndarray) -> np.ndarray:
        """(n, latent_dim) int8 -> (n, payload_bytes) uint8."""
        check_latents(latents, self.latent_dim)
        mask = bitmap.select(latents, self.zero_point, self.num_kept)
        packed = bitmap.gather(latents, mask, self.num_kept, self.zero_point)  # (n, num_kept)
        return np.concatenate([bitmap.pack(mask), self.quantizer.encode(packed)], axis=1)

    def decode(self, payloads: np.ndarray) -> np.ndarray:
        """(n, payload_bytes) uint8 -> (n, latent_dim) int8.

        Raises:
          InputError: more than num_kept marks, a mark past latent_dim, or a code without a centroid.
        """
        check_payloads(payloads, self.payload_bytes)
        mask = bitmap.unpack(payloads[:, : self._bitmap_bytes], self.latent_dim)
        packed = self.quantizer.decode(payloads[:, self._bitmap_bytes :])
        return bitmap.scatter(packed, mask, self.zero_point)

    def to_bytes(self) -> bytes:
        """The codec section of a package: 32 bytes and the codebook."""
        quantizer = self.quantizer
        return (
            _SECTION.pack(
                self.CODEC_ID,
                0,
                self.latent_dim,
                self.payload_bytes,
                quantizer.num_subvectors,
                quantizer.num_centroids,
                quantizer.subvector_dim,
                self.num_kept,
                self.zero_point,
            )
            + quantizer.codebook.tobytes()
        )

    @classmethod
    def from_bytes(cls, section: bytes) -> "BitmapPqCodec":
        """Reads what to_bytes wrote. Raises InputError for anything else."""
        if len(section) < _SECTION.size:
            raise InputError(f"a bitmap_pq codec must have at least {_SECTION.size} bytes. Received: {len(section)}.")
        fields = _SECTION.unpack_from(section)
        _, _, latent_dim, _, num_subvectors, num_centroids, subvector_dim, num_kept, zero_point = fields
        codebook = read_codebook(section[_SECTION.size :], num_subvectors, num_centroids, subvector_dim)
        return cls(latent_dim, zero_point, num_kept, ProductQuantizer(codebook))


def _check_kept(zero_point: int, num_kept: int, latent_dim: int) -> None:
    if not -128 <= zero_point <= 127:
        raise InputError(f"zero_point must be in -128..127. Received: zero_point={zero_point}.")
    if not 1 <= num_kept <= latent_dim:
        raise InputError(f"num_kept must be in 1..latent_dim. Received: num_kept={num_kept}, latent_dim={latent_dim}.")
