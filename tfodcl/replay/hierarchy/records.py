"""Samples as records: rows of bytes."""

import math
from typing import Protocol

import numpy as np


class Records(Protocol):
    """Makes records of samples.

    Attributes:
      record_bytes: of each.
    """

    record_bytes: int

    def encode(self, x: np.ndarray) -> np.ndarray:
        """(n, ..) -> (n, record_bytes) uint8."""

    def decode(self, records: np.ndarray) -> np.ndarray:
        """(n, record_bytes) uint8 -> what a network is fed, (n, ..)."""


class RawRecords:
    """The samples' own bytes.

    Args:
      shape, dtype: of a sample.
    """

    def __init__(self, shape: tuple[int, ...], dtype: np.dtype) -> None:
        self._shape, self._dtype = shape, dtype
        self.record_bytes = math.prod(shape) * dtype.itemsize

    def encode(self, x: np.ndarray) -> np.ndarray:
        """(n, *shape) -> (n, record_bytes) uint8."""
        return np.ascontiguousarray(x, self._dtype).reshape(len(x), -1).view(np.uint8)

    def decode(self, records: np.ndarray) -> np.ndarray:
        """The reverse."""
        return np.ascontiguousarray(records).view(self._dtype).reshape(len(records), *self._shape)
