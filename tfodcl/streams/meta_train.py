"""What an encoder is meta-trained on, and what codecs are fitted to."""

from dataclasses import dataclass

import numpy as np

from tfodcl.data import Dataset
from tfodcl.errors import InputError
from tfodcl.streams.seeds import CODEC_SAMPLES, EPISODE, check_at_least

NUM_FITTED = 2000  # samples at most that codebooks are fitted to; half as many more test them


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
    chosen = np.random.default_rng([seed, CODEC_SAMPLES]).permutation(index_meta_train(dataset).all)
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
    check_at_least(1, num_inner=num_inner)
    check_at_least(0, step=step, seed=seed, num_random=num_random)
    if num_random > len(index.all):
        raise InputError(
            f"num_random must be at most the {len(index.all)} meta-training samples. Received: num_random={num_random}."
        )
    rng = np.random.default_rng([seed, step, EPISODE])
    label = int(rng.integers(len(index.by_class)))
    indices = index.by_class[label]
    rounds = -(-num_inner // len(indices))
    trajectory = np.concatenate([rng.permutation(indices) for _ in range(rounds)])[:num_inner]
    chosen = rng.choice(len(index.all), num_random, replace=False)
    return Episode(trajectory, label, index.all[chosen], index.all_labels[chosen])
