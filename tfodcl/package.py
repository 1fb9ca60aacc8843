"""The package, model.tfodcl: everything a device needs to learn, in one file (micro/SPEC.md section 2).

A board needs the binary sections only; the JSON in `info` is for people and workstations.
"""

import json
import math
import os
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from tfodcl import container, files
from tfodcl.compress import section as codec_section
from tfodcl.compress.record import MAX_LABEL, Codec
from tfodcl.compress.sparse_pq import SparsePqCodec
from tfodcl.errors import InputError

# Kinds of section. A reader skips an optional one that it does not know and refuses any other.
_OPTIONAL = 0x8000
_ENCODER, _CODEC, _LATENT, _LEARNING, _LABELS, _NETWORK = 1, 2, 3, 4, 5, 6
_PLAN, _OTHER_CODEC, _ADAPTIVE, _INFO = _OPTIONAL | 1, _OPTIONAL | 2, _OPTIONAL | 3, _OPTIONAL | 4
_REQUIRED = {
    _ENCODER: "encoder",
    _CODEC: "codec",
    _LATENT: "latent",
    _LEARNING: "learning",
    _LABELS: "labels",
}
_KNOWN = {
    **_REQUIRED,
    _NETWORK: "network",
    _PLAN: "plan",
    _OTHER_CODEC: "other codec",
    _ADAPTIVE: "adaptive",
    _INFO: "info",
}

_LATENT_FIELDS = struct.Struct("<Ifb3x")  # dim, scale, zero_point
_LEARNING_FIELDS = struct.Struct("<IffIII")  # in the order of Learning
_U32 = struct.Struct("<I")
_U16 = struct.Struct("<H")
_MAX_DIMS = 8
_MAX_U16, _MAX_U32 = 0xFFFF, 0xFFFFFFFF


@dataclass(frozen=True)
class Learning:
    """How the device learns a class.

    Attributes:
      capacity: rows of the head, the most classes that can be learnt, 1..65536.
      inner_lr: SGD learning rate on the samples of a new class, above 0; rounded to float32.
      outer_lr: SGD learning rate on replays, above 0; rounded to float32.
      replay_batch: records in a mini-batch of the outer loop, at least 1.
      replay_epochs: passes over the replay memory after each class; 0 learns without replays.
      replay_budget_bytes: most bytes of records kept, below 2^32.
    """

    capacity: int
    inner_lr: float
    outer_lr: float
    replay_batch: int
    replay_epochs: int
    replay_budget_bytes: int

    def __post_init__(self) -> None:
        _check_range("capacity", self.capacity, 1, MAX_LABEL + 1)
        _check_range("replay_batch", self.replay_batch, 1, _MAX_U32)
        _check_range("replay_epochs", self.replay_epochs, 0, _MAX_U32)
        _check_range("replay_budget_bytes", self.replay_budget_bytes, 0, _MAX_U32)
        object.__setattr__(self, "inner_lr", _float32("inner_lr", self.inner_lr))
        object.__setattr__(self, "outer_lr", _float32("outer_lr", self.outer_lr))


