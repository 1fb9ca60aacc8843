"""The float32 training kernels in C++ give TensorFlow's float64 outputs and gradients to rounding, on random shapes.

A float32 sum of n products, whatever its order, is off by at most about n U of the sum of their magnitudes, U = 2^-24:
each product and each of the n sums is rounded by U of what has been added up so far (N. J. Higham, "Accuracy and
Stability of Numerical Algorithms", 3.1). That is the bound here, with n + 2 for a few operations beside the sum; the
sum of magnitudes comes from TensorFlow too, from the absolute values of everything that goes in.
"""

import subprocess
from collections.abc import Callable

import numpy as np
import pytest
import tensorflow as tf

U = 2.0**-24
NUM_SHAPES = 12  # random shapes for each layer

Arrays = list[np.ndarray]


@pytest.fixture(scope="session")
def run_layer(micro_tests) -> Callable[[str, list[int], Arrays, list[tuple[int, ...]]], Arrays]:
    """Runs the kernels of a layer (tests/micro/training_program/run_layer.cc): its numbers and arrays -> arrays."""

    def run(layer: str, numbers: list[int], arrays: Arrays, shapes: list[tuple[int, ...]]) -> Arrays:
        command = [micro_tests / "tests" / "run_layer", layer, *map(str, numbers)]
        content = b"".join(array.astype("<f4").tobytes() for array in arrays)
        result = subprocess.run(command, input=content, capture_output=True)
        assert result.returncode == 0, result.stderr.decode()
        values = np.frombuffer(result.stdout, "<f4")
        ends = np.cumsum([int(np.prod(shape)) for shape in shapes])
        assert len(values) == ends[-1]
        return [part.reshape(shape) for part, shape in zip(np.split(values, ends[:-1]), shapes, strict=True)]

    return run


def normal(rng: np.random.Generator, *shape: int) -> np.ndarray:
    return rng.normal(size=shape).astype(np.float32)


def gradients(layer: Callable[..., tf.Tensor], inputs: Arrays, output_gradient: np.ndarray) -> Arrays:
    """The layer's output, and the gradients with respect to its inputs of <output_gradient, output>; in float64."""
    variables = [tf.constant(array, tf.float64) for array in inputs]
    with tf.GradientTape() as tape:
        tape.watch(variables)
        output = layer(*variables)
    return [a.numpy() for a in (output, *tape.gradient(output, variables, output_gradient.astype(np.float64)))]


def assert_sums_agree(
    ours: Arrays, layer: Callable[..., tf.Tensor], inputs: Arrays, output_gradient: np.ndarray, added: Arrays, n: int
) -> None:
    """Outputs and gradients of a layer whose sums have at most n terms; the last ones are added to `added`."""
    exact = gradients(layer, inputs, output_gradient)
    magnitudes = gradients(layer, [abs(array) for array in inputs], abs(output_gradient))
    for i, array in enumerate(added, start=len(exact) - len(added)):
        exact[i] = exact[i] + array
        magnitudes[i] = magnitudes[i] + abs(array)
    for our, expected, magnitude in zip(ours, exact, magnitudes, strict=True):
        assert np.all(np.abs(our - expected) <= (n + 2) * U * magnitude)
    assert max(abs(array).max() for array in ours) > 0.1  # or the comparison compares nothing


