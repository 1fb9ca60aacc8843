"""EWC against its formulas: the gradient of one sample's log-likelihood is x (softmax - onehot)^T."""

import numpy as np

from tests.tfodcl.task_methods.tiny import (
    ANY_NETWORK,
    NORM_EPSILON,
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
    values,
)
from tfodcl.task_methods import ewc
from tfodcl.task_methods.ewc import Ewc
from tfodcl.task_methods.learning import MiniBatches, TaskLearning

LEARNING = TaskLearning(0.2, batch_size=8, epochs=2, strength=30.0)


def fisher(x: np.ndarray, labels: np.ndarray, w: np.ndarray) -> np.ndarray:
    errors = softmax(linear(x, w)) - np.eye(NUM_CLASSES)[labels]
    of_samples = real(x).reshape(len(x), -1, 1) * errors[:, None]
    return np.mean(of_samples**2, axis=0)


def test_importance_sums_the_mean_squared_gradient_of_single_samples_over_tasks(monkeypatch):
    monkeypatch.setattr(ewc, "NUM_FISHER_SAMPLES", 12)
    method = Ewc(LinearNetworks(), LEARNING, seed=0)
    expected = np.zeros((48, NUM_CLASSES))
    for task in draw_tasks():
        method.learn(task)
        (w,) = values(method.network.variables)
        expected += fisher(task.x[:12], task.labels[:12], w.astype(np.float64))
        assert_close(method.importance, [expected])
        np.testing.assert_array_equal(method.anchors[0], w)


def test_a_task_of_few_samples_has_the_mean_over_those():
    task = draw_tasks(num_samples=4)[0]
    method = Ewc(LinearNetworks(), LEARNING, seed=0)
    method.learn(task)
    assert_close(method.importance, [fisher(task.x, task.labels, method.anchors[0].numpy().astype(np.float64))])


def test_importance_is_of_batch_norms_with_moving_moments_which_it_does_not_move():
    task = draw_tasks(num_samples=8)[0]
    method = Ewc(LinearNetworks(norm=True), TaskLearning(0.2, batch_size=8, epochs=1), seed=0)
    method.learn(task)
    gamma, beta, w = values(method.network.variables)
    _, _, mean, variance = method._model.get_layer("norm").get_weights()
    np.testing.assert_allclose(mean, (1 - NORM_MOMENTUM) * real(task.x).mean(axis=(0, 1, 2)), rtol=1e-5)
    normed = (gamma * (real(task.x) - mean) / np.sqrt(variance + NORM_EPSILON) + beta).reshape(len(task.x), -1)
    errors = softmax(normed @ w.astype(np.float64)) - np.eye(NUM_CLASSES)[task.labels]
    assert_close(method.importance[2:], [np.mean((normed[:, :, None] * errors[:, None]) ** 2, axis=0)])


def test_a_step_descends_the_cross_entropy_and_then_the_weighted_distance_to_the_weights_after_the_last_task():
    method, batches = Ewc(LinearNetworks(), LEARNING, seed=3), MiniBatches(LEARNING, seed=3)
    first, second = draw_tasks()
    method.learn(first)
    list(batches.all(len(first.x), ANY_NETWORK))
    (anchor,), (importance,) = values(method.anchors), values(method.importance)
    w = anchor.astype(np.float64)
    for chosen in batches.all(len(second.x), ANY_NETWORK):

        def loss(w, x=second.x[chosen], labels=second.labels[chosen]):
            return cross_entropy(linear(x, w[0]), labels)

        (free,) = descend(loss, [w], LEARNING.learning_rate)
        # The least of (w - free)^2 / (2 rate) + strength / 2 F (w - anchor)^2: a mean by precision.
        precision, held = 1 / LEARNING.learning_rate, LEARNING.strength * importance.astype(np.float64)
        w = (precision * free + held * anchor) / (precision + held)
    method.learn(second)
    assert_close(method.network.variables, [w])


def test_weights_of_however_great_importance_stay_and_others_are_learnt():
    first, second = draw_tasks()
    method = Ewc(LinearNetworks(), TaskLearning(0.2, batch_size=8, epochs=2, strength=1e9), seed=3)
    method.learn(first)
    (anchor,), (importance,) = values(method.anchors), values(method.importance)
    method.learn(second)
    moved = np.abs(method.network.variables[0].numpy() - anchor)
    assert moved[importance > 1e-4].max() < 1e-4 and np.isfinite(moved).all()


def test_the_first_task_is_learnt_as_without_penalty():
    strong = Ewc(LinearNetworks(), LEARNING, seed=3)
    free = Ewc(LinearNetworks(), TaskLearning(0.2, batch_size=8, epochs=2, strength=0.0), seed=3)
    first, second = draw_tasks()
    for method in (strong, free):
        method.learn(first)
    np.testing.assert_array_equal(strong.network.variables[0], free.network.variables[0])
    start = strong.network.variables[0].numpy()
    for method in (strong, free):
        method.learn(second)
    moved = [np.linalg.norm(method.network.variables[0].numpy() - start) for method in (strong, free)]
    assert moved[0] < moved[1]


def test_state_is_weights_importance_and_anchors():
    method = Ewc(LinearNetworks(norm=True), LEARNING, seed=0)
    assert method.state_bytes == 4 * (3 * (48 * NUM_CLASSES + 2 * 3) + 2 * 3) and method.buffer_bytes == 0