@dataclass(frozen=True)
class Package:
    """A deployable learner. It is consistent: its construction raises InputError otherwise.

    Attributes:
      encoder: the int8 .tflite flatbuffer.
      latent_dim: values of the encoder's output.
      latent_scale: real value of one step of the int8 latent, above 0; rounded to float32.
      latent_zero_point: the int8 value that stands for 0.
      codec: codec of the replay records (LifeLearner's).
      learning: how the device learns.
      labels: names of the known classes, in order of class id.
      other_codecs: codecs of other methods by their NAME, such as "pq" for pq_replay.
      adaptive: initial float32 arrays of an adaptive stage that is more than a head (AIM); may be empty.
      info: a JSON object: recipe, dataset, preset, seed, front end, learning rates per method, sizes.
      plan: the encoder's plan for the board's own kernels (tfodcl/plan), empty where there is none. Opaque here: it
        names the encoder's CRC-32, and a board refuses that of another one.
      network: the adaptive stage of layers that a device trains (stages/network_section.py), empty where the head is
        all that is trained. Opaque here.
    """

    encoder: bytes
    latent_dim: int
    latent_scale: float
    latent_zero_point: int
    codec: Codec
    learning: Learning
    labels: tuple[str, ...] = ()
    other_codecs: Mapping[str, Codec] = field(default_factory=dict)
    adaptive: Mapping[str, np.ndarray] = field(default_factory=dict)
    info: Mapping[str, Any] = field(default_factory=dict)
    plan: bytes = b""
    network: bytes = b""

    def __post_init__(self) -> None:
        if self.encoder[4:8] != b"TFL3":
            received = self.encoder[:8].hex(" ") or "nothing"
            raise InputError(f"encoder must be a .tflite flatbuffer, TFL3 at byte 4. Received: {received}.")
        _check_range("latent_zero_point", self.latent_zero_point, -128, 127)
        object.__setattr__(self, "latent_scale", _float32("latent_scale", self.latent_scale))
        _check_codec(self.codec, self.latent_dim, self.latent_zero_point)
        for name, codec in self.other_codecs.items():
            if name != codec.NAME:
                raise InputError(f"codecs must be keyed by their NAME. Received: {name!r} for {codec.NAME}.")
            _check_codec(codec, self.latent_dim, self.latent_zero_point)
        for name, array in self.adaptive.items():
            if array.dtype != np.float32 or array.ndim > _MAX_DIMS:
                raise InputError(
                    f"adaptive arrays must be float32 of at most {_MAX_DIMS} dimensions. "
                    f"Received: {name} of shape={array.shape}, dtype={array.dtype}."
                )


def write(path: str | os.PathLike, package: Package) -> None:
    """Writes the package, whole or not at all. Raises InputError where the file cannot be written."""
    files.write(path, to_bytes(package))


def read(path: str | os.PathLike) -> Package:
    """Reads a package and checks every byte of it.

    Raises:
      InputError: one line with the file, the rule and what was received: not a package, a version from the
        future, truncated, a wrong CRC-32, sections that contradict one another.
    """
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise InputError(f"{path} must be readable. Received: {error.strerror or error}.") from error
    try:
        return from_bytes(content)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error


def to_bytes(package: Package) -> bytes:
    """The package as bytes; equal packages give equal bytes."""
    latent = _LATENT_FIELDS.pack(package.latent_dim, package.latent_scale, package.latent_zero_point)
    learning = package.learning
    learning_fields = (learning.capacity, learning.inner_lr, learning.outer_lr)
    replay_fields = (learning.replay_batch, learning.replay_epochs, learning.replay_budget_bytes)
    sections = [
        (_ENCODER, package.encoder),
        (_CODEC, package.codec.to_bytes()),
        (_LATENT, latent),
        (_LEARNING, _LEARNING_FIELDS.pack(*learning_fields, *replay_fields)),
        (_LABELS, _pack_labels(package.labels)),
    ]
    if package.network:
        sections.append((_NETWORK, package.network))
    if package.plan:
        sections.append((_PLAN, package.plan))
    for name in sorted(package.other_codecs):
        sections.append((_OTHER_CODEC, package.other_codecs[name].to_bytes()))
    if package.adaptive:
        sections.append((_ADAPTIVE, _pack_arrays(package.adaptive)))
    if package.info:
        sections.append((_INFO, _pack_info(package.info)))
    return container.join(sections)


