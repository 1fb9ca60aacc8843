"""Oracle: TensorFlow's autodiff, float64, on a head whose `capacity` rows are all there from the start."""

import numpy as np
import pytest
import tensorflow as tf

from tfodcl.errors import InputError
from tfodcl.stages.linear import LinearHead, softmax_error

CAPACITY, LATENT_DIM, RATE = 5, 12, 0.3


def explicit_step(weights: np.ndarray, z: np.ndarray, labels: np.ndarray, rate: float) -> np.ndarray:
    """(capacity, latent_dim) float64 after one SGD step on the mean cross-entropy, softmax over all rows."""
    variable = tf.Variable(weights, dtype=tf.float64)
    with tf.GradientTape() as tape:
        logits = tf.linalg.matmul(tf.constant(z, tf.float64), variable, transpose_b=True)
        loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits))
    return weights - rate * tape.gradient(loss, variable).numpy()


def random_batch(rng: np.random.Generator, batch: int, label: int | None, num_classes: int):
    z = rng.normal(0, 1, (batch, LATENT_DIM)).astype(np.float32)
    labels = rng.integers(0, num_classes, batch) if label is None else np.full(batch, label)
    return z, labels


@pytest.mark.parametrize("batch", [1, 8])
def test_one_row_for_the_classes_to_come_is_equivalent_to_one_row_each(batch):
    rng = np.random.default_rng(batch)
    head, explicit = LinearHead(LATENT_DIM, CAPACITY), np.zeros((CAPACITY, LATENT_DIM))
    for label in range(CAPACITY):
        assert head.add_class() == label
        for chosen in (label, None, 0):  # new class alone, all classes mixed, the oldest
            z, labels = random_batch(rng, batch, chosen, label + 1)
            head.step(z, labels, RATE)
            explicit = explicit_step(explicit, z, labels, RATE)
            known = head.num_classes
            np.testing.assert_allclose(head.weights[:known], explicit[:known], rtol=1e-4, atol=2e-6)
            to_come = explicit[known:]
            np.testing.assert_allclose(
                np.broadcast_to(head.weights[known], to_come.shape), to_come, rtol=1e-4, atol=2e-6
            )
    assert np.abs(explicit).max() > 0.1  # it has learnt something


@pytest.mark.parametrize(("num_classes", "latent_dim"), [(300, 12), (40, 4096), (3, 70_000)])
@pytest.mark.parametrize("batch", [1, 8])
def test_a_head_of_several_slices_learns_like_one(num_classes, latent_dim, batch):
    rng = np.random.default_rng(batch)
    head = LinearHead(latent_dim, capacity=num_classes)
    for _ in range(num_classes):
        head.add_class()
    explicit = np.zeros((num_classes, latent_dim))
    for _ in range(3):
        z = rng.normal(0, 1, (batch, latent_dim)).astype(np.float32)
        labels = rng.integers(0, num_classes, batch)
        head.step(z, labels, RATE / latent_dim)
        explicit = explicit_step(explicit, z, labels, RATE / latent_dim)
    tolerance = 1e-5 * np.abs(explicit).max()
    np.testing.assert_allclose(head.weights[:num_classes], explicit, rtol=1e-4, atol=tolerance)
    assert not head.weights[num_classes].any()  # there are no classes to come


def test_the_first_step_of_the_first_class_is_the_closed_form():
    head = LinearHead(2, capacity=4)
    head.add_class()
    head.step(np.array([[1, 2]], np.float32), np.array([0]), 0.1)
    np.testing.assert_allclose(head.weights[0], 0.1 * 0.75 * np.array([1, 2]), rtol=1e-6)
    np.testing.assert_allclose(head.weights[1], -0.1 * 0.25 * np.array([1, 2]), rtol=1e-6)
    assert not head.weights[2:].any()


def test_a_head_of_one_class_has_nothing_to_learn():
    head = LinearHead(3, capacity=1)
    head.add_class()
    head.step(np.ones((1, 3), np.float32), np.array([0]), 1.0)
    assert not head.weights[0].any()


