"""Runs of the methods that learn tasks: a method learns a split stream, and is tested after each task."""

import contextlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np

from tfodcl import files
from tfodcl.energy import EnergyMeter
from tfodcl.errors import InputError
from tfodcl.metrics import (
    accuracy_matrix,
    average_incremental_accuracy,
    forgetting,
    learning_accuracy,
    mean_and_deviation,
)
from tfodcl.replay.hierarchy import StorageError
from tfodcl.streams import SplitStream, SplitTask
from tfodcl.task_methods.learning import TaskLearning, TaskMethod


@dataclass(frozen=True, eq=False)
class TaskRun:
    """One method on one stream, with T tasks.

    Attributes:
      accuracy: (T,) after each task, over all classes so far: class-incremental, the mean over their tasks.
      task_accuracy: (T,) the same where each sample's task is told: task-incremental.
      matrix: (T, T), see metrics.accuracy_matrix; class-incremental.
      learn_seconds: in `learn`.
      state_bytes, buffer_bytes: of the method at the end.
      facts: what a Resumable says of its run, by name.
      joules: in `learn`, by a sensor; None where there was none all the time.
      energy_source: which one.
    """

    accuracy: np.ndarray
    task_accuracy: np.ndarray
    matrix: np.ndarray
    learn_seconds: float
    state_bytes: int
    buffer_bytes: int
    facts: dict[str, Any] = field(default_factory=dict)
    joules: float | None = None
    energy_source: str | None = None

    def to_json(self) -> dict[str, Any]:
        lists = {name: np.asarray(value).tolist() for name, value in vars(self).items()}
        return {**lists, "matrix": _with_null(self.matrix), "facts": self.facts}

    @classmethod
    def from_json(cls, content: Any, num_tasks: int) -> "TaskRun":
        """Raises KeyError, TypeError or ValueError for what is not of `to_json`, or of another number of tasks."""
        accuracy, in_task, matrix = (np.array(content[name], float) for name in ("accuracy", "task_accuracy", "matrix"))
        shapes = (accuracy.shape, in_task.shape, matrix.shape)
        if shapes != ((num_tasks,), (num_tasks,), (num_tasks, num_tasks)):
            raise ValueError(f"no accuracies of {num_tasks} tasks, {shapes}")
        known = np.concatenate([accuracy, in_task, matrix[np.tri(num_tasks, dtype=bool)]])
        seconds, *sizes = (content[name] for name in ("learn_seconds", "state_bytes", "buffer_bytes"))
        counted = all(type(size) is int and size >= 0 for size in sizes)
        if not counted or not seconds >= 0 or not ((known >= 0) & (known <= 1)).all():
            raise ValueError("an accuracy, time or size out of range")
        facts = content.get("facts", {})
        joules, source = content.get("joules"), content.get("energy_source")
        if not isinstance(facts, dict) or not (joules is None or (joules >= 0 and isinstance(source, str))):
            raise ValueError("facts or energy of no kind")
        state_bytes, buffer_bytes = sizes
        return cls(accuracy, in_task, matrix, seconds, state_bytes, buffer_bytes, facts, joules, source)


@runtime_checkable
class Resumable(Protocol):
    """A TaskMethod that can go on after a task in another process."""

    def state(self) -> dict[str, np.ndarray]:
        """All that it has beside its storage."""

    def restore(self, state: Mapping[str, np.ndarray], task: SplitTask) -> None:
        """Into a learner that has learnt nothing; `task`: any of the stream."""

    def facts(self) -> dict[str, Any]:
        """What it did, JSON-able."""

    def close(self) -> None:
        """Gives back its storage; called once."""


def run_split(
    method: TaskMethod, stream: SplitStream, checkpoint: Path | None = None, sensor: EnergyMeter | None = None
) -> TaskRun:
    """Teaches `method` the stream; a Resumable is closed then.

    Args:
      checkpoint: of a Resumable, which goes on from it where it is there. It is of the last task that was learnt.
      sensor: of energy; counts already.

    Raises:
      InputError: `checkpoint` is damaged, or of another run.
    """
    if not isinstance(method, Resumable):
        return _run(method, stream, _Progress(), None, sensor)
    with contextlib.closing(method):
        progress = _Progress()
        if checkpoint and files.is_file(checkpoint):
            progress = _Progress.load(checkpoint, method, stream)
        return _run(method, stream, progress, checkpoint, sensor)


def _run(
    method: TaskMethod, stream: SplitStream, progress: "_Progress", checkpoint: Path | None, sensor: EnergyMeter | None
) -> TaskRun:
    """From where `progress` is."""
    for task in stream.tasks[len(progress.in_task) :]:
        begin, joules = time.perf_counter(), read(sensor)
        method.learn(task)
        progress.seconds += time.perf_counter() - begin
        progress.joules += read(sensor) - joules
        known = stream.y_test < task.classes.stop
        labels, scores = stream.y_test[known], method.scores(stream.x_test[known])
        progress.predicted.append(scores[:, : task.classes.stop].argmax(axis=1))
        told = predict_in_task(scores, labels, stream.eval_points)
        progress.in_task.append(_mean_over_tasks(labels, told, stream.eval_points))
        if checkpoint and isinstance(method, Resumable):
            progress.save(checkpoint, method)
    tested = [
        (stream.y_test[stream.y_test < task.classes.stop], predicted)
        for task, predicted in zip(stream.tasks, progress.predicted, strict=True)
    ]
    return TaskRun(
        accuracy=np.array([_mean_over_tasks(*pair, stream.eval_points) for pair in tested]),
        task_accuracy=np.array(progress.in_task),
        matrix=accuracy_matrix(tested, stream.eval_points),
        learn_seconds=progress.seconds,
        state_bytes=method.state_bytes,
        buffer_bytes=method.buffer_bytes,
        facts=method.facts() if isinstance(method, Resumable) else {},
        joules=None if np.isnan(progress.joules) else progress.joules,
        energy_source=None if np.isnan(progress.joules) or sensor is None else sensor.source,
    )


