"""Miro against descent on the mini-batches that its memory gives; budgets that fall, storage that slows down, vanishes
or was left by a learner that was killed."""

import dataclasses
import itertools
from pathlib import Path

import numpy as np
import pytest

from tests.tfodcl.task_methods.tiny import (
    SHAPE,
    LinearNetworks,
    assert_close,
    cross_entropy,
    descend,
    draw_tasks,
    linear,
)
from tfodcl.errors import InputError
from tfodcl.replay.hierarchy import (
    Candidate,
    Hierarchy,
    MemoryPlan,
    RawRecords,
    SampleStorage,
    Sizes,
    StorageError,
    Swapper,
    choose,
    fixed,
    ram_bytes,
)
from tfodcl.streams import SplitTask
from tfodcl.task_methods import miro
from tfodcl.task_methods import profiler as profiling
from tfodcl.task_methods.learning import TaskLearning
from tfodcl.task_methods.miro import Miro, ranks
from tfodcl.task_methods.profiler import Profiler

LEARNING = TaskLearning(0.2, batch_size=8, epochs=2, rate_falls=True)
RECORDS = RawRecords(SHAPE, np.dtype(np.uint8))
GRID = (Sizes(8, 10), Sizes(4, 6), Sizes(16, 20))


def bytes_of(sizes: Sizes) -> int:
    return ram_bytes(sizes, RECORDS.record_bytes)


@pytest.fixture
def make(tmp_path):
    made = []

    def new(*grid: Sizes, folder: Path = tmp_path / "storage", epochs: int = 2, **plan) -> Miro:
        memory = MemoryPlan(folder, grid=grid, **{"budget": fixed(10**9), **plan})
        made.append(Miro(LinearNetworks(), dataclasses.replace(LEARNING, epochs=epochs, memory=memory), 3))
        return made[-1]

    yield new
    for method in made:
        method.close()


@pytest.fixture
def storage_keeps_up(monkeypatch) -> None:
    """Every record has been read when it is due."""
    install = Swapper.install

    def patient(self):
        for request in self._pending:
            assert request.done.wait(20)
        return install(self)

    monkeypatch.setattr(Swapper, "install", patient)


def stored(storage: SampleStorage) -> set[bytes]:
    found = [storage.read(label, i).tobytes() for label, count in storage.num_records.items() for i in range(count)]
    assert len(set(found)) == len(found)
    return set(found)


def rows(x: np.ndarray) -> set[bytes]:
    return {one.tobytes() for one in x}


def test_every_step_descends_the_cross_entropy_of_a_mini_batch_of_new_and_old_samples_at_a_falling_rate(make, tmp_path):
    method, networks = make(Sizes(8, 10), swap_ratio=0.0, epochs=10), LinearNetworks()
    rates = [LEARNING.learning_rate * share for share in [1.0] * 7 + [0.2] * 2 + [0.04]]
    weights, sizes = [networks.kernel.astype(np.float64)], []
    memory = Hierarchy(SampleStorage(tmp_path / "again", RECORDS.record_bytes), Sizes(8, 10), seed=3)
    for task in draw_tasks():
        method.learn(task)
        memory.begin(task.classes)
        memory.receive(task.labels, RECORDS.encode(task.x))
        for rate in rates:
            for batch in memory.epoch(8):
                records, labels = memory.gather(batch)
                x = records.reshape(-1, *SHAPE)
                weights = descend(lambda w, x=x, y=labels: cross_entropy(linear(x, w[0]), y), weights, rate)
                sizes.append((len(batch.stream), len(batch.episodic)))
        memory.flush()
        assert_close(method.network.variables, weights)
    assert method.num_trained == sum(map(sum, sizes)) == 10 * 10 + 10 * 18
    assert sum(old for _, old in sizes) == 10 * 8 and method.chosen == [Sizes(8, 10)] * 2
    assert method.buffer_bytes == bytes_of(Sizes(8, 10))
    memory.storage.close()


