"""BiC against descent on its first stage, and its correction against a grid."""

import numpy as np
import pytest
from scipy.special import log_softmax, softmax

from tests.tfodcl.task_methods.tiny import (
    ANY_NETWORK,
    DIM,
    NUM_CLASSES,
    LinearNetworks,
    assert_close,
    cross_entropy,
    descend,
    draw_tasks,
    linear,
)
from tfodcl.errors import InputError
from tfodcl.task_methods.bic import BOUNDS, Bic
from tfodcl.task_methods.learning import MiniBatches, TaskLearning

LEARNING = TaskLearning(0.2, batch_size=8, epochs=2, buffer_size=12)


def test_the_first_stage_descends_cross_entropy_and_earlier_outputs_without_what_is_held_out():
    networks = LinearNetworks()
    method, weights = Bic(networks, LEARNING, seed=3), [networks.kernel.astype(np.float64)]
    batches, (first, second) = MiniBatches(LEARNING, seed=3), draw_tasks()
    method.learn(first)
    for chosen in batches.all(len(first.x), ANY_NETWORK):
        x, labels = first.x[chosen], first.labels[chosen]
        weights = descend(lambda w, x=x, y=labels: cross_entropy(linear(x, w[0])[:, :2], y), weights, 0.2)
    assert_close(method.network.variables, weights)
    np.testing.assert_array_equal(method.scale.numpy(), np.ones(NUM_CLASSES))

    before = weights[0].copy()
    method.learn(second)
    kept = [(label, first.x[first.labels == label][:6]) for label in (0, 1)]
    new = [(label, second.x[second.labels == label]) for label in (2, 3)]
    x = np.concatenate([second.x, *(one for _, one in kept)])
    labels = np.concatenate([second.labels, np.repeat([0, 1], 6)])
    is_held = np.array([any((one == of_class[-1]).all() for _, of_class in (*kept, *new)) for one in x])
    assert is_held.sum() == 4
    x, labels = x[~is_held], labels[~is_held]
    for chosen in batches.all(len(x), ANY_NETWORK):

        def loss(w, x=x[chosen], y=labels[chosen]):
            now, then = linear(x, w[0]), linear(x, before)
            soft = -np.mean(np.sum(softmax(then[:, :2] / 2, axis=1) * log_softmax(now[:, :2] / 2, axis=1), axis=1))
            return 0.5 * cross_entropy(now, y) + 0.5 * soft

        weights = descend(loss, weights, 0.2)
    assert_close(method.network.variables, weights)
    assert method.buffer_bytes == 12 * 48


def test_the_correction_is_of_the_new_classes_and_no_other_has_less_loss_on_held_out_samples():
    method, (first, second) = Bic(LinearNetworks(), LEARNING, seed=0), draw_tasks()
    method.learn(first)
    given, correct = [], method._correct

    def noted(x, labels, classes):
        given.append((x, labels))
        correct(x, labels, classes)

    method._correct = noted
    method.learn(second)
    ((x, labels),) = given
    assert sorted(labels.tolist()) == [0, 1, 2, 3]
    a, b = method.scale.numpy(), method.offset.numpy()
    assert a[:2].tolist() == [1, 1] and b[:2].tolist() == [0, 0]
    assert a[2] == a[3] != 1 and b[2] == b[3] != 0
    logits = linear(x, method.network.variables[0].numpy().astype(np.float64))
    new = np.arange(4) >= 2

    def loss(scale: float, offset: float) -> float:
        return cross_entropy(np.where(new, scale * logits + offset, logits), labels)

    best = loss(a[2], b[2])
    for change in np.random.default_rng(0).normal(0, 0.3, (200, 2)):
        assert loss(max(BOUNDS[0][0], a[2] + change[0]), b[2] + change[1]) >= best - 1e-6
    assert best < loss(1, 0)
    np.testing.assert_allclose(
        method.scores(second.x), linear(second.x, method.network.variables[0].numpy()) * a + b, rtol=1e-4, atol=1e-5
    )


def test_a_correction_that_has_no_finite_minimum_stays_within_bounds():
    method = Bic(LinearNetworks(), LEARNING, seed=0)
    first, second = draw_tasks()
    method.learn(first)
    outputs = np.array([[3, 0, -1, -2], [0, 3, -1, -2], [-1, -1, 3, 0], [-1, -1, 0, 3]], np.float32)
    method.scores = lambda x: outputs[x]
    method._correct(np.arange(4), np.arange(4), second.classes)
    assert method.scale.numpy().tolist() == pytest.approx([1, 1, *method.scale.numpy()[2:]])
    assert 1 < method.scale.numpy()[2] <= BOUNDS[0][1] and abs(method.offset.numpy()).max() <= BOUNDS[1][1]


def test_with_one_exemplar_a_class_nothing_is_held_out_or_corrected():
    learning = TaskLearning(0.2, batch_size=8, epochs=1, buffer_size=4)
    method, (first, second) = Bic(LinearNetworks(), learning, seed=0), draw_tasks()
    method.learn(first)
    method.exemplars._of_class = {label: method.exemplars.of(label)[:1] for label in (0, 1)}
    method._correct = None
    method.learn(second)
    assert method.scale.numpy().tolist() == [1] * 4


def test_it_holds_the_network_before_the_task_too():
    method = Bic(LinearNetworks(), LEARNING, seed=0)
    assert method.state_bytes == 2 * 4 * DIM * NUM_CLASSES + 2 * 4 * NUM_CLASSES


def test_a_buffer_below_a_sample_of_each_class_is_refused_before_learning():
    method = Bic(LinearNetworks(), TaskLearning(0.2, batch_size=8, epochs=1, buffer_size=3), seed=0)
    first, second = draw_tasks()
    method.learn(first)
    with pytest.raises(InputError, match=r"must hold a sample of each class. Received: 3 samples, 4 classes\."):
        method.learn(second)
