"""Codecs of sparse latents: where the kept values are, and these product quantized (arXiv 2311.11420).

A latent after a ReLU is mostly zero. The num_kept values farthest from zero are packed in order of position,
padded with zero_point, and quantized; the payload is the positions, in a form that is the codec's, and then the codes.
"""

import struct
from abc import ABC, abstractmethod
from typing import ClassVar, Self

import numpy as np

from tfodcl.compress import sparse
from tfodcl.compress.product_quantizer import MAX_CENTROIDS, ProductQuantizer, check_divides, read_codebook
from tfodcl.compress.record import check_latent_dim, check_latents, check_payloads
from tfodcl.errors import InputError

_SECTION = struct.Struct("<HHIIIHHIb7x")


class SparsePqCodec(ABC):
    """Positions in a fixed number of bytes, then num_kept / subvector_dim codes of one byte.

    Attributes:
      num_kept: values kept of a latent.
      zero_point: the int8 value that stands for 0.
      quantizer: the product quantizer of the num_kept packed values.
    """

    CODEC_ID: ClassVar[int]
    NAME: ClassVar[str]

    def __init__(self, latent_dim: int, zero_point: int, num_kept: int, quantizer: ProductQuantizer) -> None:
        check_latent_dim(latent_dim)
        _check_kept(zero_point, num_kept, latent_dim)
        if quantizer.latent_dim != num_kept:
            raise InputError(
                f"num_kept must be num_subvectors * subvector_dim. Received: num_kept={num_kept}, "
                f"num_subvectors={quantizer.num_subvectors}, subvector_dim={quantizer.subvector_dim}."
            )
        self.latent_dim, self.zero_point = latent_dim, zero_point
        self.num_kept, self.quantizer = num_kept, quantizer
        self.payload_bytes = self._position_bytes() + quantizer.payload_bytes

    @abstractmethod
    def _position_bytes(self) -> int:
        """Bytes of the positions of one latent."""

    @abstractmethod
    def _pack(self, mask: np.ndarray) -> np.ndarray:
        """(n, latent_dim) bool -> (n, position_bytes) uint8."""

    @abstractmethod
    def _unpack(self, positions: np.ndarray) -> np.ndarray:
        """The inverse of _pack. Raises InputError for bytes that it never gives."""

    @classmethod
    def fit(
        cls,
        latents: np.ndarray,
        zero_point: int,
        num_kept: int = 256,
        subvector_dim: int = 8,
        num_centroids: int = MAX_CENTROIDS,
        seed: int = 0,
    ) -> Self:
        """Learns the codebooks from the packed values of latents, (n, latent_dim) int8, n >= 1."""
        latent_dim = latents.shape[-1]
        check_latents(latents, latent_dim)
        _check_kept(zero_point, num_kept, latent_dim)
        if subvector_dim >= 1:
            check_divides(subvector_dim, "num_kept", num_kept)
        mask = sparse.select(latents, zero_point, num_kept)
        packed = sparse.gather(latents, mask, num_kept, zero_point)  # (n, num_kept)
        quantizer = ProductQuantizer.fit(packed, subvector_dim, num_centroids, seed)
        return cls(latent_dim, zero_point, num_kept, quantizer)

    def encode(self, latents: np.ndarray) -> np.ndarray:
        """(n, latent_dim) int8 -> (n, payload_bytes) uint8."""
        check_latents(latents, self.latent_dim)
        mask = sparse.select(latents, self.zero_point, self.num_kept)
        packed = sparse.gather(latents, mask, self.num_kept, self.zero_point)  # (n, num_kept)
        return np.concatenate([self._pack(mask), self.quantizer.encode(packed)], axis=1)

    def decode(self, payloads: np.ndarray) -> np.ndarray:
        """(n, payload_bytes) uint8 -> (n, latent_dim) int8.

        Raises:
          InputError: more than num_kept positions, others that encode never writes, or a code without a centroid.
        """
        check_payloads(payloads, self.payload_bytes)
        positions, codes = np.split(payloads, [self._position_bytes()], axis=1)
        mask = self._unpack(positions)
        return sparse.scatter(self.quantizer.decode(codes), mask, self.zero_point)

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
    def from_bytes(cls, section: bytes) -> Self:
        """Reads what to_bytes wrote. Raises InputError for anything else."""
        if len(section) < _SECTION.size:
            raise InputError(f"a {cls.NAME} codec must have at least {_SECTION.size} bytes. Received: {len(section)}.")
        fields = _SECTION.unpack_from(section)
        _, _, latent_dim, _, num_subvectors, num_centroids, subvector_dim, num_kept, zero_point = fields
        codebook = read_codebook(section[_SECTION.size :], num_subvectors, num_centroids, subvector_dim)
        return cls(latent_dim, zero_point, num_kept, ProductQuantizer(codebook))


def _check_kept(zero_point: int, num_kept: int, latent_dim: int) -> None:
    if not -128 <= zero_point <= 127:
        raise InputError(f"zero_point must be in -128..127. Received: zero_point={zero_point}.")
    if not 1 <= num_kept <= latent_dim:
        raise InputError(f"num_kept must be in 1..latent_dim. Received: num_kept={num_kept}, latent_dim={latent_dim}.")