def test_every_sample_is_stored_once_and_what_was_swapped_is_of_storage(make):
    method, tasks = make(Sizes(8, 10), swap_ratio=1.0, epochs=6), draw_tasks()
    for task in tasks:
        method.learn(task)
    assert stored(method.memory.storage) == rows(np.concatenate([task.x for task in tasks]))
    facts, swapped = method.facts(), method.swapper.counts
    assert swapped.num_swapped > 0 and facts["swapped"]["num_swapped"] == swapped.num_swapped
    assert facts["bytes_written"] == 40 * RECORDS.record_bytes
    assert facts["bytes_read"] >= swapped.num_swapped * RECORDS.record_bytes
    assert facts["sizes"] == [[8, 10]] * 2 and facts["failure"] is None and facts["num_profiled"] == 0
    episodic = method.memory.episodic
    for slot in episodic.filled:
        label, number = int(episodic.labels[slot]), int(episodic.numbers[slot])
        np.testing.assert_array_equal(episodic.records[slot], method.memory.storage.read(label, number))


def test_one_sample_in_twenty_is_held_out_where_there_is_something_to_choose(make):
    method, task = make(*GRID), draw_tasks(100)[0]
    method.learn(task)
    held, learnt = stored(method._held_out), stored(method.memory.storage)
    assert held | learnt == rows(task.x) and not held & learnt
    assert method._held_out.num_records == {0: 3, 1: 3}
    for label in (0, 1):
        of_class = task.x[task.labels == label]
        assert rows(of_class[[1, 21, 41]]) <= held
    alone = make(GRID[0], folder=method._plan.folder.parent / "alone")
    alone.learn(task)
    assert alone._held_out.num_records == {} and alone.profiler is None


def test_a_learner_after_one_that_was_killed_stores_each_sample_once(make, monkeypatch, tmp_path):
    task = draw_tasks(100)[0]
    num_appends = 0
    monkeypatch.setattr("tfodcl.task_methods.miro._RECEIVED_AT_ONCE", 16)
    for kill_at in itertools.count():
        folder = tmp_path / str(kill_at)
        append, num_appends = SampleStorage.append, 0

        def dying(self, labels, records, append=append, kill_at=kill_at):
            nonlocal num_appends
            if num_appends == kill_at:
                raise KeyboardInterrupt
            num_appends += 1
            return append(self, labels, records)

        killed = make(*GRID, folder=folder)
        with monkeypatch.context() as patch:
            patch.setattr(SampleStorage, "append", dying)
            try:
                killed.learn(task)
            except KeyboardInterrupt:
                pass
            else:
                break
        killed.close()
        again = make(*GRID, folder=folder)
        again.learn(task)
        held, learnt = stored(again._held_out), stored(again.memory.storage)
        assert held | learnt == rows(task.x) and not held & learnt
        assert len(held) == 2 * 3
        again.close()
    assert kill_at == 7  # one of held-out samples, six of others


def test_a_budget_that_falls_makes_memory_smaller_at_the_next_epoch(make):
    figures = {"budget": bytes_of(GRID[0])}
    method, (first, second) = make(*GRID[:2], budget=lambda held: figures["budget"], epochs=3), draw_tasks()
    method.learn(first)
    assert method.chosen == [GRID[0]] and method.buffer_bytes == figures["budget"]
    seen = []
    train = method._train

    def falling(memory, is_swapping):
        seen.append((memory.sizes, memory.num_bytes))
        train(memory, is_swapping)
        figures["budget"] = bytes_of(Sizes(4, 6))

    method._train = falling
    method._profile = lambda *given: None
    method.learn(second)
    assert [sizes for sizes, _ in seen] == [Sizes(8, 10), Sizes(4, 6), Sizes(4, 6)]
    assert all(num_bytes <= bytes_of(sizes) for sizes, num_bytes in seen)
    assert method.chosen[-1] == Sizes(4, 6) and len(method.memory.episodic.filled) == 4


