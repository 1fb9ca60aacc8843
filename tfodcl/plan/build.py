"""From a .tflite to the bytes of its plan (micro/SPEC.md section 4)."""

import struct
import zlib
from dataclasses import dataclass

from tfodcl.errors import InputError
from tfodcl.plan import graph, memory
from tfodcl.plan.entry import Array, Entry, Field, Scratch
from tfodcl.plan.graph import Graph, Tensor
from tfodcl.plan.operators import lower

_VERSION = 1
_HEADER = struct.Struct("<HHHHIIIHH")
_TENSOR = struct.Struct("<IIHHfbB2x")
_HEAD = struct.Struct("<BBbbHH")
_MAX_U16 = 0xFFFF
_MAX_ARENA_BYTES = (1 << 31) - 1


@dataclass(frozen=True)
class Cost:
    """What one operator of a plan takes: its output in bytes, and multiplications and additions of weights."""

    name: str
    output: str
    num_bytes: int
    macs: int


@dataclass(frozen=True)
class Plan:
    """The plan of an encoder.

    Attributes:
      content: the bytes of the package's section *plan*.
      arena_bytes: of RAM that tensors and scratch share; the board adds less than 100 of its own.
      costs: of every operator, in order.
    """

    content: bytes
    arena_bytes: int
    costs: tuple[Cost, ...]


def build(tflite: bytes) -> bytes:
    """The plan's bytes. Raises InputError like `make`."""
    return make(tflite).content


def make(tflite: bytes) -> Plan:
    """Plans an int8 encoder.

    Raises:
      InputError: one line that names the operator or tensor, and what the board cannot run of it.
    """
    read = graph.read(tflite)
    graph.check_values(read.input, "the encoder's input")
    graph.check_values(read.output, "the encoder's output")
    _check_order(read)
    entries, originals = _lower(read)
    offsets, scratch, arena_bytes = _place(read, entries, originals)
    if arena_bytes > _MAX_ARENA_BYTES:
        raise InputError(f"tensors must fit in 2^31 bytes. Received: {arena_bytes}.")
    content = _pack(tflite, read, entries, offsets, scratch, arena_bytes)
    costs = tuple(Cost(one.name, one.output.name, one.output.num_bytes, one.macs) for one in entries)
    return Plan(content, arena_bytes, costs)


def _check_order(read: Graph) -> None:
    """Every computed tensor must be computed once, before it is used."""
    known = {read.input.index}
    for operator in read.operators:
        for tensor in operator.inputs:
            if tensor is not None and tensor.values is None and tensor.index not in known:
                raise InputError(f"tensors must be computed before they are used. Received: {tensor.name!r}.")
        if operator.output.index in known or operator.output.values is not None:
            raise InputError(f"tensors must be computed once. Received: {operator.output.name!r} twice.")
        known.add(operator.output.index)
    if read.output.index not in known:
        raise InputError(f"tensors must be computed before they are used. Received: {read.output.name!r}.")


def _lower(read: Graph) -> tuple[list[Entry], dict[int, int]]:
    """The entries in order, and for each reshaped tensor, by index, the one whose values it has."""
    entries: list[Entry] = []
    originals: dict[int, int] = {}
    for operator in read.operators:
        entry = lower(operator)
        if entry is None:
            source = operator.inputs[0]
            assert source is not None
            originals[operator.output.index] = originals.get(source.index, source.index)
        else:
            entries.append(entry)
    return entries, originals


