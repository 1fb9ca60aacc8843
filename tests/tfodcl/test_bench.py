"""Which streams of validation classes learning rates are chosen by."""

import dataclasses
from types import SimpleNamespace

import numpy as np
import pytest

from tfodcl.bench import UNLIMITED_BYTES, Bench, Protocol
from tfodcl.data import load
from tfodcl.data.dataset import ClassSplit
from tfodcl.errors import InputError


@pytest.mark.parametrize(
    ("num_validation", "num_classes", "lengths"),
    [
        (60, 30, [30, 30]),
        (60, 50, [50, 50]),
        (10, 30, [10] * 4),
        (15, 30, [15] * 3),
        (5, 10, [5] * 8),
        (2, 10, [2] * 8),
        (20, 4, [4] * 8),
    ],
)
def test_validation_streams_bring_forty_classes_together_in_two_to_eight_streams(num_validation, num_classes, lengths):
    glyphs = load("glyphs", seed=0)
    classes = np.arange(len(glyphs.class_names))
    split = ClassSplit(classes[:100], classes[100 : 100 + num_validation], classes[200:])
    dataset = dataclasses.replace(glyphs, split=split)
    bench = Bench({}, {}, dataset, Protocol(num_classes, 2, 5), 0, UNLIMITED_BYTES)
    streams = bench.validation_streams()
    assert [len(stream.tasks) for stream in streams] == lengths
    ids = [tuple(task.class_id for task in stream.tasks) for stream in streams]
    assert all(set(one) <= set(split.validation) for one in ids)
    assert len(set(ids)) > 1


def test_rates_are_not_searched_on_classes_that_the_encoder_was_trained_on():
    found = {"anml": SimpleNamespace(info={"refit": True})}
    bench = Bench(found, {}, load("glyphs", seed=0), Protocol(5, 2, 5), 0, UNLIMITED_BYTES)
    with pytest.raises(InputError, match="has not seen the validation classes. Received: lifelearner"):
        bench.search("lifelearner")
