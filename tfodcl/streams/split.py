"""Split streams: the classes of a data set, so many new ones at a time (Split CIFAR-10, Split Tiny-ImageNet)."""

import dataclasses
from dataclasses import dataclass

import numpy as np

from tfodcl.data import Dataset
from tfodcl.errors import InputError
from tfodcl.streams.labels import select
from tfodcl.streams.seeds import CLASS_ORDER, SAMPLE_ORDER, check_at_least

_PART_ID = 2  # of the seed of class orders; tasks.py has 0 and 1


@dataclass(frozen=True, eq=False)
class SplitTask:
    """New classes to learn at once.

    Attributes:
      number: 0, 1, .. in order of learning.
      classes: labels of its classes, successive rows of the head; those of task 0 begin at 0.
      x: (n, h, w, c) samples, in random order.
      labels: (n,) int64, in `classes`.
    """

    number: int
    classes: range
    x: np.ndarray
    labels: np.ndarray


@dataclass(frozen=True, eq=False)
class SplitStream:
    """Tasks in order of learning, and what is tested.

    Attributes:
      tasks: each has as many classes as any other; where they do not divide evenly, the first ones have one more.
      x_test: (m, h, w, c) samples of all classes, ordered by label; none is learnt from.
      y_test: (m,) int64.
      class_ids: (number of classes,) int64: label -> class id in the data set.
    """

    tasks: tuple[SplitTask, ...]
    x_test: np.ndarray
    y_test: np.ndarray
    class_ids: np.ndarray

    @property
    def num_classes(self) -> int:
        return len(self.class_ids)

    @property
    def eval_points(self) -> tuple[int, ...]:
        """Numbers of classes learnt after each task."""
        return tuple(task.classes.stop for task in self.tasks)

    def first(self, num_tasks: int) -> "SplitStream":
        """The first so many tasks, or all where there are no more; tested are all classes, as before."""
        return dataclasses.replace(self, tasks=self.tasks[:num_tasks])


def split_stream(dataset: Dataset, num_tasks: int, held_out: float, seed: int, run: int) -> SplitStream:
    """Divides all classes of a data set among tasks, in random order.

    (seed, run) decide everything, so that all methods of a run see the same stream.

    Args:
      dataset: its test samples are tested.
      num_tasks: >= 1, at most the number of classes.
      held_out: > 0 for a stream on which learning rates and the like are chosen: this share of each class's training
        samples, one at least, is tested, and learning has the others; the data set's test samples are not touched. 0:
        all training samples are learnt from.
      seed: of the whole experiment, >= 0.
      run: number of the repetition, >= 0; each has its own class order.

    Raises:
      InputError: a number is out of range, or a class has no samples to learn from or to test.
    """
    num_classes = len(dataset.class_names)
    check_at_least(1, num_tasks=num_tasks)
    check_at_least(0, seed=seed, run=run)
    if num_tasks > num_classes:
        raise InputError(
            f"each task must have one of the {num_classes} classes of {dataset.name}. Received: num_tasks={num_tasks}."
        )
    if not 0 <= held_out < 1:
        raise InputError(f"held_out must be at least 0 and below 1. Received: held_out={held_out}.")
    order = np.random.default_rng([seed, run, CLASS_ORDER, _PART_ID]).permutation(num_classes)
    learnt, tested = _divide(dataset.y_train, held_out, seed)
    x_test, y_test = dataset.x_test, dataset.y_test
    if held_out:
        x_test, y_test = dataset.x_train[tested], dataset.y_train[tested]
    for purpose, y in (("learn", dataset.y_train[learnt]), ("test", y_test)):
        absent = np.setdiff1d(order, y)
        if absent.size:
            raise InputError(
                f"each class of {dataset.name} must have samples to learn from and others to test. "
                f"Received: none to {purpose} of {dataset.class_names[absent[0]]}."
            )
    tasks = tuple(
        _task(dataset, learnt, order, number, range(part[0], part[-1] + 1), seed, run)
        for number, part in enumerate(np.array_split(range(num_classes), num_tasks))
    )
    return SplitStream(tasks, *select(x_test, y_test, order), order)


def _divide(y: np.ndarray, held_out: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Indices to learn from and to test, the same for all runs."""
    order = np.random.default_rng([seed, SAMPLE_ORDER, _PART_ID]).permutation(len(y))
    learnt, tested = [], []
    for class_id in np.unique(y):
        of_class = order[y[order] == class_id]
        num_tested = max(1, round(held_out * len(of_class))) if held_out else 0
        tested.append(of_class[:num_tested])
        learnt.append(of_class[num_tested:])
    return np.concatenate(learnt), np.concatenate(tested)


def _task(
    dataset: Dataset, learnt: np.ndarray, order: np.ndarray, number: int, classes: range, seed: int, run: int
) -> SplitTask:
    indices, labels = select(learnt, dataset.y_train[learnt], order[classes.start : classes.stop])
    chosen = np.random.default_rng([seed, run, SAMPLE_ORDER, _PART_ID, number]).permutation(len(indices))
    return SplitTask(number, classes, dataset.x_train[indices[chosen]], labels[chosen] + classes.start)
