"""Oracles: the formulas of network.Training in NumPy float64, finite differences, and a head in closed form."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from tfodcl.stages.keras import KerasStage, Moments, batch_renorm
from tfodcl.stages.network import NORM_EPSILON, Network, Training, convolution, head, pool

R_MAX, D_MAX = 1.25, 0.5
SHAPE = (4, 3, 2, 5)  # of a mini-batch of maps


def small_network() -> Network:
    """4x3x4 -> depthwise 3x3/2 -> pointwise to 6 -> conv 3x3 to 5 -> mean -> 3 classes."""
    depthwise = convolution("layer_1", "depthwise", (4, 3, 4), 4, 3, 2)
    pointwise = convolution("layer_2", "pointwise", depthwise.output_shape, 6, 1, 1)
    conv = convolution("layer_3", "conv", pointwise.output_shape, 5, 3, 1)
    last = pool("layer_4", conv.output_shape)
    return Network((4, 3, 4), (depthwise, pointwise, conv, last, head(last.output_shape, 3)))


def draw_weights(network: Network, seed: int = 0) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    weights = {name: rng.normal(0, 0.5, shape).astype(np.float32) for name, shape in network.array_shapes.items()}
    for name, array in weights.items():
        if name.endswith(("gamma", "moving_variance")):
            array[:] = rng.uniform(0.5, 1.5, array.shape)
    return weights


def draw_batch(network: Network, size: int = 6, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.normal(size=(size, network.latent_dim)), np.arange(size) % network.num_classes


def make_stage(training: Training, dtype: str = "float32") -> KerasStage:
    network = small_network()
    weights = draw_weights(network)
    stage = KerasStage(network, weights, training, dtype)
    stage.set_head(weights["head/kernel"].T, np.full(network.num_classes, True))
    return stage


def draw_norm(seed: int):
    """x, gamma, beta and moving moments whose corrections r and d lie within the bounds and beyond them."""
    rng = np.random.default_rng(seed)
    x = rng.normal(0.3, 1.0, SHAPE) * np.array([0.3, 0.8, 1.0, 1.1, 4.0])
    gamma, beta = rng.uniform(0.5, 1.5, 5), rng.normal(size=5)
    return x, gamma, beta, np.array([2.0, 0.1, 0.2, -3.0, 0.0]), np.array([1.0, 0.9, 1.1, 1.2, 1.0])


def corrections(x: np.ndarray, moving_mean: np.ndarray, moving_variance: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    deviation, moving = np.sqrt(x.var(axis=(0, 1, 2)) + NORM_EPSILON), np.sqrt(moving_variance + NORM_EPSILON)
    r = np.clip(deviation / moving, 1 / R_MAX, R_MAX)
    d = np.clip((x.mean(axis=(0, 1, 2)) - moving_mean) / moving, -D_MAX, D_MAX)
    return r, d


def renormed(x, gamma, beta, r, d) -> np.ndarray:
    deviation = np.sqrt(x.var(axis=(0, 1, 2)) + NORM_EPSILON)
    return gamma * ((x - x.mean(axis=(0, 1, 2))) / deviation * r + d) + beta


def test_batch_renorm_is_the_formula_within_and_beyond_the_bounds():
    x, gamma, beta, mean, variance = draw_norm(0)
    r, d = corrections(x, mean, variance)
    assert {1 / R_MAX, R_MAX} < set(r) and {-D_MAX, D_MAX} < set(d)

    y, moments = batch_renorm(tf.constant(x), gamma, beta, Moments(mean, variance), R_MAX, D_MAX)

    np.testing.assert_allclose(y, renormed(x, gamma, beta, r, d), rtol=1e-12)
    np.testing.assert_allclose(moments.mean, x.mean(axis=(0, 1, 2)), rtol=1e-12)
    np.testing.assert_allclose(moments.variance, x.var(axis=(0, 1, 2)), rtol=1e-12)


def test_gradients_of_batch_renorm_are_finite_differences_with_constant_corrections():
    x, gamma, beta, mean, variance = draw_norm(0)
    r, d = corrections(x, mean, variance)
    weight = np.random.default_rng(5).normal(size=SHAPE)  # of every output in the scalar that is derived
    inputs = [tf.Variable(value) for value in (x, gamma, beta)]
    with tf.GradientTape() as tape:
        y, _ = batch_renorm(*inputs, Moments(mean, variance), R_MAX, D_MAX)
        scalar = tf.reduce_sum(y * weight)
    gradients = tape.gradient(scalar, inputs)

    values, step = [x, gamma, beta], 1e-6
    for which, gradient in enumerate(gradients):
        numeric = np.empty(values[which].size)
        for index in range(numeric.size):
            scalars = []
            for sign in (1, -1):
                moved = [value.copy() for value in values]
                moved[which].reshape(-1)[index] += sign * step
                scalars.append(np.sum(renormed(*moved, r, d) * weight))
            numeric[index] = (scalars[0] - scalars[1]) / (2 * step)
        np.testing.assert_allclose(gradient.numpy().reshape(-1), numeric, rtol=1e-5, atol=1e-7)


def test_without_correction_batch_renorm_is_batch_normalisation():
    x, gamma, beta, mean, variance = draw_norm(0)
    y, _ = batch_renorm(tf.constant(x), gamma, beta, Moments(mean, variance), r_max=1.0, d_max=0.0)
    expected = tf.nn.batch_normalization(x, x.mean(axis=(0, 1, 2)), x.var(axis=(0, 1, 2)), beta, gamma, NORM_EPSILON)
    np.testing.assert_allclose(y, expected, rtol=1e-12)


def test_sgd_with_momentum_and_weight_decay_is_the_formula_by_hand():
    """A head alone: its gradient is (softmax - onehot)^T z / n."""
    network = Network((1, 1, 4), (head((1, 1, 4), 3),))
    training = Training(learning_rate=0.1, momentum=0.9, weight_decay=0.01)
    w = np.random.default_rng(0).normal(size=(3, 4)).astype(np.float32)
    stage = KerasStage(network, {"head/kernel": w.T}, training, "float64")
    stage.set_head(w, np.full(3, True))
    w, v = w.astype(np.float64), np.zeros((3, 4))
    for number in range(4):
        z, labels = draw_batch(network, 5, seed=number)
        scores = np.exp(z @ w.T)
        probabilities = scores / scores.sum(axis=1, keepdims=True)
        loss = -np.log(probabilities[np.arange(5), labels]).mean()
        gradient = (probabilities - np.eye(3)[labels]).T @ z / 5
        v = 0.9 * v + gradient + 0.01 * w
        w = w - 0.1 * v
        assert stage.step(z, labels) == pytest.approx(loss, rel=1e-12)
        np.testing.assert_allclose(stage.head, w, rtol=1e-12)


def loss_of(stage: KerasStage, z: np.ndarray, labels: np.ndarray, arrays: dict[str, np.ndarray]) -> float:
    """The loss of one training step from `arrays`, which then is undone."""
    for name, array in arrays.items():
        stage._arrays[name].assign(array)
    return stage.step(z, labels)


def test_a_step_changes_every_layer_by_its_gradient_and_moves_the_statistics():
    """Finite differences of the loss, float64. With d and r bounded to none, the loss is a plain function of all."""
    training = Training(learning_rate=1.0, momentum=0.0, weight_decay=0.0, r_max=1.0, d_max=0.0, norm_momentum=0.75)
    stage, probe = make_stage(training, "float64"), make_stage(training, "float64")
    z, labels = draw_batch(stage.network)
    before = stage.weights
    stage.step(z, labels)
    after = stage.weights

    rng, step = np.random.default_rng(3), 1e-5
    for name in stage.network.trained_names:
        for index in rng.choice(before[name].size, min(4, before[name].size), replace=False):
            losses = []
            for sign in (1, -1):
                moved = {key: array.copy() for key, array in before.items()}
                moved[name].reshape(-1)[index] += sign * step
                losses.append(loss_of(probe, z, labels, moved))
            gradient = (losses[0] - losses[1]) / (2 * step)
            change = (before[name] - after[name]).reshape(-1)[index]
            assert change == pytest.approx(gradient, rel=1e-4, abs=1e-9), name
    maps = tf.nn.depthwise_conv2d(
        z.reshape(-1, 4, 3, 4), before["layer_1/kernel"][..., None], (1, 2, 2, 1), "SAME"
    ).numpy()
    for array, value in (("moving_mean", maps.mean((0, 1, 2))), ("moving_variance", maps.var((0, 1, 2)))):
        expected = 0.75 * before[f"layer_1/{array}"] + 0.25 * value
        np.testing.assert_allclose(after[f"layer_1/{array}"], expected, rtol=1e-12)


def test_inference_uses_the_moving_statistics_and_each_sample_alone():
    stage = make_stage(Training())
    z, _ = draw_batch(stage.network)
    together = stage.logits(z.astype(np.float32))
    alone = np.concatenate([stage.logits(sample[None].astype(np.float32)) for sample in z])
    np.testing.assert_allclose(together, alone, rtol=1e-5, atol=1e-6)
    assert np.ptp(together) > 0.01


def test_only_known_classes_are_decided_among_and_trained():
    stage = make_stage(Training(weight_decay=0.0))
    rows = draw_weights(stage.network)["head/kernel"].T
    rows[1] = 0
    stage.set_head(rows, np.array([True, False, True]))
    z, labels = draw_batch(stage.network)
    z, labels = z[labels != 1].astype(np.float32), labels[labels != 1]
    assert (stage.logits(z)[:, 1] < stage.logits(z)[:, [0, 2]].min()).all()
    loss = stage.step(z, labels)
    assert 0 < loss < 20
    assert not stage.head[1].any()
    assert (stage.head[0] != rows[0]).all()


def test_a_new_head_begins_without_velocity():
    training = Training(learning_rate=0.1, momentum=0.9)
    first, second = make_stage(training), make_stage(training)
    z, labels = draw_batch(first.network)
    z = z.astype(np.float32)
    first.step(z, labels)
    network, weights = first.network, first.weights
    fresh = KerasStage(network, weights, training)
    known = np.full(network.num_classes, True)
    for stage in (first, fresh):
        stage.set_head(weights["head/kernel"].T, known)
        stage.step(z, labels)
    for name, array in first.weights.items():
        np.testing.assert_array_equal(array, fresh.weights[name])
    second.step(z, labels)
    second.step(z, labels)  # with the velocity of the step before
    assert (second.head != first.head).any()


def test_the_same_mini_batches_give_the_same_stage_bit_for_bit():
    first, second = make_stage(Training()), make_stage(Training())
    for seed in range(3):
        z, labels = draw_batch(first.network, seed=seed)
        for stage in (first, second):
            stage.step(z.astype(np.float32), labels)
    for name, array in first.weights.items():
        np.testing.assert_array_equal(array, second.weights[name])


def test_training_separates_what_differs():
    stage = make_stage(dataclasses.replace(Training(), learning_rate=0.05))
    rng = np.random.default_rng(0)
    centers = rng.normal(size=(3, stage.network.latent_dim))
    labels = np.repeat(np.arange(3), 8)
    z = (centers[labels] + 0.3 * rng.normal(size=(24, stage.network.latent_dim))).astype(np.float32)
    losses = [stage.step(z, labels) for _ in range(60)]
    assert losses[-1] < 0.3 < losses[0]


def test_state_bytes_are_those_of_arrays_and_velocities():
    network = small_network()
    stage = make_stage(Training())
    num_statistics = 2 * (4 + 6 + 5)
    assert stage.state_bytes == 4 * (2 * network.num_parameters + num_statistics)