def test_a_new_class_starts_from_the_row_of_the_classes_to_come():
    head = LinearHead(LATENT_DIM, CAPACITY)
    head.add_class()
    z, labels = random_batch(np.random.default_rng(0), 8, 0, 1)
    head.step(z, labels, RATE)
    before = head.weights[:2].copy()
    assert head.add_class() == 1
    np.testing.assert_array_equal(head.weights[:2], before)
    np.testing.assert_array_equal(head.weights[2], before[1])
    assert before[1].any()


def test_logits_are_of_the_classes_learnt_and_no_others():
    head = LinearHead(LATENT_DIM, CAPACITY)
    head.weights[:] = np.random.default_rng(1).normal(size=head.weights.shape)
    head.num_classes = 2
    z = np.random.default_rng(2).normal(size=(3, LATENT_DIM)).astype(np.float32)
    logits = head.logits(z)
    assert logits.shape == (3, 2) and logits.dtype == np.float32
    np.testing.assert_allclose(logits, z.astype(np.float64) @ head.weights[:2].T.astype(np.float64), rtol=1e-5)


def test_a_class_above_the_capacity_is_refused():
    head = LinearHead(2, capacity=2)
    head.add_class()
    head.add_class()
    with pytest.raises(InputError, match="capacity must hold every class. Received: one more than 2 classes"):
        head.add_class()
    assert head.num_classes == 2


def test_a_forgotten_class_is_one_to_come_again():
    rng = np.random.default_rng(4)
    head = LinearHead(LATENT_DIM, CAPACITY)
    for label in range(3):
        head.add_class()
        z, labels = random_batch(rng, 8, label, 1)
        head.step(z, labels, RATE)
    before = head.weights.copy()
    head.remove_class(1)
    assert head.num_classes == 2
    np.testing.assert_array_equal(head.weights[:3], before[[0, 2, 3]])
    assert not head.weights[3:].any()
    z, labels = random_batch(rng, 8, None, 2)
    explicit = explicit_step(before[[0, 2, 3, 3, 3]].astype(np.float64), z, labels, RATE)
    head.step(z, labels, RATE)
    np.testing.assert_allclose(head.weights[:3], explicit[:3], rtol=1e-4, atol=2e-6)


def test_state_bytes_are_those_of_the_rows_in_use():
    head = LinearHead(10, capacity=7)
    assert head.state_bytes == 1 * 10 * 4
    head.add_class()
    head.add_class()
    assert head.state_bytes == 3 * 10 * 4


@pytest.mark.parametrize("num_to_come", [1, 3, 1000])
def test_the_errors_of_all_rows_sum_to_zero(num_to_come):
    logits = np.random.default_rng(num_to_come).normal(0, 3, (6, 5)).astype(np.float32)
    error = softmax_error(logits, np.arange(6) % 4, num_to_come).astype(np.float64)
    np.testing.assert_allclose(error[:, :-1].sum(axis=1) + num_to_come * error[:, -1], 0, atol=1e-6)


@pytest.mark.parametrize("num_to_come", [0, 4])
@pytest.mark.parametrize("largest", [0, 1, 2])
def test_logits_far_apart_give_finite_errors(num_to_come, largest):
    logits = np.array([[1.0, 2.0, 3.0]], np.float32)
    logits[0, largest] += 1e4
    kept = logits.copy()
    error = softmax_error(logits, np.array([0]), num_to_come)
    each = np.concatenate([kept[0, :2], np.repeat(kept[0, 2], num_to_come)]).astype(np.float64)
    expected = tf.nn.softmax(each).numpy()
    expected[0] -= 1
    np.testing.assert_allclose(error[0, :2], expected[:2], atol=1e-6)
    if num_to_come:
        np.testing.assert_allclose(error[0, 2], expected[2], atol=1e-6)
    else:
        assert error[0, 2] == 0  # the row stands for none and stays as it is
    np.testing.assert_array_equal(logits, kept)
