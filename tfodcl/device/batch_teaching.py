"""A stream of training batches taught to a board and tested there, going on where cable, board or program stopped."""

import functools
from collections.abc import Sequence

import numpy as np
from tqdm import tqdm

from tfodcl.device.device import Device, Info
from tfodcl.device.teaching import Journal, Quantize, again_after_restart, evaluate, show
from tfodcl.errors import InputError
from tfodcl.progress import progress
from tfodcl.streams import BatchStream, TrainingBatch


def check_progress(device: Device, info: Info, stream: BatchStream, names: Sequence[str]) -> int:
    """How many training batches the board has learnt.

    Raises InputError where it knows other classes than the first ones of the stream, or has learnt more, or holds less
    than a training batch.
    """
    classes, reached = [one.name for one in device.classes(info)], device.batch()
    if classes != list(names[: len(classes)]) or reached.num_batches > stream.num_batches:
        raise InputError(
            "the board must know nothing, or the first training batches of the stream; --reset erases what it knows. "
            f"Received: {reached.num_batches} training batches, {', '.join(classes)}."
        )
    largest = max(map(len, stream.indices))
    if reached.max_new < largest:
        raise InputError(
            f"the board must take {largest} samples of a training batch. Received: a package for {reached.max_new}."
        )
    return reached.num_batches


def teach_batches(
    device: Device, stream: BatchStream, names: Sequence[str], quantize: Quantize, journal: Journal
) -> list[np.ndarray]:
    """Teaches the stream and tests at the evaluation points, on all test samples.

    A board that was reset goes on after the last training batch that it has completed.

    Args:
      names: of the classes, by label.

    Returns: for each of stream.eval_points the predicted labels of the test samples.
    """
    num_samples = sum(map(len, stream.indices))
    num_tests = len(stream.y_test) * len(stream.eval_points)
    x_test = quantize(stream.x_test)
    with progress("teaching and testing", num_samples + num_tests, unit="samples") as bar:
        done = num_named = 0
        for batch in stream.batches:
            new_names = names[num_named : batch.labels.max() + 1]  # boards give labels in the order of names
            num_named += len(new_names)
            again_after_restart(device, functools.partial(_teach_batch, device, batch, new_names, quantize, bar, done))
            done += len(batch.x)
            if batch.number not in stream.eval_points:
                continue
            if journal.get(batch.number) is None:
                evaluation = functools.partial(evaluate, device, x_test, stream.y_test, bar, done)
                predictions = again_after_restart(device, evaluation)
                journal.put(batch.number, predictions)
            done += len(stream.y_test)
        show(bar, done, "")
    return journal.at(stream.eval_points)


def _teach_batch(
    device: Device, batch: TrainingBatch, new_names: Sequence[str], quantize: Quantize, bar: tqdm, done: int
) -> None:
    reached = device.batch()
    if reached.num_batches >= batch.number:
        return
    for name in new_names:
        device.add_class(name)
    samples = quantize(batch.x)
    for i in range(reached.num_new, len(samples)):  # those before it was told, in this order
        show(bar, done + i, f"training batch {batch.number}")
        device.learn(int(batch.labels[i]), samples[i])
    device.end_batch(lambda num_done, num_steps: show(bar, bar.n, f"mini-batch {num_done} of {num_steps}"))
