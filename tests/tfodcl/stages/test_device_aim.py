"""Oracles: TensorFlow's autodiff, float64, on all mechanisms and all rows; meta.aim for the forward pass."""

import numpy as np
import pytest
import tensorflow as tf

from tfodcl.errors import InputError
from tfodcl.meta.aim import AimStage
from tfodcl.stages.aim import AimHead

WIDTH, NUM_MECHANISMS, NUM_ACTIVE, ATTENTION_DIM, CAPACITY, RATE = 10, 6, 2, 4, 4, 0.05


def make_stage(num_classes: int = CAPACITY) -> AimStage:
    rng = np.random.default_rng(3)
    return AimStage(WIDTH, num_classes, NUM_MECHANISMS, NUM_ACTIVE, ATTENTION_DIM, rng)


def make_head(capacity: int = CAPACITY) -> AimHead:
    return AimHead(make_stage().weights(), NUM_ACTIVE, capacity)


def draw(rng: np.random.Generator, count: int) -> np.ndarray:
    return np.maximum(rng.normal(0, 1, (count, WIDTH)), 0).astype(np.float32)  # latents come out of a ReLU


def explicit_step(mechanisms, classifier, weights, z, label):
    """One SGD step in float64: (mechanisms (M, width, width), classifier (capacity, width)) after it."""
    scores = weights["query"].astype(np.float64) @ (z @ weights["key"].astype(np.float64)) / ATTENTION_DIM**0.5
    attention = 1 / (1 + np.exp(-scores))
    attention[np.argsort(scores)[:-NUM_ACTIVE]] = 0
    v, k = tf.Variable(mechanisms), tf.Variable(classifier)
    with tf.GradientTape() as tape:
        proposals = tf.nn.relu(tf.stack([tf.linalg.matvec(v[m], z, transpose_a=True) for m in range(NUM_MECHANISMS)]))
        hidden = tf.reduce_sum(attention[:, None] * proposals, axis=0)
        logits = tf.linalg.matvec(k, hidden)
        loss = tf.nn.sparse_softmax_cross_entropy_with_logits(label, logits)
    to_v, to_k = tape.gradient(loss, [v, k])
    return mechanisms - RATE * tf.convert_to_tensor(to_v).numpy(), classifier - RATE * to_k.numpy()


def test_the_device_computes_what_the_meta_training_trained():
    stage, head = make_stage(), make_head()
    for _ in range(CAPACITY):
        head.add_class()
    head.classifier[:CAPACITY] = stage.kernel.numpy().T
    z = draw(np.random.default_rng(0), 20)
    np.testing.assert_allclose(head.logits(z), stage(tf.constant(z)).numpy(), rtol=1e-4, atol=1e-6)


def test_steps_follow_the_gradient_from_the_first_class_to_the_last():
    head, rng = make_head(), np.random.default_rng(1)
    weights = make_stage().weights()
    mechanisms, classifier = weights["mechanisms"].astype(np.float64), np.zeros((CAPACITY, WIDTH))
    for label in range(CAPACITY):
        assert head.add_class() == label
        for z, chosen in zip(draw(rng, 6), [label, label, 0, label, 0, label], strict=True):
            head.step(z[None], np.array([chosen]), RATE)
            mechanisms, classifier = explicit_step(mechanisms, classifier, weights, z.astype(np.float64), chosen)
            known = head.num_classes
            np.testing.assert_allclose(head.classifier[:known], classifier[:known], rtol=1e-3, atol=2e-6)
            to_come = classifier[known:]
            np.testing.assert_allclose(
                np.broadcast_to(head.classifier[known], to_come.shape), to_come, rtol=1e-3, atol=2e-6
            )
            np.testing.assert_allclose(head.mechanisms, mechanisms, rtol=1e-3, atol=2e-6)
    assert np.abs(mechanisms - weights["mechanisms"]).max() > 1e-3  # they have learnt something


