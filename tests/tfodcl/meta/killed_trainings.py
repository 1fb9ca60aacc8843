"""Run by test_resume.py: trains tiny networks, straight and killed by SIGKILL at random moments.

Usage: python killed_trainings.py FOLDER SEED

For each training, FOLDER/NAME-straight.npz and FOLDER/NAME-killed.npz get the final weights, and
FOLDER/NAME.json the numbers of steps that the killed run's processes began with. TensorFlow is imported once;
every training runs in a fork, which is made before TensorFlow starts threads.
"""

import json
import os
import random
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import tf_keras as keras

import tfodcl.meta.loop as loop
import tfodcl.meta.training as training
import tfodcl.quantize.qat as qat
from tfodcl.data import ClassSplit, Dataset
from tfodcl.meta.linear import LinearStage

NUM_STEPS, NUM_KILLS = 30, 2


def draw_dataset() -> Dataset:
    rng = np.random.default_rng(0)
    y = np.repeat(np.arange(6), 10)
    x = rng.integers(0, 256, (60, 8, 8, 1)).astype(np.uint8)
    split = ClassSplit(np.arange(4), np.array([4]), np.array([5]))
    names = tuple(f"class {i}" for i in range(6))
    return Dataset("noise", x, y, x, y, None, None, names, split, {"kind": "image", "scale": 1 / 255}, "none")


def build() -> tuple[keras.Model, LinearStage]:
    loop.make_deterministic(3)
    x = keras.Input((8, 8, 1))
    z = keras.layers.Conv2D(4, 3, 2, use_bias=False)(x)
    z = keras.layers.ReLU()(keras.layers.BatchNormalization()(z))
    encoder = keras.Model(x, keras.layers.Flatten()(z))
    return encoder, LinearStage(encoder.output_shape[1], 4, np.random.default_rng(0))


def pretrain(folder: Path) -> list[np.ndarray]:
    encoder, stage = build()
    training.pretrain(
        encoder,
        stage,
        draw_dataset(),
        NUM_STEPS,
        8,
        keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(1e-2, NUM_STEPS)),
        None,
        5,
        folder / "state.npz",
        folder / "logs",
        "pretrain",
    )
    return [*encoder.get_weights(), stage.kernel.numpy()]


def meta_train(folder: Path) -> list[np.ndarray]:
    encoder, stage = build()
    training.meta_train(
        encoder,
        stage,
        draw_dataset(),
        NUM_STEPS,
        3,
        8,
        1e-2,
        1e-2,
        True,
        5,
        folder / "state.npz",
        folder / "logs",
        "meta",
    )
    return [*encoder.get_weights(), stage.kernel.numpy()]


def fine_tune(folder: Path) -> list[np.ndarray]:
    encoder, _ = build()
    twin, _ = qat.fine_tune(
        encoder, draw_dataset(), NUM_STEPS, 8, 1e-3, 5, folder / "state.npz", folder / "logs", "qat"
    )
    return twin.get_weights()


def train(name: str, folder: Path, steps: int) -> None:
    """In the child: trains, with a checkpoint after every step, and writes the number of each to the pipe `steps`."""
    loop.CHECKPOINT_SECONDS = 0
    run_steps = loop.run_steps

    def announced(step: Callable, *rest) -> float:
        def announce(index: int) -> dict:
            scalars = step(index)
            os.write(steps, bytes([index]))
            return scalars

        return run_steps(announce, *rest)

    training.run_steps = qat.run_steps = announced
    weights = {"pretrain": pretrain, "meta_train": meta_train, "fine_tune": fine_tune}[name](folder)
    np.savez(folder.with_suffix(".npz"), *weights)


def fork(name: str, folder: Path, num_steps: int, delay: float) -> int:
    """Trains in a child, killed `delay` seconds after its `num_steps`th step where it does so many.

    Returns its first step.
    """
    told, steps = os.pipe()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            train(name, folder, steps)
            status = 0
        finally:
            os._exit(status)
    os.close(steps)
    first = os.read(told, 1)
    done = first
    while done and num_steps > 1:
        num_steps, done = num_steps - 1, os.read(told, 1)
    if done:
        time.sleep(delay)
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    os.close(told)
    if os.WIFEXITED(status) and os.WEXITSTATUS(status):
        sys.exit(f"{name} failed")
    return first[0]


def main() -> None:
    folder, rng = Path(sys.argv[1]), random.Random(int(sys.argv[2]))
    for name in ("pretrain", "meta_train", "fine_tune"):
        fork(name, folder / f"{name}-straight", NUM_STEPS + 1, 0)
        firsts = [
            fork(name, folder / f"{name}-killed", rng.randint(2, 10), rng.uniform(0, 0.01)) for _ in range(NUM_KILLS)
        ]
        firsts.append(fork(name, folder / f"{name}-killed", NUM_STEPS + 1, 0))
        (folder / f"{name}.json").write_text(json.dumps(firsts))


main()