def test_of_profiled_sizes_those_that_still_fit_are_chosen_from(make):
    method = make(*GRID)
    method.learn(draw_tasks()[0])
    method._candidates = [Candidate(GRID[0], 0.9, 1.0), Candidate(GRID[1], 0.5, 1.0), Candidate(GRID[2], 0.95, 1.0)]
    method._wanted = GRID[2]
    method._keep_to_budget(method.memory)
    assert method.memory.sizes == GRID[2]
    method._plan = dataclasses.replace(method._plan, budget=fixed(bytes_of(GRID[2]) - 1))
    method._keep_to_budget(method.memory)
    assert method.memory.sizes == GRID[0]
    method._plan = dataclasses.replace(method._plan, budget=fixed(bytes_of(GRID[0]) - 1))
    method._keep_to_budget(method.memory)
    assert method.memory.sizes == GRID[1]
    method._plan = dataclasses.replace(method._plan, budget=fixed(bytes_of(GRID[1]) - 1))
    method._keep_to_budget(method.memory)
    assert method.memory.sizes.num_records == 9  # smaller than any of the grid
    method._plan = dataclasses.replace(method._plan, budget=fixed(10**9))
    method._keep_to_budget(method.memory)
    assert method.memory.sizes == GRID[2]  # when the budget is back


def test_a_budget_below_a_record_of_each_class_ends_learning_and_loses_nothing(make):
    figures = {"budget": 10**9}
    method, (first, second) = make(GRID[0], budget=lambda held: figures["budget"]), draw_tasks()
    method.learn(first)
    before = method.memory.episodic.numbers.tolist()
    figures["budget"] = 7 * RECORDS.record_bytes
    with pytest.raises(
        InputError, match="must hold one record of each class, 6 of 64 bytes, new ones twice. Received: "
    ):
        method.learn(second)
    assert method.memory.episodic.numbers.tolist() == before
    assert stored(method.memory.storage) == rows(first.x)


def test_storage_that_slows_down_is_asked_less(make, monkeypatch, storage_keeps_up):
    """Readings take 1 ms, from the second task on 20 ms, then 1 ms again, on a clock of their own."""
    clock = {"now": 0.0, "read": 0.001}
    read = SampleStorage.read

    def slow(self, label, number):
        clock["now"] += clock["read"]
        return read(self, label, number)

    make_swapper = Swapper.__init__
    monkeypatch.setattr(SampleStorage, "read", slow)
    monkeypatch.setattr(Swapper, "__init__", lambda self, *given: make_swapper(self, *given, lambda: clock["now"]))
    method = make(Sizes(8, 10), swap_ratio=1.0, epochs=120)
    first, second = draw_tasks()
    method.learn(first)
    intervals, train = [], method._train

    def observed(memory, is_swapping):
        clock["read"] = 0.02 if 12 <= len(intervals) < 40 else 0.001
        train(memory, is_swapping)
        intervals.append((method._schedule.interval, round(method._schedule.ratio, 3)))

    method._train = observed
    method.learn(second)
    assert set(intervals[:12]) == {(1, 1.0)}
    assert {(2, 1.0), (4, 1.0), (5, 0.625)} <= set(intervals[12:45])
    assert intervals[-1] == (1, 1.0) and method.swapper.failure is None


def test_where_storage_cannot_be_read_any_more_learning_goes_on_and_what_is_stored_stays(make, monkeypatch):
    method, (first, second) = make(Sizes(8, 10), swap_ratio=1.0, epochs=6), draw_tasks()
    method.learn(first)
    before = method.network.variables[0].numpy()
    with monkeypatch.context() as patch:
        patch.setattr(SampleStorage, "read", lambda *given: (_ for _ in ()).throw(StorageError("the medium is gone")))
        method.learn(second)
    assert "gone" in str(method.swapper.failure) and (method.network.variables[0].numpy() != before).all()
    assert stored(method.memory.storage) == rows(np.concatenate([first.x, second.x]))


def test_a_full_storage_ends_learning_with_its_reason_and_keeps_what_it_took(make, monkeypatch):
    method, (first, second) = make(Sizes(8, 10)), draw_tasks()
    method.learn(first)
    monkeypatch.setattr(SampleStorage, "append", lambda *given: (_ for _ in ()).throw(StorageError("disk is full")))
    with pytest.raises(StorageError, match="disk is full"):
        method.learn(second)
    assert stored(method.memory.storage) == rows(first.x)


