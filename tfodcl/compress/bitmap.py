"""Sparse latents as a bitmap of the kept positions and their values, packed in order of position.

Bit i % 8 of byte i // 8 (bit 0 is the least significant) tells whether value i is kept:
values 0, 3 and 9 of 12 are the bytes 09 02. Bits past the latent's end are zero.
"""

import numpy as np

from tfodcl.compress.record import check_latents
from tfodcl.errors import InputError


def num_bytes(latent_dim: int) -> int:
    """Bytes of the bitmap of one latent."""
    return (latent_dim + 7) // 8


def select(latents: np.ndarray, zero_point: int, num_kept: int) -> np.ndarray:
    """Marks the values to keep: those that differ from zero_point, at most num_kept in a row.

    Where more differ, those farthest from zero_point stay; of equally far ones, those at the lower index.

    Args:
      latents: (n, latent_dim) int8.
      zero_point: the int8 value that stands for 0.
      num_kept: most values kept of a latent.

    Returns:
      (n, latent_dim) bool.
    """
    check_latents(latents, latents.shape[-1])
    mask = latents != zero_point
    overfull = np.flatnonzero(np.count_nonzero(mask, axis=1) > num_kept)
    if overfull.size:
        nearness = -np.abs(latents[overfull].astype(np.int16) - np.int16(zero_point))  # (overfull, latent_dim)
        farthest = np.argsort(nearness, axis=1, kind="stable")[:, :num_kept]
        mask[overfull] = False
        mask[overfull[:, None], farthest] = True
    return mask


def pack(mask: np.ndarray) -> np.ndarray:
    """(n, latent_dim) bool -> (n, num_bytes(latent_dim)) uint8."""
    return np.packbits(mask, axis=1, bitorder="little")


def unpack(bitmaps: np.ndarray, latent_dim: int) -> np.ndarray:
    """(n, num_bytes(latent_dim)) uint8 -> (n, latent_dim) bool. Raises InputError for marks past it."""
    bits = np.unpackbits(bitmaps, axis=1, bitorder="little")
    if bits[:, latent_dim:].any():
        raise InputError(f"bits of a bitmap past latent_dim must be zero. Received: latent_dim={latent_dim}, a one.")
    return bits[:, :latent_dim].view(bool)


def gather(latents: np.ndarray, mask: np.ndarray, num_kept: int, zero_point: int) -> np.ndarray:
    """The marked values of each row in order of position, then zero_point: (n, num_kept) int8."""
    values = np.full((len(latents), num_kept), zero_point, np.int8)
    values[_filled(mask, num_kept)] = latents[mask]
    return values


def scatter(values: np.ndarray, mask: np.ndarray, zero_point: int) -> np.ndarray:
    """The inverse of gather: (n, latent_dim) int8, zero_point where nothing is marked.

    Values past a row's number of marks are padding and ignored.

    Raises:
      InputError: a row marks more positions than it has values.
    """
    latents = np.full(mask.shape, zero_point, np.int8)
    latents[mask] = values[_filled(mask, values.shape[1])]
    return latents


def _filled(mask: np.ndarray, num_kept: int) -> np.ndarray:
    """(n, num_kept) bool: which packed values stand for a marked position. Both are in row-major order."""
    counts = np.count_nonzero(mask, axis=1)
    if counts.size and counts.max() > num_kept:
        raise InputError(f"a bitmap must mark at most num_kept={num_kept} values. Received: {counts.max()}.")
    return np.arange(num_kept) < counts[:, None]
