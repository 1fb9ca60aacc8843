"""NICv2 streams: the published numbers of training batches, and every rule of the construction counted by hand."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from tfodcl.data import Dataset
from tfodcl.errors import InputError
from tfodcl.streams import nicv2

ARGUMENTS = {"first_classes": 4, "batch_samples": 3, "groups_per_batch": 1, "eval_every": 5, "seed": 1, "run": 0}
CLASSES = np.arange(18, 30)  # of the conftest's data set: 12 classes of 8 samples


@pytest.fixture
def core50(dataset) -> Dataset:
    """50 objects in 8 training sessions, 2 to 4 frames a recording, mixed up but for the frames of a recording."""
    rng = np.random.default_rng(5)
    recordings = rng.permutation([(session, thing) for session in (1, 2, 4, 5, 6, 8, 9, 11) for thing in range(50)])
    frames = np.repeat(recordings, rng.integers(2, 5, len(recordings)), axis=0)
    return replace(
        dataset,
        x_train=np.arange(len(frames), dtype=np.float32).reshape(-1, 1, 1, 1),
        y_train=frames[:, 1],
        x_test=np.arange(100, dtype=np.float32).reshape(-1, 1, 1, 1),
        y_test=np.tile(np.arange(50), 2),
        class_names=tuple(f"object {index}" for index in range(50)),
        group_train=frames[:, 0] * 1000 + frames[:, 1],
    )


def draw(dataset, class_ids=CLASSES, **changes):
    return nicv2(dataset, class_ids, **(ARGUMENTS | changes))


def draw_core50(core50, groups_per_batch=1, seed=0, run=0):
    return nicv2(core50, range(50), 10, None, groups_per_batch, 100, seed, run)


def numbers(batch) -> list[int]:
    """Which training samples the batch has."""
    return batch.x.ravel().astype(int).tolist()


@pytest.mark.parametrize(("groups_per_batch", "published"), [(1, 391), (2, 196), (5, 79)])
def test_core50_gives_the_published_numbers_of_training_batches(core50, groups_per_batch, published):
    stream = draw_core50(core50, groups_per_batch)
    batches = list(stream.batches)

    assert stream.num_batches == len(batches) == published
    assert [batch.number for batch in batches] == list(range(1, published + 1))
    recordings = [Counter(core50.group_train[numbers(batch)]) for batch in batches]
    assert [len(counts) for counts in recordings] == [10] + [groups_per_batch] * (published - 1)
    assert sum(recordings, Counter()) == Counter(core50.group_train)  # all of them, each whole and once
    assert len({int(recording) for counts in recordings for recording in counts}) == 400


def test_the_first_training_batch_has_one_recording_of_each_of_its_classes(core50):
    first = next(draw_core50(core50).batches)

    assert len({core50.y_train[number] for number in numbers(first)}) == 10
    assert first.labels.tolist() == sorted(first.labels) and set(first.labels) == set(range(10))


def test_a_small_training_batch_is_one_recording_in_order_of_time(core50):
    for batch in list(draw_core50(core50).batches)[1:]:
        begin = numbers(batch)[0]
        recording = core50.group_train[begin]
        assert numbers(batch) == np.flatnonzero(core50.group_train == recording).tolist()


def test_larger_training_batches_join_successive_ones(core50):
    small, large = list(draw_core50(core50).batches), list(draw_core50(core50, groups_per_batch=5).batches)

    assert numbers(small[0]) == numbers(large[0])
    for i, batch in enumerate(large[1:]):
        joined = small[1 + 5 * i : 6 + 5 * i]
        assert numbers(batch) == [number for part in joined for number in numbers(part)]
        assert batch.labels.tolist() == [label for part in joined for label in part.labels]


def test_without_recordings_training_batches_are_cut_from_one_class_each(dataset):
    stream = draw(dataset)
    first, *later = list(stream.batches)
    used = [numbers(batch) for batch in [first, *later]]

    # 8 samples give 2 groups of 3: 24 groups of 12 classes, 4 of them in the first training batch
    assert stream.num_batches == 1 + 24 - 4
    assert [len(batch) for batch in used] == [12] + [3] * 20
    assert sorted(Counter(dataset.y_train[used[0]]).values()) == [3] * 4
    assert all(len(set(dataset.y_train[batch])) == 1 for batch in used[1:])
    assert Counter(dataset.y_train[sum(used, [])]) == dict.fromkeys(CLASSES.tolist(), 6)
    assert len(set(sum(used, []))) == 72  # no sample twice
    assert any(batch != sorted(batch) for batch in used[1:])


def test_the_last_training_batch_has_the_groups_that_are_left(dataset):
    sizes = [len(batch.labels) for batch in draw(dataset, groups_per_batch=6).batches]
    assert sizes == [12, 18, 18, 18, 6]


@pytest.mark.parametrize("seed", range(5))
def test_labels_count_classes_in_order_of_first_appearance(core50, seed):
    stream = draw_core50(core50, seed=seed)
    known: list[int] = []

    for batch in stream.batches:
        for number, label in zip(numbers(batch), batch.labels, strict=True):
            class_id = core50.y_train[number]
            if class_id not in known:
                known.append(class_id)
            assert known[label] == class_id
    assert stream.class_ids.tolist() == known and sorted(known) == list(range(50))


@pytest.mark.parametrize("seed", range(5))
def test_classes_go_on_appearing_until_late_and_those_of_the_first_training_batch_return(core50, seed):
    batches = list(draw_core50(core50, seed=seed).batches)
    first_seen: dict[int, int] = {}
    for batch in batches:
        for label in batch.labels.tolist():
            first_seen.setdefault(label, batch.number)

    # In a uniformly random order 3 of the 40 new classes would be left after 25 %, none after 75 %.
    assert sum(number > 391 * 0.25 for number in first_seen.values()) >= 12
    assert sum(number > 391 * 0.75 for number in first_seen.values()) >= 2
    returning = [batch.number for batch in batches[1:] if batch.labels[0] < 10]
    assert len(returning) == 10 * 7
    assert max(returning) > 391 * 0.75


def test_recordings_of_a_class_come_in_a_random_order(core50):
    """The first recording of a class is each of its eight equally often: 10 streams of 50 classes."""
    ranks = Counter()
    for run in range(10):
        stream = draw_core50(core50, run=run)
        order = np.concatenate([numbers(batch) for batch in stream.batches])
        for class_id in range(50):
            mine = core50.group_train[order[core50.y_train[order] == class_id]]
            ranks[int(np.searchsorted(np.unique(mine), mine[0]))] += 1

    # 5 deviations of a binomial
    assert max(abs(ranks[rank] - 500 / 8) for rank in range(8)) < 5 * np.sqrt(500 / 8 * 7 / 8)


def test_tests_on_all_test_samples_of_all_classes(dataset):
    stream = draw(dataset)

    tested = stream.x_test.ravel().astype(int) - 1000
    assert sorted(tested) == np.flatnonzero(np.isin(dataset.y_test, CLASSES)).tolist()
    np.testing.assert_array_equal(stream.class_ids[stream.y_test], dataset.y_test[tested])


@pytest.mark.parametrize(
    ("eval_every", "points"),
    [(5, (1, 5, 10, 15, 20, 21)), (7, (1, 7, 14, 21)), (100, (1, 21)), (1, tuple(range(1, 22)))],
)
def test_evaluates_after_the_first_each_so_many_and_the_last_training_batch(dataset, eval_every, points):
    assert draw(dataset, eval_every=eval_every).eval_points == points


def test_a_shorter_stream_is_the_beginning_of_the_whole(dataset):
    whole = draw(dataset, eval_every=5)
    shorter = whole.first(7)
    assert (shorter.num_batches, shorter.eval_points) == (7, (1, 5, 7))
    for one, other in zip(shorter.batches, whole.batches, strict=False):
        assert numbers(one) == numbers(other) and one.labels.tolist() == other.labels.tolist()
    np.testing.assert_array_equal(shorter.y_test, whole.y_test)


def test_the_stream_is_a_pure_function_of_its_arguments(dataset):
    once, again = draw(dataset), draw(dataset, class_ids=CLASSES[::-1].tolist())

    for first, second in zip(once.batches, again.batches, strict=True):
        assert numbers(first) == numbers(second)
        np.testing.assert_array_equal(first.labels, second.labels)
    np.testing.assert_array_equal(once.x_test, again.x_test)


def test_seeds_and_runs_differ_in_classes_order_and_samples(dataset):
    streams = [draw(dataset, seed=seed, run=run) for seed in (0, 1) for run in range(3)]

    assert len({tuple(stream.class_ids) for stream in streams}) == 6
    orders = {tuple(np.concatenate(stream.labels)) for stream in streams}
    assert len(orders) == 6
    assert len({frozenset(np.concatenate(stream.indices).tolist()) for stream in streams}) == 6


def test_a_shorter_stream_has_the_first_groups_of_every_class(dataset, core50):
    shorter, longer = draw(dataset, most_groups=1), draw(dataset)
    assert [len(indices) for indices in shorter.indices] == [4 * 3] + [3] * 8
    first = {}
    for indices, labels in zip(longer.indices, longer.labels, strict=True):
        for label in np.unique(labels):
            first.setdefault(longer.class_ids[label], indices[labels == label].tolist())
    for indices, labels in zip(shorter.indices, shorter.labels, strict=True):
        for label in np.unique(labels):
            assert indices[labels == label].tolist() == first[shorter.class_ids[label]]
    assert len(np.concatenate(draw(dataset, most_groups=2).indices)) == 12 * 2 * 3
    recorded = nicv2(core50, range(50), 10, None, 1, 100, 0, 0, most_groups=3)
    assert recorded.num_batches == 1 + 150 - 10


def test_all_classes_may_be_in_the_first_training_batch(dataset):
    batches = list(draw(dataset, first_classes=12).batches)
    assert set(batches[0].labels) == set(range(12))
    assert len(batches) == 13


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"first_classes": 13}, ["at most the stream's 12 classes", "first_classes=13"]),
        ({"first_classes": 0}, ["first_classes must be at least 1"]),
        ({"batch_samples": 9}, ["has 8 training samples", "batch_samples=9"]),
        ({"batch_samples": 0}, ["batch_samples must be at least 1"]),
        ({"batch_samples": None}, ["batch_samples must be given, as numbers has no recordings"]),
        ({"groups_per_batch": 0}, ["groups_per_batch must be at least 1"]),
        ({"eval_every": 0}, ["eval_every must be at least 1"]),
        ({"most_groups": 0}, ["most_groups must be at least 1"]),
        ({"seed": -1}, ["seed must be at least 0", "seed=-1"]),
        ({"run": -1}, ["run must be at least 0"]),
        ({"class_ids": [1, 2, 3, 4, 2]}, ["each class once", "5 of 4 classes"]),
        ({"class_ids": [26, 27, 28, 29, 30]}, ["training samples in numbers", "none of class 30"]),
        ({"class_ids": []}, ["at most the stream's 0 classes"]),
    ],
)
def test_rejects_streams_that_cannot_be_drawn(dataset, changes, words):
    with pytest.raises(InputError) as caught:
        draw(dataset, **changes)
    for word in words:
        assert word in str(caught.value)


def test_rejects_classes_without_test_samples_and_sizes_where_recordings_decide(dataset, core50):
    untested = replace(dataset, y_test=np.minimum(dataset.y_test, 28))
    with pytest.raises(InputError, match=r"must have test samples in numbers\. Received: none of class 29\."):
        draw(untested)
    with pytest.raises(InputError, match=r"batch_samples must be None, .*\. Received: batch_samples=3\."):
        draw(core50)
