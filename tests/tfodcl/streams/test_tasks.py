"""Class-incremental streams: repeatable, disjoint, complete, and clear about what cannot be drawn."""

from dataclasses import replace

import numpy as np
import pytest

from tfodcl.errors import InputError
from tfodcl.streams import class_incremental

NUM_TEST = 4  # samples of a class


def classes(stream) -> list[int]:
    return [task.class_id for task in stream.tasks]


def test_each_task_brings_distinct_training_samples_of_its_class(dataset):
    stream = class_incremental(dataset, "meta_test", 10, 5, 3, seed=1, run=0)

    for label, task in enumerate(stream.tasks):
        numbers = task.x.ravel().astype(int)
        assert task.label == label
        assert task.name == f"class {task.class_id}"
        assert task.x.shape == (5, 1, 1, 1)
        assert len(set(numbers)) == 5
        assert set(dataset.y_train[numbers]) == {task.class_id}


def test_classes_are_distinct_and_of_the_part(dataset):
    for part, number in (("validation", 4), ("meta_test", 12)):
        stream = class_incremental(dataset, part, number, 2, 1, seed=0, run=0)
        assert sorted(classes(stream)) == getattr(dataset.split, part).tolist()


def test_tests_on_all_test_samples_of_the_streams_classes_in_order_of_learning(dataset):
    stream = class_incremental(dataset, "meta_test", 10, 5, 3, seed=1, run=0)

    numbers = stream.x_test.ravel().astype(int) - 1000
    np.testing.assert_array_equal(np.array(classes(stream))[stream.y_test], dataset.y_test[numbers])
    np.testing.assert_array_equal(stream.y_test, np.repeat(np.arange(10), NUM_TEST))
    assert len(set(numbers)) == len(numbers)
    assert numbers.min() >= 0  # nothing learnt is tested


def test_the_same_seed_and_run_give_the_same_stream(dataset):
    once, again = (class_incremental(dataset, "meta_test", 10, 5, 3, seed=3, run=2) for _ in range(2))

    assert classes(once) == classes(again)
    for first, second in zip(once.tasks, again.tasks, strict=True):
        np.testing.assert_array_equal(first.x, second.x)
    np.testing.assert_array_equal(once.x_test, again.x_test)


def test_runs_and_seeds_differ_in_order_and_samples(dataset):
    streams = [class_incremental(dataset, "meta_test", 12, 4, 3, seed, run) for seed in (0, 1) for run in range(3)]

    assert len({tuple(classes(stream)) for stream in streams}) == 6
    samples_of_20 = [tuple(task.x.ravel()) for stream in streams for task in stream.tasks if task.class_id == 20]
    assert len(set(samples_of_20)) == 6


def test_a_shorter_stream_is_the_beginning_of_a_longer_one(dataset):
    short = class_incremental(dataset, "meta_test", 4, 3, 2, seed=5, run=1)
    long = class_incremental(dataset, "meta_test", 12, 8, 2, seed=5, run=1)

    assert classes(short) == classes(long)[:4]
    for few, many in zip(short.tasks, long.tasks, strict=False):
        np.testing.assert_array_equal(few.x, many.x[:3])


@pytest.mark.parametrize(
    ("num_classes", "eval_every", "points"),
    [(10, 5, (5, 10)), (12, 5, (5, 10, 12)), (4, 5, (4,)), (3, 1, (1, 2, 3))],
)
def test_evaluates_every_so_many_classes_and_after_the_last(dataset, num_classes, eval_every, points):
    assert class_incremental(dataset, "meta_test", num_classes, 2, eval_every, 0, 0).eval_points == points


def test_validation_is_tested_on_validation_samples_where_there_are_some(dataset):
    with_val = replace(dataset, x_val=dataset.x_test + 1000, y_val=dataset.y_test)

    for part, low, has_val in (
        ("validation", 2000, True),
        ("validation", 1000, False),
        ("meta_test", 1000, True),
    ):
        stream = class_incremental(with_val if has_val else dataset, part, 3, 2, 1, 0, 0)
        assert len(stream.x_test) == 3 * NUM_TEST
        assert (stream.x_test // 1000 * 1000 == low).all()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"num_classes": 13}, ["numbers has 12 meta_test classes", "num_classes=13"]),
        ({"samples_per_class": 9}, ["has 8 training samples", "samples_per_class=9"]),
        ({"num_classes": 0}, ["num_classes must be at least 1", "num_classes=0"]),
        ({"samples_per_class": 0}, ["samples_per_class must be at least 1"]),
        ({"eval_every": 0}, ["eval_every must be at least 1"]),
        ({"seed": -1}, ["seed must be at least 0", "seed=-1"]),
        ({"run": -1}, ["run must be at least 0"]),
        ({"part": "meta_train"}, ["part must be validation or meta_test", "part='meta_train'"]),
    ],
)
def test_rejects_streams_that_cannot_be_drawn(dataset, change, words):
    arguments = {
        "part": "meta_test",
        "num_classes": 3,
        "samples_per_class": 2,
        "eval_every": 1,
        "seed": 0,
        "run": 0,
    }
    with pytest.raises(InputError) as caught:
        class_incremental(dataset, **(arguments | change))
    for word in words:
        assert word in str(caught.value)
