"""Positions as an Elias-Fano sequence: sorted numbers in a fixed number of bits, whatever they are.

Sources: P. Elias, "Efficient storage and retrieval by content and address of static files", J. ACM 21 (1974);
R. Fano, "On the number of bits required to implement an associative memory", MIT Project MAC (1971).

Position p_j, j counted from 0, has j others below it; p_j - j, which never falls, is cut into its low bits and its high
part, what is above them. The low bits of all positions follow one another. The high parts are unary: of position j it
is the one at bit high + j, so that each zero before it stands for a step of the high part. With at most 4 positions
below 12 there is one low bit: 0, 3 and 9 leave 0, 2, 7, of low bits 0, 0, 1 and high parts 0, 1, 3, and are the bytes
04, and 25 with ones at bits 0, 2, 5.

For 256 positions below 4096 that is 188 bytes, 9 % more than the 172 that a code of one size for all sets of at most
256 needs, log2 of their number. Without low bits it is a bitmap, here 512 bytes; since the shortest is taken, it is
never larger than one where num_kept is a multiple of 8, and a byte at most where not.
"""

import numpy as np

from tfodcl.compress import bit_fields
from tfodcl.errors import InputError


def num_low_bits(latent_dim: int, num_kept: int) -> int:
    """The number that makes the sequence shortest, of equal ones the greatest: its high parts are quicker to read."""
    bits = 0
    # One more costs num_kept bits, and halves the zeros, (latent_dim - num_kept) >> bits.
    while (((latent_dim - num_kept) >> bits) + 1) // 2 >= num_kept:
        bits += 1
    return bits


def low_bytes(latent_dim: int, num_kept: int) -> int:
    """Bytes of the low bits, which come first."""
    return bit_fields.num_bytes(num_kept, num_low_bits(latent_dim, num_kept))


def num_bytes(latent_dim: int, num_kept: int) -> int:
    """Bytes of the positions of one latent, both parts."""
    return low_bytes(latent_dim, num_kept) + (_high_bits(latent_dim, num_kept) + 7) // 8


def pack(mask: np.ndarray, num_kept: int) -> np.ndarray:
    """(n, latent_dim) bool of at most num_kept ones a row -> (n, num_bytes(latent_dim, num_kept)) uint8."""
    latent_dim = mask.shape[1]
    num_bits = num_low_bits(latent_dim, num_kept)
    rows, positions, numbers = _ones(mask)
    low = np.zeros((len(mask), num_kept), np.uint32)
    low[rows, numbers] = (positions - numbers) & ((1 << num_bits) - 1)
    high = np.zeros((len(mask), _high_bits(latent_dim, num_kept)), bool)
    high[rows, (positions - numbers >> num_bits) + numbers] = True
    return np.concatenate([bit_fields.pack(low, num_bits), np.packbits(high, axis=1, bitorder="little")], axis=1)


def unpack(packed: np.ndarray, latent_dim: int, num_kept: int) -> np.ndarray:
    """(n, num_bytes(latent_dim, num_kept)) uint8 -> (n, latent_dim) bool. Raises InputError for others than pack's."""
    num_bits, split = num_low_bits(latent_dim, num_kept), low_bytes(latent_dim, num_kept)
    low = bit_fields.unpack(packed[:, :split], num_kept, num_bits)
    rows, places, numbers = _ones(np.unpackbits(packed[:, split:], axis=1, bitorder="little"))
    if numbers.size and numbers.max() >= num_kept:
        raise InputError(f"at most num_kept={num_kept} values must be marked. Received: {numbers.max() + 1}.")
    if low[np.arange(num_kept) >= np.bincount(rows, minlength=len(packed))[:, None]].any():
        raise InputError("low bits after the last position must be zero. Received: a one.")
    positions = (places - numbers << num_bits) + low[rows, numbers] + numbers
    if positions.size and positions.max() >= latent_dim:
        raise InputError(f"positions must be below latent_dim={latent_dim}. Received: {positions.max()}.")
    if ((np.diff(positions) <= 0) & (np.diff(rows) == 0)).any():
        raise InputError("positions must rise. Received: one that is not above the one before.")
    mask = np.zeros((len(packed), latent_dim), bool)
    mask[rows, positions] = True
    return mask


def _high_bits(latent_dim: int, num_kept: int) -> int:
    return num_kept + ((latent_dim - num_kept) >> num_low_bits(latent_dim, num_kept))


def _ones(bits: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of all ones, row by row and rising: row, column, and number among those of the row from 0; int64."""
    rows, columns = np.nonzero(bits)
    return rows, columns, np.arange(len(rows)) - np.searchsorted(rows, rows)
