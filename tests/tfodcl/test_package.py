import dataclasses
import errno
import os
import random
import struct
from pathlib import Path

import numpy as np
import pytest

from tfodcl import container, package
from tfodcl.compress.bitmap_pq import BitmapPqCodec
from tfodcl.compress.product_quantizer import ProductQuantizer
from tfodcl.compress.uniform import UniformCodec
from tfodcl.errors import InputError

LATENT_DIM, ZERO_POINT = 24, -128
LEARNING = package.Learning(
    capacity=30, inner_lr=0.001, outer_lr=0.0001, replay_batch=8, replay_epochs=1, replay_budget_bytes=4096
)
ENCODER, CODEC, LATENT, LEARNING_KIND, LABELS, NETWORK, PLAN, OTHER_CODEC, ADAPTIVE, INFO = range(10)  # their places


def quantizer(num_subvectors: int) -> ProductQuantizer:
    return ProductQuantizer(np.arange(num_subvectors * 8, dtype=np.int8).reshape(num_subvectors, 2, 4))


def example(**changes) -> package.Package:
    """A small package with a section of every kind."""
    fields = {
        "encoder": b"\x1c\0\0\0TFL3 and more",
        "latent_dim": LATENT_DIM,
        "latent_scale": 0.1,
        "latent_zero_point": ZERO_POINT,
        "codec": BitmapPqCodec(LATENT_DIM, ZERO_POINT, 8, quantizer(2)),
        "learning": LEARNING,
        "labels": ("ka", "ñ", ""),
        "other_codecs": {"pq": quantizer(6)},
        "adaptive": {"key": np.array([[1, 2, 3], [4, 5, 6]], np.float32), "scale": np.array(0.5, np.float32)},
        "info": {"dataset": "glyphs", "front_end": {"mean": [0.25, -1]}},
        "plan": b"opaque",
        "network": b"opaque too",
    }
    return package.Package(**{**fields, **changes})


def minimal() -> package.Package:
    return example(labels=(), other_codecs={}, adaptive={}, info={}, plan=b"", network=b"")


def assert_equal(found: package.Package, expected: package.Package) -> None:
    """Field by field."""
    for field in dataclasses.fields(package.Package):
        ours, theirs = getattr(found, field.name), getattr(expected, field.name)
        if field.name == "codec":
            assert ours.to_bytes() == theirs.to_bytes()
        elif field.name == "other_codecs":
            assert {name: codec.to_bytes() for name, codec in ours.items()} == {
                name: codec.to_bytes() for name, codec in theirs.items()
            }
        elif field.name == "adaptive":
            assert ours.keys() == theirs.keys()
            for name, array in theirs.items():
                np.testing.assert_array_equal(ours[name], array, strict=True)
        else:
            assert ours == theirs


def with_section(index: int, content: bytes) -> bytes:
    """The example's bytes with one section replaced, all checksums right."""
    sections = container.split(package.to_bytes(example()))
    sections[index] = (sections[index][0], content)
    return container.join(sections)


def with_sections(*extra: tuple[int, bytes]) -> bytes:
    """The example's bytes with further sections, all checksums right."""
    return container.join([*container.split(package.to_bytes(example())), *extra])


@pytest.mark.parametrize("make", [example, minimal])
def test_a_package_comes_back_from_its_file(make, tmp_path):
    path = tmp_path / "model.tfodcl"
    package.write(path, make())
    assert_equal(package.read(path), make())
    assert package.to_bytes(package.read(path)) == path.read_bytes()


def test_the_order_of_names_does_not_change_the_bytes():
    uniform = UniformCodec(LATENT_DIM, 8)
    forwards = {"pq": quantizer(6), "uniform": uniform}
    backwards = {"uniform": uniform, "pq": quantizer(6)}
    assert package.to_bytes(example(other_codecs=forwards)) == package.to_bytes(example(other_codecs=backwards))
    swapped = {name: example().adaptive[name] for name in ("scale", "key")}
    assert package.to_bytes(example(adaptive=swapped)) == package.to_bytes(example())


def test_rates_and_scale_are_the_float32_that_the_board_reads():
    assert LEARNING.inner_lr == float(np.float32(0.001))
    assert example().latent_scale == float(np.float32(0.1))


def test_every_flipped_bit_is_noticed():
    content = package.to_bytes(example())
    for position in range(len(content)):
        for bit in range(8):
            flipped = bytearray(content)
            flipped[position] ^= 1 << bit
            with pytest.raises(InputError, match="Received"):
                package.from_bytes(bytes(flipped))


def test_every_truncation_is_noticed():
    content = package.to_bytes(example())
    for size in range(len(content)):
        with pytest.raises(InputError, match="Received"):
            package.from_bytes(content[:size])