def _place(read: Graph, entries: list[Entry], originals: dict[int, int]) -> tuple[dict[int, int], list[int], int]:
    """Arena offsets of computed tensors by index, those of the entries' scratch, and the arena's bytes."""

    def original(tensor: Tensor) -> int:
        return originals.get(tensor.index, tensor.index)

    end = len(entries)
    last = {original(read.input): -1}  # step at which each is needed; the input is written at step -1
    for step, entry in enumerate(entries):
        for tensor in (*entry.inputs, entry.output):
            last[original(tensor)] = step
    last[original(read.output)] = end

    sizes = {original(read.input): [read.input.num_bytes] * (last[original(read.input)] + 2)}
    first = {original(read.input): -1}
    host: dict[int, int] = {}  # of each computed tensor, the one whose memory it takes over, or itself
    host[original(read.input)] = original(read.input)
    for step, entry in enumerate(entries):
        output = original(entry.output)
        over = [original(source) for source in entry.in_place if source.values is None]
        free = [host[source] for source in over if last[source] == step]
        num_bytes, num_steps = entry.output.num_bytes, last[output] - step
        if free:
            host[output] = free[0]
            sizes[free[0]][-1] = max(sizes[free[0]][-1], num_bytes)
            sizes[free[0]] += [num_bytes] * num_steps
        else:
            host[output], first[output], sizes[output] = output, step, [num_bytes] * (num_steps + 1)

    blocks = [memory.Block(first[index], tuple(sizes[index])) for index in first]
    blocks += [memory.Block(step, (entry.scratch_bytes,)) for step, entry in enumerate(entries)]
    placed, arena_bytes = memory.place(blocks)
    at = dict(zip(first, placed, strict=False))
    computed = [read.input, *(operator.output for operator in read.operators)]
    return {one.index: at[host[original(one)]] for one in computed}, placed[len(first) :], arena_bytes


def _pack(
    tflite: bytes,
    read: Graph,
    entries: list[Entry],
    offsets: dict[int, int],
    scratch: list[int],
    arena_bytes: int,
) -> bytes:
    used = [read.input, *(tensor for entry in entries for tensor in (*entry.inputs, entry.output)), read.output]
    tensors = list({tensor.index: tensor for tensor in used}.values())
    if max(len(tensors), len(entries)) > _MAX_U16:
        raise InputError(f"the encoder must have at most {_MAX_U16} tensors. Received: {len(tensors)}.")
    numbers = {tensor.index: number for number, tensor in enumerate(tensors)}
    header = _HEADER.pack(
        _VERSION,
        len(tensors),
        len(entries),
        0,
        zlib.crc32(tflite),
        len(tflite),
        arena_bytes,
        numbers[read.input.index],
        numbers[read.output.index],
    )
    table = b"".join(_pack_tensor(tensor, offsets) for tensor in tensors)
    arrays_at = len(header) + len(table) + sum(len(_pack_entry(one, numbers, 0, 0)) for one in entries)
    packed, arrays = [], b""
    for entry, scratch_at in zip(entries, scratch, strict=True):
        packed.append(_pack_entry(entry, numbers, arrays_at + len(arrays), scratch_at))
        arrays += b"".join(_aligned(one.content) for one in entry.fields if isinstance(one, Array))
    return header + table + b"".join(packed) + arrays


def _pack_tensor(tensor: Tensor, offsets: dict[int, int]) -> bytes:
    height, width, channels = tensor.shape
    offset = offsets[tensor.index] if tensor.offset is None else tensor.offset
    is_constant = tensor.offset is not None
    return _TENSOR.pack(offset, channels, height, width, tensor.scale, tensor.zero_point, is_constant)


def _pack_entry(entry: Entry, numbers: dict[int, int], array_at: int, scratch_at: int) -> bytes:
    """An entry with at most one array and one scratch, whose offsets are given."""

    def pack(field: Field) -> bytes:
        if isinstance(field, Tensor):
            return struct.pack("<H", numbers[field.index])
        if isinstance(field, Array):
            return struct.pack("<I", array_at)
        if isinstance(field, Scratch):
            return struct.pack("<I", scratch_at if field.num_bytes else 0)
        return field

    fields = _aligned(b"".join(pack(field) for field in entry.fields))
    num_words = (_HEAD.size + len(fields)) // 4
    return (
        _HEAD.pack(entry.kind, num_words, *entry.activation, numbers[entry.input.index], numbers[entry.output.index])
        + fields
    )


def _aligned(content: bytes) -> bytes:
    return content + bytes(-len(content) % 4)
