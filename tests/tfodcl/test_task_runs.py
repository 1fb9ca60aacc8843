"""Accuracies of runs on split streams from scores made by hand, and what is kept of a run."""

import dataclasses
import json
import time

import numpy as np
import pytest

from tfodcl.errors import InputError
from tfodcl.streams import SplitStream, SplitTask
from tfodcl.task_methods.learning import TaskLearning
from tfodcl.task_runs import TaskRun, predict_in_task, run_split, summarize_runs

NUM_TASKS, PER_TASK = 3, 2
NUM_CLASSES = NUM_TASKS * PER_TASK
LEARN_SECONDS = 0.02
NUM_TEST = (3, 5, 1, 4, 2, 6)  # samples of each class


class Scripted:
    """A method whose scores are drawn: a table (sample, class) for each number of tasks learnt."""

    state_bytes, buffer_bytes = 1000, 24

    def __init__(self, seed: int) -> None:
        self.tables = np.random.default_rng(seed).normal(size=(NUM_TASKS, sum(NUM_TEST), NUM_CLASSES))
        self.num_learnt = 0

    def learn(self, task: SplitTask) -> None:
        assert task.number == self.num_learnt
        self.num_learnt += 1
        time.sleep(LEARN_SECONDS)

    def scores(self, x: np.ndarray) -> np.ndarray:
        return self.tables[self.num_learnt - 1][x.ravel()]


def make_stream() -> SplitStream:
    y = np.repeat(np.arange(NUM_CLASSES), NUM_TEST)
    x = np.arange(len(y)).reshape(-1, 1, 1, 1)
    tasks = tuple(
        SplitTask(number, range(2 * number, 2 * number + 2), x[:2], np.array([2 * number, 2 * number + 1]))
        for number in range(NUM_TASKS)
    )
    return SplitStream(tasks, x, y, np.arange(NUM_CLASSES))


def accuracies(table: np.ndarray, num_learnt: int, told: bool) -> list[float]:
    """Of each task learnt, sample by sample."""
    right: list[list[bool]] = [[] for _ in range(num_learnt)]
    for row, label in zip(table, make_stream().y_test, strict=True):
        task = label // PER_TASK
        if task >= num_learnt:
            continue
        first, stop = (task * PER_TASK, (task + 1) * PER_TASK) if told else (0, num_learnt * PER_TASK)
        best = max(range(first, stop), key=lambda one: row[one])
        right[task].append(best == label)
    return [sum(one) / len(one) for one in right]


@pytest.fixture(scope="module")
def run() -> TaskRun:
    return run_split(Scripted(0), make_stream())


def test_accuracy_after_each_task_is_the_mean_over_the_tasks_so_far_among_all_their_classes(run):
    tables = Scripted(0).tables
    expected = [accuracies(tables[number], number + 1, told=False) for number in range(NUM_TASKS)]
    assert run.accuracy.tolist() == pytest.approx([np.mean(of_tasks) for of_tasks in expected])
    for number, of_tasks in enumerate(expected):
        assert run.matrix[number, : number + 1].tolist() == pytest.approx(of_tasks)
        assert np.isnan(run.matrix[number, number + 1 :]).all()


def test_a_sample_whose_task_is_told_is_of_its_best_class_in_that_task(run):
    tables = Scripted(0).tables
    expected = [np.mean(accuracies(tables[number], number + 1, told=True)) for number in range(NUM_TASKS)]
    assert run.task_accuracy.tolist() == pytest.approx(expected)
    assert (run.task_accuracy >= run.accuracy).all() and run.task_accuracy[-1] > run.accuracy[-1]
    scores = np.array([[9.0, 8, 1, 2], [9, 8, 1, 2], [-np.inf, -np.inf, -2, -3], [0, 1, 7, 7]])
    assert predict_in_task(scores, np.array([0, 3, 2, 3]), (2, 4)).tolist() == [0, 3, 2, 2]
    assert predict_in_task(scores, np.array([0, 3, 0, 3]), (1, 4)).tolist() == [0, 1, 0, 2]


def test_a_task_of_few_test_samples_counts_as_much_as_one_of_many():
    stream = make_stream()
    y = stream.y_test

    class Knows:
        """Task 0, of 8 samples, and nothing of task 1, of 5."""

        state_bytes = buffer_bytes = 0

        def learn(self, task: SplitTask) -> None:
            pass

        def scores(self, x: np.ndarray) -> np.ndarray:
            return np.eye(NUM_CLASSES)[np.where(y < PER_TASK, y, 0)][x.ravel()]

    assert run_split(Knows(), stream).accuracy.tolist() == [1, 1 / 2, 1 / 3]