@pytest.mark.parametrize("index", range(1, 10))
def test_a_changed_section_with_a_right_crc_is_refused_or_another_consistent_package(index):
    (_, section) = container.split(package.to_bytes(example()))[index]
    rng = random.Random(index)
    variants = [section[:size] for size in range(len(section))] + [section + b"\0", section + bytes(32)]
    for position in range(len(section)):
        for value in (0x00, 0xFF, 0x7F, 0x80, section[position] + 1 & 0xFF, rng.randrange(256)):
            variants.append(section[:position] + bytes([value]) + section[position + 1 :])
    num_refused = 0
    for variant in variants:
        try:
            found = package.from_bytes(with_section(index, variant))
        except InputError as error:
            assert "Received" in str(error) and "\n" not in str(error)
            num_refused += 1
        else:
            assert_equal(package.from_bytes(package.to_bytes(found)), found)
    assert num_refused > 0 or index in (NETWORK, PLAN)  # opaque


def test_an_unknown_optional_section_is_skipped():
    assert_equal(package.from_bytes(with_sections((0xFFFF, b"of the future"))), example())


def test_an_unknown_required_section_is_refused():
    with pytest.raises(InputError, match="a section must be known or optional. Received: kind=0x7fff"):
        package.from_bytes(with_sections((0x7FFF, b"of the future")))


def test_an_unknown_other_codec_is_skipped_and_an_unknown_main_codec_refused():
    unknown = b"\x63\x00" + bytes(30)
    assert_equal(package.from_bytes(with_sections((0x8002, unknown))), example())
    with pytest.raises(InputError, match="codec id must be one of .*Received: codec id=99"):
        package.from_bytes(with_section(CODEC, unknown))


@pytest.mark.parametrize("name", ["encoder", "codec", "latent", "learning", "labels"])
def test_a_missing_section_is_named(name):
    index = ["encoder", "codec", "latent", "learning", "labels"].index(name)
    sections = container.split(package.to_bytes(example()))
    del sections[index]
    with pytest.raises(InputError, match=f"must have a section {name}. Received: none"):
        package.from_bytes(container.join(sections))


def test_sections_that_must_be_single_are_refused_twice():
    sections = container.split(package.to_bytes(example()))
    with pytest.raises(InputError, match="one section latent. Received: two"):
        package.from_bytes(with_sections(sections[LATENT]))
    with pytest.raises(InputError, match="other codecs must differ in their id. Received: two pq"):
        package.from_bytes(with_sections(sections[OTHER_CODEC]))


