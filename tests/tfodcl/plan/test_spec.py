"""Section 4 of micro/SPEC.md, read as a specification: its example, its table of kinds, its arithmetic."""

import re
import struct
import zlib
from pathlib import Path

import pytest

from tfodcl.plan import fixed_point
from tfodcl.plan.entry import Kind

ROOT = Path(__file__).parents[3]
SECTION = (ROOT / "micro" / "SPEC.md").read_text(encoding="utf-8").split("\n## 4 Plan\n")[1].split("\n## ")[0]
PLAN = (ROOT / "tests" / "golden" / "plan_v1.bin").read_bytes()
TFLITE = (ROOT / "tests" / "golden" / "plan_encoder.tflite").read_bytes()


def test_the_bytes_of_the_example_are_the_golden_ones():
    lines = re.findall(r"^\+([0-9a-f]{4})  ((?:[0-9a-f]{2} )+)", SECTION, re.MULTILINE)
    assert len(lines) == 16
    for offset, dump in lines:
        assert PLAN[int(offset, 16) :].startswith(bytes.fromhex(dump)), offset


def test_the_words_of_the_example_are_those_of_its_bytes():
    version, num_tensors, num_operators, _, crc32, size, arena, source, sink = struct.unpack_from("<4H3I2H", PLAN)
    assert f"version {version}, {num_tensors} tensors, {num_operators} operators" in SECTION
    assert (crc32, size) == (zlib.crc32(TFLITE), len(TFLITE))
    assert f"CRC-32 {crc32:08x}, {size:,} bytes" in SECTION
    assert f"arena of {arena} bytes, input tensor {source}, output tensor {sink}" in SECTION
    biases = struct.unpack_from("<5i", PLAN, 0x258)
    assert f"biases {', '.join(map(str, biases))}\n" in SECTION
    assert f"shifts {', '.join(map(str, struct.unpack_from('<5b', PLAN, 0x280)))}, and zeros" in SECTION


def test_the_factor_of_the_example_is_that_of_its_multiplier():
    multiplier, shift = struct.unpack_from("<i", PLAN, 0x26C)[0], struct.unpack_from("<b", PLAN, 0x280)[0]
    assert f"0x{multiplier:x} x 2^({shift} - 31) = {multiplier * 2.0 ** (shift - 31):.6f}" in SECTION
    assert f"its sum 5,000 becomes {fixed_point.multiply(5000, multiplier, shift)}," in SECTION


def test_kinds_and_lengths_are_those_of_the_golden_plan():
    rows = re.findall(r"^\| (\d+) \| ([a-z ]+) \|.*\| (\d+)( or more)? \|$", SECTION, re.MULTILINE)
    assert [(int(kind), name) for kind, name, _, _ in rows] == [
        (kind.value, kind.name.lower().replace("_", " ")) for kind in Kind
    ]
    lengths = {int(kind): int(length) for kind, _, length, _ in rows}
    num_tensors, num_operators = struct.unpack_from("<HH", PLAN, 2)
    at, found = 24 + 20 * num_tensors, set()
    for _ in range(num_operators):
        kind, num_words = PLAN[at], PLAN[at + 1]
        assert 4 * num_words == lengths[kind]
        found.add(kind)
        at += 4 * num_words
    assert found == set(lengths)


@pytest.mark.parametrize(("x", "factor"), [(5000, 0.00257), (-5000, 0.00257), (7, 1.5), (-7, 0.5), (3, 2.0), (1, 0.5)])
def test_the_arithmetic_is_that_of_the_section(x, factor):
    multiplier, shift = fixed_point.quantize_multiplier(factor)
    shifted = ((x << max(shift, 0)) + 2**31) % 2**32 - 2**31
    high = (shifted * multiplier + 2**30) // 2**31
    divisor = 2 ** max(-shift, 0)
    rounded = (abs(high) + divisor // 2) // divisor * (1 if high >= 0 else -1)
    assert fixed_point.multiply(x, multiplier, shift) == rounded
