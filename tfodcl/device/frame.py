"""Frames of the serial protocol, micro/SPEC.md 7.1: a body with its CRC-32, COBS, a zero byte."""

import struct
import zlib
from dataclasses import dataclass

from cobs import cobs

PROTOCOL_VERSION = 1
UNKNOWN_SEQUENCE = 0xFFFF  # of a reply to what could not be read; requests use those below
_REPLY = 0x80
_REQUEST_HEAD = struct.Struct("<BBH")
_REPLY_HEAD = struct.Struct("<BBHBB")
_CRC = struct.Struct("<I")


class CorruptFrame(Exception):
    """Bytes that are no frame of this protocol."""


@dataclass(frozen=True)
class Reply:
    """`final` is false for the progress replies before it."""

    command: int
    sequence: int
    status: int
    final: bool
    payload: bytes


def encode_request(command: int, sequence: int, payload: bytes) -> bytes:
    """The request as it is sent, closing zero included."""
    return _encode(_REQUEST_HEAD.pack(PROTOCOL_VERSION, command, sequence) + payload)


def decode_reply(encoded: bytes) -> Reply:
    """A reply from the bytes between two zeros. Raises CorruptFrame."""
    try:
        framed = cobs.decode(encoded)
    except cobs.DecodeError as error:
        raise CorruptFrame(str(error)) from error
    body, crc = framed[: -_CRC.size], framed[-_CRC.size :]
    if len(body) < _REPLY_HEAD.size or _CRC.unpack(crc)[0] != zlib.crc32(body):
        raise CorruptFrame(f"{len(framed)} bytes whose CRC-32 is another")
    version, command, sequence, status, kind = _REPLY_HEAD.unpack_from(body)
    if version != PROTOCOL_VERSION or not command & _REPLY or kind > 1:
        raise CorruptFrame(f"version {version}, command {command:#04x}, kind {kind}")
    return Reply(command & ~_REPLY, sequence, status, kind == 0, body[_REPLY_HEAD.size :])


def _encode(body: bytes) -> bytes:
    return cobs.encode(body + _CRC.pack(zlib.crc32(body))) + b"\0"
