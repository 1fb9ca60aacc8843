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
STATE = struct.Struct("<III")  # id, base, number of the part

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
    STATE = 6


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
    num_parts = (capacity + 1) * -(-codec.latent_dim // weights)
    fitting = _fitting(capacity, codec, geometry, num_parts, PART.size + 4 * weights)
    if fitting <= 0:
        raise LogFullError(f"what is kept must fit the log. Received: two checkpoints of {capacity} rows, {geometry}.")
    return min(budget, fitting, _MOST_RECORDS)


def max_batch_records(budget_bytes: int, capacity: int, num_values: int, codec: Codec, geometry: Geometry) -> int:
    """The same for packages with a network, whose arrays have `num_values` values in all (micro/SPEC.md 6.10).

    Raises:
      InputError, LogFullError: not one of each of `capacity` classes.
    """
    budget = min(budget_bytes // (RECORD_HEADER_BYTES + codec.payload_bytes), _MOST_RECORDS)
    if budget < capacity:
        raise InputError(f"the replay budget must hold {capacity} records, one of each class. Received: {budget}.")
    words = max((_part_bytes(geometry) - _PART_OVERHEAD_BYTES) // 4, 1)

    def fitting(num_parts: int) -> int:
        return _fitting(capacity, codec, geometry, num_parts, STATE.size + 4 * words)

    most_listed = min(budget, max(fitting(0), 0))
    num_parts = -(-(1 + capacity + most_listed) // words) + -(-num_values // words)
    lasting = fitting(num_parts) * 3 // 4
    if lasting < capacity:
        raise LogFullError(
            f"{capacity} records, one of each class, and two checkpoints must fit the log. "
            f"Received: checkpoints of {4 * num_values} bytes, {geometry}."
        )
    return min(budget, lasting)


def _fitting(capacity: int, codec: Codec, geometry: Geometry, num_parts: int, part_bytes: int) -> int:
    """Records that the log holds beside all names and two checkpoints of `num_parts` parts; 0 or less: none."""
    batch = _commit_bytes(batch_bytes(codec.payload_bytes, geometry), geometry)
    unused = 6 * max(geometry.program_unit_bytes, 16) + max(_part_bytes(geometry), batch)
    left = (geometry.num_blocks - 3) * (geometry.erase_block_bytes - unused)
    left -= 2 * num_parts * _commit_bytes(part_bytes, geometry)
    left -= (capacity + 2) * _commit_bytes(HEADER.size + MAX_NAME_BYTES, geometry)
    return left // _commit_bytes(HEADER.size + codec.payload_bytes, geometry)


def _part_bytes(geometry: Geometry) -> int:
    return min(_MOST_PART_BYTES, geometry.erase_block_bytes // 4)


def _commit_bytes(item_bytes: int, geometry: Geometry) -> int:
    return item_bytes + 16 + geometry.program_unit_bytes
