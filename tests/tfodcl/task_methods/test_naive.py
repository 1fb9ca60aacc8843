"""Naive and joint, against SGD in closed form: the gradient of the cross-entropy is x^T (softmax - onehot) / n."""

import numpy as np

from tests.tfodcl.task_methods.tiny import (
    ANY_NETWORK,
    NORM_MOMENTUM,
    NUM_CLASSES,
    LinearNetworks,
    assert_close,
    draw_tasks,
    linear,
    real,
    softmax,
)
from tfodcl.task_methods.joint import Joint
from tfodcl.task_methods.learning import MiniBatches, TaskLearning
from tfodcl.task_methods.naive import Naive

LEARNING = TaskLearning(0.2, batch_size=8, epochs=2, buffer_size=6)


def learnt(w: np.ndarray, x: np.ndarray, labels: np.ndarray, batches: MiniBatches) -> np.ndarray:
    w = w.astype(np.float64)
    for chosen in batches.all(len(x), ANY_NETWORK):
        inputs = real(x[chosen]).reshape(len(chosen), -1)
        errors = softmax(inputs @ w) - np.eye(NUM_CLASSES)[labels[chosen]]
        w = w - LEARNING.learning_rate * inputs.T @ errors / len(chosen)
    return w


def test_naive_is_sgd_on_the_mini_batches_of_one_task_after_another():
    networks, batches = LinearNetworks(), MiniBatches(LEARNING, seed=3)
    method, w = Naive(networks, LEARNING, seed=3), networks.kernel
    for task in draw_tasks():
        method.learn(task)
        w = learnt(w, task.x, task.labels, batches)
        assert_close(method.network.variables, [w])
        np.testing.assert_allclose(method.scores(task.x), linear(task.x, w), atol=1e-4)
    assert method.state_bytes == w.size * 4 and method.buffer_bytes == 0


def test_batch_norms_take_the_mini_batchs_moments_in_training_and_the_moving_ones_in_a_test():
    task = draw_tasks(num_samples=8)[0]
    method = Naive(LinearNetworks(norm=True), TaskLearning(0.2, batch_size=8, epochs=1), seed=0)
    before = method.model.get_layer("norm").get_weights()[2:]
    method.learn(task)
    of_channels = real(task.x).reshape(-1, 3)
    moments = (of_channels.mean(axis=0), of_channels.var(axis=0, ddof=1))
    for moving, old, new in zip(method.model.get_layer("norm").get_weights()[2:], before, moments, strict=True):
        np.testing.assert_allclose(moving, NORM_MOMENTUM * old + (1 - NORM_MOMENTUM) * new, rtol=1e-5)
    together, alone = method.scores(task.x), [method.scores(sample[None])[0] for sample in task.x]
    np.testing.assert_allclose(together, alone, rtol=1e-5, atol=1e-6)


def test_joint_learns_all_samples_so_far_from_the_initial_weights():
    networks, tasks = LinearNetworks(), draw_tasks()
    method = Joint(networks, LEARNING, seed=3)
    assert method.buffer_bytes == 0
    for number in (1, 2):
        method.learn(tasks[number - 1])
        x = np.concatenate([task.x for task in tasks[:number]])
        labels = np.concatenate([task.labels for task in tasks[:number]])
        w = learnt(networks.kernel, x, labels, MiniBatches(LEARNING, seed=3))
        np.testing.assert_allclose(method.scores(x), linear(x, w), atol=1e-4)
        assert method.buffer_bytes == x.nbytes + labels.nbytes
    assert method.state_bytes == method.buffer_bytes + 4 * w.size
