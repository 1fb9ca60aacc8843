"""The worked bytes of micro/SPEC.md are those of the code."""

import re
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest

from tfodcl import container, package
from tfodcl.compress import bitmap, elias_fano, record
from tfodcl.compress.bitmap_pq import BitmapPqCodec
from tfodcl.compress.elias_fano_pq import EliasFanoPqCodec
from tfodcl.compress.product_quantizer import ProductQuantizer
from tfodcl.compress.sparse_pq import SparsePqCodec
from tfodcl.compress.uniform import UniformCodec

ROOT = Path(__file__).parents[3]
SPEC = (ROOT / "micro" / "SPEC.md").read_text(encoding="utf-8")


def section_bytes(kind: int, **changes) -> bytes:
    """The bytes of one section of a package with the given fields."""
    fields = {
        "encoder": b"\0\0\0\0TFL3",
        "latent_dim": 4096,
        "latent_scale": 0.0625,
        "latent_zero_point": -128,
        "codec": UniformCodec(4096, 8),
        "learning": package.Learning(30, 0.001, 0.0001, 8, 1, 1 << 20),
    }
    return dict(container.split(package.to_bytes(package.Package(**{**fields, **changes}))))[kind]


def paper_codec(kind: type[SparsePqCodec]) -> SparsePqCodec:
    return kind(4096, -128, 256, ProductQuantizer(np.zeros((32, 256, 8), np.int8)))


def small_codec(kind: type[SparsePqCodec]) -> SparsePqCodec:
    centroids = np.array([[0, 0], [-90, 10]], np.int8)
    return kind(12, -128, 4, ProductQuantizer(np.stack([centroids, centroids])))


TWELVE = np.array([[-128, -100, -128, -90, 5, -128, -128, -90, -128, -128, 17, -90]], np.int8)
TWO_SUBVECTORS = ProductQuantizer(np.array([[[0, 0], [10, 10]], [[-5, 5], [5, -5]]], np.int8))
BITMAP = np.isin(np.arange(12), [0, 3, 9])[None]

EXAMPLES = {
    "CRC-32": zlib.crc32(b"123456789").to_bytes(4, "little"),
    "magic": container.MAGIC,
    "latent": section_bytes(3),
    "learning": section_bytes(4),
    "labels": section_bytes(5, labels=("ka", "ñ")),
    "record": record.pack(258, np.array([0xAA, 0xBB, 0xCC], np.uint8)),
    "codec section": paper_codec(BitmapPqCodec).to_bytes()[:32],
    "uniform": UniformCodec(3, 6).encode(np.array([[-128, 0, 127]], np.int8)).tobytes(),
    "codes of 6 bits": UniformCodec(3, 6, 0, 63).encode(np.array([[1, 2, 3]], np.int8)).tobytes(),
    "pq": TWO_SUBVECTORS.encode(np.array([[4, 7, 0, 0]], np.int8)).tobytes(),
    "bitmap": bitmap.pack(BITMAP).tobytes(),
    "bitmap_pq": small_codec(BitmapPqCodec).encode(TWELVE).tobytes(),
    "sequence": elias_fano.pack(BITMAP, 4).tobytes(),
    "elias_fano_pq": small_codec(EliasFanoPqCodec).encode(TWELVE).tobytes(),
}


@pytest.mark.parametrize("name", EXAMPLES)
def test_worked_bytes_are_those_of_the_code(name):
    assert f"`{EXAMPLES[name].hex(' ')}`" in SPEC


def test_worked_decodings_are_those_of_the_code():
    uniform = UniformCodec(3, 6).decode(np.array([[0x00, 0xF8, 0x03]], np.uint8))
    assert uniform.tolist() == [[-128, 2, 127]]
    assert TWO_SUBVECTORS.decode(np.array([[1, 0]], np.uint8)).tolist() == [[10, 10, -5, 5]]
    decoded = [
        small_codec(BitmapPqCodec).decode(np.array([[0x98, 0x04, 1, 1]], np.uint8)),
        small_codec(EliasFanoPqCodec).decode(np.array([[0x0F, 0x56, 1, 1]], np.uint8)),
    ]
    assert (
        decoded[0].tolist()
        == decoded[1].tolist()
        == [[-128, -128, -128, -90, 10, -128, -128, -90, -128, -128, 10, -128]]
    )


def test_the_example_package_is_the_golden_one():
    golden = (ROOT / "tests" / "golden" / "package_v1.bin").read_bytes()
    chapter = SPEC.split("### 2.9 Example")[1].split("## 3 ")[0]
    lines = re.findall(r"^([0-9a-f]{4})  ((?:[0-9a-f]{2} )+)", chapter, re.MULTILINE)
    assert len(lines) == 20
    for offset, dump in lines:
        shown = bytes.fromhex(dump)
        assert golden[int(offset, 16) :].startswith(shown)


def test_sizes_of_the_paper_are_those_of_the_code():
    codec = paper_codec(BitmapPqCodec)
    assert f"Its payload has 512 + 32 bytes, its record {record.RECORD_HEADER_BYTES + codec.payload_bytes}." in SPEC
    assert "65,536 bytes of codebook" in SPEC
    assert len(codec.to_bytes()) == 32 + 65_536
    assert "l = 3, 96 + 92 + 32 bytes where codec 3 has 512 + 32" in SPEC
    assert elias_fano.num_low_bits(4096, 256) == 3
    assert paper_codec(EliasFanoPqCodec).payload_bytes == 96 + 92 + 32


def test_kinds_in_the_table_are_those_in_a_package():
    kinds = [int(kind, 16) for kind in re.findall(r"^\| (0x[0-9a-f]{4}) \|", SPEC, re.MULTILINE)]
    golden = (ROOT / "tests" / "golden" / "package_with_network_v1.bin").read_bytes()
    (num_sections,) = struct.unpack_from("<H", golden, 10)
    assert list(dict.fromkeys(kind for kind, _ in container.split(golden))) == kinds
    assert num_sections == len(kinds) + 1  # two other codecs
