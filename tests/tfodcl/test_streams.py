"""Streams and episodes: repeatable, disjoint, complete, and clear about what cannot be drawn."""

from dataclasses import replace

import numpy as np
import pytest

from tfodcl.data import ClassSplit, Dataset
from tfodcl.errors import InputError
from tfodcl.streams import class_incremental, codec_samples, index_meta_train, sample_episode

NUM_CLASSES, NUM_TRAIN, NUM_TEST = 30, 8, 4


@pytest.fixture
def dataset() -> Dataset:
    """Each sample is its own number, so that samples can be told apart: test samples are from 1000 on."""
    y_train = np.random.default_rng(0).permutation(np.repeat(np.arange(NUM_CLASSES), NUM_TRAIN))
    y_test = np.random.default_rng(1).permutation(np.repeat(np.arange(NUM_CLASSES), NUM_TEST))
    return Dataset(
        name="numbers",
        x_train=np.arange(len(y_train), dtype=np.float32).reshape(-1, 1, 1, 1),
        y_train=y_train,
        x_test=(1000 + np.arange(len(y_test), dtype=np.float32)).reshape(-1, 1, 1, 1),
        y_test=y_test,
        x_val=None,
        y_val=None,
        class_names=tuple(f"class {index}" for index in range(NUM_CLASSES)),
        split=ClassSplit(np.arange(14), np.arange(14, 18), np.arange(18, 30)),
        front_end={"kind": "image", "scale": 1 / 255},
        licence="none",
    )


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


def test_an_episode_depends_on_seed_and_step_alone(dataset):
    index = index_meta_train(dataset)
    in_order = [sample_episode(index, step, 4, 6, 16) for step in range(20)]
    backwards = [sample_episode(index_meta_train(dataset), step, 4, 6, 16) for step in reversed(range(20))]

    for once, again in zip(in_order, reversed(backwards), strict=True):
        assert once.label == again.label
        np.testing.assert_array_equal(once.trajectory, again.trajectory)
        np.testing.assert_array_equal(once.random, again.random)
        np.testing.assert_array_equal(once.random_labels, again.random_labels)
    assert len({tuple(episode.random) for episode in in_order}) == 20
    assert not np.array_equal(in_order[0].random, sample_episode(index, 0, 5, 6, 16).random)


def test_an_episode_learns_one_class_and_recalls_all(dataset):
    own_order = replace(dataset, split=replace(dataset.split, meta_train=np.array([9, 2, 11])))
    index = index_meta_train(own_order)
    seen = set()

    for step in range(40):
        episode = sample_episode(index, step, 0, 8, 24)
        assert set(dataset.y_train[episode.trajectory]) == {[9, 2, 11][episode.label]}
        assert len(set(episode.trajectory)) == 8
        np.testing.assert_array_equal(np.array([9, 2, 11])[episode.random_labels], dataset.y_train[episode.random])
        assert len(set(episode.random)) == 24  # all samples of the three classes
        seen.add(episode.label)
    assert seen == {0, 1, 2}


def test_episodes_choose_classes_and_samples_evenly(dataset):
    index = index_meta_train(dataset)
    episodes = [sample_episode(index, step, 0, 1, 4) for step in range(1400)]

    labels = np.bincount([episode.label for episode in episodes], minlength=14)
    recalled = np.bincount(np.concatenate([episode.random_labels for episode in episodes]), minlength=14)
    # 5 deviations of a binomial
    assert np.abs(labels - 100).max() < 5 * np.sqrt(100 * 13 / 14)
    assert np.abs(recalled - 400).max() < 5 * np.sqrt(400 * 13 / 14)


def test_a_trajectory_longer_than_the_class_repeats_its_samples_evenly(dataset):
    episode = sample_episode(index_meta_train(dataset), 0, 0, 20, 0)

    assert len(episode.trajectory) == 20
    assert sorted(np.unique(episode.trajectory, return_counts=True)[1]) == [2] * 4 + [3] * 4
    assert len(set(episode.trajectory[:8])) == 8
    assert episode.random.shape == (0,)


def test_rejects_episodes_that_cannot_be_drawn(dataset):
    index = index_meta_train(dataset)

    with pytest.raises(InputError, match=r"at most the 112 meta-training samples\. Received: num_random=113\."):
        sample_episode(index, 0, 0, 1, 113)
    with pytest.raises(InputError, match=r"num_inner must be at least 1\. Received: num_inner=0\."):
        sample_episode(index, 0, 0, 0, 1)
    with pytest.raises(InputError, match=r"step must be at least 0"):
        sample_episode(index, -1, 0, 1, 1)


def test_codecs_are_fitted_to_and_tested_on_different_meta_train_samples(dataset):
    fitted, tested = (x.ravel().astype(int) for x in codec_samples(dataset, seed=1))

    assert (len(fitted), len(tested)) == (14 * NUM_TRAIN * 2 // 3, -(-14 * NUM_TRAIN // 3))
    assert sorted([*fitted, *tested]) == np.flatnonzero(dataset.y_train < 14).tolist()
    again, another = codec_samples(dataset, seed=1)[0], codec_samples(dataset, seed=2)[0]
    np.testing.assert_array_equal(again.ravel(), fitted)
    assert set(another.ravel()) != set(fitted)


def test_codecs_of_a_large_data_set_are_fitted_to_2000_samples(dataset):
    large = replace(dataset, y_train=np.zeros(4000, np.int64), x_train=np.zeros((4000, 1, 1, 1), np.float32))
    assert [len(x) for x in codec_samples(large, seed=0)] == [2000, 1000]
