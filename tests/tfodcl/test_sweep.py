"""What a sweep measures, and on which streams."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from tfodcl.data import ClassSplit, Dataset
from tfodcl.data.splits import split_classes
from tfodcl.errors import InputError
from tfodcl.presets import Preset, SplitPreset
from tfodcl.sweep import Sweep, settings_of

PRESET = SplitPreset(
    Preset("mobilenet_quarter", 1, 0, num_classes=12, samples_per_class=4, eval_every=9, codec="uniform:8"),
    split=23,
    num_replays=20,
    first_classes=4,
)
CODECS = ["uniform:8", "float32"]


@pytest.fixture
def sweep() -> Sweep:
    """Of 40 classes with 16 samples each, whose only value is their class id; 12 of them are learnt."""
    y = np.repeat(np.arange(40), 16)
    x = y.astype(np.float32).reshape(-1, 1, 1, 1)
    split = ClassSplit(np.arange(20), np.arange(20, 26), np.arange(26, 40))
    names = tuple(str(i) for i in range(40))
    dataset = Dataset("ids", x, y, x, y, None, None, names, split, {"kind": "image"}, "none")
    return Sweep(dataset, PRESET, "quick", settings_of(PRESET, [], [], []), 0, 1, Path())


def test_settings_are_the_presets_own_and_all_that_is_given_each_once():
    found = [dataclasses.astuple(one) for one in settings_of(PRESET, [23, 27], CODECS, [20, 30])]
    assert found[0] == (23, "uniform:8", 20)
    assert sorted(found) == sorted((split, codec, n) for split in (23, 27) for codec in CODECS for n in (20, 30))
    assert [dataclasses.astuple(one) for one in settings_of(PRESET, [], [], [])] == [(23, "uniform:8", 20)]
    with pytest.raises(InputError, match="at least as many as the 12 classes. Received: 11."):
        settings_of(PRESET, [], [], [20, 11])
    with pytest.raises(InputError, match="a codec must be one of"):
        settings_of(PRESET, [], ["float16"], [])


def test_streams_bring_the_presets_classes_and_samples(sweep):
    stream = sweep.stream(0)
    assert set(stream.class_ids) == set(range(26, 38))
    assert [len(indices) for indices in stream.indices] == [4 * 4] + [4] * (12 * 4 - 4)
    assert (sweep.stream(1).class_ids != stream.class_ids).any()


def test_rates_are_searched_on_a_few_groups_of_validation_classes_alone(sweep):
    streams = sweep.validation_streams()
    assert len(streams) == 2
    for stream in streams:
        assert set(stream.class_ids) == set(range(20, 26)) == {int(i) for i in stream.x_test.ravel()}
        assert [len(indices) for indices in stream.indices] == [2 * 4] + [4] * (6 * 2 - 2)  # a third of them first
        assert {int(i) for batch in stream.batches for i in batch.x.ravel()} == set(range(20, 26))


def test_all_streams_have_as_many_groups_in_a_training_batch_as_the_preset(sweep):
    larger = dataclasses.replace(sweep, preset=dataclasses.replace(PRESET, groups_per_batch=5))
    assert [len(indices) for indices in larger.stream(0).indices] == [4 * 4] + [5 * 4] * 8 + [4 * 4]  # of 44 groups
    for stream in larger.validation_streams():
        assert [len(indices) for indices in stream.indices] == [2 * 4, 5 * 4, 5 * 4]


@pytest.mark.parametrize(("groups_per_batch", "num_batches"), [(1, 111), (2, 56), (5, 23)])
def test_core50_is_learnt_from_all_training_recordings_of_15_objects(sweep, groups_per_batch, num_batches):
    things = np.tile(np.arange(50), 8)  # in 8 training sessions, a frame each
    x = np.arange(400, dtype=np.float32).reshape(-1, 1, 1, 1)
    core50 = dataclasses.replace(
        sweep.dataset,
        **{"x_train": x, "y_train": things, "x_test": x, "y_test": things, "group_train": np.arange(400)},
        split=split_classes("core50", 50),
    )
    training = dataclasses.replace(PRESET.training, num_classes=30)
    preset = SplitPreset(training, 23, 500, first_classes=10, groups_per_batch=groups_per_batch)
    stream = dataclasses.replace(sweep, dataset=core50, preset=preset).stream(0)
    assert stream.num_batches == num_batches and len(stream.class_ids) == 15


def test_recordings_are_training_batches_where_there_are_any(sweep):
    groups = np.arange(len(sweep.dataset.y_train)) // 8  # two of each class
    recorded = dataclasses.replace(sweep, dataset=dataclasses.replace(sweep.dataset, group_train=groups))
    assert [len(indices) for indices in recorded.stream(0).indices] == [4 * 8] + [8] * (12 * 2 - 4)