def test_sizes_are_those_of_most_accuracy_per_energy_that_the_profiler_found(make, monkeypatch):
    asked = []
    accuracies = dict(zip(GRID, (0.8, 0.3, 0.7), strict=True))

    def made_up(self, pairs, memory, weights, held_out, num_learnt):
        assert num_learnt == method.num_trained == 2 * 10
        asked.append((pairs, [array.copy() for array in weights], held_out))
        return [Candidate(sizes, accuracies[sizes], sizes.num_records) for sizes in pairs]

    monkeypatch.setattr(Profiler, "candidates", made_up)
    method, tasks = make(*GRID, budget=fixed(bytes_of(GRID[0]))), draw_tasks(100)
    method.learn(tasks[0])
    assert asked == [] and method.chosen == [GRID[0]]
    weights = method.network.variables[0].numpy()
    method.learn(tasks[1])
    ((pairs, given, (records, labels)),) = asked
    assert pairs == [GRID[0], GRID[1]]  # the third is over the budget
    np.testing.assert_array_equal(given[0], weights)
    assert rows(records) == stored(method._held_out) and sorted(set(labels.tolist())) == [0, 1, 2, 3]
    expected = choose([Candidate(GRID[0], 0.8, 36.0), Candidate(GRID[1], 0.3, 20.0)], 0.5).sizes
    assert method.chosen == [GRID[0], expected] and expected == GRID[0]


def three_tasks() -> tuple[SplitTask, ...]:
    """Two new classes, one, one."""
    first, second = draw_tasks(100)
    parts = ((number, second.labels == number + 1) for number in (1, 2))
    last = (
        SplitTask(number, range(number + 1, number + 2), second.x[chosen], second.labels[chosen])
        for number, chosen in parts
    )
    return first, *last


@pytest.mark.parametrize(("best", "then"), [(GRID[1], Sizes(6, 6)), (GRID[0], Sizes(12, 10)), (GRID[2], Sizes(16, 20))])
def test_until_it_is_profiled_again_each_class_keeps_its_episodic_records_as_far_as_there_is_room(
    make, monkeypatch, best, then
):
    """Two old classes, then three; 36 slots in all."""
    left = iter([[Candidate(best, 0.5, 1.0)], []])
    monkeypatch.setattr(Profiler, "candidates", lambda *given: next(left))
    method = make(*GRID)
    for task in three_tasks():
        method.learn(task)
    assert method.chosen == [GRID[0], best, then]


def test_a_plan_that_is_none_is_refused(tmp_path):
    with pytest.raises(InputError, match="a memory must have sizes to choose from. Received: none"):
        MemoryPlan(tmp_path, fixed(100), ())
    with pytest.raises(InputError, match="a swap ratio must be 0..1. Received: swap_ratio=1.5"):
        MemoryPlan(tmp_path, fixed(100), GRID, swap_ratio=1.5)
    with pytest.raises(InputError, match="miro must have a plan of its memory. Received: none"):
        Miro(LinearNetworks(), LEARNING, 0)


def test_ranks_count_the_same_labels_before():
    labels = np.random.default_rng(0).integers(0, 5, 60)
    assert ranks(labels).tolist() == [int((labels[:i] == labels[i]).sum()) for i in range(60)]


def test_what_the_profiler_costs_is_bounded_over_all_that_was_learnt(make, monkeypatch):
    monkeypatch.setattr(profiling, "SHARE", 0.05)
    method = make(*(Sizes(*pair) for pair in ((120, 120), (120, 80), (80, 80), (80, 40), (40, 40))), epochs=70)
    for task in draw_tasks(200):
        method.learn(task)
    facts = method.facts()
    assert 0 < facts["num_profiled"] <= 0.05 * facts["num_trained"]


def test_of_each_class_the_profiler_is_given_the_first_held_out_samples(make, monkeypatch):
    monkeypatch.setattr(miro, "MOST_TESTED", 5)
    method = make(*GRID)
    for task in draw_tasks(200):
        method.learn(task)
    _, labels = method._read_held_out()
    assert method._held_out.num_records == dict.fromkeys(range(4), 5) and sorted(labels.tolist()) == [0, 1, 2, 3]


def test_classes_to_come_that_an_interrupted_learner_has_stored_are_not_held_out_yet(make):
    before = make(*GRID)
    for task in three_tasks():
        before.learn(task)
    before.close()
    method = make(*GRID)
    for task in three_tasks()[:2]:
        method.learn(task)
    _, labels = method._read_held_out()
    assert set(labels.tolist()) == set(range(method._classes.stop)) < set(method._held_out.num_records)


