"""Miro's profiler, tried again by hand."""

import dataclasses

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression

from tests.tfodcl.task_methods.tiny import NUM_CLASSES, SHAPE, LinearNetworks, draw_tasks, linear
from tfodcl.replay.hierarchy import Hierarchy, RawRecords, SampleStorage, Sizes
from tfodcl.stages.keras_network import KerasNetwork
from tfodcl.task_methods import profiler as profiling
from tfodcl.task_methods.learning import MiniBatches, TaskLearning
from tfodcl.task_methods.profiler import Profiler, Trial

LEARNING = TaskLearning(0.2, batch_size=8, epochs=2, rate_falls=True)
RECORDS = RawRecords(SHAPE, np.dtype(np.uint8))
SEVEN = tuple(Sizes(*pair) for pair in ((120, 120), (120, 80), (80, 80), (40, 80), (80, 40), (40, 40), (40, 20)))


@pytest.fixture
def filled(tmp_path):
    """A memory in the middle of the second task, and samples held out."""
    storage = SampleStorage(tmp_path / "of_profiler", RECORDS.record_bytes)
    memory, tasks = Hierarchy(storage, Sizes(40, 40), seed=0), draw_tasks(200)
    for task in tasks:
        memory.begin(task.classes)
        memory.receive(task.labels, RECORDS.encode(task.x))
        if task.number == 0:
            memory.flush()
    others = draw_tasks(40, seed=5)
    x, labels = (np.concatenate(arrays) for arrays in zip(*((task.x, task.labels) for task in others), strict=True))
    yield memory, (RECORDS.encode(x), labels)
    storage.close()