def random_window(rng: np.random.Generator, padding: str, same_strides: bool) -> tuple[list[int], list[list[int]]]:
    """(input height, width, window height, width, strides), and pads (before, after) of both dimensions."""
    size, window = rng.integers(1, 10, 2), rng.integers(1, 5, 2)
    strides = np.repeat(rng.integers(1, 4), 2) if same_strides else rng.integers(1, 4, 2)
    if padding == "SAME":  # as TensorFlow documents it: output = ceil(input / stride), the odd pad comes after
        total = np.maximum((-(-size // strides) - 1) * strides + window - size, 0)
        pads = [[int(t) // 2, int(t) - int(t) // 2] for t in total]
    else:
        pads = [rng.integers(0, w, 2).tolist() for w in window]
        size = np.maximum(size, window)
    return [*map(int, size), *map(int, window), *map(int, strides)], pads


class RandomConv:
    """A convolution, depthwise or not, of random shape: `numbers` for run_layer, arrays, TensorFlow's layer."""

    def __init__(self, seed: int, padding: str, depthwise: bool) -> None:
        rng = np.random.default_rng(seed)
        (height, width, *window, sh, sw), pads = random_window(rng, padding, same_strides=depthwise)
        batch, channels, outputs, self.tile = (int(rng.integers(1, most)) for most in (4, 20, 20, 30))
        if depthwise:
            outputs = channels
        kernel_shape = (*window, channels, 1 if depthwise else outputs)
        call = tf.nn.depthwise_conv2d if depthwise else tf.nn.conv2d
        strides = [1, sh, sw, 1]

        def layer(x: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
            if padding == "SAME":
                return call(x, kernel, strides, "SAME")
            return call(tf.pad(x, [[0, 0], *pads, [0, 0]]), kernel, strides, "VALID")

        self.layer = layer
        self.inputs = [normal(rng, batch, height, width, channels), normal(rng, *kernel_shape)]
        self.output_shape = tuple(layer(*(tf.constant(array) for array in self.inputs)).shape)
        self.output_gradient = normal(rng, *self.output_shape)
        self.kernel_gradient = normal(rng, *kernel_shape)
        before = [pads[0][0], pads[1][0]]
        self.numbers = [batch, height, width, channels, *window, sh, sw, *before, *self.output_shape[1:], self.tile]
        num_pixels = int(np.prod(self.output_shape[:3]))
        self.num_terms = max(num_pixels + 1, window[0] * window[1] * max(channels, outputs))

    def check(self, run_layer, name: str) -> None:
        arrays = [*self.inputs, self.output_gradient, self.kernel_gradient]
        shapes = [self.output_shape, *(array.shape for array in self.inputs)]
        ours = run_layer(name, self.numbers, arrays, shapes)
        added = [self.kernel_gradient]
        assert_sums_agree(ours, self.layer, self.inputs, self.output_gradient, added, self.num_terms)


@pytest.mark.parametrize("padding", ["SAME", "explicit"])
@pytest.mark.parametrize("seed", range(NUM_SHAPES))
def test_a_convolution_is_tensorflows(run_layer, seed, padding):
    RandomConv(seed, padding, depthwise=False).check(run_layer, "conv")


@pytest.mark.parametrize("padding", ["SAME", "explicit"])
@pytest.mark.parametrize("seed", range(NUM_SHAPES))
def test_a_depthwise_convolution_is_tensorflows(run_layer, seed, padding):
    RandomConv(seed, padding, depthwise=True).check(run_layer, "depthwise_conv")


@pytest.mark.parametrize("seed", range(NUM_SHAPES))
def test_a_fully_connected_layer_is_tensorflows(run_layer, seed):
    rng = np.random.default_rng(seed)
    batch, num_inputs, num_outputs = (int(n) for n in rng.integers(1, 40, 3))
    inputs = [normal(rng, batch, num_inputs), normal(rng, num_inputs, num_outputs), normal(rng, num_outputs)]
    output_gradient = normal(rng, batch, num_outputs)
    added = [normal(rng, num_inputs, num_outputs), normal(rng, num_outputs)]
    shapes = [output_gradient.shape, *(array.shape for array in inputs)]
    numbers = [batch, num_inputs, num_outputs]
    ours = run_layer("fully_connected", numbers, [*inputs, output_gradient, *added], shapes)
    n = 1 + max(numbers)
    assert_sums_agree(ours, lambda x, w, b: x @ w + b, inputs, output_gradient, added, n)


@pytest.mark.parametrize("seed", range(NUM_SHAPES))
def test_a_global_average_pool_is_tensorflows(run_layer, seed):
    rng = np.random.default_rng(seed)
    batch, pixels, channels = (int(n) for n in rng.integers(1, 20, 3))
    x, output_gradient = normal(rng, batch, pixels, channels), normal(rng, batch, channels)
    shapes = [output_gradient.shape, x.shape]
    ours = run_layer("average_pool", [batch, pixels, channels], [x, output_gradient], shapes)
    assert_sums_agree(ours, lambda x: tf.reduce_mean(x, 1), [x], output_gradient, [], pixels)


def test_relu_is_tensorflows(run_layer):
    rng = np.random.default_rng(0)
    x, output_gradient = normal(rng, 1000), normal(rng, 1000)
    x[:10] = 0
    ours = run_layer("relu", [1000], [x, output_gradient], [x.shape, x.shape])
    for our, expected in zip(ours, gradients(tf.nn.relu, [x], output_gradient), strict=True):
        np.testing.assert_array_equal(our, expected)


@pytest.mark.parametrize("seed", range(NUM_SHAPES))
def test_batch_renormalisation_is_its_definition(run_layer, seed):
    """Of TensorFlow's operations, r and d constant in the gradient.

    The mean is off by rows x U of the greatest |x|, which is `condition` deviations; half of that, relatively, the
    deviation. From there on every result is a few operations on these, of the magnitudes that follow: 4 is for them.
    """
    rng = np.random.default_rng(seed)
    rows, channels = int(rng.integers(2, 100)), int(rng.integers(1, 20))
    epsilon, momentum, r_max, d_max = settings = np.array([1e-3, 0.75, 1.25, 0.5], np.float32).astype(np.float64)
    x = normal(rng, rows, channels) * np.float32(rng.uniform(0.5, 2)) + normal(rng, channels)
    gamma, beta, mean, gamma_added, beta_added = (normal(rng, channels) for _ in range(5))
    variance, output_gradient = np.square(normal(rng, channels)) + np.float32(0.5), normal(rng, rows, channels)
    sigma = np.sqrt(variance + epsilon)

    def renorm(x: tf.Tensor, gamma: tf.Tensor, beta: tf.Tensor) -> tf.Tensor:
        batch_mean, batch_variance = tf.nn.moments(x, 0)
        batch_sigma = tf.sqrt(batch_variance + epsilon)
        r = tf.stop_gradient(tf.clip_by_value(batch_sigma / sigma, 1 / r_max, r_max))
        d = tf.stop_gradient(tf.clip_by_value((batch_mean - mean) / sigma, -d_max, d_max))
        return gamma * ((x - batch_mean) / batch_sigma * r + d) + beta

    y, x_gradient, gamma_gradient, beta_gradient = gradients(renorm, [x, gamma, beta], output_gradient)
    wide = x.astype(np.float64)
    new_mean = momentum * mean + (1 - momentum) * wide.mean(0)
    new_variance = momentum * variance + (1 - momentum) * wide.var(0)
    new_sigma = np.sqrt(new_variance + epsilon)
    inferred = gamma * (wide - new_mean) / new_sigma + beta

    batch_sigma = np.sqrt(wide.var(0) + epsilon)
    condition = 1 + np.abs(wide).max(0) / np.minimum(np.minimum(batch_sigma, sigma), new_sigma)
    relative = 4 * (rows + 8) * U * condition
    xhat = np.abs(wide - wide.mean(0)).max(0) / batch_sigma
    greatest = np.abs(output_gradient).max(0)
    factor = np.abs(gamma) * r_max
    expected = {
        "y": (y, factor * (xhat + d_max) + np.abs(beta)),
        "moving mean": (new_mean, np.abs(wide).max(0) + np.abs(mean)),
        "moving variance": (new_variance, wide.var(0) + variance),
        "x gradient": (x_gradient, factor / batch_sigma * greatest * (1 + xhat**2)),
        "gamma gradient": (
            gamma_gradient + gamma_added,
            rows * greatest * (r_max * xhat + d_max) + np.abs(gamma_added),
        ),
        "beta gradient": (beta_gradient + beta_added, rows * greatest + np.abs(beta_added)),
        "inferred": (inferred, np.abs(gamma) * condition + np.abs(beta)),
    }
    arrays = [settings, x, gamma, beta, mean, variance, output_gradient, gamma_added, beta_added]
    ours = run_layer("batch_renorm", [rows, channels], arrays, [array.shape for array, _ in expected.values()])
    for our, (name, (exact, magnitude)) in zip(ours, expected.items(), strict=True):
        assert np.all(np.abs(our - exact) <= relative * magnitude), name


@pytest.mark.parametrize("seed", range(NUM_SHAPES))
def test_softmax_cross_entropy_is_tensorflows_over_the_known_classes(run_layer, seed):
    rng = np.random.default_rng(seed)
    batch, num_classes = int(rng.integers(1, 20)), int(rng.integers(2, 30))
    logits = normal(rng, batch, num_classes) * 5
    known = rng.random(num_classes) < 0.6
    known[rng.integers(num_classes)] = True
    labels = rng.choice(np.flatnonzero(known), batch)

    def loss(logits: tf.Tensor) -> tf.Tensor:
        logits = tf.where(known, logits, tf.constant(-np.inf, tf.float64))
        return tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits))

    expected_loss, expected = gradients(loss, [logits], np.array(1.0))
    arrays = [known, labels, logits]
    our_loss, ours = run_layer("softmax_cross_entropy", [batch, num_classes], arrays, [(), logits.shape])
    # A logit less the greatest is rounded by U of it, and so is, relatively, its exponential: U x 50 at most. Then come
    # sums of num_classes exponentials and of `batch` losses.
    relative = (50 + num_classes + batch + 8) * U
    assert np.all(np.abs(ours - expected) <= relative / batch)
    assert abs(our_loss - expected_loss) <= relative * (1 + np.ptp(logits))
    assert np.all(ours[:, ~known] == 0)


def test_sgd_follows_its_equations_for_a_hundred_steps(run_layer):
    rng = np.random.default_rng(0)
    settings = np.array([0.01, 0.9, 5e-4], np.float32)
    rate, momentum, decay = settings.astype(np.float64)
    weights, velocities = normal(rng, 50), np.zeros(50, np.float32)
    exact_weights, exact_velocities = weights.astype(np.float64), np.zeros(50)
    for _ in range(100):
        step = normal(rng, 50)
        weights, velocities = run_layer("sgd", [50], [settings, weights, velocities, step], [(50,)] * 2)
        exact_velocities = momentum * exact_velocities + step + decay * exact_weights
        exact_weights = exact_weights - rate * exact_velocities
    # A velocity, at most 40 here, is rounded four times in a step, and each error lives on for 1 / (1 - momentum) = 10
    # steps; a weight, at most 8, once, and it takes `rate` of the velocities' errors.
    velocity_error = 10 * 4 * U * 40
    assert np.abs(exact_velocities).max() < 40 and np.abs(exact_weights).max() < 8
    assert np.abs(velocities - exact_velocities).max() <= velocity_error
    assert np.abs(weights - exact_weights).max() <= 100 * (U * 8 + rate * velocity_error)