def test_classes_with_few_samples_are_learnt_and_damaged_held_out_ones_left_out(make, monkeypatch):
    method = make(*GRID)
    for task in draw_tasks(2):  # one sample a class: none is held out
        method.learn(task)
    assert method._held_out.num_records == {} and len(method.chosen) == 2
    other = make(*GRID, folder=method._plan.folder.parent / "other")
    first, second = draw_tasks(100)
    other.learn(first)
    other._held_out._connection.execute("UPDATE records SET crc32 = crc32 + 1 WHERE key = 0")
    records, labels = other._read_held_out()
    assert len(records) == 5 and labels.tolist() == [0, 0, 1, 1, 1]
    other.learn(second)
    assert len(other.chosen) == 2


def learn_all(method: Miro, tasks: tuple[SplitTask, ...]) -> np.ndarray:
    for task in tasks:
        method.learn(task)
    return method.network.variables[0].numpy()


def test_the_same_seed_learns_the_same_while_storage_keeps_up(make, tmp_path, storage_keeps_up):
    found = [
        learn_all(make(*GRID, swap_ratio=0.5, folder=tmp_path / name), draw_tasks(100)) for name in ("one", "other")
    ]
    np.testing.assert_array_equal(*found)


@pytest.mark.parametrize(
    ("chosen", "budget", "cost", "then"),
    [
        (GRID[2], 10**9, 100, GRID[2]),
        (GRID[2], bytes_of(GRID[2]) - 1, 0, GRID[1]),
        (GRID[1], 10**9, 0, Sizes(6, 6)),
    ],
    ids=["profiled again", "a budget that falls", "a class more"],
)
def test_a_learner_goes_on_after_a_task_as_if_nothing_had_happened(
    make, monkeypatch, tmp_path, storage_keeps_up, chosen, budget, cost, then
):
    """Bit for bit, where storage keeps up."""
    monkeypatch.setattr(profiling, "SHARE", 1.0)
    best = {GRID[0]: 0, GRID[1]: 1, GRID[2]: 1, chosen: 2}
    monkeypatch.setattr(miro, "choose", lambda known, cutline: max(known, key=lambda one: best[one.sizes]))
    tasks, found = three_tasks(), []
    for name in ("whole", "interrupted"):
        allowed = {"bytes": 10**9}
        given = {"swap_ratio": 0.5, "folder": tmp_path / name, "budget": lambda used, now=allowed: now["bytes"]}
        method = make(*GRID, **given)
        monkeypatch.setattr(profiling, "MOST_COST", 100)
        for task in tasks[:2]:
            method.learn(task)
        assert method.chosen == [GRID[0], chosen]
        if name == "interrupted":
            state = method.state()
            method.close()
            method = make(*GRID, **given)
            method.restore(state, tasks[0])
            assert method.buffer_bytes == bytes_of(chosen)
        allowed["bytes"] = budget
        monkeypatch.setattr(profiling, "MOST_COST", cost)
        method.learn(tasks[2])
        found.append(method)
    whole, interrupted = found
    assert whole.chosen[2] == then
    np.testing.assert_array_equal(whole.network.variables[0].numpy(), interrupted.network.variables[0].numpy())
    assert whole.chosen == interrupted.chosen and whole.num_trained == interrupted.num_trained
    assert whole.profiler.num_trained == interrupted.profiler.num_trained > 0
    assert whole.profiler.trials == interrupted.profiler.trials and len(whole.profiler.trials) == 1 + (cost > 0)
    np.testing.assert_array_equal(*(one.memory.episodic.records for one in found))
    for one in found:
        one.swapper.close()  # what it still reads is read then
    facts = [one.facts() for one in found]
    # What was pending at the kill is not counted as asked again; the restored memory was read once more.
    assert facts[0]["bytes_written"] == facts[1]["bytes_written"] == 200 * RECORDS.record_bytes
    assert facts[1]["bytes_read"] - facts[0]["bytes_read"] == (state["labels"] >= 0).sum() * RECORDS.record_bytes
    assert facts[0]["swapped"] == facts[1]["swapped"]


def test_there_is_no_state_before_the_first_task(make):
    with pytest.raises(InputError, match="miro must have learnt a task to have a state. Received: none"):
        make(*GRID).state()
