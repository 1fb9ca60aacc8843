"""FDR against descent on its formula."""

import numpy as np

from tests.tfodcl.task_methods.tiny import (
    ANY_NETWORK,
    NORM_MOMENTUM,
    NUM_CLASSES,
    LinearNetworks,
    assert_close,
    cross_entropy,
    descend,
    draw_tasks,
    linear,
    real,
    softmax,
)
from tfodcl.streams import SplitTask
from tfodcl.task_methods.fdr import Fdr
from tfodcl.task_methods.learning import MiniBatches, TaskLearning

BUFFER = 6  # below the mini-batch, so that each step replays all of it


def learning(**changes) -> TaskLearning:
    return TaskLearning(**{"learning_rate": 0.2, "batch_size": 10, "epochs": 2, "buffer_size": BUFFER} | changes)


def third_task() -> SplitTask:
    """Classes 0 and 1 again, since the networks have four."""
    task = draw_tasks(seed=7)[0]
    return SplitTask(2, task.classes, task.x, task.labels)


def test_a_step_descends_the_cross_entropy_and_the_distance_of_outputs_to_those_after_each_task():
    networks, strength = LinearNetworks(), 1.5
    method, weights = Fdr(networks, learning(strength=strength), seed=3), [networks.kernel.astype(np.float64)]
    batches, held = MiniBatches(learning(), seed=3), []
    for task in (*draw_tasks(), third_task()):
        method.learn(task)
        for chosen in batches.all(len(task.x), ANY_NETWORK):

            def loss(w, x=task.x[chosen], labels=task.labels[chosen], held=tuple(held)):
                distances = [
                    np.linalg.norm(softmax(linear(one[None], w[0])) - softmax(logits[None])) for one, logits in held
                ]
                return cross_entropy(linear(x, w[0]), labels) + (strength * np.mean(distances) if held else 0)

            weights = descend(loss, weights, 0.2)
        assert_close(method.network.variables, weights)
        share = BUFFER // (task.number + 1)
        held = [pair for number in range(task.number) for pair in held[number * (BUFFER // task.number) :][:share]]
        held += [(x, linear(x[None], weights[0])[0]) for x in task.x[:share]]
        assert len(held) == BUFFER
        assert method.buffer_bytes == BUFFER * (48 + 4 * NUM_CLASSES)


def test_replayed_samples_are_a_mini_batch_of_their_own_to_batch_norms():
    method = Fdr(LinearNetworks(norm=True), learning(batch_size=4, buffer_size=4, epochs=1), seed=0)
    tasks, mean = draw_tasks(num_samples=4), np.zeros(3)
    for task in tasks:
        method.learn(task)
    for x in (tasks[0].x, tasks[0].x, tasks[1].x):  # the second task's step replays all four
        mean = NORM_MOMENTUM * mean + (1 - NORM_MOMENTUM) * real(x).mean(axis=(0, 1, 2))
    np.testing.assert_allclose(method._model.get_layer("norm").moving_mean, mean, rtol=1e-5)


def test_no_more_samples_are_replayed_than_are_new_and_others_in_each_step(monkeypatch):
    first, second = draw_tasks()
    method = Fdr(LinearNetworks(), learning(batch_size=4, buffer_size=12, epochs=1), seed=0)
    method.learn(first)
    drawn, step = [], method._step

    def record(*arguments):
        drawn.append(arguments[2])
        return step(*arguments)

    monkeypatch.setattr(method, "_step", record)
    method.learn(second)
    assert [len(x) for x in drawn] == [4] * 5
    numbers = [np.abs(first.x[:12] / 255 - one).sum(axis=(1, 2, 3)).argmin() for x in drawn for one in x]
    assert len(set(numbers)) > 6


def test_the_buffer_holds_on_to_no_other_samples_of_a_task():
    method = Fdr(LinearNetworks(), learning(), seed=0)
    for task in draw_tasks():
        method.learn(task)
    kept = [array for pair in method._kept for array in pair]
    held = [array if array.base is None else array.base for array in kept]
    assert sum(len(array) for array in held) <= 4 * BUFFER
    task.x[:] = 0
    assert kept[2].any()


def test_a_buffer_of_fewer_samples_than_tasks_becomes_empty():
    method = Fdr(LinearNetworks(), learning(buffer_size=1), seed=0)
    first, second = draw_tasks()
    method.learn(first)
    assert method.buffer_bytes == 48 + 4 * NUM_CLASSES
    method.learn(second)
    assert method.buffer_bytes == 0
    method.learn(third_task())
    assert method.buffer_bytes == 0 and method.state_bytes == 4 * 48 * NUM_CLASSES
