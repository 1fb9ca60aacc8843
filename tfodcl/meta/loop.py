"""A training loop that can be killed at any moment: its result depends on the step numbers alone.

A step function must draw everything random from (seed, step). Then a run that resumes from a checkpoint
repeats what an uninterrupted one does, bit by bit, with deterministic kernels (`make_deterministic`).
"""

import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf
import tf_keras as keras

from tfodcl.errors import InputError
from tfodcl.files import NPZ_ERRORS, replacing
from tfodcl.progress import progress

CHECKPOINT_SECONDS = 30
LOG_STEPS = 10


def make_deterministic(seed: int) -> None:
    """Same seed, same weights on the CPU: deterministic kernels and Keras initialisers."""
    keras.utils.set_random_seed(seed)
    tf.config.experimental.enable_op_determinism()


def run_steps(
    step: Callable[[int], dict[str, tf.Tensor]],
    variables: Sequence[tf.Variable],
    num_steps: int,
    checkpoint: Path,
    logs: Path,
    description: str,
) -> float:
    """Calls step(0), ..., step(num_steps - 1), or only those that `checkpoint` does not hold already.

    Args:
      step: does one update and returns scalars to log.
      variables: all that `step` changes: weights, moving averages, optimizer slots.
      num_steps: in all, resumed ones included.
      checkpoint: .npz, written every 30 s and at the end.
      logs: folder of TensorBoard's event file.
      description: of the progress bar.

    Returns:
      Seconds spent by this call and those that it resumes.
    """
    first, seconds_before = restore(checkpoint, variables) if checkpoint.exists() else (0, 0.0)
    if first >= num_steps:
        return seconds_before
    begin = saved = time.monotonic()
    try:
        writer = tf.summary.create_file_writer(str(logs))
    except tf.errors.OpError as error:
        raise InputError(f"{logs} must be a folder that can be written. Received: {error.message}.") from error
    with writer.as_default(), progress(description, num_steps, first) as bar:
        for index in range(first, num_steps):
            scalars = step(index)
            bar.update()
            if index % LOG_STEPS == 0 or index == num_steps - 1:
                values = {name: float(value) for name, value in scalars.items()}
                bar.set_postfix({name: f"{value:.3f}" for name, value in values.items()}, refresh=False)
                for name, value in values.items():
                    tf.summary.scalar(name, value, step=index)
            if time.monotonic() - saved > CHECKPOINT_SECONDS and index + 1 < num_steps:
                save(checkpoint, index + 1, seconds_before + time.monotonic() - begin, variables)
                saved = time.monotonic()
    writer.close()
    seconds = seconds_before + time.monotonic() - begin
    save(checkpoint, num_steps, seconds, variables)
    return seconds


def save(path: Path, num_steps: int, seconds: float, variables: Sequence[tf.Variable]) -> None:
    arrays = {f"v{i}": variable.numpy() for i, variable in enumerate(variables)}
    with replacing(path) as temporary:
        np.savez(temporary, num_steps=num_steps, seconds=seconds, **arrays)


def restore(path: Path, variables: Sequence[tf.Variable]) -> tuple[int, float]:
    """Loads a checkpoint into `variables`; returns its number of steps and seconds.

    Raises:
      InputError: the file is damaged, or of other variables; none is changed then.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            values = [file[f"v{i}"] for i in range(len(file.files) - 2)]
            num_steps, seconds = int(file["num_steps"]), float(file["seconds"])
    except NPZ_ERRORS as error:
        raise InputError(f"a checkpoint must be readable; delete it to start anew. Received: {path}.") from error
    if len(values) != len(variables):
        raise InputError(
            "a checkpoint must be of the same network. "
            f"Received: {path} with {len(values)} variables for {len(variables)}."
        )
    for variable, value in zip(variables, values, strict=True):
        if variable.shape != value.shape:
            raise InputError(
                "a checkpoint must be of the same network. "
                f"Received: {path} with {value.shape} for {tuple(variable.shape)}."
            )
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)
    return num_steps, seconds
