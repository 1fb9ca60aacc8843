"""A stream taught to a board and tested there, going on where a cable, a board or a program stopped."""

import functools
import json
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import numpy as np

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
            content = json.loads(path.read_text())
            if content["key"] == key:
                self._points = content["predictions"]

    def get(self, num_classes: int) -> np.ndarray | None:
        """(m,) predicted labels after so many classes, or None."""
        known = self._points.get(str(num_classes))
        return None if known is None else np.array(known, np.int64)

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
    for task in stream.tasks:
        num_known = task.label + 1
        _again_after_restart(device, functools.partial(_teach_class, device, task, quantize))
        if num_known in stream.eval_points and journal.get(num_known) is None:
            known = stream.y_test < num_known
            x, y = quantize(stream.x_test[known]), stream.y_test[known]
            predictions = _again_after_restart(device, functools.partial(_test, device, x, y))
            journal.put(num_known, predictions)
    return [_known(journal.get(point)) for point in stream.eval_points]


def _known(predictions: np.ndarray | None) -> np.ndarray:
    assert predictions is not None
    return predictions


def _again_after_restart(device: Device, action: Callable[[], T]) -> T:
    """What `action` returns, from its beginning again whenever the board was reset meanwhile."""
    while True:
        try:
            return action()
        except BoardRestarted:
            device.begin_session()


def _teach_class(device: Device, task: Task, quantize: Quantize) -> None:
    label, num_learnt = device.add_class(task.name)
    if device.get_class(label).num_ended >= len(task.x):
        return
    with progress(f"{task.label + 1}: {task.name}, samples", len(task.x), initial=num_learnt) as bar:
        for sample in quantize(task.x[num_learnt:]):
            device.learn(label, sample)
            bar.update()
    with progress(f"{task.label + 1}: {task.name}, replay", 1) as bar:

        def show(num_done: int, num_steps: int) -> None:
            bar.total = max(1, num_steps)
            bar.update(num_done - bar.n)

        device.end_class(label, show)
    device.save()


def _test(device: Device, x: np.ndarray, y: np.ndarray) -> list[int]:
    predictions = []
    with progress(f"test of {y.max() + 1} classes", len(x)) as bar:
        for i, (sample, label) in enumerate(zip(x, y, strict=True)):
            predicted, _, num_total = device.evaluate(int(label), sample, restart=i == 0)
            if num_total != i + 1:
                raise InputError(f"the board must count {i + 1} test samples. Received: {num_total}.")
            predictions.append(predicted)
            bar.update()
    return predictions