@pytest.mark.parametrize(
    ("index", "content", "rule"),
    [
        (ENCODER, b"not a model", "encoder must be a .tflite flatbuffer, TFL3 at byte 4. Received: 6e 6f 74"),
        (ENCODER, b"", "Received: nothing"),
        (LATENT, struct.pack("<Ifb3x", 32, 0.1, ZERO_POINT), "latent_dim=24, encoder's=32"),
        (LATENT, struct.pack("<Ifb3x", 24, 0.1, 0), "zero_point=-128, latent's=0"),
        (LATENT, struct.pack("<Ifb3x", 24, 0.0, ZERO_POINT), "latent_scale must be above 0 and finite"),
        (LATENT, struct.pack("<Ifb3x", 24, float("nan"), ZERO_POINT), "latent_scale=nan"),
        (LATENT, struct.pack("<Ifb3s", 24, 0.1, ZERO_POINT, b"\0\0\1"), "reserved bytes of section latent"),
        (LATENT, bytes(11), "section latent must have 12 bytes. Received: 11 bytes"),
        (LEARNING_KIND, struct.pack("<IffIII", 0, 0.1, 0.1, 8, 1, 0), "capacity must be in 1..65536"),
        (LEARNING_KIND, struct.pack("<IffIII", 9, -0.1, 0.1, 8, 1, 0), "inner_lr must be above 0"),
        (LEARNING_KIND, struct.pack("<IffIII", 9, 0.1, float("inf"), 8, 1, 0), "outer_lr=inf"),
        (LEARNING_KIND, struct.pack("<IffIII", 9, 0.1, 0.1, 0, 1, 0), "replay_batch=0"),
        (LABELS, b"\x01\0\0\0\x02\0\xff\xfe", "names in labels must be UTF-8"),
        (LABELS, b"\xff\xff\xff\xff", "section labels must have 2 more bytes. Received: 0"),
        (LABELS, b"\x00\0\0\0\x00", "section labels must end with its last entry. Received: 1 more"),
        (ADAPTIVE, b"\x01\0\0\0" + bytes(28) + b"\x09\0", "at most 8 dimensions. Received: 9"),
        (
            ADAPTIVE,
            b"\x01\0\0\0" + bytes(28) + b"\x02\0" + b"\xff" * 8 + bytes(22),
            "more bytes. Received: 0",
        ),
        (
            ADAPTIVE,
            b"\x02\0\0\0" + bytes(28) + (bytes(32) + b"\0\0\x80\x3f" + bytes(28)) * 2,
            "differ in name",
        ),
        (ADAPTIVE, b"\x01\0\0\0" + bytes(27) + b"\x01", "padding in adaptive must be zero"),
        (INFO, b"{", "info must be UTF-8 JSON"),
        (INFO, b"\xff", "info must be UTF-8 JSON"),
        (INFO, b"[" * 100_000, "info must be UTF-8 JSON"),
        (INFO, b'{"a": NaN}', "info must be UTF-8 JSON. Received: NaN in JSON"),
        (INFO, b"[1]", "info must be a JSON object. Received: list"),
    ],
)
def test_contents_that_cannot_be_are_named(index, content, rule):
    with pytest.raises(InputError, match=rule):
        package.from_bytes(with_section(index, content))


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"encoder": b"x"}, "encoder must be a .tflite"),
        ({"latent_zero_point": 200}, "latent_zero_point must be in -128..127"),
        ({"latent_scale": 1e-60}, "latent_scale must be above 0 and finite in float32"),
        ({"codec": UniformCodec(25, 8)}, "latent_dim of codec uniform must be that of the encoder"),
        (
            {"other_codecs": {"pq": quantizer(5)}},
            "latent_dim of codec pq .* Received: latent_dim=20, encoder's=24",
        ),
        ({"other_codecs": {"mine": quantizer(6)}}, "keyed by their NAME. Received: 'mine' for pq"),
        ({"adaptive": {"key": np.zeros(3)}}, "must be float32 .* Received: key of shape=.3,., dtype=float64"),
        ({"adaptive": {"key": np.zeros((1,) * 9, np.float32)}}, "at most 8 dimensions"),
    ],
)
def test_an_inconsistent_package_cannot_be_made(changes, rule):
    with pytest.raises(InputError, match=rule):
        example(**changes)


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"info": {"accuracy": float("nan")}}, "info must be what JSON can hold"),
        ({"info": {"array": np.zeros(2)}}, "info must be what JSON can hold"),
        ({"info": {"text": "\udcff"}}, "info must be what JSON can hold"),
        ({"labels": ("\udcff",)}, "a name must be valid Unicode"),
        ({"labels": ("x" * 65_536,)}, "at most 65535 bytes. Received: 65536"),
    ],
)
def test_what_has_no_bytes_is_refused_before_a_file_is_touched(changes, rule, tmp_path):
    with pytest.raises(InputError, match=rule):
        package.write(tmp_path / "model.tfodcl", example(**changes))
    assert list(tmp_path.iterdir()) == []


def test_an_error_names_the_file(tmp_path):
    path = tmp_path / "model.tfodcl"
    path.write_bytes(container.MAGIC + struct.pack("<H", 7))
    with pytest.raises(InputError) as caught:
        package.read(path)
    assert str(caught.value) == f"{path}: format version must be at most 1. Received: version=7."


def test_a_missing_file_and_a_directory_are_named(tmp_path):
    with pytest.raises(InputError, match="absent.tfodcl must be readable. Received: No such file"):
        package.read(tmp_path / "absent.tfodcl")
    with pytest.raises(InputError, match="must be readable. Received: Is a directory"):
        package.read(tmp_path)


def test_a_directory_that_cannot_be_leaves_nothing(tmp_path):
    (tmp_path / "file").write_bytes(b"x")
    with pytest.raises(InputError, match="must be writable. Received: "):
        package.write(tmp_path / "file" / "model.tfodcl", example())
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize("code", [errno.EACCES, errno.EROFS])
def test_a_directory_without_write_access_keeps_the_earlier_package(code, tmp_path, monkeypatch):
    path = tmp_path / "model.tfodcl"
    package.write(path, minimal())

    def refuse(*_args, **_options):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr("tempfile.mkstemp", refuse)
    with pytest.raises(InputError, match=f"model.tfodcl must be writable. Received: {os.strerror(code)}"):
        package.write(path, example())
    assert_equal(package.read(path), minimal())


@pytest.mark.parametrize("operation", ["write", "fsync", "rename"])
def test_a_full_disk_keeps_the_earlier_package_and_leaves_nothing_else(operation, tmp_path, monkeypatch):
    path = tmp_path / "model.tfodcl"
    package.write(path, minimal())

    def half_written(self: Path, content: bytes):
        with open(self, "wb") as file:
            file.write(content[: len(content) // 2])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def full(*_args):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    target, failure = {
        "write": ("pathlib.Path.write_bytes", half_written),
        "fsync": ("os.fsync", full),
        "rename": ("pathlib.Path.replace", full),
    }[operation]
    monkeypatch.setattr(target, failure)
    with pytest.raises(InputError, match="model.tfodcl must be writable. Received: No space left on device"):
        package.write(path, example())
    monkeypatch.undo()
    assert list(tmp_path.iterdir()) == [path]
    assert_equal(package.read(path), minimal())
