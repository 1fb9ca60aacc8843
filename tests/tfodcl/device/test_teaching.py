"""What a run has measured outlives it, and what a board knows must be of the stream."""

import json

import numpy as np
import pytest

from tfodcl.device.device import LearntClass
from tfodcl.device.teaching import Journal, check_known
from tfodcl.errors import InputError
from tfodcl.streams import Stream, Task

KEY = {"package": 7, "run": 0}


def stream(*names: str) -> Stream:
    x = np.zeros((1, 2, 2, 1), np.uint8)
    tasks = tuple(Task(label, label, name, x) for label, name in enumerate(names))
    return Stream(tasks, x, np.zeros(1, np.int64), (len(names),))


def known(*names: str) -> list[LearntClass]:
    return [LearntClass(name, label, 1, 1, 1) for label, name in enumerate(names)]


def test_predictions_are_kept_for_the_same_key(tmp_path):
    Journal(tmp_path / "journal.json", KEY).put(2, [0, 1, 1])
    again = Journal(tmp_path / "journal.json", dict(KEY))
    np.testing.assert_array_equal(again.get(2), [0, 1, 1])
    assert again.get(4) is None


def test_another_key_begins_anew_and_takes_the_place(tmp_path):
    path = tmp_path / "journal.json"
    Journal(path, KEY).put(2, [0, 1, 1])
    other = Journal(path, {**KEY, "run": 1})
    assert other.get(2) is None
    other.put(4, [3])
    assert json.loads(path.read_text())["predictions"] == {"4": [3]}


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"key": 1}', "null"])
def test_a_journal_that_is_none_is_named(content, tmp_path):
    path = tmp_path / "journal.json"
    path.write_text(content)
    with pytest.raises(InputError, match=r"journal\.json must be what a test of a board left, or be deleted"):
        Journal(path, 1)


def test_a_cleared_journal_leaves_no_file(tmp_path):
    journal = Journal(tmp_path / "journal.json", KEY)
    journal.clear()
    journal.put(2, [0])
    journal.clear()
    assert journal.get(2) is None and list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("names", [(), ("a",), ("a", "b")])
def test_the_first_classes_of_the_stream_are_accepted(names):
    check_known(known(*names), stream("a", "b"))


@pytest.mark.parametrize("names", [("b",), ("b", "a"), ("a", "b", "c"), ("a", "c")])
def test_other_classes_are_named_with_the_way_out(names):
    with pytest.raises(InputError, match=rf"--reset erases what it knows\. Received: {', '.join(names)}\."):
        check_known(known(*names), stream("a", "b"))
