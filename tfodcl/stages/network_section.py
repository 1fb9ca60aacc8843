"""The section *network* of a package: an adaptive stage with its arrays, and how it is trained (micro/SPEC.md 2.8).

Names are not kept: read, the layers are layer_1, layer_2, .. behind the latent, and the head. The learning rate and the
number of classes are the section *learning*'s; the latter is also the head's, which must agree.
"""

import dataclasses
import math
import struct
from collections.abc import Mapping
from typing import NamedTuple, get_args

import numpy as np

from tfodcl import container
from tfodcl.compress.record import MAX_LABEL, MAX_LATENT_DIM
from tfodcl.errors import InputError
from tfodcl.package import Package
from tfodcl.stages.network import Kind, Layer, Network, Shape, Training, convolution, head, pool

_HEADER = struct.Struct("<HHHHI5f")  # num_layers, height, width, max_new, channels of the latent, _CONSTANTS
_LAYER = struct.Struct("<BBBBIII")  # kind, size, stride, 0, output channels, offset of the arrays, 0
_CONSTANTS = ("momentum", "weight_decay", "r_max", "d_max", "norm_momentum")  # of Training, float32
_KINDS: dict[int, Kind] = dict(enumerate(get_args(Kind), start=1))
_MAX_LAYERS = _MAX_SIDE = 0xFFFF
MOST_NEW = 0xFFFF  # max_new at most
_MAX_WINDOW = 0xFF  # size and stride of a convolution


class Stored(NamedTuple):
    """What the section has; with the learning rate, all that KerasStage is made from.

    Attributes:
      max_new: most new samples of a training batch on a device; 0: as many as a mini-batch has.
    """

    network: Network
    weights: dict[str, np.ndarray]
    training: Training
    max_new: int


def pack(network: Network, weights: Mapping[str, np.ndarray], training: Training, max_new: int = 0) -> bytes:
    """The section. Constants of `training` are rounded to float32; `max_new` is that of Stored.

    Raises:
      InputError: the weights are not the network's, or not finite; a variance is below 0; or something is out of the
        section's ranges.
    """
    _check_network(network)
    network.check_weights(weights)
    _check_values(weights)
    if not 0 <= max_new <= MOST_NEW:
        raise InputError(f"max_new must be in 0..{MOST_NEW}. Received: max_new={max_new}.")
    constants = [getattr(_rounded(training), name) for name in _CONSTANTS]
    height, width, channels = network.latent_shape
    fields = _HEADER.pack(len(network.layers), height, width, max_new, channels, *constants)
    codes = {kind: code for code, kind in _KINDS.items()}
    begin, arrays = _arrays_offset(len(network.layers)), b""
    for layer in network.layers:
        offset = begin + len(arrays) if layer.array_shapes else 0
        fields += _LAYER.pack(codes[layer.kind], layer.size, layer.stride, 0, layer.output_shape[2], offset, 0)
        arrays += b"".join(_padded(weights[name].astype("<f4").tobytes()) for name in layer.array_shapes)
    return _padded(fields) + arrays


def unpack(section: bytes, learning_rate: float) -> Stored:
    """What `pack` was given, with other names. Raises InputError for bytes that it cannot have written."""
    network, max_new, constants = _read_network(section)
    training = Training(learning_rate, **constants)
    weights: dict[str, np.ndarray] = {}
    offset = _arrays_offset(len(network.layers))
    for name, shape in network.array_shapes.items():
        end = offset + 4 * math.prod(shape)
        if end > len(section):
            raise InputError(f"section network must reach {name}, {end} bytes. Received: {len(section)} bytes.")
        weights[name] = np.frombuffer(section[offset:end], "<f4").reshape(shape)
        offset = _aligned(end)
    # Offsets, padding and what a kind does not need have one value.
    if pack(network, weights, training, max_new) != section:
        raise InputError(
            "offsets, sizes and padding of section network must be those that follow from its layers. "
            f"Received: {len(section)} bytes, others than these."
        )
    return Stored(network, weights, training, max_new)


def read(package: Package) -> Stored:
    """The adaptive stage of a package. Raises InputError where it has none, or one for other latents or classes."""
    stored = unpack(package.network, package.learning.outer_lr)
    network, capacity = stored.network, package.learning.capacity
    if (network.latent_dim, network.num_classes) != (package.latent_dim, capacity):
        raise InputError(
            "latents and classes of section network must be those of the package. "
            f"Received: latent_dim={network.latent_dim} and {package.latent_dim}, "
            f"classes={network.num_classes} and {capacity}."
        )
    return stored


