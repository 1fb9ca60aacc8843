"""Class-incremental streams: one new class at a time."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from tfodcl.data import Dataset
from tfodcl.errors import InputError
from tfodcl.streams.labels import select
from tfodcl.streams.seeds import CLASS_ORDER, SAMPLE_ORDER, check_at_least

_PART_IDS = {"validation": 0, "meta_test": 1}


@dataclass(frozen=True, eq=False)
class Task:
    """One class to learn.

    Attributes:
      label: its row of the head, 0..k-1 in order of learning.
      class_id: its id in the data set.
      name: its name in the data set.
      x: (samples_per_class, h, w, c) samples to learn from, in order.
    """

    label: int
    class_id: int
    name: str
    x: np.ndarray


@dataclass(frozen=True, eq=False)
class Stream:
    """Classes in order of learning, and what is tested.

    Attributes:
      tasks: one for each class.
      x_test: (m, h, w, c) test samples of all the stream's classes, ordered by label.
      y_test: (m,) int64 labels as in Task.label; after k classes, those below k are the ones to test.
      eval_points: rising numbers of classes learnt after which accuracy is measured.
    """

    tasks: tuple[Task, ...]
    x_test: np.ndarray
    y_test: np.ndarray
    eval_points: tuple[int, ...]


def class_incremental(
    dataset: Dataset,
    part: Literal["validation", "meta_test"],
    num_classes: int,
    samples_per_class: int,
    eval_every: int,
    seed: int,
    run: int,
) -> Stream:
    """Draws a stream that brings one new class at a time.

    (seed, run) decide everything, so that all methods of a run see the same stream. A stream of fewer classes
    or samples is the beginning of the longer one.

    Args:
      dataset: where the samples come from.
      part: which classes. "validation" is tested on the data set's validation samples where it has them.
      num_classes: classes to learn.
      samples_per_class: training samples of each.
      eval_every: accuracy is measured after each so many classes, and after the last.
      seed: of the whole experiment, >= 0.
      run: number of the repetition, >= 0; each has its own class order.

    Raises:
      InputError: the part has too few classes, a class has too few samples, or a number is out of range.
    """
    if part not in _PART_IDS:
        raise InputError(f"part must be validation or meta_test. Received: part={part!r}.")
    check_at_least(1, num_classes=num_classes, samples_per_class=samples_per_class, eval_every=eval_every)
    check_at_least(0, seed=seed, run=run)
    candidates = getattr(dataset.split, part)
    if num_classes > len(candidates):
        raise InputError(
            f"{dataset.name} has {len(candidates)} {part} classes, fewer than the stream must have. "
            f"Received: num_classes={num_classes}."
        )
    order = np.random.default_rng([seed, run, CLASS_ORDER, _PART_IDS[part]]).permutation(candidates)[:num_classes]
    tasks = tuple(
        Task(label, int(class_id), dataset.class_names[class_id],
             _draw_samples(dataset, int(class_id), samples_per_class, seed, run))
        for label, class_id in enumerate(order)
    )  # fmt: skip
    x, y = dataset.x_test, dataset.y_test
    if part == "validation" and dataset.x_val is not None and dataset.y_val is not None:
        x, y = dataset.x_val, dataset.y_val
    x_test, y_test = select(x, y, order)
    eval_points = (*range(eval_every, num_classes, eval_every), num_classes)
    return Stream(tasks, x_test, y_test, eval_points)


def _draw_samples(dataset: Dataset, class_id: int, num_samples: int, seed: int, run: int) -> np.ndarray:
    """(num_samples, h, w, c) of a class's training samples, without repetition."""
    indices = np.flatnonzero(dataset.y_train == class_id)
    if len(indices) < num_samples:
        raise InputError(
            f"Class {dataset.class_names[class_id]} of {dataset.name} has {len(indices)} training samples, "
            f"fewer than the stream must have. Received: samples_per_class={num_samples}."
        )
    rng = np.random.default_rng([seed, run, SAMPLE_ORDER, class_id])
    return dataset.x_train[rng.permutation(indices)[:num_samples]]
