"""Split streams: every class once, every training sample learnt or held out, and nothing tested that is learnt."""

from dataclasses import replace

import numpy as np
import pytest

from tfodcl.errors import InputError
from tfodcl.streams import SplitStream, split_stream

NUM_CLASSES, NUM_TRAIN, NUM_TEST = 30, 8, 4  # as conftest.py draws them: a sample is its own number


def learnt(stream: SplitStream) -> np.ndarray:
    return np.concatenate([task.x.ravel() for task in stream.tasks]).astype(int)


def examined(stream: SplitStream) -> np.ndarray:
    return stream.x_test.ravel().astype(int)


def content(stream: SplitStream) -> tuple:
    return (stream.class_ids.tolist(), *(task.x.ravel().tolist() for task in stream.tasks), examined(stream).tolist())


def test_the_classes_are_divided_among_tasks_and_their_labels_count_up(dataset):
    stream = split_stream(dataset, 6, 0.0, seed=1, run=0)
    assert sorted(stream.class_ids) == list(range(NUM_CLASSES)) != stream.class_ids.tolist()
    assert [task.number for task in stream.tasks] == list(range(6))
    assert [task.classes for task in stream.tasks] == [range(first, first + 5) for first in range(0, NUM_CLASSES, 5)]
    assert (stream.num_classes, stream.eval_points) == (NUM_CLASSES, (5, 10, 15, 20, 25, 30))


def test_where_classes_do_not_divide_evenly_the_first_tasks_have_one_more(dataset):
    assert split_stream(dataset, 4, 0.0, seed=1, run=0).eval_points == (8, 16, 23, 30)
    assert split_stream(dataset, 30, 0.0, seed=1, run=0).eval_points == tuple(range(1, 31))
    learnt_once = sorted(learnt(split_stream(dataset, 4, 0.0, seed=1, run=0)))
    assert learnt_once == list(range(NUM_CLASSES * NUM_TRAIN))


@pytest.mark.parametrize("held_out", [0.0, 0.25])
def test_labels_are_positions_in_the_order_of_classes(dataset, held_out):
    stream = split_stream(dataset, 6, held_out, seed=1, run=0)
    for task in stream.tasks:
        assert task.x.shape[1:] == (1, 1, 1) and task.labels.dtype == np.int64
        assert set(task.labels) == set(task.classes)
        np.testing.assert_array_equal(stream.class_ids[task.labels], dataset.y_train[task.x.ravel().astype(int)])
    of_tested = dataset.y_train[examined(stream)] if held_out else dataset.y_test[examined(stream) - 1000]
    np.testing.assert_array_equal(stream.class_ids[stream.y_test], of_tested)
    assert (np.diff(stream.y_test) >= 0).all()


def test_all_training_samples_are_learnt_once_in_random_order_and_all_test_samples_are_tested(dataset):
    stream = split_stream(dataset, 6, 0.0, seed=1, run=0)
    assert sorted(learnt(stream)) == list(range(NUM_CLASSES * NUM_TRAIN))
    assert sorted(examined(stream)) == list(range(1000, 1000 + NUM_CLASSES * NUM_TEST))
    assert all((np.diff(task.labels) < 0).any() for task in stream.tasks)


def test_the_held_out_share_of_each_class_is_tested_and_never_learnt(dataset):
    for run in range(3):
        stream = split_stream(dataset, 6, 0.25, seed=1, run=run)
        assert sorted([*learnt(stream), *examined(stream)]) == list(range(NUM_CLASSES * NUM_TRAIN))
        assert np.bincount(dataset.y_train[examined(stream)]).tolist() == [NUM_TRAIN // 4] * NUM_CLASSES


def test_what_is_held_out_is_the_same_in_all_runs_and_another_with_another_seed(dataset):
    held_out = [sorted(examined(split_stream(dataset, 6, 0.25, seed, run))) for seed, run in ((1, 0), (1, 1), (2, 0))]
    assert held_out[0] == held_out[1] != held_out[2]


def test_test_samples_have_no_part_in_a_stream_with_a_held_out_share(dataset):
    rng = np.random.default_rng(0)
    garbage = replace(dataset, x_test=rng.random((7, 1, 1, 1), np.float32), y_test=rng.integers(0, 3, 7))
    assert content(split_stream(garbage, 6, 0.25, 1, 0)) == content(split_stream(dataset, 6, 0.25, 1, 0))


def test_a_small_share_holds_out_one_sample_of_each_class(dataset):
    assert len(examined(split_stream(dataset, 6, 0.01, 1, 0))) == NUM_CLASSES


def test_the_same_seed_and_run_give_the_same_stream_and_others_another(dataset):
    streams = [split_stream(dataset, 6, 0.0, seed, run) for seed, run in ((1, 0), (1, 0), (1, 1), (2, 0))]
    first, again, *others = map(content, streams)
    assert first == again
    assert len({tuple(stream.class_ids) for stream in streams}) == 3
    samples = [{tuple(task.x.ravel()) for task in stream.tasks} for stream in streams]
    assert all(samples[0].isdisjoint(other) for other in samples[2:]) and first not in others


def test_one_task_has_all_classes_in_an_order_of_each_seed_and_run(dataset):
    streams = [split_stream(dataset, 1, 0.0, seed, run) for seed, run in ((0, 0), (0, 1), (1, 0))]
    tasks = [task for stream in streams for task in stream.tasks]
    assert all(task.classes == range(NUM_CLASSES) and len(task.x) == NUM_CLASSES * NUM_TRAIN for task in tasks)
    assert len({tuple(task.labels) for task in tasks}) == len(tasks) == 3


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"num_tasks": 31}, r"each task must have one of the 30 classes of numbers\. Received: num_tasks=31\."),
        ({"num_tasks": 0}, "num_tasks must be at least 1. Received: num_tasks=0"),
        ({"held_out": 1.0}, r"held_out must be at least 0 and below 1\. Received: held_out=1\.0"),
        ({"held_out": -0.1}, r"held_out must be .* Received: held_out=-0\.1"),
        ({"held_out": float("nan")}, "held_out must be .* Received: held_out=nan"),
        ({"seed": -1}, "seed must be at least 0. Received: seed=-1"),
        ({"run": -1}, "run must be at least 0. Received: run=-1"),
    ],
)
def test_numbers_out_of_range_are_named(dataset, change, rule):
    good = {"num_tasks": 6, "held_out": 0.25, "seed": 0, "run": 0}
    with pytest.raises(InputError, match=rule):
        split_stream(dataset, **(good | change))


@pytest.mark.parametrize(
    ("part", "num_left", "held_out", "purpose"),
    [("train", 0, 0.0, "learn"), ("test", 0, 0.0, "test"), ("train", 1, 0.1, "learn"), ("train", 0, 0.1, "learn")],
)
def test_a_class_without_samples_to_learn_or_to_test_is_named(dataset, part, num_left, held_out, purpose):
    x, y = getattr(dataset, f"x_{part}"), getattr(dataset, f"y_{part}")
    of_class = np.flatnonzero(y == 7)
    left = np.setdiff1d(np.arange(len(y)), of_class[num_left:])
    fewer = replace(dataset, **{f"x_{part}": x[left], f"y_{part}": y[left]})
    with pytest.raises(InputError, match=rf"each class of numbers .* Received: none to {purpose} of class 7\."):
        split_stream(fewer, 6, held_out, 0, 0)