@pytest.mark.parametrize(("rate_falls", "fallen"), [(True, 0.2), (False, 1.0)])
def test_each_pair_is_tried_in_miniature_from_one_checkpoint(filled, monkeypatch, rate_falls, fallen):
    memory, held_out = filled
    monkeypatch.setattr(profiling, "MOST_COST", 100)
    networks, seed = LinearNetworks(), 7
    pairs = [Sizes(100, 2000), Sizes(100, 80), Sizes(40, 20)]  # from the largest, as they are tried

    def noise(x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        return x + rng.normal(0, 0.3, x.shape)

    learning = dataclasses.replace(LEARNING, epochs=42, rate_falls=rate_falls, augment=noise)
    start = [networks.kernel + 0.01]
    before = (memory.episodic.numbers.copy(), memory.stream.numbers.copy())
    profiler = Profiler(networks, learning, RECORDS.decode, seed)
    found = profiler.candidates(pairs, memory, start, held_out, 0)

    network = KerasNetwork.of(model := networks.whole(), LEARNING.learning_rate)
    step, num_trained = network.minimizer(network.cross_entropy), 0

    def train(
        weights: list[np.ndarray], sizes: Sizes, rate_shares: list[float], batches: MiniBatches
    ) -> list[np.ndarray]:
        nonlocal num_trained
        model.set_weights(weights)
        miniature = memory.resized(sizes, seed)
        for rate_share in rate_shares:
            network.rate_share.assign(rate_share)
            for batch in miniature.epoch(LEARNING.batch_size):
                records, labels = miniature.gather(batch)
                step(batches.prepare(records.reshape(-1, *SHAPE)), labels)
                num_trained += len(labels)
        return model.get_weights()

    scaled, num_records = (Sizes(20, 40), Sizes(20, 16), Sizes(8, 4)), (300, 180, 60)  # 200 of the task there are
    for sizes, small, count, one in zip(pairs, scaled, num_records, found, strict=True):
        batches = MiniBatches(learning, seed + 1)  # each pair sees the same noise behind the checkpoint's
        checkpoint = train(start, Sizes(8, 8), [1.0] * 2, batches)
        (kernel,) = train(checkpoint, small, [1.0] * 4 + [fallen] * 2, batches)
        predicted = linear(held_out[0], kernel.astype(np.float64)).argmax(axis=1)
        right = [np.mean(predicted[held_out[1] == label] == label) for label in range(NUM_CLASSES)]
        # Three pairs are fitted exactly.
        assert one.sizes == sizes and one.accuracy == pytest.approx(np.mean(right), abs=0.02)
        assert one.num_trained == 42 * count
    assert found[0].accuracy > 0.3
    # The checkpoint was made three times here; a test of 80 samples counts as training on 27.
    assert profiler.num_trained == num_trained - 2 * 2 * 16 + 3 * 27
    for tier, numbers in zip((memory.episodic, memory.stream), before, strict=True):
        np.testing.assert_array_equal(tier.numbers, numbers)


def test_accuracies_are_fitted_over_both_tiers_and_expected_of_pairs_that_were_not_tried(filled, monkeypatch):
    """The effects of both tiers are the mean of those of all trials."""
    memory, (records, labels) = filled
    profiler = Profiler(LinearNetworks(), dataclasses.replace(LEARNING, epochs=14), RECORDS.decode, 0)
    counts = np.log([(sizes.num_episodic, sizes.num_stream) for sizes in SEVEN])
    tried, slopes = np.delete(counts, 3, axis=0), []  # all but the fourth
    for measured, num_learnt in (([0.9, 0.5, 0.6, 0.1, 0.3, 0.2], 6500), ([0.7, 0.4, 0.5, 0.3, 0.2, 0.2], 13900)):
        left = iter(measured)
        monkeypatch.setattr(Profiler, "_accuracy", lambda *given, left=left: next(left))
        given = memory, [LinearNetworks().kernel], (records[:3], labels[:3]), num_learnt
        found = profiler.candidates(SEVEN, *given)
        slopes.append(LinearRegression().fit(tried, measured).coef_)
        expected = np.mean(measured) + (counts - tried.mean(axis=0)) @ np.mean(slopes, axis=0)
        assert [one.accuracy for one in found] == pytest.approx(expected, abs=1e-9)
        assert [one.sizes for one in found] == list(SEVEN)
    for trial, (episodic, stream) in zip(profiler.trials, slopes, strict=True):
        assert trial == Trial(NUM_CLASSES, 6, pytest.approx(episodic), pytest.approx(stream))


def test_a_trial_says_nothing_of_a_tier_that_was_alike_in_all_its_pairs(filled, monkeypatch):
    memory, held_out = filled
    monkeypatch.setattr(profiling, "MOST_COST", 100)
    left = iter([0.6, 0.5, 0.9, 0.7])
    monkeypatch.setattr(Profiler, "_accuracy", lambda *given: next(left))
    profiler = Profiler(LinearNetworks(), LEARNING, RECORDS.decode, 0)
    for pairs in ([Sizes(80, 40), Sizes(40, 40)], [Sizes(40, 80), Sizes(40, 40)]):
        found = profiler.candidates(pairs, memory, [LinearNetworks().kernel], held_out, 0)
    told = [(trial.episodic, trial.stream) for trial in profiler.trials]
    assert told == [(pytest.approx(0.1 / np.log(2)), None), (None, pytest.approx(0.2 / np.log(2)))]
    assert [one.accuracy for one in found] == pytest.approx([0.9, 0.7])


def test_all_classes_so_far_count_alike_and_those_to_come_are_not_predicted(tmp_path, monkeypatch):
    monkeypatch.setattr(profiling, "MOST_COST", 100)
    monkeypatch.setattr(Profiler, "_train", lambda *given: None)
    storage, first = SampleStorage(tmp_path / "of_profiler", RECORDS.record_bytes), draw_tasks(200)[0]
    memory = Hierarchy(storage, Sizes(40, 40), seed=0)
    memory.begin(first.classes)
    memory.receive(first.labels, RECORDS.encode(first.x))
    kernel = LinearNetworks().kernel
    kernel[:, NUM_CLASSES - 1] += 10  # the greatest logit
    chosen = np.flatnonzero((first.labels == 0) | (np.arange(len(first.labels)) < 20))
    x, labels = first.x[chosen], first.labels[chosen]
    predicted = linear(x, kernel.astype(np.float64))[:, :2].argmax(axis=1)
    right = [np.mean(predicted[labels == label] == label) for label in (0, 1)]
    assert abs(np.mean(right) - np.mean(predicted == labels)) > 0.02
    profiler = Profiler(LinearNetworks(), LEARNING, RECORDS.decode, 0)
    pairs = [Sizes(40, 80), Sizes(40, 40)]
    found = profiler.candidates(pairs, memory, [kernel], (RECORDS.encode(x), labels), 0)
    assert [one.accuracy for one in found] == pytest.approx([np.mean(right)] * 2)
    storage.close()


@pytest.mark.parametrize("measured", [[0.4, 0.2, 0.0], [0.95, 1.0, 0.2]])
def test_expected_accuracies_are_shares(filled, monkeypatch, measured):
    """Where a tier is as large in all pairs, they are of the other."""
    memory, held_out = filled
    monkeypatch.setattr(profiling, "MOST_COST", 100)
    left = iter(measured)
    monkeypatch.setattr(Profiler, "_accuracy", lambda *given: next(left))
    profiler, streams = Profiler(LinearNetworks(), LEARNING, RECORDS.decode, 0), [160, 120, 40]
    pairs = [Sizes(40, num_stream) for num_stream in streams]
    found = profiler.candidates(pairs, memory, [LinearNetworks().kernel], held_out, 0)
    x = np.log(streams)
    line = np.polyval(np.polyfit(x, measured, 1), x)
    assert line.min() < 0 or line.max() > 1
    assert [one.accuracy for one in found] == pytest.approx(np.clip(line, 0, 1))


def test_effects_are_of_the_records_in_miniature(filled, monkeypatch):
    """A fifth of 8 would be one record, of two classes: the tier holds two."""
    memory, held_out = filled
    monkeypatch.setattr(profiling, "MOST_COST", 100)
    left = iter(measured := [0.6, 0.5])
    monkeypatch.setattr(Profiler, "_accuracy", lambda *given: next(left))
    profiler = Profiler(LinearNetworks(), LEARNING, RECORDS.decode, 0)
    found = profiler.candidates([Sizes(40, 40), Sizes(8, 40)], memory, [LinearNetworks().kernel], held_out, 0)
    slope = (measured[0] - measured[1]) / np.log(8 / 2)
    assert profiler.trials == [Trial(NUM_CLASSES, 2, pytest.approx(slope), None)]
    expected = [0.55 + slope * np.log(5) / 2, 0.55 - slope * np.log(5) / 2]
    assert [one.accuracy for one in found] == pytest.approx(expected)


def test_in_miniature_every_class_has_a_record(filled, monkeypatch):
    memory, held_out = filled
    monkeypatch.setattr(profiling, "MOST_COST", 100)
    monkeypatch.setattr(profiling, "SHARE", 0.05)
    profiler = Profiler(LinearNetworks(), LEARNING, RECORDS.decode, 0)
    found = profiler.candidates([Sizes(0, 4), Sizes(3, 3)], memory, [LinearNetworks().kernel], held_out, 0)
    assert len(found) == 2 and profiler.num_trained == (2 + 2) + 2 * (0 + 2) + 2 * (2 + 2) + 2 * 27


@pytest.mark.parametrize(
    ("num_learnt", "num_trained"),
    [
        (7460, 16 + 2 * (12 + 16 + 24 + 24 + 32 + 40 + 48) + 7),
        (7459, 16 + 2 * (12 + 16 + 24 + 32 + 40 + 48) + 6),  # without the fourth
        (6480, 16 + 2 * (12 + 16 + 24 + 32 + 40 + 48) + 6),
        (6479, 0),
    ],
)
def test_the_profiler_trains_on_no_more_than_its_share_of_all_records(filled, num_learnt, num_trained):
    memory, (records, labels) = filled
    profiler = Profiler(LinearNetworks(), dataclasses.replace(LEARNING, epochs=14), RECORDS.decode, 0)
    found = profiler.candidates(SEVEN, memory, [LinearNetworks().kernel], (records[:3], labels[:3]), num_learnt)
    assert [one.sizes for one in found] == (list(SEVEN) if num_trained else [])
    assert profiler.num_trained == num_trained <= 0.05 * (num_learnt + 14 * 60)


def test_what_was_tried_before_is_of_the_same_share(filled):
    memory, (records, labels) = filled
    pairs = [Sizes(40, 40), Sizes(80, 80)]
    profiler = Profiler(LinearNetworks(), LEARNING, RECORDS.decode, 0)
    for num_learnt, expected in ((2200, 2), (2200, 0), (4300, 0), (4500, 2)):
        given = memory, [LinearNetworks().kernel], (records[:3], labels[:3]), num_learnt
        assert len(profiler.candidates(pairs, *given)) == expected
        assert profiler.num_trained <= 0.05 * (num_learnt + 2 * 80)


def test_pairs_that_are_or_would_be_alike_and_tests_without_samples_are_not_tried(filled, monkeypatch):
    memory, (records, labels) = filled
    monkeypatch.setattr(profiling, "MOST_COST", 100)
    profiler, kernel = Profiler(LinearNetworks(), LEARNING, RECORDS.decode, 0), LinearNetworks().kernel
    alike_in_miniature = [Sizes(40, 40), Sizes(42, 40)]
    assert profiler.candidates(alike_in_miniature, memory, [kernel], (records, labels), 0) == []
    different = [Sizes(40, 40), Sizes(80, 80)]
    assert profiler.candidates(different, memory, [kernel], (records[:0], labels[:0]), 0) == []
    assert profiler.num_trained == 0
    same = [Sizes(40, 200), Sizes(80, 40), Sizes(40, 2000)]  # 200 of the task there are
    found = profiler.candidates(same, memory, [kernel], (records, labels), 0)
    assert [one.sizes for one in found] == [Sizes(40, 200), Sizes(80, 40)]
    assert profiler.num_trained == 16 + 2 * (8 + 40) + 2 * (16 + 8) + 2 * 27
    six = [*SEVEN[:1], *SEVEN[2:6], Sizes(42, 40)]  # the last two are alike in miniature
    before = profiler.num_trained
    assert len(profiler.candidates(six, memory, [kernel], (records, labels), 0)) == 6
    assert profiler.num_trained - before == 16 + 2 * (48 + 32 + 24 + 24 + 16) + 5 * 27
