"""What the methods share, and what all of them promise."""

import dataclasses
import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.tfodcl.task_methods.tiny import (
    ANY_NETWORK,
    LATENT_DIM,
    NUM_CLASSES,
    LinearNetworks,
    StagedNetworks,
    draw_tasks,
)
from tfodcl.compress.uniform import UniformCodec
from tfodcl.errors import InputError
from tfodcl.meta.augment import mirror_and_shift
from tfodcl.replay.hierarchy import MemoryPlan, Sizes, fixed
from tfodcl.stages.keras_network import KerasNetwork
from tfodcl.task_methods import CLASSES
from tfodcl.task_methods.derpp import Derpp
from tfodcl.task_methods.learning import MiniBatches, TaskLearning, TaskMethod


@pytest.mark.parametrize(
    ("field", "value", "rule"),
    [
        ("batch_size", 0, "batch_size must be at least 1. Received: batch_size=0"),
        ("epochs", 0, "epochs must be at least 1. Received: epochs=0"),
        ("buffer_size", 0, "buffer_size must be at least 1. Received: buffer_size=0"),
        ("learning_rate", 0.0, "learning_rate must be above 0.*Received: learning_rate=0.0"),
        ("learning_rate", float("nan"), "learning_rate must be above 0.*Received: learning_rate=nan"),
        ("strength", -0.1, "strength and cache_bytes at least 0.*strength=-0.1"),
        ("strength", float("nan"), "strength and cache_bytes at least 0.*strength=nan"),
        ("cache_bytes", -1, "strength and cache_bytes at least 0.*cache_bytes=-1"),
    ],
)
def test_numbers_that_cannot_work_are_refused(field, value, rule):
    with pytest.raises(InputError, match=rule):
        TaskLearning(**{field: value})


def test_without_a_strength_the_published_one_is_taken():
    assert TaskLearning().strength_of(Derpp) == Derpp.STRENGTHS[0] == 0.1
    assert TaskLearning(strength=0.0).strength_of(Derpp) == 0.0


def test_each_epoch_brings_every_sample_once_in_an_order_of_its_own():
    batches = list(MiniBatches(TaskLearning(batch_size=8, epochs=3), seed=0).all(20, ANY_NETWORK))
    assert [len(batch) for batch in batches] == [8, 8, 4] * 3
    orders = [np.concatenate(batches[3 * epoch : 3 * epoch + 3]).tolist() for epoch in range(3)]
    assert all(sorted(order) == list(range(20)) for order in orders)
    assert len({tuple(order) for order in [*orders, range(20)]}) == 4


def test_the_seed_decides_the_order_of_samples():
    learning = TaskLearning(batch_size=20, epochs=1)
    first, again, other = (next(MiniBatches(learning, seed).all(20, ANY_NETWORK)).tolist() for seed in (0, 0, 1))
    assert first == again != other


def test_samples_become_floats_in_0_to_1_and_change_at_random_where_they_shall():
    x = draw_tasks()[0].x
    plain = MiniBatches(TaskLearning(), seed=0).prepare(x)
    assert plain.dtype == np.float32
    np.testing.assert_allclose(plain, x / 255, rtol=1e-6)

    changing = TaskLearning(augment=lambda z, rng: z.astype(np.float64) + rng.random((len(z), 1, 1, 1)))
    batches = MiniBatches(changing, seed=0)
    changes = [batches.prepare(x) - plain for _ in range(2)]
    assert changes[0].dtype == np.float32
    for change in changes:
        np.testing.assert_allclose(change - change[:, :1, :1, :1], 0, atol=1e-6)
    assert (changes[0] != changes[1]).any() and np.ptp(changes[0]) > 0.5
    np.testing.assert_allclose(MiniBatches(changing, seed=0).prepare(x), plain + changes[0], atol=1e-6)


def taught(name: str, seed: int, folder: Path, **given: Any) -> TaskMethod:
    """Without swapping, in which Miro's storage takes its time."""
    staged = name in ("pnn", "lightcl", "lightcl_freezing", "icarl", "miro_latent")
    networks = StagedNetworks() if staged else LinearNetworks()
    memory = MemoryPlan(folder, fixed(10**6), [Sizes(6, 12)], swap_ratio=0.0, codec=UniformCodec(LATENT_DIM, 4))
    learning = TaskLearning(0.1, batch_size=10, epochs=2, buffer_size=6, augment=mirror_and_shift, memory=memory)
    method = CLASSES[name](networks, dataclasses.replace(learning, **given), seed)
    for task in draw_tasks():
        method.learn(task)
    return method


@pytest.mark.parametrize("name", [name for name in CLASSES if name != "lightcl_sparse"])
def test_the_seed_decides_all_that_a_method_learns(name, tmp_path):
    x = np.concatenate([task.x for task in draw_tasks(seed=5)])
    folders = (tmp_path / run for run in ("first", "again", "other"))
    first, again, other = (taught(name, *one).scores(x) for one in zip((0, 0, 1), folders, strict=True))
    assert first.shape == (len(x), NUM_CLASSES) and first.dtype == np.float32
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


@pytest.mark.parametrize("name", [name for name in CLASSES if name != "lightcl_sparse"])
@pytest.mark.parametrize("falls", [False, True])
def test_in_each_task_the_rate_of_every_method_falls_where_it_shall(name, falls, tmp_path, monkeypatch):
    rates, minimizer = [], KerasNetwork.minimizer

    def noting(network, loss):
        step = minimizer(network, loss)
        return lambda *arguments: rates.append(float(network.rate_share)) or step(*arguments)

    monkeypatch.setattr(KerasNetwork, "minimizer", noting)
    taught(name, 0, tmp_path, epochs=10, rate_falls=falls)
    found = [rate for rate, _ in itertools.groupby(rates)]
    assert found == (pytest.approx([1, 0.2, 0.04] * 2) if falls else [1.0])
