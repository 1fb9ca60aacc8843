"""The items of a learner's log, and the sizes that follow from package and geometry (micro/SPEC.md 6.1 to 6.3)."""

import struct
from enum import IntEnum
from typing import NamedTuple

from tfodcl.compress.record import RECORD_HEADER_BYTES, Codec
from tfodcl.errors import InputError
from tfodcl.replay.log import Geometry, LogFullError

MAX_NAME_BYTES = 64
HEADER = struct.Struct("<IH")  # id, label
FORGOTTEN = struct.Struct("<I")  # id
PART = struct.Struct("<IIIIII")  # the fields of PartHeader

_MOST_BATCH_BYTES = 512
_MOST_PART_BYTES = 4096
_PART_OVERHEAD_BYTES = 64
_MOST_RECORDS = 65_535


class Kind(IntEnum):
    """Kinds of items."""

    RECORD = 1
    CLASS = 2
    FORGET = 3
    CHECKPOINT = 4
    FORGOTTEN = 5


class PartHeader(NamedTuple):
    """Of a part of a checkpoint.

    Attributes:
      id: of the checkpoint.
      base: the newest complete checkpoint when this one was begun; 0: none.
      label: the row; the capacity for that of the classes to come.
      first: the first of the row's weights that are in the part.
      num_learnt: of the label; of the row to come: the number of rows before it.
      num_ended: of the label; of the row to come: 0.
    """

    id: int
    base: int
    label: int
    first: int
    num_learnt: int
    num_ended: int


def batch_bytes(payload_bytes: int, geometry: Geometry) -> int:
    """Of items that the log gathers before it commits them."""
    item_bytes = HEADER.size + payload_bytes
    num_items = min(_MOST_BATCH_BYTES, geometry.erase_block_bytes // 8) // item_bytes
    return max(item_bytes, num_items * item_bytes, HEADER.size + MAX_NAME_BYTES)


def part_weights(latent_dim: int, geometry: Geometry) -> int:
    """Weights of a row in one part of a checkpoint, but for its last part."""
    return min(max((_part_bytes(geometry) - _PART_OVERHEAD_BYTES) // 4, 1), latent_dim)


def max_records(budget_bytes: int, capacity: int, codec: Codec, geometry: Geometry) -> int:
    """Records that the replay budget holds, and no more than the log holds beside all names and two checkpoints.

    Raises:
      InputError, LogFullError: not one.
    """
    budget = budget_bytes // (RECORD_HEADER_BYTES + codec.payload_bytes)
    if budget == 0:
        raise InputError(f"the replay budget must hold a record. Received: {budget_bytes} bytes.")
    weights = part_weights(codec.latent_dim, geometry)
    num_parts = 2 * (capacity + 1) * -(-codec.latent_dim // weights)
    batch = _commit_bytes(batch_bytes(codec.payload_bytes, geometry), geometry)
    unused = 6 * max(geometry.program_unit_bytes, 16) + max(_part_bytes(geometry), batch)
    left = (geometry.num_blocks - 3) * (geometry.erase_block_bytes - unused)
    left -= num_parts * _commit_bytes(PART.size + 4 * weights, geometry)
    left -= (capacity + 2) * _commit_bytes(HEADER.size + MAX_NAME_BYTES, geometry)
    fitting = left // _commit_bytes(HEADER.size + codec.payload_bytes, geometry)
    if fitting <= 0:
        raise LogFullError(f"what is kept must fit the log. Received: two checkpoints of {capacity} rows, {geometry}.")
    return min(budget, fitting, _MOST_RECORDS)


def _part_bytes(geometry: Geometry) -> int:
    return min(_MOST_PART_BYTES, geometry.erase_block_bytes // 4)


def _commit_bytes(item_bytes: int, geometry: Geometry) -> int:
    return item_bytes + 16 + geometry.program_unit_bytes
