"""The bytes of the log, as they are read: block headers, commit headers, commits (micro/SPEC.md 5)."""

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from tfodcl.errors import InputError

MAGIC = b"\x89LOG"
VERSION = 1
GREATEST_SEQUENCE = 0xFFFF0000
MOST_ITEMS = 0xFFFF  # of a commit

BLOCK_HEADER = struct.Struct("<4sBBHIIIIII")  # magic, version, log2 unit, num_blocks, block, BlockHeader, CRC-32
COMMIT_HEADER = struct.Struct("<BBHIII")  # kind, 0, num_items, item_bytes, CRC-32 of the items, CRC-32
_PLACE = struct.Struct("<II")  # sequence, offset: they are in a commit header's CRC-32


class ForeignLogError(InputError):
    """The flash holds the log of another identity, geometry or version: nothing has changed."""


@dataclass(frozen=True)
class Geometry:
    """Bytes that are programmed and erased at once, and blocks of the region (micro/store/flash.h)."""

    program_unit_bytes: int
    erase_block_bytes: int
    num_blocks: int

    def __post_init__(self) -> None:
        unit, block = self.program_unit_bytes, self.erase_block_bytes
        if unit not in (4, 8, 16, 32, 64, 128, 256) or block <= 0 or block % unit or not 3 <= self.num_blocks <= 0xFFFF:
            raise InputError(
                "a log needs 3..65,535 blocks of whole program units of 4..256 bytes, a power of two. "
                f"Received: {self}."
            )

    @property
    def first(self) -> int:
        """Offset of a block's first commit."""
        return self.aligned(BLOCK_HEADER.size)

    @property
    def empty_commit_bytes(self) -> int:
        """Bytes of a commit without items."""
        return self.aligned(COMMIT_HEADER.size)

    @property
    def limit(self) -> int:
        """Offset at which commits with items end."""
        return self.erase_block_bytes - 3 * self.empty_commit_bytes

    def aligned(self, num_bytes: int) -> int:
        """The least multiple of the program unit that is not below."""
        return -(-num_bytes // self.program_unit_bytes) * self.program_unit_bytes

    def address(self, sequence: int, offset: int) -> int:
        """Of an offset in the block that has this sequence number."""
        return sequence % self.num_blocks * self.erase_block_bytes + offset

    def commit_bytes(self, num_bytes: int) -> int:
        """Of a commit with so many bytes of items."""
        return self.aligned(COMMIT_HEADER.size + num_bytes)


class Item(NamedTuple):
    """An item in the log; `address` is that of its first byte in the flash."""

    kind: int
    address: int
    size_bytes: int


class BlockHeader(NamedTuple):
    """micro/SPEC.md 5.1."""

    erase_count: int
    sequence: int
    identity: int
    tail: int


class Commit(NamedTuple):
    """One that was found; `tail` is the new tail where it has no items."""

    items: list[Item]
    tail: int
    end: int
    is_intact: bool


def pack_block_header(header: BlockHeader, geometry: Geometry) -> bytes:
    """micro/SPEC.md 5.1."""
    packed = BLOCK_HEADER.pack(MAGIC, *_geometry_fields(geometry), *header, 0)[:-4]
    return packed + struct.pack("<I", zlib.crc32(packed))


def pack_commit_header(fields: tuple[int, int, int, int], sequence: int, offset: int) -> bytes:
    """micro/SPEC.md 5.2; fields: kind, num_items, item_bytes, CRC-32 of the items."""
    kind, num_items, item_bytes, content_crc = fields
    packed = COMMIT_HEADER.pack(kind, 0, num_items, item_bytes, content_crc, 0)[:-4]
    return packed + struct.pack("<I", zlib.crc32(packed + _PLACE.pack(sequence, offset)))


def read_block_header(flash: bytes | bytearray, geometry: Geometry, block: int) -> BlockHeader | None:
    """None where there is none of a log. Raises ForeignLogError at one of another geometry or version."""
    fields = BLOCK_HEADER.unpack_from(flash, block * geometry.erase_block_bytes)
    header = flash[block * geometry.erase_block_bytes :][: BLOCK_HEADER.size]
    if fields[0] != MAGIC or zlib.crc32(header[:-4]) != fields[-1]:
        return None
    if fields[1:5] != _geometry_fields(geometry):
        raise ForeignLogError(f"the log must be of version 1 and {geometry}. Received: {fields[1:5]}.")
    found = BlockHeader(*fields[5:9])
    is_possible = (
        found.sequence <= GREATEST_SEQUENCE
        and found.sequence % geometry.num_blocks == block
        and 0 <= found.sequence - found.tail < geometry.num_blocks
    )
    return found if is_possible else None


def commits(flash: bytes | bytearray, geometry: Geometry, sequence: int) -> Iterator[Commit]:
    """Every commit with a valid header in the block of this sequence number."""
    offset = geometry.first
    while offset + COMMIT_HEADER.size <= geometry.erase_block_bytes:
        commit = _commit_at(flash, geometry, sequence, offset)
        if commit is not None:
            yield commit
        offset = commit.end if commit is not None and commit.is_intact else offset + geometry.program_unit_bytes


def _commit_at(flash: bytes | bytearray, geometry: Geometry, sequence: int, offset: int) -> Commit | None:
    address = geometry.address(sequence, offset)
    header = bytes(flash[address : address + COMMIT_HEADER.size])
    kind, zero, num_items, item_bytes, content_crc, crc = COMMIT_HEADER.unpack(header)
    if zero != 0 or zlib.crc32(header[:12] + _PLACE.pack(sequence, offset)) != crc:
        return None
    if num_items == 0:
        end = offset + geometry.empty_commit_bytes
        if kind != 0 or content_crc != 0 or end > geometry.erase_block_bytes:
            return None
        return Commit([], item_bytes, end, True)
    end = offset + geometry.commit_bytes(num_items * item_bytes)
    if item_bytes == 0 or end > geometry.limit:
        return None
    first = address + COMMIT_HEADER.size
    items = [Item(kind, first + i * item_bytes, item_bytes) for i in range(num_items)]
    is_intact = zlib.crc32(flash[first : first + num_items * item_bytes]) == content_crc
    return Commit(items, 0, end, is_intact)


def _geometry_fields(geometry: Geometry) -> tuple[int, int, int, int]:
    exponent = geometry.program_unit_bytes.bit_length() - 1
    return VERSION, exponent, geometry.num_blocks, geometry.erase_block_bytes