def read(sensor: EnergyMeter | None) -> float:
    """Joules; nan where there is no sensor, or none any more."""
    try:
        return sensor.joules() if sensor else np.nan
    except InputError:
        return np.nan


@dataclass(eq=False)
class _Progress:
    """Of a run: after each task predictions among all classes so far, accuracy where the task is told; what it took."""

    predicted: list[np.ndarray] = field(default_factory=list)
    in_task: list[float] = field(default_factory=list)
    seconds: float = 0.0
    joules: float = 0.0

    def save(self, path: Path, method: Resumable) -> None:
        predicted = {f"predicted_{i}": array for i, array in enumerate(self.predicted)}
        state = {f"state_{name}": array for name, array in method.state().items()}
        with files.replacing(path) as temporary:
            np.savez(temporary, in_task=self.in_task, spent=[self.seconds, self.joules], **predicted, **state)

    @classmethod
    def load(cls, path: Path, method: Resumable, stream: SplitStream) -> "_Progress":
        try:
            with np.load(path, allow_pickle=False) as file:
                in_task, (seconds, joules) = file["in_task"].tolist(), file["spent"].tolist()
                predicted = [file[f"predicted_{i}"] for i in range(len(in_task))]
                state = {name.removeprefix("state_"): file[name] for name in file.files if name.startswith("state_")}
            sizes = [int((stream.y_test < stop).sum()) for stop in stream.eval_points[: len(in_task)]]
            if [array.shape for array in predicted] != [(size,) for size in sizes]:
                raise ValueError(f"predictions of another stream, {[array.shape for array in predicted]}")
            method.restore(state, stream.tasks[0])
        except StorageError:
            raise
        except files.NPZ_ERRORS as error:
            raise InputError(f"{path} must be of this run; delete it to start anew. Received: {error!r}.") from error
        return cls(predicted, in_task, seconds, joules)


def predict_in_task(scores: np.ndarray, labels: np.ndarray, eval_points: Sequence[int]) -> np.ndarray:
    """(n,) the class of highest score, scores (n, num_classes), among those of the task that labels (n,) tell, tasks
    ending at `eval_points`."""
    task_of_class = np.searchsorted(eval_points, np.arange(scores.shape[1]), side="right")
    return np.where(task_of_class == task_of_class[labels][:, None], scores, -np.inf).argmax(axis=1)


def _mean_over_tasks(labels: np.ndarray, predicted: np.ndarray, eval_points: Sequence[int]) -> float:
    """Average accuracy: each task counts the same."""
    tasks = np.searchsorted(eval_points, labels, side="right")
    return float(np.mean([np.mean((labels == predicted)[tasks == task]) for task in np.unique(tasks)]))


def _with_null(matrix: np.ndarray) -> list[list[float | None]]:
    """What is not known as null, as JSON has no nan."""
    return [[None if np.isnan(cell) else cell for cell in row] for row in matrix.tolist()]


def summarize_runs(runs: Sequence[TaskRun], eval_points: Sequence[int], learning: TaskLearning) -> dict[str, Any]:
    """What results.json holds of a method."""
    mean, deviation = mean_and_deviation([run.accuracy for run in runs])
    task_mean, task_deviation = mean_and_deviation([run.task_accuracy for run in runs])
    forgotten, forgotten_deviation = mean_and_deviation([forgetting(run.matrix) for run in runs])
    matrix = np.mean([run.matrix for run in runs], axis=0)
    return {
        "num_classes": list(eval_points),
        "accuracy_mean": mean.tolist(),
        "accuracy_std": deviation.tolist(),
        "accuracy_runs": [run.accuracy.tolist() for run in runs],
        "task_accuracy_mean": task_mean.tolist(),
        "task_accuracy_std": task_deviation.tolist(),
        "task_accuracy_runs": [run.task_accuracy.tolist() for run in runs],
        "accuracy_matrix": _with_null(matrix),
        "forgetting_mean": float(forgotten),
        "forgetting_std": float(forgotten_deviation),
        "average_incremental_mean": float(np.mean([average_incremental_accuracy(run.matrix) for run in runs])),
        "learning_accuracy_mean": float(np.mean([learning_accuracy(run.matrix) for run in runs])),
        "bytes_per_record": max(run.facts.get("bytes_per_record", 0) for run in runs),
        "replay_bytes": max(run.buffer_bytes for run in runs),
        "state_bytes": max(run.state_bytes for run in runs),
        "bytes_written": max(run.facts.get("bytes_written", 0) for run in runs),
        "learn_seconds": float(np.mean([run.learn_seconds for run in runs])),
        "learning_rate": {"sgd": learning.learning_rate}
        | ({} if learning.strength is None else {"strength": learning.strength}),
        **({"facts": [run.facts for run in runs]} if any(run.facts for run in runs) else {}),
    }
