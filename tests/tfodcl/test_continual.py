import dataclasses
import itertools
import json

import numpy as np
import pytest

from tfodcl import continual
from tfodcl.compress.product_quantizer import ProductQuantizer
from tfodcl.compress.uniform import UniformCodec
from tfodcl.continual import (
    BATCH_RATE_GRID,
    RATE_GRID,
    MemoizedEncoder,
    num_trials,
    run_batches,
    run_stream,
    search_batch_rate,
    search_rates,
    summarize,
    summarize_batches,
    with_rates,
)
from tfodcl.errors import InputError
from tfodcl.methods import METHODS
from tfodcl.methods.anml import Anml
from tfodcl.methods.latent_replay import LatentReplay
from tfodcl.package import Learning, Package
from tfodcl.replay.policy import RandomReplacementMemory
from tfodcl.stages.linear import LinearHead
from tfodcl.streams import BatchStream, Stream, Task, TrainingBatch

LATENT_DIM, NUM_CLASSES, SAMPLES, NUM_TESTS = 12, 6, 7, 9
LEARNING = Learning(8, inner_lr=0.5, outer_lr=0.5, replay_batch=4, replay_epochs=2, replay_budget_bytes=1 << 20)
PACKAGE = Package(
    encoder=b"\x1c\0\0\0TFL3",
    latent_dim=LATENT_DIM,
    latent_scale=1 / 32,
    latent_zero_point=-128,
    codec=ProductQuantizer(np.zeros((3, 1, 4), np.int8)),
    other_codecs={"uniform": UniformCodec(LATENT_DIM, 8)},
    learning=LEARNING,
    info={"input_shape": [3, 4, 1]},
)


class CountingEncoder:
    """The identity on (n, 3, 4, 1) uint8; keeps what it was given to encode."""

    def __init__(self) -> None:
        self.encoded: list[np.ndarray] = []

    def quantize(self, x: np.ndarray) -> np.ndarray:
        return (x.astype(np.int16) - 128).astype(np.int8)

    def encode_quantized(self, q: np.ndarray) -> np.ndarray:
        self.encoded.append(q.copy())
        return q.reshape(len(q), -1)


class Clock:
    """Seconds that pass only where a test says so."""

    now = 0.0


@pytest.fixture
def clock(monkeypatch) -> Clock:
    """The clock of continual runs."""
    clock = Clock()
    monkeypatch.setattr(continual.time, "perf_counter", lambda: clock.now)
    return clock


