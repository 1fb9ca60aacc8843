"""Miro over latents against Miro that is fed the maps, and against itself interrupted."""

import dataclasses

import numpy as np
import pytest
import tf_keras as keras

from tests.tfodcl.task_methods.tiny import LATENT_DIM, LinearNetworks, StagedNetworks, draw_tasks
from tfodcl.compress.record import Codec
from tfodcl.compress.uniform import UniformCodec
from tfodcl.errors import InputError
from tfodcl.meta.augment import mirror_and_shift
from tfodcl.replay.hierarchy import MemoryPlan, Sizes, fixed, ram_bytes, usual_grid
from tfodcl.task_methods import profiler as profiling
from tfodcl.task_methods.learning import TaskLearning
from tfodcl.task_methods.miro import Miro
from tfodcl.task_methods.miro_latent import MiroLatent

LEARNING = TaskLearning(0.2, batch_size=8, epochs=2)
LOSSLESS = UniformCodec(LATENT_DIM, 8)
GRID = (Sizes(8, 10), Sizes(4, 6), Sizes(16, 20))
TASKS = draw_tasks(100)


@pytest.fixture
def plan(tmp_path):
    def new(*grid: Sizes, codec: Codec | None = LOSSLESS, name: str = "latent", **given) -> TaskLearning:
        memory = MemoryPlan(tmp_path / name, fixed(10**9), grid, codec=codec, **given)
        return dataclasses.replace(LEARNING, memory=memory)

    return new


@pytest.fixture
def closing():
    opened: list[Miro] = []

    def note(method: Miro) -> Miro:
        opened.append(method)
        return method

    yield note
    for method in opened:
        method.close()


class BehindFront(StagedNetworks):
    """Whole networks that take maps."""

    def whole(self) -> keras.Model:
        trained = self.cut(super().whole())[1]
        return keras.Model(trained.input, trained.outputs[0])


def maps_of(x: np.ndarray) -> np.ndarray:
    networks = StagedNetworks()
    frozen, trained = networks.cut(networks.whole())
    return frozen.dequantize(frozen.encode(x)).reshape(-1, *trained.input_shape[1:])


@pytest.mark.parametrize("grid", [(Sizes(100, 100),), GRID])
def test_with_a_lossless_codec_it_learns_what_miro_learns_of_the_maps(plan, closing, monkeypatch, grid):
    """With everything in memory, and with sizes that the profiler tries."""
    monkeypatch.setattr(profiling, "MOST_COST", 100)
    monkeypatch.setattr(profiling, "SHARE", 1.0)
    method = closing(MiroLatent(StagedNetworks(), plan(*grid, swap_ratio=0.0), 3))
    plain = closing(Miro(BehindFront(), plan(*grid, swap_ratio=0.0, name="plain"), 3))
    start = method.network.variables[0].numpy()
    for task in TASKS:
        method.learn(task)
        plain.learn(dataclasses.replace(task, x=maps_of(task.x)))
        for one, other in zip(method.network.variables, plain.network.variables, strict=True):
            np.testing.assert_array_equal(one.numpy(), other.numpy())
    assert (method.network.variables[0].numpy() != start).any()
    x = np.concatenate([task.x for task in TASKS] * 2)  # of more than one chunk
    np.testing.assert_array_equal(method.scores(x), plain.scores(maps_of(x)))
    assert method.chosen == plain.chosen and method.num_trained == plain.num_trained
    assert (method.profiler is None) == (len(grid) == 1)


def test_each_sample_of_the_stream_is_encoded_once(plan, closing):
    networks = StagedNetworks()
    method = closing(MiroLatent(networks, plan(*GRID), 3))
    for task in TASKS:
        method.learn(task)
    assert sum(networks.encoded) == 200
    facts = method.facts()
    assert facts["bytes_written"] == 200 * LATENT_DIM and facts["bytes_per_record"] == LATENT_DIM + 16


def test_records_of_a_quarter_of_the_bytes_are_four_times_as_many_in_the_same_budget(plan, closing):
    """Slots of 80 and of 32 bytes: class and number take 16."""
    held = {}
    for num_bits in (8, 2):
        codec = UniformCodec(LATENT_DIM, num_bits)
        budget = 5120
        largest = max(usual_grid(budget, codec.payload_bytes, 4, 2), key=lambda sizes: sizes.num_records)
        learning = plan(largest, codec=codec, name=str(num_bits))
        method = closing(MiroLatent(StagedNetworks(), learning, 3))
        for task in TASKS:
            method.learn(task)
        assert method.buffer_bytes == ram_bytes(largest, codec.payload_bytes) == budget
        held[num_bits] = method.chosen[-1].num_records, method.facts()["bytes_written"]
    assert held == {8: (64, 200 * 64), 2: (160, 200 * 16)}


def test_latents_are_not_changed_at_random(plan, closing):
    found = []
    for name, augment in (("with", mirror_and_shift), ("without", None)):
        learning = dataclasses.replace(plan(Sizes(8, 10), name=name, swap_ratio=0.0), augment=augment)
        method = closing(MiroLatent(StagedNetworks(), learning, 3))
        method.learn(TASKS[0])
        found.append(method.network.variables[0].numpy())
    np.testing.assert_array_equal(*found)


def test_it_goes_on_after_a_task_as_if_nothing_had_happened(plan, closing):
    """Bit for bit, without swapping, in which storage takes its time."""
    codec, found = UniformCodec(LATENT_DIM, 4), []
    for name in ("whole", "interrupted"):
        learning = plan(*GRID, codec=codec, name=name, swap_ratio=0.0)
        method = closing(MiroLatent(StagedNetworks(), learning, 3))
        method.learn(TASKS[0])
        if name == "interrupted":
            state = method.state()
            method.close()
            method = closing(MiroLatent(StagedNetworks(), learning, 3))
            method.restore(state, TASKS[0])
        method.learn(TASKS[1])
        found.append(method)
    whole, interrupted = found
    for one, other in zip(whole.network.variables, interrupted.network.variables, strict=True):
        np.testing.assert_array_equal(one.numpy(), other.numpy())
    np.testing.assert_array_equal(whole.memory.episodic.records, interrupted.memory.episodic.records)
    assert whole.facts()["bytes_written"] == interrupted.facts()["bytes_written"] == 200 * LATENT_DIM // 2


def test_networks_that_are_not_pretrained_and_plans_without_a_codec_are_refused(plan):
    with pytest.raises(InputError, match="miro_latent must have pretrained networks, .* Received: none."):
        MiroLatent(StagedNetworks(pretrained=False), plan(*GRID), 0)
    for learning in (LEARNING, plan(*GRID, codec=None)):
        with pytest.raises(InputError, match="miro_latent must have a plan of its memory with a codec. Received: none"):
            MiroLatent(LinearNetworks(), learning, 0)
