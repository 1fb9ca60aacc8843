"""The golden files, decoded by the code and, independently, by loops written from micro/SPEC.md."""

import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tfodcl import package
from tfodcl.compress import record, section

ROOT = Path(__file__).parents[2]
GOLDEN = ROOT / "tests" / "golden"
LATENT_DIM = 44
CODECS = ["uniform", "pq", "bitmap_pq", "elias_fano_pq"]


def make_golden(*arguments: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "tools.make_golden", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def golden_array(name: str) -> np.ndarray:
    """(6, LATENT_DIM) int8."""
    return np.fromfile(GOLDEN / name, np.int8).reshape(6, LATENT_DIM)


def payload_of(codec: bytes, row: int, name: str) -> bytes:
    """Payload of a golden record, whose label is 300 * row."""
    (payload_bytes,) = struct.unpack_from("<I", codec, 8)
    records = (GOLDEN / f"{name}_records.bin").read_bytes()
    start = row * (2 + payload_bytes)
    assert struct.unpack_from("<H", records, start) == (300 * row,)
    assert len(records) == 6 * (2 + payload_bytes)
    return records[start + 2 : start + 2 + payload_bytes]


def decode_uniform(codec: bytes, payload: bytes) -> list[int]:
    num_bits, low, high = struct.unpack_from("<Bbb", codec, 12)
    top, span = 2**num_bits - 1, high - low
    values = []
    for index in range(LATENT_DIM):
        code = 0
        for bit in range(num_bits):
            place = index * num_bits + bit
            code |= (payload[place // 8] >> place % 8 & 1) << bit
        values.append(low + (code * span + top // 2) // top)
    return values


def decode_pq(codec: bytes, codes: bytes) -> list[int]:
    num_subvectors, num_centroids, subvector_dim = struct.unpack_from("<IHH", codec, 12)
    assert len(codes) == num_subvectors
    values: list[int] = []
    for position, code in enumerate(codes):
        assert code < num_centroids
        start = 32 + (position * num_centroids + code) * subvector_dim
        values += struct.unpack_from(f"{subvector_dim}b", codec, start)
    return values


def decode_bitmap_pq(codec: bytes, payload: bytes) -> list[int]:
    (zero_point,) = struct.unpack_from("<b", codec, 24)
    bitmap_bytes = (LATENT_DIM + 7) // 8
    packed = iter(decode_pq(codec, payload[bitmap_bytes:]))
    marks = [payload[index // 8] >> index % 8 & 1 for index in range(LATENT_DIM)]
    return [next(packed) if mark else zero_point for mark in marks]


def positions_of(payload: bytes) -> tuple[list[int], bytes]:
    """Positions of an Elias-Fano sequence, at most 12 below LATENT_DIM with one low bit each, and what follows it."""
    low, high, positions = payload[:2], payload[2:6], []  # 12 bits; 12 + (44 - 12) div 2 = 28 bits
    for bit in range(8 * len(high)):
        if high[bit // 8] >> bit % 8 & 1:
            number = len(positions)
            positions.append(2 * (bit - number) + (low[number // 8] >> number % 8 & 1) + number)
    return positions, payload[6:]


def decode_elias_fano_pq(codec: bytes, payload: bytes) -> list[int]:
    (zero_point,) = struct.unpack_from("<b", codec, 24)
    positions, codes = positions_of(payload)
    values = dict(zip(positions, decode_pq(codec, codes), strict=False))
    return [values.get(index, zero_point) for index in range(LATENT_DIM)]


BY_LOOPS = {
    "uniform": decode_uniform,
    "pq": decode_pq,
    "bitmap_pq": decode_bitmap_pq,
    "elias_fano_pq": decode_elias_fano_pq,
}


@pytest.mark.parametrize("name", CODECS)
def test_the_codec_writes_and_reads_its_golden_records(name):
    codec = section.read((GOLDEN / f"{name}_codec.bin").read_bytes())
    payloads = codec.encode(golden_array("latents.bin"))
    packed = b"".join(record.pack(300 * row, payload) for row, payload in enumerate(payloads))
    assert packed == (GOLDEN / f"{name}_records.bin").read_bytes()
    np.testing.assert_array_equal(codec.decode(payloads), golden_array(f"{name}_decoded.bin"))


@pytest.mark.parametrize("name", CODECS)
def test_loops_from_the_specification_decode_the_golden_records(name):
    codec = (GOLDEN / f"{name}_codec.bin").read_bytes()
    decoded = [BY_LOOPS[name](codec, payload_of(codec, row, name)) for row in range(6)]
    np.testing.assert_array_equal(decoded, golden_array(f"{name}_decoded.bin"))


def test_the_golden_bitmaps_and_sequences_keep_all_or_the_twelve_farthest():
    codec = (GOLDEN / "bitmap_pq_codec.bin").read_bytes()
    codec_of_sequences = (GOLDEN / "elias_fano_pq_codec.bin").read_bytes()
    latents = golden_array("latents.bin").astype(int)
    counts = []
    for row, latent in enumerate(latents):
        bits = payload_of(codec, row, "bitmap_pq")[:6]
        marked = [index for index in range(LATENT_DIM) if bits[index // 8] >> index % 8 & 1]
        by_distance = sorted(range(LATENT_DIM), key=lambda index: (-abs(latent[index] + 128), index))  # noqa: B023
        assert marked == sorted(index for index in by_distance[:12] if latent[index] != -128)
        assert marked == positions_of(payload_of(codec_of_sequences, row, "elias_fano_pq"))[0]
        counts.append((len(marked), int((latent != -128).sum())))
    assert counts == [(0, 0), (9, 9), (12, 12), (12, 22), (12, 15), (12, 43)]


def test_version_1_of_the_package_is_readable():
    found = package.read(GOLDEN / "package_v1.bin")
    assert found.encoder == b"\x1c\x00\x00\x00TFL3" + bytes(range(37))
    assert (found.latent_dim, found.latent_scale, found.latent_zero_point) == (44, 0.0625, -128)
    assert found.codec.to_bytes() == (GOLDEN / "bitmap_pq_codec.bin").read_bytes()
    assert sorted(found.other_codecs) == ["pq", "uniform"]
    for name, codec in found.other_codecs.items():
        assert codec.to_bytes() == (GOLDEN / f"{name}_codec.bin").read_bytes()
    assert found.learning == package.Learning(30, 0.001, 0.0001, 8, 1, 65_536)
    assert found.labels == ("ka", "ñ", "")
    assert sorted(found.adaptive) == ["query", "scale"]
    np.testing.assert_array_equal(found.adaptive["query"], np.array([[-1, -0.75, -0.5], [-0.25, 0, 0.25]], np.float32))
    np.testing.assert_array_equal(found.adaptive["scale"], np.float32(1.5))
    assert found.info == {"dataset": "glyphs", "seed": 0}
    assert found.plan == bytes(range(200, 240))


def test_the_tool_still_makes_the_golden_files():
    assert make_golden("--check").returncode == 0
    assert len(list(GOLDEN.iterdir())) == 20


def test_a_golden_file_that_exists_is_never_overwritten(tmp_path):
    (tmp_path / "latents.bin").write_bytes(b"older")
    done = make_golden("--out", str(tmp_path))
    assert done.returncode == 0
    assert "latents.bin exists and is left alone" in done.stdout
    assert (tmp_path / "latents.bin").read_bytes() == b"older"
    for path in GOLDEN.iterdir():
        if path.name != "latents.bin" and not path.name.startswith("plan_"):
            assert (tmp_path / path.name).read_bytes() == path.read_bytes()


@pytest.mark.parametrize("content", [b"other", None])
def test_check_names_a_file_that_differs_or_is_missing(content, tmp_path):
    if content is not None:
        (tmp_path / "latents.bin").write_bytes(content)
    done = make_golden("--check", "--out", str(tmp_path))
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("make_golden: error: ") and done.stderr.count("\n") == 1
    assert "latents.bin" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ([] if content is None else ["latents.bin"])