def from_bytes(content: bytes) -> Package:
    """The package in `content`. Raises InputError like `read`."""
    found, other_codecs = _sort_sections(container.split(content))
    latent_dim, latent_scale, latent_zero_point = _unpack_fields(_LATENT_FIELDS, found[_LATENT], "latent")
    return Package(
        encoder=found[_ENCODER],
        latent_dim=latent_dim,
        latent_scale=latent_scale,
        latent_zero_point=latent_zero_point,
        codec=codec_section.read(found[_CODEC]),
        learning=Learning(*_unpack_fields(_LEARNING_FIELDS, found[_LEARNING], "learning")),
        labels=_unpack_labels(found[_LABELS]),
        other_codecs=other_codecs,
        adaptive=_unpack_arrays(found[_ADAPTIVE]) if _ADAPTIVE in found else {},
        info=_unpack_info(found[_INFO]) if _INFO in found else {},
        plan=found.get(_PLAN, b""),
        network=found.get(_NETWORK, b""),
    )


def _sort_sections(sections: list[tuple[int, bytes]]) -> tuple[dict[int, bytes], dict[str, Codec]]:
    """The sections by kind, and the other codecs, which may be several, by name."""
    found: dict[int, bytes] = {}
    other_codecs: dict[str, Codec] = {}
    for kind, content in sections:
        if kind not in _KNOWN:
            if not kind & _OPTIONAL:
                raise InputError(f"a section must be known or optional. Received: kind={kind:#06x}.")
        elif kind == _OTHER_CODEC:
            if codec_section.is_known(content):  # a later codec: this method cannot run, the others can
                codec = codec_section.read(content)
                if codec.NAME in other_codecs:
                    raise InputError(f"other codecs must differ in their id. Received: two {codec.NAME}.")
                other_codecs[codec.NAME] = codec
        elif kind in found:
            raise InputError(f"a package must have one section {_KNOWN[kind]}. Received: two.")
        else:
            found[kind] = content
    for kind, name in _REQUIRED.items():
        if kind not in found:
            raise InputError(f"a package must have a section {name}. Received: none.")
    return found, other_codecs


def _pack_labels(labels: tuple[str, ...]) -> bytes:
    """u32 count, then of each label: u16 bytes, UTF-8."""
    packed = _U32.pack(len(labels))
    for label in labels:
        packed += _pack_text(label)
    return packed


def _unpack_labels(content: bytes) -> tuple[str, ...]:
    reader = _Reader(content, "labels")
    (num_labels,) = reader.fields(_U32)
    labels = []
    for _ in range(num_labels):  # a count too large ends with the section
        labels.append(reader.text())
    reader.check_end()
    return tuple(labels)


def _pack_arrays(arrays: Mapping[str, np.ndarray]) -> bytes:
    """u32 count; of each array its dimensions and name, then its values; each part padded to 32 bytes."""
    packed = _aligned(_U32.pack(len(arrays)))
    for name in sorted(arrays):
        array = arrays[name]
        dims = struct.pack(f"<{array.ndim}I", *array.shape)
        packed += _aligned(_U16.pack(array.ndim) + dims + _pack_text(name))
        packed += _aligned(array.astype("<f4").tobytes())
    return packed


def _unpack_arrays(content: bytes) -> dict[str, np.ndarray]:
    reader = _Reader(content, "adaptive")
    (num_arrays,) = reader.fields(_U32)
    reader.skip_padding()
    arrays: dict[str, np.ndarray] = {}
    for _ in range(num_arrays):
        (num_dims,) = reader.fields(_U16)
        if num_dims > _MAX_DIMS:
            raise InputError(f"an array must have at most {_MAX_DIMS} dimensions. Received: {num_dims}.")
        shape = reader.fields(struct.Struct(f"<{num_dims}I"))
        name = reader.text()
        reader.skip_padding()
        arrays[name] = np.frombuffer(reader.take(4 * math.prod(shape)), "<f4").reshape(shape)
        reader.skip_padding()
    reader.check_end()
    if len(arrays) != num_arrays:
        raise InputError(f"arrays must differ in name. Received: {num_arrays} arrays, {len(arrays)} names.")
    return arrays


def _pack_info(info: Mapping[str, Any]) -> bytes:
    """UTF-8 JSON with sorted keys."""
    try:
        return json.dumps(dict(info), sort_keys=True, allow_nan=False, ensure_ascii=False).encode()
    except (TypeError, ValueError) as error:
        raise InputError(f"info must be what JSON can hold. Received: {error}.") from error


