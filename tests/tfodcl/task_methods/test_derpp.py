"""DER++ against descent on its formula."""

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
from tfodcl.task_methods.derpp import Derpp
from tfodcl.task_methods.learning import MiniBatches, TaskLearning

LEARNING = TaskLearning(0.2, batch_size=8, epochs=2, buffer_size=10, strength=0.7)


def test_a_step_descends_cross_entropy_distance_of_logits_and_half_the_replays_cross_entropy():
    networks = LinearNetworks()
    method, weights = Derpp(networks, LEARNING, seed=3), [networks.kernel.astype(np.float64)]
    batches, buffer = MiniBatches(LEARNING, seed=3), Reservoir(10, seed=3)
    for task in draw_tasks():
        method.learn(task)
        for chosen in batches.all(len(task.x), ANY_NETWORK):
            x, labels = task.x[chosen], task.labels[chosen]
            held_x, _, held_logits = buffer.draw(len(x)) if len(buffer) else (x[:0], labels[:0], np.zeros((0, 4)))
            old_x, old_labels, _ = buffer.draw(len(x)) if len(buffer) else (x[:0], labels[:0], None)
            logits = linear(x, weights[0])

            def loss(w, new=(x, labels), held=(held_x, held_logits), old=(old_x, old_labels)):
                of_new = cross_entropy(linear(new[0], w[0]), new[1])
                if not len(held[0]):
                    return of_new
                squares = (linear(held[0], w[0]) - held[1]) ** 2
                distance = squares.sum() / (len(squares) * NUM_CLASSES)
                return of_new + 0.7 * distance + 0.5 * cross_entropy(linear(old[0], w[0]), old[1])

            weights = descend(loss, weights, LEARNING.learning_rate)
            buffer.add(x, labels, logits)
        assert_close(method.network.variables, weights)


def test_the_logits_kept_are_those_the_samples_had_when_they_were_learnt():
    method, tasks, seen = Derpp(LinearNetworks(), LEARNING, seed=0), draw_tasks(), {}
    for task in tasks:
        for start in (0, 8):
            x, labels = task.x[start : start + 8], task.labels[start : start + 8]
            logits = method.scores(x)
            np.testing.assert_allclose(method.observe(x, labels), logits, atol=1e-5)
            seen |= {one.tobytes(): (*pair,) for one, *pair in zip(x, labels, logits, strict=True)}
    x, labels, logits = method.buffer.draw(10)
    for one, label, of_one in zip(x, labels, logits, strict=True):
        assert seen[one.tobytes()][0] == label
        np.testing.assert_allclose(of_one, seen[one.tobytes()][1], atol=1e-5)
    assert method.buffer_bytes == 10 * (48 + 8 + 4 * NUM_CLASSES)


def test_new_samples_and_each_draw_are_a_mini_batch_of_their_own_to_batch_norms():
    task = draw_tasks()[0]
    learning = TaskLearning(0.2, batch_size=4, epochs=1, buffer_size=4)
    method = Derpp(LinearNetworks(norm=True), learning, seed=0)
    x = real(task.x[:8])
    for start in (0, 4):
        method.observe(task.x[start : start + 4], task.labels[start : start + 4])
    mean = np.zeros(3)
    for part in (x[:4], x[:4], x[:4], x[4:]):  # the second step draws all four twice, and then takes the new ones
        mean = NORM_MOMENTUM * mean + (1 - NORM_MOMENTUM) * part.mean(axis=(0, 1, 2))
    np.testing.assert_allclose(method._model.get_layer("norm").moving_mean, mean, rtol=1e-5)
