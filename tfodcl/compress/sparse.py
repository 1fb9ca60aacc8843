"""Sparse latents: which values are kept, and these packed in order of position."""

import numpy as np

from tfodcl.compress.record import check_latents
from tfodcl.errors import InputError


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
        raise InputError(f"at most num_kept={num_kept} values must be marked. Received: {counts.max()}.")
    return np.arange(num_kept) < counts[:, None]