def _read_network(section: bytes) -> tuple[Network, int, dict[str, float]]:
    """The layers, max_new, and the constants of Training, as far as they are in range."""
    if len(section) < _HEADER.size:
        raise InputError(f"section network must have {_HEADER.size} bytes or more. Received: {len(section)}.")
    num_layers, height, width, max_new, channels, *constants = _HEADER.unpack_from(section)
    table_end = _HEADER.size + _LAYER.size * num_layers
    if table_end > len(section):
        raise InputError(f"section network must hold its {num_layers} layers. Received: {len(section)} bytes.")
    latent_shape = shape = (height, width, channels)
    _check_shape("the latent", shape)
    layers: list[Layer] = []
    for number, fields in enumerate(_LAYER.iter_unpack(section[_HEADER.size : table_end]), start=1):
        code, size, stride, _, num_channels, _, _ = fields
        if code not in _KINDS:
            raise InputError(f"the kind of a layer must be in 1..{len(_KINDS)}. Received: kind={code}.")
        layers.append(_layer(f"layer_{number}", _KINDS[code], shape, num_channels, size, stride))
        _check_layer(layers[-1])
        shape = layers[-1].output_shape
    return Network(latent_shape, tuple(layers)), max_new, dict(zip(_CONSTANTS, constants, strict=True))


def _layer(name: str, kind: Kind, input_shape: Shape, num_channels: int, size: int, stride: int) -> Layer:
    """A layer of which everything that its kind decides is as the kind decides it."""
    if kind == "head":
        return head(input_shape, num_channels)
    if kind == "pool":
        return pool(name, input_shape)
    if kind == "depthwise":
        num_channels = input_shape[2]
    return convolution(name, kind, input_shape, num_channels, 1 if kind == "pointwise" else size, max(stride, 1))


def _check_network(network: Network) -> None:
    """What a section can hold of it."""
    if len(network.layers) > _MAX_LAYERS:
        raise InputError(f"a network must have at most {_MAX_LAYERS} layers. Received: {len(network.layers)}.")
    _check_shape("the latent", network.latent_shape)
    for layer in network.layers:
        same = _layer(layer.name, layer.kind, layer.input_shape, layer.output_shape[2], layer.size, layer.stride)
        if layer != same:
            raise InputError(f"layers must be what their kinds say. Received: {layer}.")
        _check_layer(layer)


def _check_layer(layer: Layer) -> None:
    if layer.kind not in ("pool", "head") and not (1 <= layer.size <= _MAX_WINDOW and 1 <= layer.stride <= _MAX_WINDOW):
        raise InputError(
            f"size and stride of {layer.name} must be in 1..{_MAX_WINDOW}. "
            f"Received: size={layer.size}, stride={layer.stride}."
        )
    _check_shape(f"the output of {layer.name}", layer.output_shape)
    if layer.kind == "head" and layer.output_shape[2] > MAX_LABEL + 1:
        raise InputError(f"classes must be at most {MAX_LABEL + 1}. Received: {layer.output_shape[2]}.")


def _check_shape(name: str, shape: Shape) -> None:
    if not (1 <= math.prod(shape) <= MAX_LATENT_DIM and max(shape[:2]) <= _MAX_SIDE):
        raise InputError(
            f"{name} must have 1..{MAX_LATENT_DIM} values, at most {_MAX_SIDE} rows and columns. Received: {shape}."
        )


def _check_values(weights: Mapping[str, np.ndarray]) -> None:
    for name, array in weights.items():
        if not np.isfinite(array).all():
            raise InputError(f"{name} must be finite. Received: {array[~np.isfinite(array)][0]}.")
        if name.endswith("moving_variance") and array.min() < 0:
            raise InputError(f"{name} must be at least 0. Received: {array.min()}.")


def _rounded(training: Training) -> Training:
    """With the constants of the section as float32 keeps them, which are within their ranges too."""
    with np.errstate(over="ignore"):  # infinity is out of their ranges
        constants = {name: float(np.float32(getattr(training, name))) for name in _CONSTANTS}
    return dataclasses.replace(training, **constants)


def _arrays_offset(num_layers: int) -> int:
    return _aligned(_HEADER.size + _LAYER.size * num_layers)


def _aligned(num_bytes: int) -> int:
    return num_bytes + -num_bytes % container.ALIGNMENT_BYTES


def _padded(content: bytes) -> bytes:
    return content.ljust(_aligned(len(content)), b"\0")
