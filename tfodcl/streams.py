"""What a device meets, class after class, and what an encoder is meta-trained on; all of it from a seed."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from tfodcl.data import Dataset
from tfodcl.errors import InputError

# Separates the random numbers of one purpose from those of another with the same seed.
_CLASS_ORDER, _SAMPLE_ORDER, _EPISODE = 0, 1, 2
_PART_IDS = {"validation": 0, "meta_test": 1}
_CODEC_SAMPLES = 8
NUM_FITTED = 2000  # samples at most that codebooks are fitted to; half as many more test them


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
    _check_at_least(1, num_classes=num_classes, samples_per_class=samples_per_class, eval_every=eval_every)
    _check_at_least(0, seed=seed, run=run)
    candidates = getattr(dataset.split, part)
    if num_classes > len(candidates):
        raise InputError(
            f"{dataset.name} has {len(candidates)} {part} classes, fewer than the stream must have. "
            f"Received: num_classes={num_classes}."
        )
    order = np.random.default_rng([seed, run, _CLASS_ORDER, _PART_IDS[part]]).permutation(candidates)[:num_classes]
    tasks = tuple(
        Task(label, int(class_id), dataset.class_names[class_id],
             _draw_samples(dataset, int(class_id), samples_per_class, seed, run))
        for label, class_id in enumerate(order)
    )  # fmt: skip
    x_test, y_test = _test_samples(dataset, part, order)
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
    rng = np.random.default_rng([seed, run, _SAMPLE_ORDER, class_id])
    return dataset.x_train[rng.permutation(indices)[:num_samples]]


def _test_samples(dataset: Dataset, part: str, order: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """All test samples of the classes in `order`, with their positions in it as labels."""
    x, y = dataset.x_test, dataset.y_test
    if part == "validation" and dataset.x_val is not None and dataset.y_val is not None:
        x, y = dataset.x_val, dataset.y_val
    label_of = np.full(len(dataset.class_names), -1, np.int64)
    label_of[order] = np.arange(len(order))
    labels = label_of[y]
    chosen = np.argsort(labels, kind="stable")[np.count_nonzero(labels < 0) :]
    return x[chosen], labels[chosen]


@dataclass(frozen=True, eq=False)
class MetaTrainIndex:
    """Where the meta-training samples are.

    Attributes:
      by_class: for each class in order of split.meta_train, (n,) int64 indices into x_train.
      all: (sum n,) int64, all of them.
      all_labels: (sum n,) int64 in [0, len(by_class)), their positions in meta_train.
    """

    by_class: tuple[np.ndarray, ...]
    all: np.ndarray
    all_labels: np.ndarray


def index_meta_train(dataset: Dataset) -> MetaTrainIndex:
    """Indexes the training samples of the meta-training classes."""
    by_class = tuple(np.flatnonzero(dataset.y_train == class_id) for class_id in dataset.split.meta_train)
    labels = np.repeat(np.arange(len(by_class)), [len(indices) for indices in by_class])
    return MetaTrainIndex(by_class, np.concatenate(by_class), labels)


def codec_samples(dataset: Dataset, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Meta-train samples in random order, (n, h, w, c): to fit codecs to, and half as many others to test them."""
    chosen = np.random.default_rng([seed, _CODEC_SAMPLES]).permutation(index_meta_train(dataset).all)
    chosen = chosen[: NUM_FITTED * 3 // 2]
    num_fitted = len(chosen) * 2 // 3
    return dataset.x_train[chosen[:num_fitted]], dataset.x_train[chosen[num_fitted:]]


@dataclass(frozen=True, eq=False)
class Episode:
    """One step of meta-training: a class to learn in the inner loop, and samples that show what it cost.

    Attributes:
      trajectory: (num_inner,) int64 indices into x_train, all of one class, in order of learning.
      label: that class's position in split.meta_train.
      random: (num_random,) int64 indices into x_train, of all meta-training classes.
      random_labels: (num_random,) int64 positions in split.meta_train.
    """

    trajectory: np.ndarray
    label: int
    random: np.ndarray
    random_labels: np.ndarray


def sample_episode(index: MetaTrainIndex, step: int, seed: int, num_inner: int, num_random: int) -> Episode:
    """Draws the episode of a step: a pure function of its arguments, so that a resumed run repeats it.

    Where a class has fewer than `num_inner` samples, all are taken before any is taken again.

    Raises:
      InputError: `num_random` exceeds the number of samples, or a number is out of range.
    """
    _check_at_least(1, num_inner=num_inner)
    _check_at_least(0, step=step, seed=seed, num_random=num_random)
    if num_random > len(index.all):
        raise InputError(
            f"num_random must be at most the {len(index.all)} meta-training samples. Received: num_random={num_random}."
        )
    rng = np.random.default_rng([seed, step, _EPISODE])
    label = int(rng.integers(len(index.by_class)))
    indices = index.by_class[label]
    rounds = -(-num_inner // len(indices))
    trajectory = np.concatenate([rng.permutation(indices) for _ in range(rounds)])[:num_inner]
    chosen = rng.choice(len(index.all), num_random, replace=False)
    return Episode(trajectory, label, index.all[chosen], index.all_labels[chosen])


def _check_at_least(minimum: int, **values: int) -> None:
    for name, value in values.items():
        if value < minimum:
            raise InputError(f"{name} must be at least {minimum}. Received: {name}={value}.")
