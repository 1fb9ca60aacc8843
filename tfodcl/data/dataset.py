"""What a loaded data set is, whatever it was read from."""

from dataclasses import dataclass, replace
from typing import Self

import numpy as np


@dataclass(frozen=True, eq=False)
class ClassSplit:
    """Three disjoint sets of class ids, each (k,) int64.

    Attributes:
      meta_train: classes the encoder is trained on.
      validation: classes on which learning rates are chosen; the encoder is not trained on them before that.
      meta_test: classes that a device meets later; results are reported on these alone.
    """

    meta_train: np.ndarray
    validation: np.ndarray
    meta_test: np.ndarray


@dataclass(frozen=True, eq=False)
class Dataset:
    """Samples, labels and the split of the classes.

    Attributes:
      name: what `load` was asked for.
      x_train: (n, h, w, c) samples to learn from: uint8 images in [0, 255], or standardised float32 features.
      y_train: (n,) int64 class ids in [0, len(class_names)).
      x_test: (m, h, w, c) samples never learnt from.
      y_test: (m,) int64.
      x_val: (v, h, w, c) samples of validation speakers, None where the data set has none.
      y_val: (v,) int64, or None.
      class_names: class id -> name.
      split: which classes are for what.
      front_end: how x was made from the sensor's values, JSON-able. {"kind": "image", "scale": 1/255},
        {"kind": "mfcc", the fields of mfcc.Mfcc, "mean": [..], "std": [..]} with one mean per coefficient,
        {"kind": "log_mel", the same without the coefficients, one mean per mel bin}, or
        {"kind": "windows", "mean": [..], "std": [..]} with one mean per channel.
      licence: one line on the source of the data and its licence.
      group_train: (n,) int64, equal for the training samples of one recording, which are of one class and in
        order of time; None where samples are unrelated.
    """

    name: str
    x_train: np.ndarray
    y_train: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray
    x_val: np.ndarray | None
    y_val: np.ndarray | None
    class_names: tuple[str, ...]
    split: ClassSplit
    front_end: dict
    licence: str
    group_train: np.ndarray | None = None

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """(h, w, c) of one sample."""
        _, height, width, channels = self.x_train.shape
        return height, width, channels

    def with_validation_trained(self) -> Self:
        """The data set whose validation classes are meta-train classes too."""
        trained = np.concatenate([self.split.meta_train, self.split.validation])
        return replace(self, split=replace(self.split, meta_train=trained))

    def with_all_trained(self) -> Self:
        """The data set whose classes are all meta-train classes: it serves a network that learns others elsewhere."""
        every = np.arange(len(self.class_names), dtype=np.int64)
        return replace(self, split=ClassSplit(every, every[:0], every[:0]))


def as_float(x: np.ndarray) -> np.ndarray:
    """What an encoder is fed: uint8 -> float32 x / 255 in [0, 1]; float32 unchanged. Any shape."""
    if x.dtype == np.uint8:
        return x.astype(np.float32) * np.float32(1 / 255)
    return x.astype(np.float32, copy=False)