def _unpack_info(content: bytes) -> dict[str, Any]:
    try:
        info = json.loads(content.decode(), parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise InputError(f"info must be UTF-8 JSON. Received: {error}.") from error
    if not isinstance(info, dict):
        raise InputError(f"info must be a JSON object. Received: {type(info).__name__}.")
    return info


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} in JSON")


def _unpack_fields(fields: struct.Struct, content: bytes, name: str) -> tuple:
    """The fields of a section of fixed size, whose padding is zero."""
    if len(content) != fields.size:
        raise InputError(f"section {name} must have {fields.size} bytes. Received: {len(content)} bytes.")
    values = fields.unpack(content)
    if fields.pack(*values) != content:
        raise InputError(f"reserved bytes of section {name} must be zero. Received: {content.hex(' ')}.")
    return values


def _pack_text(text: str) -> bytes:
    try:
        encoded = text.encode()
    except UnicodeEncodeError as error:  # a file name that was not UTF-8
        raise InputError(f"a name must be valid Unicode. Received: {text!r}.") from error
    if len(encoded) > _MAX_U16:
        raise InputError(f"a name must have at most {_MAX_U16} bytes. Received: {len(encoded)} bytes.")
    return _U16.pack(len(encoded)) + encoded


def _aligned(content: bytes) -> bytes:
    return content + bytes(-len(content) % container.ALIGNMENT_BYTES)


class _Reader:
    """Takes a section apart from the front; asking for more than is left is an InputError."""

    def __init__(self, content: bytes, section: str) -> None:
        self._content, self._section, self._position = content, section, 0

    def take(self, num_bytes: int) -> bytes:
        left = len(self._content) - self._position
        if num_bytes > left:
            raise InputError(f"section {self._section} must have {num_bytes} more bytes. Received: {left}.")
        self._position += num_bytes
        return self._content[self._position - num_bytes : self._position]

    def fields(self, fields: struct.Struct) -> tuple:
        return fields.unpack(self.take(fields.size))

    def text(self) -> str:
        (num_bytes,) = self.fields(_U16)
        taken = self.take(num_bytes)
        try:
            return taken.decode()
        except UnicodeDecodeError as error:
            raise InputError(f"names in {self._section} must be UTF-8. Received: {taken!r}.") from error

    def skip_padding(self) -> None:
        padding = self.take(-self._position % container.ALIGNMENT_BYTES)
        if padding.strip(b"\0"):
            raise InputError(f"padding in {self._section} must be zero. Received: {padding.hex(' ')}.")

    def check_end(self) -> None:
        left = len(self._content) - self._position
        if left:
            raise InputError(f"section {self._section} must end with its last entry. Received: {left} more.")


def _check_range(name: str, value: int, low: int, high: int) -> None:
    if not low <= value <= high:
        raise InputError(f"{name} must be in {low}..{high}. Received: {name}={value}.")


def _float32(name: str, value: float) -> float:
    """The value as float32 keeps it, once it is above 0 and finite."""
    rounded = float(np.float32(value))
    if not 0 < rounded < math.inf:
        raise InputError(f"{name} must be above 0 and finite in float32. Received: {name}={value}.")
    return rounded


def _check_codec(codec: Codec, latent_dim: int, zero_point: int) -> None:
    """A codec fits the encoder's latent."""
    if codec.latent_dim != latent_dim:
        raise InputError(
            f"latent_dim of codec {codec.NAME} must be that of the encoder. "
            f"Received: latent_dim={codec.latent_dim}, encoder's={latent_dim}."
        )
    if isinstance(codec, SparsePqCodec) and codec.zero_point != zero_point:
        raise InputError(
            f"zero_point of codec {codec.NAME} must be that of the latent. "
            f"Received: zero_point={codec.zero_point}, latent's={zero_point}."
        )