class SlowEncoder(CountingEncoder):
    """Takes two seconds a sample."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._clock = clock

    def encode_quantized(self, q: np.ndarray) -> np.ndarray:
        self._clock.now += 2.0 * len(q)
        return super().encode_quantized(q)


def draw_stream(seed: int, eval_points: tuple[int, ...] = (2, 4, 6)) -> Stream:
    rng = np.random.default_rng(seed)
    means = rng.uniform(0, 90, (NUM_CLASSES, LATENT_DIM))

    def draw(label: int, count: int) -> np.ndarray:
        values = np.clip(rng.normal(means[label], 25, (count, LATENT_DIM)), 0, 255)
        return values.astype(np.uint8).reshape(count, 3, 4, 1)

    tasks = tuple(Task(label, label, str(label), draw(label, SAMPLES)) for label in range(NUM_CLASSES))
    x_test = np.concatenate([draw(label, NUM_TESTS) for label in range(NUM_CLASSES)])
    return Stream(tasks, x_test, np.repeat(np.arange(NUM_CLASSES), NUM_TESTS), eval_points)


def final_accuracy(name: str, learning: Learning, streams: list[Stream], seed: int) -> float:
    """By hand: teach all, test all."""
    accuracies = []
    for stream in streams:
        method = METHODS[name](PACKAGE, CountingEncoder(), learning, seed)
        for task in stream.tasks:
            method.learn(task)
        accuracies.append(np.mean(method.predict(stream.x_test) == stream.y_test))
    return float(np.mean(accuracies))


def test_every_distinct_sample_is_encoded_once_and_every_use_is_counted():
    inner = CountingEncoder()
    encoder = MemoizedEncoder(inner)
    rng = np.random.default_rng(0)
    samples = encoder.quantize(rng.integers(0, 256, (6, 3, 4, 1)).astype(np.uint8))
    for indices in ([0, 1, 2], [2, 1, 0, 0], [3, 3, 4, 3], [5, 0, 5, 4], [1]):
        np.testing.assert_array_equal(encoder.encode_quantized(samples[indices]), samples[indices].reshape(-1, 12))
    assert encoder.num_inferences == 3 + 4 + 4 + 4 + 1
    encoded = np.concatenate(inner.encoded)
    assert len(encoded) == 6 and len({sample.tobytes() for sample in encoded}) == 6


def test_memoized_latents_cannot_be_changed_by_who_gets_them():
    encoder = MemoizedEncoder(CountingEncoder())
    q = np.arange(12, dtype=np.int8).reshape(1, 3, 4, 1)
    encoder.encode_quantized(q)[:] = 0
    np.testing.assert_array_equal(encoder.encode_quantized(q), q.reshape(1, -1))


@pytest.mark.parametrize("eval_points", [(2, 4, 6), (1, 2, 3, 4, 5, 6), (6,), (5, 6)])
def test_accuracies_are_those_of_a_brute_force_at_every_evaluation_point(eval_points):
    stream = draw_stream(0, eval_points)
    encoder = MemoizedEncoder(CountingEncoder())
    run = run_stream(LatentReplay(PACKAGE, encoder, LEARNING, 0), encoder, stream)
    twin = LatentReplay(PACKAGE, CountingEncoder(), LEARNING, 0)
    accuracy, rows = [], []
    for task in stream.tasks:
        twin.learn(task)
        if task.label + 1 not in eval_points:
            continue
        right = [
            int(twin.predict(x[None])[0] == y)
            for x, y in zip(stream.x_test, stream.y_test, strict=True)
            if y <= task.label
        ]
        accuracy.append(sum(right) / len(right))
        bounds = [0, *eval_points]
        row = []
        for low, high in itertools.pairwise(bounds):
            group = right[low * NUM_TESTS : high * NUM_TESTS]  # test samples are in order of label
            row.append(sum(group) / len(group) if high <= task.label + 1 else np.nan)
        rows.append(row)
    np.testing.assert_allclose(run.accuracy, accuracy)
    np.testing.assert_allclose(run.matrix, rows)
    np.testing.assert_array_equal(run.predictions, twin.predict(stream.x_test))


def test_a_run_tells_what_the_learner_occupies_and_wrote():
    stream, encoder = draw_stream(0), MemoizedEncoder(CountingEncoder())
    run = run_stream(LatentReplay(PACKAGE, encoder, LEARNING, 0), encoder, stream)
    records = NUM_CLASSES * SAMPLES * (2 + LATENT_DIM)
    assert run.record_bytes == 2 + LATENT_DIM
    assert run.memory_bytes == {"replay": records, "stage": 7 * LATENT_DIM * 4, "codec": 32}
    assert run.bytes_written == records


def test_a_run_without_memory_reports_zeros():
    stream, encoder = draw_stream(0), MemoizedEncoder(CountingEncoder())
    run = run_stream(Anml(PACKAGE, encoder, LEARNING, 0), encoder, stream)
    assert (run.record_bytes, run.bytes_written) == (0, 0)
    assert run.memory_bytes == {"replay": 0, "stage": 7 * LATENT_DIM * 4, "codec": 0}


def test_learning_time_counts_every_inference_of_learning_as_if_it_were_made(clock):
    class SlowLearner(Anml):
        def learn(self, task):
            clock.now += 5.0
            super().learn(task)

        def predict(self, x):
            clock.now += 1000.0  # testing is not learning
            return super().predict(x)

    stream, encoder = draw_stream(0), MemoizedEncoder(SlowEncoder(clock))
    expected = NUM_CLASSES * (5.0 + 2.0 * SAMPLES)
    first = run_stream(SlowLearner(PACKAGE, encoder, LEARNING, 0), encoder, stream)
    again = run_stream(SlowLearner(PACKAGE, encoder, LEARNING, 0), encoder, stream)  # all of it memoized by now
    assert first.learn_seconds == pytest.approx(expected)
    assert again.learn_seconds == pytest.approx(expected)


class Rote:
    """Knows a sample again, and says 0 of others."""

    def __init__(self, encoder: MemoizedEncoder, seed: int = 0) -> None:
        self.seen: dict[bytes, int] = {}
        self.taught: list[int] = []
        self.encoder = encoder
        self.codec = UniformCodec(1, 8)
        self.memory = RandomReplacementMemory(9, 3, 1, seed)
        self.stage = LinearHead(1, 3)

    def learn(self, batch: TrainingBatch) -> None:
        self.taught.append(batch.number)
        latents = self.encoder.encode_quantized(self.encoder.quantize(batch.x))
        self.memory.add(batch.labels, self.codec.encode(latents))
        self.seen |= {sample.tobytes(): label for sample, label in zip(batch.x, batch.labels, strict=True)}

    def predict(self, x: np.ndarray) -> np.ndarray:
        return np.array([self.seen.get(sample.tobytes(), 0) for sample in x])


def draw_batches() -> BatchStream:
    x = np.arange(8, dtype=np.uint8).reshape(8, 1, 1, 1)
    indices = tuple(np.array(part) for part in ([0, 3], [1], [6, 7], [2]))
    labels = tuple(np.array(part) for part in ([0, 1], [0], [2, 2], [1]))
    return BatchStream(x, indices, labels, np.arange(3), x, np.array([0, 0, 1, 1, 1, 2, 2, 2]), (1, 3, 4))


def test_training_batches_are_taught_in_order_and_tested_on_the_whole_test_set():
    encoder = MemoizedEncoder(CountingEncoder())
    learner = Rote(encoder)
    run = run_batches(learner, encoder, draw_batches())
    # 0 and 1 are right from the beginning, 3 after the first batch, 6 and 7 after the third, 2 after the last
    assert run.accuracy.tolist() == [3 / 8, 5 / 8, 6 / 8]
    assert learner.taught == [1, 2, 3, 4]
    assert run.record_bytes == 3
    assert run.memory_bytes == {"replay": 9, "stage": learner.stage.state_bytes, "codec": 32}
    # The three places are filled by the first two training batches; h = 3 // 4 = 0 after the third, 3 // 5 after it.
    assert run.bytes_written == 9


def test_learning_time_of_training_batches_counts_every_inference_as_if_it_were_made(clock):
    class SlowRote(Rote):
        def learn(self, batch):
            clock.now += 5.0
            super().learn(batch)

        def predict(self, x):
            clock.now += 1000.0  # testing is not learning
            return super().predict(x)

    encoder = MemoizedEncoder(SlowEncoder(clock))
    for _ in range(2):  # all of it memoized the second time
        run = run_batches(SlowRote(encoder), encoder, draw_batches())
        assert run.learn_seconds == pytest.approx(4 * 5.0 + 6 * 2.0)


@pytest.mark.parametrize(
    ("good", "expected"), [((1e-2, 1e-3), 1e-3), ((1e-1,), 1e-1), (BATCH_RATE_GRID, 1e-4), ((), 1e-4)]
)
def test_the_rate_of_training_batches_is_the_smallest_of_those_that_learn_best(good, expected):
    encoder, trials = MemoizedEncoder(CountingEncoder()), []

    class Choosy(Rote):
        def __init__(self, rate: float) -> None:
            super().__init__(encoder)
            self.rate = rate

        def predict(self, x):
            return super().predict(x) if self.rate in good else np.full(len(x), 3)

    streams = [draw_batches(), draw_batches()]
    assert search_batch_rate(Choosy, encoder, streams, lambda: trials.append(1)) == expected
    assert len(trials) == len(BATCH_RATE_GRID)


def test_a_summary_of_training_batches_says_what_its_numbers_count():
    runs = [run_batches(Rote(encoder), encoder, draw_batches()) for encoder in [MemoizedEncoder(CountingEncoder())] * 2]
    summary = summarize_batches(runs, draw_batches(), 3e-3)
    assert json.loads(json.dumps(summary, allow_nan=False)) == summary
    assert (summary["num_classes"], summary["unit"]) == ([1, 3, 4], "training batches")
    assert summary["accuracy_mean"] == [3 / 8, 5 / 8, 6 / 8] and len(summary["accuracy_runs"]) == 2
    assert (summary["bytes_per_record"], summary["replay_bytes"], summary["bytes_written"]) == (3, 9, 9)
    assert summary["learning_rate"] == {"outer": 3e-3}


@pytest.mark.parametrize("name", ["anml", "oracle", "latent_replay"])
def test_the_rates_found_are_the_best_of_the_grid_on_the_streams_given(name):
    streams, trials = [draw_stream(1), draw_stream(2)], []
    rates = search_rates(
        name, PACKAGE, MemoizedEncoder(CountingEncoder()), LEARNING, streams, 3, lambda: trials.append(1)
    )
    z = np.concatenate([task.x for stream in streams for task in stream.tasks]).reshape(-1, LATENT_DIM) / 32
    grid = [multiple / np.mean(np.sum(z**2, axis=1)) for multiple in RATE_GRID]

    def score(**rates: float) -> float:
        return final_accuracy(name, with_rates(LEARNING, rates), streams, 3)

    def best(scores: list[float]) -> float:
        return grid[scores.index(max(scores))]  # the first, hence the smallest, of equals

    if name == "latent_replay":
        outer = best([score(inner=rate, outer=rate) for rate in grid])
        expected = {"inner": best([score(inner=rate, outer=outer) for rate in grid]), "outer": outer}
    else:
        (only,) = METHODS[name].RATES
        scores = [score(**{only: rate}) for rate in grid]
        assert max(scores) > min(scores)
        expected = {only: best(scores)}
    assert rates == pytest.approx(expected, rel=1e-5)
    assert len(trials) == num_trials(name) == len(RATE_GRID) * len(METHODS[name].RATES)


def test_the_search_sees_samples_of_its_streams_alone():
    streams, inner = [draw_stream(1), draw_stream(2)], CountingEncoder()
    search_rates("latent_replay", PACKAGE, MemoizedEncoder(inner), LEARNING, streams, 0, lambda: None)
    given = {x.tobytes() for stream in streams for x in inner.quantize(stream.x_test)}
    given |= {x.tobytes() for stream in streams for task in stream.tasks for x in inner.quantize(task.x)}
    assert {x.tobytes() for batch in inner.encoded for x in batch} == given


def test_the_search_keeps_all_of_the_learning_but_the_rates(monkeypatch):
    seen = []

    class Spy(LatentReplay):
        def __init__(self, package, encoder, learning, seed):
            seen.append(learning)
            super().__init__(package, encoder, learning, seed)

    monkeypatch.setitem(METHODS, "latent_replay", Spy)
    learning = dataclasses.replace(LEARNING, replay_budget_bytes=10 * (2 + LATENT_DIM), replay_epochs=3)
    search_rates(
        "latent_replay",
        PACKAGE,
        MemoizedEncoder(CountingEncoder()),
        learning,
        [draw_stream(1)],
        0,
        lambda: None,
    )
    assert {dataclasses.replace(one, inner_lr=1, outer_lr=1) for one in seen} == {
        dataclasses.replace(learning, inner_lr=1, outer_lr=1)
    }


def test_latents_that_are_all_zero_are_refused():
    stream = draw_stream(1)
    dead = dataclasses.replace(
        stream, tasks=tuple(dataclasses.replace(task, x=np.zeros_like(task.x)) for task in stream.tasks)
    )
    with pytest.raises(InputError, match="latents must differ from zero. Received: zeros for all 42 samples"):
        search_rates("anml", PACKAGE, MemoizedEncoder(CountingEncoder()), LEARNING, [dead], 0, lambda: None)


def test_rates_replace_those_they_name():
    assert with_rates(LEARNING, {"inner": 0.25}) == dataclasses.replace(LEARNING, inner_lr=0.25)
    assert with_rates(LEARNING, {"outer": 0.125}) == dataclasses.replace(LEARNING, outer_lr=0.125)
    assert with_rates(LEARNING, {}) == LEARNING


@pytest.mark.parametrize("num_runs", [1, 3])
@pytest.mark.parametrize("name", ["anml", "latent_replay"])
def test_a_summary_is_json_with_every_field_of_a_method(name, num_runs):
    runs = []
    for number in range(num_runs):
        encoder = MemoizedEncoder(CountingEncoder())
        runs.append(run_stream(METHODS[name](PACKAGE, encoder, LEARNING, number), encoder, draw_stream(number)))
    summary = summarize(runs, draw_stream(0), {"inner": 0.5})
    assert json.loads(json.dumps(summary, allow_nan=False)) == summary
    assert {
        "num_classes", "accuracy_mean", "accuracy_std", "accuracy_runs", "bytes_per_record", "replay_bytes",
        "state_bytes", "bytes_written", "learn_seconds",
    } <= set(summary)  # fmt: skip
    assert summary["num_classes"] == [2, 4, 6]
    accuracies = np.array([run.accuracy for run in runs])
    np.testing.assert_allclose(summary["accuracy_mean"], accuracies.mean(axis=0))
    deviation = accuracies.std(axis=0, ddof=1) if num_runs > 1 else np.zeros(3)
    np.testing.assert_allclose(summary["accuracy_std"], deviation)
    np.testing.assert_allclose(summary["accuracy_runs"], accuracies)
    assert [[value is None for value in row] for row in summary["accuracy_matrix"]] == [
        [False, True, True],
        [False, False, True],
        [False, False, False],
    ]
    assert summary["learning_rate"] == {"inner": 0.5}
    assert summary["state_bytes"] == 7 * LATENT_DIM * 4
    assert summary["bytes_per_record"] == (0 if name == "anml" else 2 + LATENT_DIM)