def test_classes_of_later_tasks_are_neither_tested_nor_predicted():
    class Later(Scripted):
        """Scores of classes that were not learnt are the highest."""

        def scores(self, x: np.ndarray) -> np.ndarray:
            assert (make_stream().y_test[x.ravel()] < PER_TASK * self.num_learnt).all()
            scores = super().scores(x).copy()
            scores[:, PER_TASK * self.num_learnt :] = 99
            return scores

    later, plain = (run_split(kind(0), make_stream()) for kind in (Later, Scripted))
    np.testing.assert_array_equal(later.matrix, plain.matrix)


def test_the_time_of_learning_and_the_methods_sizes_are_kept(run):
    assert NUM_TASKS * LEARN_SECONDS <= run.learn_seconds < 60
    assert (run.state_bytes, run.buffer_bytes) == (1000, 24)


def test_a_run_is_the_same_when_it_is_read_from_strict_json(run):
    text = json.dumps(run.to_json(), allow_nan=False)
    found = TaskRun.from_json(json.loads(text), NUM_TASKS)
    for field in dataclasses.fields(TaskRun):
        np.testing.assert_array_equal(getattr(found, field.name), getattr(run, field.name))


@pytest.mark.parametrize(
    "damage",
    [
        {"accuracy": [0.5, 0.5]},
        {"accuracy": 0.5},
        {"accuracy": [0.5, 0.5, "x"]},
        {"accuracy": [0.5, 0.5, 1.5]},
        {"accuracy": [0.5, 0.5, None]},
        {"task_accuracy": [0.5, 0.5, -0.1]},
        {"task_accuracy": None},
        {"matrix": [[0.5, None, None], [0.5, None, None], [0.5, 0.5, 0.5]]},
        {"matrix": [[0.5]]},
        {"matrix": [[0.5], [0.5, 0.5]]},
        {"learn_seconds": -1},
        {"learn_seconds": "long"},
        {"state_bytes": 1.5},
        {"buffer_bytes": -1},
        {"buffer_bytes": None},
    ],
)
def test_what_is_not_of_a_run_is_refused(run, damage):
    with pytest.raises((KeyError, TypeError, ValueError)):
        TaskRun.from_json({**run.to_json(), **damage}, NUM_TASKS)


@pytest.mark.parametrize("content", [None, [], {}, "run", 3])
def test_what_is_no_object_of_a_run_is_refused(content):
    with pytest.raises((KeyError, TypeError, ValueError)):
        TaskRun.from_json(content, NUM_TASKS)


def test_a_run_of_another_number_of_tasks_is_refused(run):
    with pytest.raises(ValueError, match="no accuracies of 5 tasks"):
        TaskRun.from_json(run.to_json(), 5)


def test_summaries_are_means_and_deviations_over_runs():
    runs = [run_split(Scripted(seed), make_stream()) for seed in range(3)]
    larger = dataclasses.replace(runs[1], state_bytes=3000, buffer_bytes=48)
    found = summarize_runs([runs[0], larger, runs[2]], (2, 4, 6), TaskLearning(learning_rate=0.03, strength=2.0))
    assert found["num_classes"] == [2, 4, 6]
    for kind in ("accuracy", "task_accuracy"):
        values = np.array([getattr(run, kind) for run in runs])
        np.testing.assert_allclose(found[f"{kind}_mean"], values.mean(axis=0))
        np.testing.assert_allclose(found[f"{kind}_std"], values.std(axis=0, ddof=1))
        assert found[f"{kind}_runs"] == values.tolist()
    matrices = np.array([run.matrix for run in runs])
    below = np.tri(NUM_TASKS, dtype=bool)
    np.testing.assert_allclose(np.array(found["accuracy_matrix"], float)[below], matrices.mean(axis=0)[below])
    assert found["accuracy_matrix"][0][1:] == [None, None]
    forgotten = [np.mean([max(one[0, 0], one[1, 0]) - one[2, 0], one[1, 1] - one[2, 1]]) for one in matrices]
    assert found["forgetting_mean"] == pytest.approx(np.mean(forgotten))
    assert found["forgetting_std"] == pytest.approx(np.std(forgotten, ddof=1))
    assert found["learning_accuracy_mean"] == pytest.approx(np.mean([np.trace(one) / 3 for one in matrices]))
    incremental = [np.mean([row[: i + 1].mean() for i, row in enumerate(one)]) for one in matrices]
    assert found["average_incremental_mean"] == pytest.approx(np.mean(incremental))
    assert (found["state_bytes"], found["replay_bytes"]) == (3000, 48)
    assert found["learn_seconds"] == pytest.approx(np.mean([run.learn_seconds for run in runs]))
    assert found["learning_rate"] == {"sgd": 0.03, "strength": 2.0}
    assert summarize_runs(runs[:1], (2, 4, 6), TaskLearning())["learning_rate"] == {"sgd": 0.01}


