"""Positions as a bitmap: which values of a latent are kept.

Bit i % 8 of byte i // 8 (bit 0 is the least significant) tells whether value i is kept:
values 0, 3 and 9 of 12 are the bytes 09 02. Bits past the latent's end are zero.
"""

import numpy as np

from tfodcl.errors import InputError


def num_bytes(latent_dim: int) -> int:
    """Bytes of the bitmap of one latent."""
    return (latent_dim + 7) // 8


def pack(mask: np.ndarray) -> np.ndarray:
    """(n, latent_dim) bool -> (n, num_bytes(latent_dim)) uint8."""
    return np.packbits(mask, axis=1, bitorder="little")


def unpack(bitmaps: np.ndarray, latent_dim: int) -> np.ndarray:
    """(n, num_bytes(latent_dim)) uint8 -> (n, latent_dim) bool. Raises InputError for marks past it."""
    bits = np.unpackbits(bitmaps, axis=1, bitorder="little")
    if bits[:, latent_dim:].any():
        raise InputError(f"bits of a bitmap past latent_dim must be zero. Received: latent_dim={latent_dim}, a one.")
    return bits[:, :latent_dim].view(bool)
