"""What a codec is, and the record that the replay memory keeps of one sample.

A record is a label, unsigned 16 bits little-endian, and the payload of a codec (micro/SPEC.md 3.1).
"""

import struct
from typing import ClassVar, Protocol

import numpy as np

from tfodcl.errors import InputError

RECORD_HEADER_BYTES = 2
MAX_LABEL = 0xFFFF
MAX_LATENT_DIM = 1 << 20  # keeps every size of a codec within 32 bits on the board


class Codec(Protocol):
    """Turns latents into payloads of one fixed size and back, each row on its own.

    Attributes:
      CODEC_ID: its number in a package, never reused.
      NAME: its name in Python and in errors.
      latent_dim: number of int8 values of a latent.
      payload_bytes: size of every payload.
    """

    CODEC_ID: ClassVar[int]
    NAME: ClassVar[str]

    @property
    def latent_dim(self) -> int: ...

    @property
    def payload_bytes(self) -> int: ...

    def encode(self, latents: np.ndarray) -> np.ndarray:
        """(n, latent_dim) int8 -> (n, payload_bytes) uint8."""

    def decode(self, payloads: np.ndarray) -> np.ndarray:
        """(n, payload_bytes) uint8 -> (n, latent_dim) int8. Raises InputError for bytes no encoder writes."""

    def to_bytes(self) -> bytes:
        """The codec section of a package (micro/SPEC.md 3.2)."""


def pack(label: int, payload: np.ndarray) -> bytes:
    """The record of one sample.

    Args:
      label: row of the head, 0..65535.
      payload: (payload_bytes,) uint8.
    """
    if not 0 <= label <= MAX_LABEL:
        raise InputError(f"label must be in 0..{MAX_LABEL}. Received: label={label}.")
    payload = np.asarray(payload)
    if payload.dtype != np.uint8 or payload.ndim != 1:
        raise InputError(
            f"a payload must be a vector of uint8. Received: shape={payload.shape}, dtype={payload.dtype}."
        )
    return struct.pack("<H", label) + payload.tobytes()


def unpack(record: bytes) -> tuple[int, np.ndarray]:
    """The label and the (payload_bytes,) uint8 payload of a record."""
    if len(record) < RECORD_HEADER_BYTES:
        raise InputError(f"a record must have at least {RECORD_HEADER_BYTES} bytes. Received: {len(record)}.")
    (label,) = struct.unpack_from("<H", record)
    return label, np.frombuffer(record, np.uint8, offset=RECORD_HEADER_BYTES)


def reconstruction_error(codec: Codec, latents: np.ndarray, zero_point: int) -> float:
    """Relative squared error sum |x - decode(encode(x))|^2 / sum |x|^2 over all latents, x = q - zero_point.

    The scale of the latents cancels. 0 is lossless, 1 is as bad as storing nothing.

    Args:
      codec: any codec.
      latents: (n, codec.latent_dim) int8.
      zero_point: the int8 value that stands for 0.
    """
    original = latents.astype(np.float64) - zero_point  # (n, latent_dim)
    decoded = codec.decode(codec.encode(latents)).astype(np.float64) - zero_point
    lost = float(np.square(original - decoded).sum())
    energy = float(np.square(original).sum())
    if energy == 0:
        return 0.0 if lost == 0 else float("inf")
    return lost / energy


def check_latents(latents: np.ndarray, latent_dim: int) -> None:
    """Raises InputError unless `latents` is (n, latent_dim) int8."""
    if latents.dtype != np.int8 or latents.ndim != 2 or latents.shape[1] != latent_dim:
        raise InputError(
            f"latents must be int8 of shape (n, {latent_dim}). Received: shape={latents.shape}, dtype={latents.dtype}."
        )


def check_payloads(payloads: np.ndarray, payload_bytes: int) -> None:
    """Raises InputError unless `payloads` is (n, payload_bytes) uint8."""
    if payloads.dtype != np.uint8 or payloads.ndim != 2 or payloads.shape[1] != payload_bytes:
        raise InputError(
            f"payloads must be uint8 of shape (n, {payload_bytes}). "
            f"Received: shape={payloads.shape}, dtype={payloads.dtype}."
        )


def check_latent_dim(latent_dim: int) -> None:
    """Raises InputError unless latent_dim is in 1..MAX_LATENT_DIM."""
    if not 1 <= latent_dim <= MAX_LATENT_DIM:
        raise InputError(f"latent_dim must be in 1..{MAX_LATENT_DIM}. Received: latent_dim={latent_dim}.")