class Resuming(Scripted):
    """What it has learnt is one number."""

    is_closed = False

    def state(self) -> dict[str, np.ndarray]:
        return {"num_learnt": np.array(self.num_learnt)}

    def restore(self, state, task: SplitTask) -> None:
        assert self.num_learnt == 0 and task.number == 0
        self.num_learnt = int(state["num_learnt"])

    def facts(self) -> dict:
        return {"num_learnt": self.num_learnt}

    def close(self) -> None:
        assert not self.is_closed
        self.is_closed = True


class Killed(BaseException):
    """What ends a run here."""


@pytest.mark.parametrize("kill_at", range(NUM_TASKS))
def test_a_run_goes_on_after_the_last_task_that_was_learnt(run, tmp_path, kill_at):
    checkpoint = tmp_path / "run.npz"

    class Dying(Resuming):
        def learn(self, task: SplitTask) -> None:
            if task.number == kill_at:
                raise Killed
            super().learn(task)

    with pytest.raises(Killed):
        run_split(Dying(0), make_stream(), checkpoint)
    assert checkpoint.exists() == (kill_at > 0)
    method = Resuming(0)
    again = run_split(method, make_stream(), checkpoint)
    assert method.is_closed and again.facts == {"num_learnt": NUM_TASKS} and run.facts == {}
    read = TaskRun.from_json(json.loads(json.dumps(again.to_json())), NUM_TASKS)
    assert read.facts == again.facts
    summary = summarize_runs([again], make_stream().eval_points, TaskLearning())
    assert summary["facts"] == [again.facts]
    for name in ("accuracy", "task_accuracy", "matrix"):
        np.testing.assert_array_equal(getattr(again, name), getattr(run, name))
    assert again.learn_seconds >= NUM_TASKS * LEARN_SECONDS

    class Over(Resuming):
        def learn(self, task: SplitTask) -> None:
            raise AssertionError

    np.testing.assert_array_equal(run_split(Over(0), make_stream(), checkpoint).matrix, run.matrix)


def test_a_method_that_cannot_be_resumed_leaves_no_checkpoint(tmp_path):
    run_split(Scripted(0), make_stream(), tmp_path / "run.npz")
    assert not list(tmp_path.iterdir())


def test_a_checkpoint_that_is_damaged_or_of_another_stream_is_named_and_stays(tmp_path):
    checkpoint = tmp_path / "run.npz"
    run_split(Resuming(0), make_stream(), checkpoint)
    good = checkpoint.read_bytes()
    other = dataclasses.replace(make_stream(), y_test=np.sort(np.arange(sum(NUM_TEST)) % NUM_CLASSES))
    for content, stream in ((good[:100], make_stream()), (b"", make_stream()), (good, other)):
        checkpoint.write_bytes(content)
        with pytest.raises(InputError, match="run.npz must be of this run; delete it to start anew. Received: "):
            run_split(Resuming(0), stream, checkpoint)
        assert checkpoint.read_bytes() == content


class Sensor:
    """Reads a joule more each time it is asked."""

    source = "a sensor"

    def __init__(self) -> None:
        self.count = 0.0

    def joules(self) -> float:
        self.count += 1
        return self.count


def test_energy_is_of_learning_alone_and_adds_up_over_a_kill(tmp_path):
    class Dying(Resuming):
        def learn(self, task: SplitTask) -> None:
            if task.number == 1:
                raise Killed
            super().learn(task)

    with pytest.raises(Killed):
        run_split(Dying(0), make_stream(), tmp_path / "run.npz", Sensor())
    found = run_split(Resuming(0), make_stream(), tmp_path / "run.npz", Sensor())
    assert (found.joules, found.energy_source) == (NUM_TASKS, "a sensor")
    read = TaskRun.from_json(json.loads(json.dumps(found.to_json())), NUM_TASKS)
    assert (read.joules, read.energy_source) == (NUM_TASKS, "a sensor")
    without = run_split(Scripted(0), make_stream())
    assert without.joules is None and without.energy_source is None


def test_a_sensor_that_was_not_there_all_the_time_gives_no_figure_and_loses_no_task(tmp_path):
    class Lost(Sensor):
        def joules(self) -> float:
            if self.count == 3:
                raise InputError("lost")
            return super().joules()

    found = run_split(Resuming(0), make_stream(), tmp_path / "run.npz", Lost())
    assert found.joules is None and found.energy_source is None and len(found.accuracy) == NUM_TASKS

    class Dying(Resuming):
        def learn(self, task: SplitTask) -> None:
            if task.number == 1:
                raise Killed
            super().learn(task)

    with pytest.raises(Killed):
        run_split(Dying(0), make_stream(), tmp_path / "other.npz")
    found = run_split(Resuming(0), make_stream(), tmp_path / "other.npz", Sensor())
    assert found.joules is None and found.energy_source is None
