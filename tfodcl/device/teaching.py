"""A stream taught to a board and tested there, going on where a cable, a board or a program stopped."""

import functools
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np
from tqdm import tqdm

from tfodcl import files
from tfodcl.device.device import Device, LearntClass
from tfodcl.device.status import BoardRestarted
from tfodcl.errors import InputError
from tfodcl.progress import progress
from tfodcl.streams import Stream, Task

Quantize = Callable[[np.ndarray], np.ndarray]
T = TypeVar("T")


class Journal:
    """Predictions at the evaluation points that were passed, in a file, so that they are not measured again.

    Args:
      path: of the file; made anew where it is of another `key`.
      key: JSON that says what is taught: package, stream.
    """

    def __init__(self, path: Path, key: dict) -> None:
        self._path, self._key = path, key
        self._points: dict[str, list[int]] = {}
        if files.is_file(path):
            try:
                content = json.loads(path.read_text())
                if content["key"] == key:
                    self._points = content["predictions"]
            except (ValueError, KeyError, TypeError) as error:
                raise InputError(
                    f"{path} must be what a test of a board left, or be deleted. Received: {error}."
                ) from error

    def get(self, num_classes: int) -> np.ndarray | None:
        """(m,) predicted labels after so many classes, or None."""
        known = self._points.get(str(num_classes))
        return None if known is None else np.array(known, np.int64)

    def at(self, points: Sequence[int]) -> list[np.ndarray]:
        """Predictions at points that were all passed."""
        return [np.array(self._points[str(point)], np.int64) for point in points]

    def put(self, num_classes: int, predictions: list[int]) -> None:
        self._points[str(num_classes)] = predictions
        content = {"key": self._key, "predictions": self._points}
        files.write(self._path, json.dumps(content).encode())

    def clear(self) -> None:
        """Forgets all points: the board begins anew."""
        self._points = {}
        self._path.unlink(missing_ok=True)


def check_known(classes: list[LearntClass], stream: Stream) -> None:
    """Raises InputError where the board knows other classes than the first ones of the stream."""
    known, expected = [one.name for one in classes], [task.name for task in stream.tasks]
    if known != expected[: len(known)]:
        raise InputError(
            f"the board must know nothing, or the first classes of the stream; --reset erases what it knows. "
            f"Received: {', '.join(known)}."
        )


def teach(device: Device, stream: Stream, quantize: Quantize, journal: Journal) -> list[np.ndarray]:
    """Teaches the stream class by class, saving after each, and tests at the evaluation points.

    A board that was reset goes on from what was durable: samples of a class that it has are not sent again.

    Returns: for each of stream.eval_points the predicted labels of the test samples of the classes known then.
    """
    num_samples = sum(len(task.x) for task in stream.tasks)
    num_tests = sum(int((stream.y_test < point).sum()) for point in stream.eval_points)
    with progress("teaching and testing", num_samples + num_tests, unit="samples") as bar:
        done = 0
        for task in stream.tasks:
            again_after_restart(device, functools.partial(_teach_class, device, task, quantize, bar, done))
            done += len(task.x)
            num_known = task.label + 1
            if num_known not in stream.eval_points:
                continue
            known = stream.y_test < num_known
            if journal.get(num_known) is None:
                x, y = quantize(stream.x_test[known]), stream.y_test[known]
                predictions = again_after_restart(device, functools.partial(evaluate, device, x, y, bar, done))
                journal.put(num_known, predictions)
            done += int(known.sum())
        show(bar, done, "")
    return journal.at(stream.eval_points)


def again_after_restart(device: Device, action: Callable[[], T]) -> T:
    """What `action` returns, from its beginning again whenever the board was reset meanwhile."""
    while True:
        try:
            return action()
        except BoardRestarted:
            device.begin_session()


def _teach_class(device: Device, task: Task, quantize: Quantize, bar: tqdm, done: int) -> None:
    label, num_learnt = device.add_class(task.name)
    if device.get_class(label).num_ended >= len(task.x):
        return
    for i, sample in enumerate(quantize(task.x[num_learnt:])):
        show(bar, done + num_learnt + i, task.name)
        device.learn(label, sample)
    device.end_class(label, lambda num_done, num_steps: show(bar, bar.n, f"replay {num_done} of {num_steps}"))
    device.save()


def evaluate(device: Device, x: np.ndarray, y: np.ndarray, bar: tqdm, done: int) -> list[int]:
    """Labels that the board predicts for quantized inputs x of labels y; `done` samples came before."""
    predictions = []
    for i, (sample, label) in enumerate(zip(x, y, strict=True)):
        show(bar, done + i, f"test of {y.max() + 1} classes")
        predicted, _, num_total = device.evaluate(int(label), sample, restart=i == 0)
        if num_total != i + 1:
            raise InputError(f"the board must count {i + 1} test samples. Received: {num_total}.")
        predictions.append(predicted)
    return predictions


def show(bar: tqdm, num_done: int, what: str) -> None:
    """Samples done so far; a board that was reset may go back."""
    bar.set_postfix_str(what, refresh=False)
    bar.update(num_done - bar.n)
