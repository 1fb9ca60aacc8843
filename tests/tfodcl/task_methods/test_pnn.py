"""PNN against descent on columns written out, and on a residual network."""

import numpy as np
import pytest

from tests.tfodcl.task_methods.tiny import (
    ANY_NETWORK,
    FRONT,
    LAST,
    MIDDLE,
    NUM_CLASSES,
    StagedNetworks,
    assert_close,
    cross_entropy,
    descend,
    draw_tasks,
    real,
    softplus,
    values,
)
from tfodcl.resnets import ResNets
from tfodcl.stages.resnet import resnet
from tfodcl.task_methods.learning import MiniBatches, TaskLearning
from tfodcl.task_methods.pnn import Column, Pnn

LEARNING = TaskLearning(0.2, batch_size=10, epochs=2)


def maps(x: np.ndarray, front: np.ndarray, middle: np.ndarray, last: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What a first column's first two parts give."""
    first = softplus(real(x) @ front)
    return first, softplus(softplus(first @ middle) @ last)


def joined_logits(x: np.ndarray, w: list[np.ndarray], earlier: list[list[np.ndarray]]) -> np.ndarray:
    """Of a column with weights [lateral 1, lateral 2, front, middle, last, head] behind columns without laterals."""
    seen = [maps(x, *column[:3]) for column in earlier]
    first = softplus(real(x) @ w[2]) + np.concatenate([one for one, _ in seen], axis=-1) @ w[0]
    second = softplus(softplus(first @ w[3]) @ w[4]) + np.concatenate([two for _, two in seen], axis=-1) @ w[1]
    return second.mean(axis=(1, 2)) @ w[5]


def test_a_step_descends_the_cross_entropy_over_the_tasks_classes_by_the_newest_column_and_its_laterals():
    networks, tasks = StagedNetworks(), draw_tasks()
    method, batches = Pnn(networks, LEARNING, seed=3), MiniBatches(LEARNING, seed=3)
    initial = [array.astype(np.float64) for array in (*networks.kernels, networks.head)]

    column = initial
    for chosen in batches.all(len(tasks[0].x), ANY_NETWORK):

        def first_loss(w, x=tasks[0].x[chosen], labels=tasks[0].labels[chosen]):
            return cross_entropy((maps(x, *w[:3])[1].mean(axis=(1, 2)) @ w[3])[:, :2], labels)

        column = descend(first_loss, column, LEARNING.learning_rate)
    method.learn(tasks[0])
    assert_close(method.columns[0].variables, column)

    second = [np.zeros((FRONT, FRONT)), np.zeros((LAST, LAST)), *initial]
    for chosen in batches.all(len(tasks[1].x), ANY_NETWORK):

        def second_loss(w, x=tasks[1].x[chosen], labels=tasks[1].labels[chosen]):
            return cross_entropy(joined_logits(x, w, [column])[:, 2:], labels - 2)

        second = descend(second_loss, second, LEARNING.learning_rate)
    method.learn(tasks[1])
    assert_close(method.columns[0].variables, column)
    assert_close(method.columns[1].variables, second)
    assert all(np.abs(lateral).max() > 1e-3 for lateral in second[:2])
    expected = joined_logits(tasks[1].x, second, [column])[:, 2:]
    np.testing.assert_allclose(method.scores(tasks[1].x)[:, 2:], expected, atol=1e-4)


@pytest.fixture(scope="module")
def before_and_after():
    """A method with batch norms after its first task, what it was then, and the same method after the second."""
    networks, tasks = StagedNetworks(norm=True), draw_tasks()
    method = Pnn(networks, LEARNING, seed=0)
    unknown = method.scores(tasks[0].x)
    method.learn(tasks[0])
    weights = [values(part.weights) for part in method.columns[0].parts]
    known = method.scores(tasks[0].x)
    method.learn(tasks[1])
    return method, tasks, unknown, known, weights


def test_earlier_columns_stay_as_they_are_bit_for_bit_with_the_moments_of_their_batch_norms(before_and_after):
    method, _, _, _, weights = before_and_after
    assert sum(map(len, weights)) > 4 + 4  # kernels, and scales, offsets, moments of two batch norms
    for part, kept in zip(method.columns[0].parts, weights, strict=True):
        for variable, array in zip(part.weights, kept, strict=True):
            np.testing.assert_array_equal(variable, array)
    moved = [part.weights for part in method.columns[1].parts]
    assert all((one != 0).numpy().any() for one in moved[0] if one.name.startswith("front_norm/moving_mean"))


def test_the_scores_of_a_task_never_change_after_later_tasks_and_are_none_before_it(before_and_after):
    method, tasks, unknown, known, _ = before_and_after
    assert np.isneginf(unknown).all() and np.isneginf(known[:, 2:]).all() and np.isfinite(known[:, :2]).all()
    after = method.scores(tasks[0].x)
    np.testing.assert_array_equal(after[:, :2], known[:, :2])
    assert np.isfinite(after).all()


def test_every_task_adds_a_column_and_laterals_from_all_earlier_ones(before_and_after):
    method = before_and_after[0]
    kernels = 3 * FRONT + FRONT * MIDDLE + MIDDLE * LAST + LAST * NUM_CLASSES
    column = 4 * (kernels + 4 * (FRONT + MIDDLE))
    assert method.columns[0].num_bytes == column
    assert method.columns[1].num_bytes == column + 4 * (FRONT**2 + LAST**2)
    assert method.state_bytes == 2 * column + 4 * (FRONT**2 + LAST**2) and method.buffer_bytes == 0
    third = Column(StagedNetworks(norm=True).parts(), method.columns)
    assert third.num_bytes == column + 4 * 2 * (FRONT**2 + LAST**2)


def test_a_third_column_sees_both_earlier_ones_as_they_see_each_other():
    networks = StagedNetworks()
    rng = np.random.default_rng(0)
    columns: list[Column] = []
    for _ in range(3):
        columns.append(Column(networks.parts(), list(columns)))
        for variable in columns[-1].variables:
            variable.assign(rng.normal(0, 0.5, variable.shape))
    w = [[array.reshape(array.shape[-2:]).astype(np.float64) for array in values(one.variables)] for one in columns]
    x = draw_tasks()[0].x
    a = maps(x, *w[0][:3])
    b1 = softplus(real(x) @ w[1][2]) + a[0] @ w[1][0]  # what the second column's next part gets; what it hands on:
    b = (softplus(real(x) @ w[1][2]), softplus(softplus(b1 @ w[1][3]) @ w[1][4]))
    c1 = softplus(real(x) @ w[2][2]) + np.concatenate([a[0], b[0]], axis=-1) @ w[2][0]
    c2 = softplus(softplus(c1 @ w[2][3]) @ w[2][4]) + np.concatenate([a[1], b[1]], axis=-1) @ w[2][1]
    logits = columns[2].logits(real(x).astype(np.float32), training=False)
    np.testing.assert_allclose(logits, c2.mean(axis=(1, 2)) @ w[2][5], rtol=1e-4, atol=1e-4)


def test_a_new_column_of_a_residual_network_is_the_network_until_its_laterals_learn():
    networks = ResNets(resnet(18, (8, 8, 3), NUM_CLASSES, width=8), None, 6, None, seed=0)
    x = np.random.default_rng(0).random((5, 8, 8, 3), np.float32)
    columns = [Column(networks.parts(), [])]
    columns.append(Column(networks.parts(), columns[:]))
    expected = networks.whole()(x, training=False)
    for column in columns:
        np.testing.assert_allclose(column.logits(x, training=False), expected, rtol=1e-5, atol=1e-6)
    columns[1].variables[0].assign_add(0.1 * np.ones(columns[1].variables[0].shape))
    assert np.abs(columns[1].logits(x, training=False) - expected).max() > 1e-3
