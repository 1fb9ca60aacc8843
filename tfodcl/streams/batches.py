"""NICv2 streams: a first training batch of several classes, then hundreds of small ones (Lomonaco et al. 2020)."""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tfodcl.data import Dataset
from tfodcl.errors import InputError
from tfodcl.streams.labels import select
from tfodcl.streams.seeds import BATCH_CLASSES, BATCH_ORDER, BATCH_SAMPLES, check_at_least


@dataclass(frozen=True, eq=False)
class TrainingBatch:
    """What a stream brings at once.

    Attributes:
      number: 1, 2, .. in order of learning.
      x: (n, h, w, c) samples, those of a group together.
      labels: (n,) int64; those of new classes continue those seen before.
    """

    number: int
    x: np.ndarray
    labels: np.ndarray


@dataclass(frozen=True, eq=False)
class BatchStream:
    """Training batches in order of learning, and what is tested.

    Attributes:
      x_train: (n, h, w, c) the data set's training samples.
      indices: for each training batch, (k,) int64 indices into x_train; none occurs twice.
      labels: for each training batch, (k,) int64 in [0, number of classes), in order of first appearance.
      class_ids: (number of classes,) int64: label -> class id in the data set.
      x_test: (m, h, w, c) test samples of all the stream's classes, ordered by label.
      y_test: (m,) int64 labels. The test set is fixed: classes still to come count from the beginning.
      eval_points: rising numbers of training batches after which accuracy is measured.
    """

    x_train: np.ndarray
    indices: tuple[np.ndarray, ...]
    labels: tuple[np.ndarray, ...]
    class_ids: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray
    eval_points: tuple[int, ...]

    @property
    def num_batches(self) -> int:
        return len(self.indices)

    def first(self, num_batches: int) -> "BatchStream":
        """The first training batches, 1 <= num_batches <= self.num_batches; what is tested stays the same."""
        points = {*(point for point in self.eval_points if point < num_batches), num_batches}
        indices, labels = self.indices[:num_batches], self.labels[:num_batches]
        return dataclasses.replace(self, indices=indices, labels=labels, eval_points=tuple(sorted(points)))

    @property
    def batches(self) -> Iterator[TrainingBatch]:
        """The training batches, copied one by one: all together would double the data set in memory."""
        for number, (indices, labels) in enumerate(zip(self.indices, self.labels, strict=True), 1):
            yield TrainingBatch(number, self.x_train[indices], labels)


def nicv2(
    dataset: Dataset,
    class_ids: Sequence[int] | np.ndarray,
    first_classes: int,
    batch_samples: int | None,
    groups_per_batch: int,
    eval_every: int,
    seed: int,
    run: int,
    most_groups: int | None = None,
) -> BatchStream:
    """Draws a stream of small training batches, not i.i.d.: each group of samples is of one class.

    A group is a recording where the data set has recordings (`group_train`). Elsewhere each class's samples, in
    random order, are cut into groups of `batch_samples`; those left over, fewer than that, are not used. The
    first training batch has one group of each of `first_classes` classes. Every later one has
    `groups_per_batch` of all other groups, old and new classes mixed, the last one maybe fewer:
      number of training batches = 1 + ceil((number of groups - first_classes) / groups_per_batch).

    CORe50 has 400 groups, 50 objects in 8 training sessions. With first_classes = 10 and groups_per_batch = 1, 2
    and 5 there are the 391, 196 and 79 training batches of NICv2-391, -196 and -79 (V. Lomonaco, D. Maltoni,
    L. Pellegrini: Rehearsal-free continual learning over small non-i.i.d. batches, CVPR workshops 2020).
    Training batches of 2 or 5 groups join successive ones of the stream with 1, so that they may have several
    classes: with 7 or 8 groups left of each class, 195 pairs or 78 fives cannot all be of one class.

    As in NICv2, classes go on appearing for the first time until late; in a uniformly random order nearly all would
    in its first third. Its lists of files are not used, our rule is: time runs from 0 to 1. The k-th of n new classes
    first appears at time k / n, k from 0, and its other groups come at times drawn uniformly from what is left; so
    do those of the first training batch's classes, from all of it. Groups come in order of time.

    (seed, run) decide everything that is random, so that all methods of a run see the same stream.

    Args:
      dataset: where the samples come from; its test samples are tested.
      class_ids: the classes to learn, in any order.
      first_classes: of the first training batch, in [1, len(class_ids)].
      batch_samples: of a group, >= 1; None where the data set has recordings.
      groups_per_batch: of each training batch but the first, >= 1.
      eval_every: accuracy is measured after the first training batch, after each so many, and after the last.
      seed: of the whole experiment, >= 0.
      run: number of the repetition, >= 0.
      most_groups: of each class, >= 1, for a shorter stream; None takes all.

    Raises:
      InputError: a class has no samples or less than one group, or a number is out of range.
    """
    check_at_least(1, first_classes=first_classes, groups_per_batch=groups_per_batch, eval_every=eval_every)
    check_at_least(0, seed=seed, run=run)
    ids = _checked_classes(dataset, class_ids, first_classes)
    _check_batch_samples(dataset, batch_samples)
    if most_groups is not None:
        check_at_least(1, most_groups=most_groups)
    order = np.random.default_rng([seed, run, BATCH_CLASSES]).permutation(ids)
    groups = [_draw_groups(dataset, int(class_id), batch_samples, seed, run)[:most_groups] for class_id in order]
    rng = np.random.default_rng([seed, run, BATCH_ORDER])
    later = _order_later([len(of_class) for of_class in groups], first_classes, rng)
    batches = [[(label, 0) for label in range(first_classes)]]
    batches += [later[begin : begin + groups_per_batch] for begin in range(0, len(later), groups_per_batch)]
    indices = tuple(np.concatenate([groups[label][i] for label, i in batch]) for batch in batches)
    labels = tuple(np.repeat([j for j, _ in batch], [len(groups[j][i]) for j, i in batch]) for batch in batches)
    points = {1, *range(eval_every, len(batches), eval_every), len(batches)}
    x_test, y_test = select(dataset.x_test, dataset.y_test, order)
    return BatchStream(dataset.x_train, indices, labels, order, x_test, y_test, tuple(sorted(points)))


