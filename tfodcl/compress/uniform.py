"""Uniform codec: each value in num_bits bits (QLR-CL, arXiv 2110.10486: 8, 7 or 6 bits).

With top = 2^num_bits - 1, span = high - low and d = clip(value, low, high) - low, all in integers:

  code  = (d * top + span // 2) // span
  value = low + (code * span + top // 2) // top

The payload is the codes as bit_fields packs them: 1, 2, 3 of 6 bits are the bytes 81 30 00.
"""

import struct
from typing import ClassVar

import numpy as np

from tfodcl.compress import bit_fields
from tfodcl.compress.record import check_latent_dim, check_latents, check_payloads
from tfodcl.errors import InputError

MAX_BITS = 8
_SECTION = struct.Struct("<HHIIBbb17x")


class UniformCodec:
    """num_bits per value over the range low..high of int8; lossless where high - low < 2^num_bits."""

    CODEC_ID: ClassVar[int] = 1
    NAME: ClassVar[str] = "uniform"

    def __init__(self, latent_dim: int, num_bits: int, low: int = -128, high: int = 127) -> None:
        """
        Args:
          latent_dim: number of values of a latent.
          num_bits: 1..8 bits per value.
          low, high: range in the int8 domain, -128 <= low < high <= 127; values outside are clipped.
        """
        check_latent_dim(latent_dim)
        if not 1 <= num_bits <= MAX_BITS:
            raise InputError(f"num_bits must be in 1..{MAX_BITS}. Received: num_bits={num_bits}.")
        if not -128 <= low < high <= 127:
            raise InputError(f"low must be below high, both in -128..127. Received: low={low}, high={high}.")
        self.latent_dim, self.num_bits, self.low, self.high = latent_dim, num_bits, low, high
        self.payload_bytes = bit_fields.num_bytes(latent_dim, num_bits)
        top, span = (1 << num_bits) - 1, high - low
        every_value = np.arange(256, dtype=np.uint8).view(np.int8).astype(np.int32)  # index: the value's byte
        steps = np.clip(every_value, low, high) - low
        self._code_of_byte = ((steps * top + span // 2) // span).astype(np.uint8)  # (256,)
        codes = np.arange(top + 1, dtype=np.int32)
        self._value_of_code = (low + (codes * span + top // 2) // top).astype(np.int8)  # (2^num_bits,)

    @classmethod
    def fit(cls, latents: np.ndarray, num_bits: int) -> "UniformCodec":
        """The codec whose range is that of the calibration latents, (n, latent_dim) int8, n >= 1."""
        check_latents(latents, latents.shape[-1])
        if latents.size == 0:
            raise InputError(f"calibration needs at least one latent. Received: shape={latents.shape}.")
        low, high = int(latents.min()), int(latents.max())
        if low == high:  # a constant: any range that contains it
            low, high = (low, high + 1) if high < 127 else (low - 1, high)
        return cls(latents.shape[1], num_bits, low, high)

    def encode(self, latents: np.ndarray) -> np.ndarray:
        """(n, latent_dim) int8 -> (n, payload_bytes) uint8."""
        check_latents(latents, self.latent_dim)
        codes = self._code_of_byte[np.ascontiguousarray(latents).view(np.uint8)]  # (n, latent_dim)
        return codes if self.num_bits == 8 else bit_fields.pack(codes, self.num_bits)  # 8: already one byte each

    def decode(self, payloads: np.ndarray) -> np.ndarray:
        """(n, payload_bytes) uint8 -> (n, latent_dim) int8. Raises InputError for ones past the last code."""
        check_payloads(payloads, self.payload_bytes)
        codes = payloads if self.num_bits == 8 else bit_fields.unpack(payloads, self.latent_dim, self.num_bits)
        return self._value_of_code[codes]

    def to_bytes(self) -> bytes:
        """The codec section of a package: 32 bytes."""
        return _SECTION.pack(self.CODEC_ID, 0, self.latent_dim, self.payload_bytes, self.num_bits, self.low, self.high)

    @classmethod
    def from_bytes(cls, section: bytes) -> "UniformCodec":
        """Reads what to_bytes wrote. Raises InputError for anything else."""
        if len(section) != _SECTION.size:
            raise InputError(f"a uniform codec must have {_SECTION.size} bytes. Received: {len(section)}.")
        _, _, latent_dim, _, num_bits, low, high = _SECTION.unpack(section)
        return cls(latent_dim, num_bits, low, high)