def test_only_active_mechanisms_change_and_attention_never_does():
    head = make_head()
    head.add_class()
    head.classifier[:2] = np.random.default_rng(2).normal(size=(2, WIDTH))
    before, key, query = head.mechanisms.copy(), head.key.copy(), head.query.copy()
    z = draw(np.random.default_rng(4), 1)
    active, _ = head.attend(z[0])
    head.step(z, np.array([0]), RATE)
    changed = np.flatnonzero((head.mechanisms != before).any(axis=(1, 2)))
    assert sorted(active) == changed.tolist()
    np.testing.assert_array_equal(head.key, key)
    np.testing.assert_array_equal(head.query, query)


def test_the_most_attended_mechanisms_are_active():
    head = make_head()
    for z in draw(np.random.default_rng(5), 20):
        scores = head.query.astype(np.float64) @ (z @ head.key) / np.sqrt(ATTENTION_DIM)
        active, attention = head.attend(z)
        assert sorted(active) == sorted(np.argsort(scores)[-NUM_ACTIVE:])
        np.testing.assert_allclose(attention, tf.sigmoid(scores[active]).numpy(), rtol=1e-5)


def test_attention_of_any_score_is_finite():
    weights = make_stage().weights()
    weights["query"] = np.where(np.arange(NUM_MECHANISMS)[:, None] % 2, 1e4, -1e4).astype(np.float32) * np.ones(
        (1, ATTENTION_DIM), np.float32
    )
    weights["key"] = np.ones((WIDTH, ATTENTION_DIM), np.float32)
    head = AimHead(weights, NUM_MECHANISMS, CAPACITY)
    active, attention = head.attend(np.ones(WIDTH, np.float32))
    np.testing.assert_array_equal(attention, active % 2)


def test_a_batch_is_learnt_sample_by_sample():
    together, alone = make_head(), make_head()
    z, labels = draw(np.random.default_rng(6), 5), np.array([0, 1, 1, 0, 1])
    for head in (together, alone):
        head.add_class()
        head.add_class()
    together.step(z, labels, RATE)
    for sample, label in zip(z, labels, strict=True):
        alone.step(sample[None], np.array([label]), RATE)
    np.testing.assert_array_equal(together.mechanisms, alone.mechanisms)
    np.testing.assert_array_equal(together.classifier, alone.classifier)


def test_learning_leaves_the_weights_of_the_package_as_they_are():
    weights = make_stage().weights()
    kept = {name: array.copy() for name, array in weights.items()}
    head = AimHead(weights, NUM_ACTIVE, CAPACITY)
    head.add_class()
    head.add_class()
    head.step(draw(np.random.default_rng(7), 3), np.array([0, 1, 0]), RATE)
    for name, array in kept.items():
        np.testing.assert_array_equal(weights[name], array)


def test_a_class_above_the_capacity_is_refused():
    head = make_head(capacity=1)
    head.add_class()
    with pytest.raises(InputError, match="capacity must hold every class. Received: one more than 1 classes"):
        head.add_class()


def test_state_bytes_are_those_of_attention_mechanisms_and_rows_in_use():
    head = make_head()
    head.add_class()
    values = WIDTH * ATTENTION_DIM + NUM_MECHANISMS * ATTENTION_DIM + NUM_MECHANISMS * WIDTH**2 + 2 * WIDTH
    assert head.state_bytes == 4 * values


def test_adaptive_arrays_that_do_not_fit_each_other_are_one_line():
    rng = np.random.default_rng(0)
    arrays = {
        "key": rng.random((6, 3), np.float32),
        "query": rng.random((4, 3), np.float32),
        "mechanisms": rng.random((4, 6, 6), np.float32),
        "num_active": np.array([2], np.float32),
    }
    assert AimHead.of(arrays, capacity=5).num_active == 2
    for broken in (
        {name: array for name, array in arrays.items() if name != "query"},
        {**arrays, "mechanisms": arrays["mechanisms"][:3]},
        {**arrays, "num_active": np.array([5], np.float32)},
    ):
        with pytest.raises(InputError, match="adaptive arrays .* Received: "):
            AimHead.of(broken, capacity=5)
