"""Unsigned numbers of a few bits each, one after the other, least significant bit first (micro/SPEC.md 1).

Bit k of number i is bit j % 8 of byte j // 8, j = i * num_bits + k. Bits after the last number are zero.
"""

import numpy as np

from tfodcl.errors import InputError


def num_bytes(num_fields: int, num_bits: int) -> int:
    """Bytes of num_fields numbers of num_bits each."""
    return (num_fields * num_bits + 7) // 8


def pack(fields: np.ndarray, num_bits: int) -> np.ndarray:
    """(n, num_fields) unsigned, below 2^num_bits -> (n, num_bytes) uint8."""
    num_rows, num_fields = fields.shape
    octets = np.ascontiguousarray(fields).view(np.uint8).reshape(num_rows, num_fields, fields.itemsize)
    bits = np.unpackbits(octets, axis=2, count=num_bits, bitorder="little")
    return np.packbits(bits.reshape(num_rows, num_fields * num_bits), axis=1, bitorder="little")


def unpack(packed: np.ndarray, num_fields: int, num_bits: int) -> np.ndarray:
    """The inverse: (n, num_fields) of the smallest unsigned type. Raises InputError for a one after the last number."""
    num_rows, num_used = len(packed), num_fields * num_bits
    bits = np.unpackbits(packed, axis=1, bitorder="little")
    if bits[:, num_used:].any():
        raise InputError(f"bits past the last number must be zero. Received: {num_used} bits used, a one after.")
    octets = np.packbits(bits[:, :num_used].reshape(num_rows, num_fields, num_bits), axis=2, bitorder="little")
    dtype = np.min_scalar_type((1 << num_bits) - 1)
    fields = np.zeros((num_rows, num_fields, dtype.itemsize), np.uint8)
    fields[:, :, : octets.shape[2]] = octets
    return fields.view(dtype)[:, :, 0]
