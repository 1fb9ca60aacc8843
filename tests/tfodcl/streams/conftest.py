"""A data set whose samples can be told apart."""

import numpy as np
import pytest

from tfodcl.data import ClassSplit, Dataset

NUM_CLASSES, NUM_TRAIN, NUM_TEST = 30, 8, 4


@pytest.fixture
def dataset() -> Dataset:
    """Each sample is its own number, so that samples can be told apart: test samples are from 1000 on."""
    y_train = np.random.default_rng(0).permutation(np.repeat(np.arange(NUM_CLASSES), NUM_TRAIN))
    y_test = np.random.default_rng(1).permutation(np.repeat(np.arange(NUM_CLASSES), NUM_TEST))
    return Dataset(
        name="numbers",
        x_train=np.arange(len(y_train), dtype=np.float32).reshape(-1, 1, 1, 1),
        y_train=y_train,
        x_test=(1000 + np.arange(len(y_test), dtype=np.float32)).reshape(-1, 1, 1, 1),
        y_test=y_test,
        x_val=None,
        y_val=None,
        class_names=tuple(f"class {index}" for index in range(NUM_CLASSES)),
        split=ClassSplit(np.arange(14), np.arange(14, 18), np.arange(18, 30)),
        front_end={"kind": "image", "scale": 1 / 255},
        licence="none",
    )
