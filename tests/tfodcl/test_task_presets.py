"""Sizes of runs of methods that learn tasks, by preset and data set."""

import numpy as np
import pytest

from tfodcl.data import ClassSplit, Dataset
from tfodcl.errors import InputError
from tfodcl.task_presets import TASK_PRESETS, choose_tasks


def dataset(num_classes: int, kind: str = "image") -> Dataset:
    x, y, ids = np.zeros((1, 8, 8, 1), np.uint8), np.zeros(1, np.int64), np.arange(1)
    names = tuple(f"class {i}" for i in range(num_classes))
    return Dataset("made up", x, y, x, y, None, None, names, ClassSplit(ids, ids, ids), {"kind": kind}, "none")


@pytest.mark.parametrize(
    ("num_classes", "num_tasks"), [(10, 5), (4, 2), (9, 5), (5, 3), (2, 1), (20, 5), (100, 10), (200, 10), (101, 10)]
)
@pytest.mark.parametrize("name", TASK_PRESETS)
def test_most_tasks_have_two_classes_at_least(name, num_classes, num_tasks):
    assert choose_tasks(name, dataset(num_classes)).num_tasks == num_tasks


def test_the_paper_has_its_epochs_batch_rate_and_buffer():
    """LightCL (arXiv 2407.10545): 50 epochs of CIFAR-10, 100 of Tiny-ImageNet, whose ten tasks are of 20 classes."""
    ten, many = (choose_tasks("paper", dataset(num_classes)) for num_classes in (10, 200))
    expected = {"depth": 18, "width": 64, "batch_size": 32, "buffer_size": 15, "rates": (0.01,)}
    for preset in (ten, many):
        assert {name: getattr(preset, name) for name in expected} == expected
    assert (ten.epochs, many.epochs) == (50, 100)


@pytest.mark.parametrize("name", ["best", "board", ""])
def test_other_presets_are_refused(name):
    with pytest.raises(InputError, match=f"methods that learn tasks have the presets quick, paper. Received: {name}"):
        choose_tasks(name, dataset(10))


def test_activities_have_miros_tasks_epochs_and_batch():
    """arXiv 2308.06053: the 19 daily sports and activities in 10 tasks of 2, 10 epochs, mini-batches of 16, of
    profiled sizes the best 0.4."""
    preset = choose_tasks("quick", dataset(19, "windows"))
    assert (preset.num_tasks, preset.epochs, preset.batch_size, preset.cutline) == (10, 10, 16, 0.4)
    assert choose_tasks("quick", dataset(5, "windows")).num_tasks == 3


def test_recordings_are_learnt_in_ten_tasks():
    for name in TASK_PRESETS:
        assert choose_tasks(name, dataset(40, "log_mel")).num_tasks == 10
        assert choose_tasks(name, dataset(10, "log_mel")).num_tasks == 5
