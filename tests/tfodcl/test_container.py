import struct
import zlib

import pytest

from tfodcl import container
from tfodcl.errors import InputError

SECTIONS = [(1, b"a" * 33), (0x8002, b""), (2, b"b" * 32), (0x8003, b"c")]


def with_right_header_crc(content: bytes) -> bytes:
    """`content` with the CRC-32 that its header and table now need."""
    (num_sections,) = struct.unpack_from("<H", content, 10)
    end = 16 + 16 * num_sections
    return content[:end] + struct.pack("<I", zlib.crc32(content[:end])) + content[end + 4 :]


def changed(offset: int, new: bytes) -> bytes:
    """The container of SECTIONS with other bytes at `offset`, the header's CRC-32 made right again."""
    content = container.join(SECTIONS)
    return with_right_header_crc(content[:offset] + new + content[offset + len(new) :])


def test_sections_come_back_in_order():
    assert container.split(container.join(SECTIONS)) == SECTIONS
    assert container.split(container.join([])) == []


def test_every_section_is_aligned_and_the_size_is_a_multiple_of_the_alignment():
    content = container.join(SECTIONS)
    assert len(content) % 32 == 0
    for index, (kind, section) in enumerate(SECTIONS):
        found, _, offset, length, crc = struct.unpack_from("<HHIII", content, 16 + 16 * index)
        assert (found, length, crc) == (kind, len(section), zlib.crc32(section))
        assert offset % 32 == 0
        assert content[offset : offset + length] == section


def test_every_flipped_bit_is_noticed():
    content = container.join(SECTIONS)
    for position in range(len(content)):
        for bit in range(8):
            flipped = bytearray(content)
            flipped[position] ^= 1 << bit
            with pytest.raises(InputError):
                container.split(bytes(flipped))


def test_every_truncation_and_every_longer_file_is_noticed():
    content = container.join(SECTIONS)
    for size in range(len(content)):
        with pytest.raises(InputError):
            container.split(content[:size])
    for extra in range(1, 65):
        with pytest.raises(InputError, match=f"must have the {len(content)} bytes"):
            container.split(content + bytes(extra))


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 a zip file", b"\x89TFODCL\r\n"])
def test_something_else_is_no_package(content):
    with pytest.raises(InputError, match="must begin with the bytes 89 54 46 4f 44 43 4c 0a. Received: "):
        container.split(content)


def test_a_later_version_is_named_whatever_follows():
    later = container.MAGIC + struct.pack("<H", 7) + b"anything"
    with pytest.raises(InputError, match="^format version must be at most 1. Received: version=7.$"):
        container.split(later)


def test_a_header_cut_off_after_the_version_is_refused():
    with pytest.raises(InputError, match="at least 16 bytes. Received: 10 bytes"):
        container.split(container.join(SECTIONS)[:10])


def test_a_package_of_4_gib_is_refused_before_it_is_assembled():
    class Large(bytes):
        def __len__(self) -> int:
            return 0xFFFFFFC0

    with pytest.raises(InputError, match="must be smaller than 2.32 bytes. Received: at least 4294967296"):
        container.join([(1, Large())])


def test_version_zero_is_refused():
    with pytest.raises(InputError, match="at least 1. Received: version=0"):
        container.split(changed(8, b"\0\0"))


def test_a_wrong_crc_names_the_section():
    content = bytearray(container.join(SECTIONS))
    content[-32] ^= 1
    with pytest.raises(InputError, match=r"CRC-32 of section 3 \(kind 0x8003\) must be [0-9a-f]{8}. Received: "):
        container.split(bytes(content))


@pytest.mark.parametrize(
    ("offset", "new"),
    [
        (16 + 2, b"\x01\x00"),  # reserved
        (16 + 4, struct.pack("<I", 0)),  # the first section over the header
        (16 + 4, struct.pack("<I", 128)),  # a gap
        (16 + 8, struct.pack("<I", 0xFFFFFFFF)),  # past the end
        (16 + 8, struct.pack("<I", 0xFFFFFFE0)),  # offset + length wraps in 32 bits
        (16 + 16 + 4, struct.pack("<I", 0xFFFFFFE0)),
    ],
)
def test_a_section_elsewhere_is_refused_even_with_a_right_crc(offset, new):
    with pytest.raises(InputError, match=r"section \d .* must begin at byte \d+ and lie within"):
        container.split(changed(offset, new))


def test_bytes_between_sections_must_be_zero():
    content = bytearray(container.join(SECTIONS))
    content[96 + 40] = 1  # the first section is 33 bytes long, from 96
    with pytest.raises(InputError, match=r"bytes 129..159 after section 0 .* must be zero. Received: .*01"):
        container.split(bytes(content))


def test_the_last_section_must_end_the_package():
    content = container.join(SECTIONS)
    longer = content[:12] + struct.pack("<I", len(content) + 32) + content[16:] + bytes(32)
    with pytest.raises(InputError, match="last section must end at the package's end"):
        container.split(with_right_header_crc(longer))


def test_more_sections_than_allowed_are_refused():
    with pytest.raises(InputError, match="at most 64 sections. Received: 65"):
        container.join([(1, b"")] * 65)
    with pytest.raises(InputError, match="at most 64 sections. Received: 65535"):
        container.split(container.join([])[:10] + b"\xff\xff" + container.join([])[12:])
    assert len(container.split(container.join([(1, b"")] * 64))) == 64


def test_a_table_that_does_not_fit_is_refused():
    with pytest.raises(InputError, match="a table of 64 sections must fit in. Received: 32 bytes"):
        container.split(container.join([])[:10] + b"\x40\x00" + container.join([])[12:])
