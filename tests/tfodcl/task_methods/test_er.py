"""ER against descent on new and replayed samples together."""

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
)
from tfodcl.replay.reservoir import Reservoir
from tfodcl.task_methods.er import Er
from tfodcl.task_methods.learning import MiniBatches, TaskLearning

LEARNING = TaskLearning(0.2, batch_size=8, epochs=2, buffer_size=10)


def test_a_step_descends_the_cross_entropy_of_new_samples_and_as_many_replayed_ones():
    networks = LinearNetworks()
    method, weights = Er(networks, LEARNING, seed=3), [networks.kernel.astype(np.float64)]
    batches, buffer, num_replayed = MiniBatches(LEARNING, seed=3), Reservoir(10, seed=3), []
    for task in draw_tasks():
        method.learn(task)
        for chosen in batches.all(len(task.x), ANY_NETWORK):
            x, labels = task.x[chosen], task.labels[chosen]
            old_x, old_labels = buffer.draw(len(x)) if len(buffer) else (x[:0], labels[:0])
            both = np.concatenate([x, old_x]), np.concatenate([labels, old_labels])
            weights = descend(
                lambda w, both=both: cross_entropy(linear(both[0], w[0]), both[1]), weights, LEARNING.learning_rate
            )
            buffer.add(x, labels)
            num_replayed.append(len(old_x))
        assert_close(method.network.variables, weights)
    assert num_replayed == [0, 8, 4, 8, 8, 4] + [8, 8, 4] * 2


def test_the_logits_of_a_step_are_the_new_samples_before_it():
    task, networks = draw_tasks()[0], LinearNetworks()
    method = Er(networks, LEARNING, seed=0)
    for start in (0, 8):
        x = task.x[start : start + 8]
        expected = method.scores(x)
        np.testing.assert_allclose(method.observe(x, task.labels[start : start + 8]), expected, atol=1e-5)
        assert (method.scores(x) != expected).any()


def test_new_and_replayed_samples_are_one_mini_batch_to_batch_norms():
    task = draw_tasks()[0]
    method = Er(LinearNetworks(norm=True), LEARNING, seed=0)
    for start in (0, 4):
        method.observe(task.x[start : start + 4], task.labels[start : start + 4])
    mean, both = np.zeros(3), real(task.x[:8])
    for x in (both[:4], both):  # in the second step all that there is is replayed
        mean = NORM_MOMENTUM * mean + (1 - NORM_MOMENTUM) * x.mean(axis=(0, 1, 2))
    np.testing.assert_allclose(method._model.get_layer("norm").moving_mean, mean, rtol=1e-5)


def test_the_buffer_keeps_samples_as_they_came_with_their_labels():
    changed = TaskLearning(0.2, batch_size=8, epochs=1, buffer_size=10, augment=lambda x, rng: 0 * x)
    method, tasks = Er(LinearNetworks(), changed, seed=0), draw_tasks()
    label_of = {x.tobytes(): label for task in tasks for x, label in zip(task.x, task.labels, strict=True)}
    for task in tasks:
        method.learn(task)
    x, labels = method.buffer.draw(10)
    assert [label_of[sample.tobytes()] for sample in x] == labels.tolist()
    assert method.buffer_bytes == 10 * (48 + 8)
    assert method.state_bytes == method.buffer_bytes + 4 * 48 * NUM_CLASSES
