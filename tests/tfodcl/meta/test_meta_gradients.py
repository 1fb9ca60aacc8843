"""Both adaptive stages in float64: their implicit fast weights and meta-gradients against two independent oracles,
central differences and an implementation that really forms the fast weights, with nested gradient tapes."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
import tensorflow as tf

from tfodcl.meta.aim import AimStage
from tfodcl.meta.linear import LinearStage
from tfodcl.meta.training import cross_entropy

NUM_INPUTS, WIDTH, NUM_CLASSES, NUM_QUERIES, LABEL, INNER_LR, NUM_ACTIVE = 6, 5, 4, 7, 2, 0.3, 2


@dataclass
class Problem:
    """A meta-loss: z = tanh(x E), inner steps on the first `num_inner` rows, cross-entropy over all rows.

    `fast` are the weights that inner steps change, `slow` the stage's others, and `forward(z, fast)` its logits,
    written down anew from the formulas.
    """

    stage: LinearStage | AimStage
    fast: list[tf.Variable]
    slow: list[tf.Variable]
    forward: Callable[[tf.Tensor, list[tf.Tensor]], tf.Tensor]
    encoder: tf.Variable
    x: tf.Tensor  # (num_inner + NUM_QUERIES, NUM_INPUTS)
    y: tf.Tensor  # (num_inner + NUM_QUERIES,)

    @property
    def num_inner(self) -> int:
        return self.x.shape[0] - NUM_QUERIES

    @property
    def weights(self) -> list[tf.Variable]:
        return [self.encoder, *self.fast, *self.slow]

    def encode(self) -> tf.Tensor:
        return tf.tanh(self.x @ self.encoder)

    def loss(self, second_order: bool) -> tf.Tensor:
        z = self.encode()
        adapted = self.stage.adapt(z[: self.num_inner], tf.constant(LABEL), INNER_LR, second_order)
        return cross_entropy(self.y, adapted(z))

    def gradients(self, second_order: bool) -> list[np.ndarray]:
        with tf.GradientTape() as tape:
            loss = self.loss(second_order)
        return [gradient.numpy() for gradient in tape.gradient(loss, self.weights)]

    def learn(self, z: tf.Tensor) -> list[tf.Tensor]:
        """The fast weights after SGD, batch 1, over the first rows of z; differentiable."""
        fast = [tf.identity(weight) for weight in self.fast]
        for t in range(self.num_inner):
            with tf.GradientTape() as tape:
                tape.watch(fast)
                loss = cross_entropy(tf.constant([LABEL]), self.forward(z[t : t + 1], fast))
            gradients = tape.gradient(loss, fast, unconnected_gradients=tf.UnconnectedGradients.ZERO)
            fast = [weight - INNER_LR * gradient for weight, gradient in zip(fast, gradients, strict=True)]
        return fast


def draw(num_inner: int, rng: np.random.Generator) -> tuple[tf.Variable, tf.Tensor, tf.Tensor]:
    """Encoder, x and y."""
    num = num_inner + NUM_QUERIES
    labels = np.where(np.arange(num) < num_inner, LABEL, rng.integers(NUM_CLASSES, size=num))
    encoder = tf.Variable(rng.normal(0, 0.7, (NUM_INPUTS, WIDTH)), dtype=tf.float64)
    return encoder, tf.constant(rng.normal(size=(num, NUM_INPUTS))), tf.constant(labels, tf.int64)


def linear(num_inner: int) -> Problem:
    rng = np.random.default_rng(1)
    stage = LinearStage(WIDTH, NUM_CLASSES, rng, tf.float64)
    return Problem(stage, [stage.kernel], [], lambda z, fast: z @ fast[0], *draw(num_inner, rng))


def aim(num_inner: int) -> Problem:
    rng = np.random.default_rng(2)
    stage = AimStage(
        WIDTH,
        NUM_CLASSES,
        num_mechanisms=4,
        num_active=NUM_ACTIVE,
        attention_dim=3,
        rng=rng,
        dtype=tf.float64,
    )
    stage.kernel.assign(10 * stage.kernel)  # or the mechanisms would hardly change

    def forward(z: tf.Tensor, fast: list[tf.Tensor]) -> tf.Tensor:
        mechanisms, kernel = fast
        logits = []
        for row in range(z.shape[0]):
            sample = z[row : row + 1]
            scores = [(sample @ stage.key @ stage.query[m][:, None])[0, 0] / np.sqrt(3) for m in range(4)]
            active = sorted(range(4), key=lambda m: -float(scores[m]))[:NUM_ACTIVE]
            hidden = tf.add_n([tf.sigmoid(scores[m]) * tf.nn.relu(sample @ mechanisms[m]) for m in active])
            logits.append(hidden @ kernel)
        return tf.concat(logits, axis=0)

    return Problem(
        stage, [stage.mechanisms, stage.kernel], [stage.key, stage.query], forward, *draw(num_inner, rng)
    )


@pytest.fixture(
    params=[(linear, 1), (linear, 4), (aim, 1), (aim, 4)], ids=["linear-1", "linear-4", "aim-1", "aim-4"]
)
def problem(request) -> Problem:
    build, num_inner = request.param
    return build(num_inner)


def assert_equal(actual: list[np.ndarray], expected: list[np.ndarray]) -> None:
    for one, other in zip(actual, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-10)


def test_a_stage_without_inner_steps_gives_the_logits_of_its_formulas(problem):
    z = problem.encode()
    np.testing.assert_allclose(problem.stage(z), problem.forward(z, problem.fast), rtol=0, atol=1e-12)


@pytest.mark.parametrize("second_order", [True, False])
def test_adapted_logits_are_those_of_formed_fast_weights(problem, second_order):
    z = problem.encode()
    adapted = problem.stage.adapt(z[: problem.num_inner], tf.constant(LABEL), INNER_LR, second_order)
    expected = problem.forward(z, problem.learn(z))
    np.testing.assert_allclose(adapted(z), expected, rtol=0, atol=1e-10)
    assert np.abs(expected - problem.stage(z)).max() > 0.01  # the inner steps matter


def test_second_order_gradients_are_those_through_nested_tapes(problem):
    with tf.GradientTape() as tape:
        z = problem.encode()
        loss = cross_entropy(problem.y, problem.forward(z, problem.learn(z)))
    assert_equal(
        problem.gradients(second_order=True), [one.numpy() for one in tape.gradient(loss, problem.weights)]
    )


def test_second_order_gradients_are_central_differences(problem):
    loss = tf.function(lambda: problem.loss(second_order=True))
    step = 1e-5
    for weight, gradient in zip(problem.weights, problem.gradients(second_order=True), strict=True):
        start = weight.numpy()
        differences = np.empty_like(start)
        for index in np.ndindex(*start.shape):
            values = []
            for sign in (1, -1):
                moved = start.copy()
                moved[index] += sign * step
                weight.assign(moved)
                values.append(float(loss()))
            differences[index] = (values[0] - values[1]) / (2 * step)
        weight.assign(start)
        np.testing.assert_allclose(gradient, differences, rtol=1e-6, atol=1e-9)


def test_first_order_gradients_are_those_at_the_fast_weights(problem):
    """FOMAML: the fast weights' gradient is applied to the slow ones; the encoder is reached by the queries alone."""
    fast = [tf.constant(weight.numpy()) for weight in problem.learn(problem.encode())]
    with tf.GradientTape() as tape:
        tape.watch(fast)
        loss = cross_entropy(problem.y, problem.forward(problem.encode(), fast))
    expected = tape.gradient(loss, [problem.encoder, *fast, *problem.slow])
    assert_equal(problem.gradients(second_order=False), [one.numpy() for one in expected])


def test_orders_differ_in_every_weight(problem):
    second, first = problem.gradients(second_order=True), problem.gradients(second_order=False)
    for one, other in zip(second, first, strict=True):
        assert np.abs(one - other).max() > 1e-3 * np.abs(one).max()


@pytest.mark.parametrize("build", [linear, aim])
def test_a_new_class_replaces_its_column_alone(build):
    stage = build(1).stage
    before, column = stage.kernel.numpy(), stage.draw_class(np.random.default_rng(3))

    stage.reset_class(tf.constant(LABEL), tf.constant(column))

    expected = before.copy()
    expected[:, LABEL] = column
    np.testing.assert_array_equal(stage.kernel.numpy(), expected)


def test_a_linear_stage_is_kaiming_initialised():
    stage = LinearStage(2000, 50, np.random.default_rng(0))
    assert np.std(stage.kernel.numpy()) == pytest.approx(np.sqrt(2 / 2000), rel=0.02)
    assert np.std(stage.draw_class(np.random.default_rng(1))) == pytest.approx(np.sqrt(2 / 2000), rel=0.1)
