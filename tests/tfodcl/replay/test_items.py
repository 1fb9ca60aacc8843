"""The worked bytes of micro/SPEC.md 6 are those of the code; sizes against counting by hand."""

from pathlib import Path

import numpy as np
import pytest

from tfodcl.compress.uniform import UniformCodec
from tfodcl.errors import InputError
from tfodcl.replay import items
from tfodcl.replay.log import Geometry, LogFullError

SPEC = (Path(__file__).parents[3] / "micro" / "SPEC.md").read_text(encoding="utf-8")

EXAMPLES = {
    "record": items.HEADER.pack(7, 258) + b"\xaa\xbb\xcc",
    "class": items.HEADER.pack(1, 0) + b"ka",
    "forget": items.HEADER.pack(9, 2),
    "forgotten": items.FORGOTTEN.pack(13),
    "part of a state": items.STATE.pack(12, 5, 1) + (16).to_bytes(4, "little") + np.array([1], "<f4").tobytes(),
    "part": items.PART.pack(*items.PartHeader(12, 5, 1, 16, 30, 30)) + np.array([1, -2], "<f4").tobytes(),
}


@pytest.mark.parametrize("name", EXAMPLES)
def test_worked_bytes_are_those_of_the_code(name):
    assert f"`{EXAMPLES[name].hex(' ')}`" in SPEC


def test_commits_hold_as_many_records_as_fit():
    assert items.batch_bytes(58, Geometry(4, 4096, 10)) == 8 * 64
    assert items.batch_bytes(544, Geometry(32, 131_072, 8)) == 550
    assert items.batch_bytes(58, Geometry(4, 1024, 10)) == 2 * 64
    assert items.batch_bytes(2, Geometry(4, 256, 10)) == 70


def test_parts_of_a_checkpoint_are_a_quarter_of_a_small_block():
    assert items.part_weights(288, Geometry(4, 4096, 10)) == 240
    assert items.part_weights(192, Geometry(4, 4096, 10)) == 192
    assert items.part_weights(4096, Geometry(32, 131_072, 8)) == 1008
    assert items.part_weights(16, Geometry(4, 256, 8)) == 1


def test_records_are_bounded_by_budget_log_and_numbering():
    codec, geometry = UniformCodec(64, 8), Geometry(4, 4096, 60)
    assert items.max_records(6600, 10, codec, geometry) == 100
    # 57 blocks of 4096 - 96 - 1024; 22 parts of 300 bytes; 12 names of 90; records of 90
    assert items.max_records(1 << 30, 10, codec, geometry) == (57 * 2976 - 22 * 300 - 12 * 90) // 90
    assert items.max_records(1 << 31, 10, UniformCodec(8, 1), Geometry(4, 4096, 2000)) == 65_535


def test_records_that_fill_half_a_block_are_one_a_block():
    assert 30 < items.max_records(1 << 30, 1, UniformCodec(2100, 8), Geometry(4, 4096, 96)) <= 93


def test_sizes_that_leave_no_record_are_refused():
    codec = UniformCodec(64, 8)
    with pytest.raises(InputError, match="the replay budget must hold a record. Received: 65 bytes"):
        items.max_records(65, 10, codec, Geometry(4, 4096, 60))
    with pytest.raises(LogFullError, match="what is kept must fit the log"):
        items.max_records(6600, 1000, codec, Geometry(4, 4096, 60))


def test_records_of_a_package_with_a_network_leave_room_for_those_that_come_before_others_go():
    codec = UniformCodec(24, 8)  # items of 30 bytes, 50 at most with header and padding
    geometry = Geometry(4, 1024, 40)  # 37 blocks of 1024 - 96 - 256, parts of 48 words in 204 bytes

    def most(budget: int) -> int:
        return items.max_batch_records(26 * budget, 4, 1000, codec, geometry)

    left = 37 * 672 - 6 * 90
    assert most(40) == 40
    num_parts = 21 + 11  # arrays of 1000 words; a ledger of 1 + 4 + (left // 50 = 486) words
    assert most(10_000) == (left - 2 * num_parts * 224) // 50 * 3 // 4


def test_without_room_for_a_record_of_every_class_there_is_no_learning():
    codec = UniformCodec(24, 8)
    with pytest.raises(InputError, match="must hold 4 records, one of each class. Received: 3"):
        items.max_batch_records(26 * 3, 4, 100, codec, Geometry(4, 1024, 40))
    with pytest.raises(LogFullError, match="4 records, one of each class, and two checkpoints must fit the log"):
        items.max_batch_records(26 * 4, 4, 10_000, codec, Geometry(4, 1024, 40))
