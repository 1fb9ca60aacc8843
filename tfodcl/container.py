"""The outside of a package: header, table of sections with a CRC-32 each, sections (micro/SPEC.md 2.1).

Sections are aligned to 32 bytes so that a board can read them in place from flash.
"""

import struct
import zlib

from tfodcl.errors import InputError

MAGIC = b"\x89TFODCL\n"  # not ASCII, and broken by a transfer as text
VERSION = 1
ALIGNMENT_BYTES = 32  # flash word of the STM32H747
MAX_SECTIONS = 64

_HEADER = struct.Struct("<8sHHI")  # magic, version, num_sections, total_bytes
_ENTRY = struct.Struct("<HHIII")  # kind, 0, offset, length, CRC-32
_CRC = struct.Struct("<I")
_MAX_BYTES = 0xFFFFFFFF


def join(sections: list[tuple[int, bytes]]) -> bytes:
    """A container of (kind, bytes) sections, at most MAX_SECTIONS, in their order."""
    if len(sections) > MAX_SECTIONS:
        raise InputError(f"a package must have at most {MAX_SECTIONS} sections. Received: {len(sections)}.")
    header_bytes = _HEADER.size + _ENTRY.size * len(sections) + _CRC.size
    offset = header_bytes + _padding(header_bytes)
    table = b""
    for kind, section in sections:
        if offset + len(section) + ALIGNMENT_BYTES > _MAX_BYTES:
            raise InputError(f"a package must be smaller than 2^32 bytes. Received: at least {offset + len(section)}.")
        table += _ENTRY.pack(kind, 0, offset, len(section), zlib.crc32(section))
        offset += len(section) + _padding(len(section))
    header = _HEADER.pack(MAGIC, VERSION, len(sections), offset) + table
    parts = [header, _CRC.pack(zlib.crc32(header)), bytes(_padding(header_bytes))]
    for _, section in sections:
        parts += [section, bytes(_padding(len(section)))]
    return b"".join(parts)


def split(content: bytes) -> list[tuple[int, bytes]]:
    """The (kind, bytes) sections of a container.

    Raises:
      InputError: anything but what `join` of this or an earlier version writes: every byte is checked.
    """
    num_sections = _check_header(content)
    table_end = _HEADER.size + _ENTRY.size * num_sections
    end = _check_zeros(content, table_end + _CRC.size, "the table")
    sections = []
    for index, fields in enumerate(_ENTRY.iter_unpack(content[_HEADER.size : table_end])):
        kind, reserved, offset, length, crc = fields
        name = f"section {index} (kind {kind:#06x})"
        if reserved != 0 or offset != end or length > len(content) - offset:
            raise InputError(
                f"{name} must begin at byte {end} and lie within the package of {len(content)} bytes. "
                f"Received: offset={offset}, length={length}, reserved={reserved}."
            )
        section = content[offset : offset + length]
        if zlib.crc32(section) != crc:
            raise InputError(f"CRC-32 of {name} must be {crc:08x}. Received: {zlib.crc32(section):08x}.")
        end = _check_zeros(content, offset + length, name)
        sections.append((kind, section))
    if end != len(content):
        raise InputError(f"the last section must end at the package's end, {len(content)}. Received: {end}.")
    return sections


def identity(content: bytes) -> int:
    """The CRC-32 of header and table of a container as `join` writes it: it differs where any section differs."""
    end = _HEADER.size + _ENTRY.size * _HEADER.unpack_from(content)[2]
    return _CRC.unpack_from(content, end)[0]


def _check_header(content: bytes) -> int:
    """The number of sections, once magic, version, length and CRC-32 of header and table are right."""
    if content[: len(MAGIC)] != MAGIC:
        received = content[: len(MAGIC)].hex(" ") or "nothing"
        raise InputError(f"a package must begin with the bytes {MAGIC.hex(' ')}. Received: {received}.")
    version = int.from_bytes(content[len(MAGIC) : len(MAGIC) + 2], "little")
    if version > VERSION:  # before all else: a later version may differ in everything that follows
        raise InputError(f"format version must be at most {VERSION}. Received: version={version}.")
    if len(content) < _HEADER.size:
        raise InputError(f"a package must have at least {_HEADER.size} bytes. Received: {len(content)} bytes.")
    if version < 1:
        raise InputError(f"format version must be at least 1. Received: version={version}.")
    _, _, num_sections, total_bytes = _HEADER.unpack_from(content)
    if total_bytes != len(content):
        raise InputError(
            f"a package must have the {total_bytes} bytes its header says. Received: {len(content)} bytes."
        )
    if num_sections > MAX_SECTIONS:
        raise InputError(f"a package must have at most {MAX_SECTIONS} sections. Received: {num_sections}.")
    table_end = _HEADER.size + _ENTRY.size * num_sections
    if table_end + _CRC.size > len(content):
        raise InputError(f"a table of {num_sections} sections must fit in. Received: {len(content)} bytes.")
    (crc,) = _CRC.unpack_from(content, table_end)
    received_crc = zlib.crc32(content[:table_end])
    if received_crc != crc:
        raise InputError(f"CRC-32 of header and table must be {crc:08x}. Received: {received_crc:08x}.")
    return num_sections


def _padding(num_bytes: int) -> int:
    """Bytes up to the next multiple of ALIGNMENT_BYTES."""
    return -num_bytes % ALIGNMENT_BYTES


def _check_zeros(content: bytes, start: int, name: str) -> int:
    """The end of the padding that begins at `start`, once it is there and zero."""
    end = start + _padding(start)
    if content[start:end] != bytes(end - start):
        raise InputError(
            f"bytes {start}..{end - 1} after {name} must be zero. Received: {content[start:end].hex(' ')}."
        )
    return end
