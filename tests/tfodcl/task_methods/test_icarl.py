"""iCaRL against descent on its formula, and its nearest means in float64."""

import numpy as np
import pytest

from tests.tfodcl.task_methods.tiny import (
    ANY_NETWORK,
    DIM,
    NUM_CLASSES,
    LinearNetworks,
    assert_close,
    descend,
    draw_tasks,
    linear,
    real,
)
from tfodcl.errors import InputError
from tfodcl.replay.exemplars import herd
from tfodcl.task_methods.icarl import Icarl
from tfodcl.task_methods.learning import MiniBatches, TaskLearning

LEARNING = TaskLearning(0.2, batch_size=8, epochs=2, buffer_size=9)


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def unit(x: np.ndarray) -> np.ndarray:
    flat = real(x).reshape(len(x), DIM)
    return flat / np.linalg.norm(flat, axis=1, keepdims=True)


def test_a_step_descends_the_binary_cross_entropies_of_new_classes_and_of_earlier_outputs():
    networks = LinearNetworks()
    method, weights = Icarl(networks, LEARNING, seed=3), [networks.kernel.astype(np.float64)]
    batches, kept = MiniBatches(LEARNING, seed=3), []
    for task in draw_tasks():
        method.learn(task)
        before = weights[0].copy()
        x = np.concatenate([task.x, *(one for _, one in kept)])
        labels = np.concatenate([task.labels, *(np.full(len(one), label) for label, one in kept)])
        for chosen in batches.all(len(x), ANY_NETWORK):

            def loss(w, x=x[chosen], labels=labels[chosen], before=before, task=task):
                outputs, total = sigmoid(linear(x, w[0])), 0.0
                for label in range(task.classes.stop):
                    target = sigmoid(linear(x, before))[:, label] if label < task.classes.start else labels == label
                    output = outputs[:, label]
                    total -= np.mean(target * np.log(output) + (1 - target) * np.log(1 - output))
                return total

            weights = descend(loss, weights, LEARNING.learning_rate)
        assert_close(method.network.variables, weights)
        share = 9 // task.classes.stop
        kept = [(label, one[:share]) for label, one in kept]
        for label in task.classes:
            of_class = task.x[task.labels == label]
            kept.append((label, of_class[herd(unit(of_class), share)]))
        for label, one in kept:
            np.testing.assert_array_equal(method.exemplars.of(label), one)
    assert method.buffer_bytes == 8 * 48


def test_a_sample_is_of_the_class_whose_exemplars_mean_is_nearest():
    method, (first, second) = Icarl(LinearNetworks(), LEARNING, seed=0), draw_tasks()
    method.learn(first)
    scores = method.scores(second.x)
    assert np.isneginf(scores[:, 2:]).all() and np.isfinite(scores[:, :2]).all()
    method.learn(second)
    means = [unit(method.exemplars.of(label)).mean(axis=0) for label in range(NUM_CLASSES)]
    means = [mean / np.linalg.norm(mean) for mean in means]
    expected = [[-np.linalg.norm(one - mean) for mean in means] for one in unit(second.x)]
    np.testing.assert_allclose(method.scores(second.x), expected, rtol=1e-4)


def test_it_holds_the_network_before_the_task_too():
    method = Icarl(LinearNetworks(), LEARNING, seed=0)
    assert method.state_bytes == 2 * 4 * DIM * NUM_CLASSES
    method.learn(draw_tasks()[0])
    assert method.state_bytes == 2 * 4 * DIM * NUM_CLASSES + 8 * 48


def test_a_buffer_below_a_sample_of_each_class_is_refused_before_learning():
    method = Icarl(LinearNetworks(), TaskLearning(0.2, batch_size=8, epochs=1, buffer_size=3), seed=0)
    first, second = draw_tasks()
    method.learn(first)
    before = method.network.variables[0].numpy()
    with pytest.raises(InputError, match=r"must hold a sample of each class. Received: 3 samples, 4 classes\."):
        method.learn(second)
    np.testing.assert_array_equal(method.network.variables[0].numpy(), before)