def nicv2_of(
    dataset: Dataset,
    class_ids: Sequence[int] | np.ndarray,
    protocol: Mapping[str, int],
    seed: int,
    run: int,
    most_groups: int | None = None,
) -> BatchStream:
    """`nicv2` with the sizes that packages and results hold as their protocol."""
    return nicv2(
        dataset,
        class_ids,
        protocol["first_classes"],
        protocol["samples_per_class"] if dataset.group_train is None else None,
        protocol["groups_per_batch"],
        protocol["eval_every"],
        seed,
        run,
        most_groups,
    )


def _checked_classes(dataset: Dataset, class_ids: Sequence[int] | np.ndarray, first_classes: int) -> np.ndarray:
    """(k,) int64, rising, so that the stream does not depend on the order in which they are named."""
    ids = np.unique(np.asarray(class_ids, np.int64))
    if len(ids) != len(class_ids):
        raise InputError(f"class_ids must name each class once. Received: {len(class_ids)} of {len(ids)} classes.")
    if first_classes > len(ids):
        raise InputError(
            f"first_classes must be at most the stream's {len(ids)} classes. Received: first_classes={first_classes}."
        )
    for part, y in (("training", dataset.y_train), ("test", dataset.y_test)):
        absent = np.setdiff1d(ids, y)
        if absent.size:
            raise InputError(
                f"Each class of the stream must have {part} samples in {dataset.name}. Received: none of class "
                f"{absent[0]}."
            )
    return ids


def _check_batch_samples(dataset: Dataset, batch_samples: int | None) -> None:
    if dataset.group_train is None:
        if batch_samples is None:
            raise InputError(f"batch_samples must be given, as {dataset.name} has no recordings. Received: none.")
        check_at_least(1, batch_samples=batch_samples)
    elif batch_samples is not None:
        raise InputError(
            f"batch_samples must be None, as {dataset.name} has recordings. Received: batch_samples={batch_samples}."
        )


def _draw_groups(dataset: Dataset, class_id: int, batch_samples: int | None, seed: int, run: int) -> list[np.ndarray]:
    """A class's groups in random order, each (k,) int64 indices into x_train; a recording's in order of time."""
    rng = np.random.default_rng([seed, run, BATCH_SAMPLES, class_id])
    indices = np.flatnonzero(dataset.y_train == class_id)
    if batch_samples is None:
        assert dataset.group_train is not None
        recordings = dataset.group_train[indices]
        return [indices[recordings == recording] for recording in rng.permutation(np.unique(recordings))]
    num_groups = len(indices) // batch_samples
    if num_groups == 0:
        raise InputError(
            f"Class {dataset.class_names[class_id]} of {dataset.name} has {len(indices)} training samples, "
            f"fewer than a training batch must have. Received: batch_samples={batch_samples}."
        )
    return np.split(rng.permutation(indices)[: num_groups * batch_samples], num_groups)


def _order_later(num_groups: Sequence[int], first_classes: int, rng: np.random.Generator) -> list[tuple[int, int]]:
    """All groups but the first one of each of the first classes, as (label, number of the group), in order."""
    num_new = len(num_groups) - first_classes
    timed = []
    for label, count in enumerate(num_groups):
        start = max(label - first_classes, 0) / max(num_new, 1)
        times = [start, *rng.uniform(start, 1, count - 1)]
        timed += [(time, label, i) for i, time in enumerate(times) if label >= first_classes or i > 0]
    return [(label, i) for _, label, i in sorted(timed)]
