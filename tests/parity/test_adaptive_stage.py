"""The adaptive stage in C++ learns what the one in TensorFlow learns, from the same section and mini-batches.

The bound. On its way to a gradient a value goes through the sums of every layer, forward and backward: products over
the kernel's inputs and its outputs, a mini-batch's moments, the sums of their gradients, products over the rows. These
have T terms in all. Each is rounded by up to U = 2^-24 of what has been added up so far, in a direction that is as good
as random, so that they add up to some sqrt(T) U of the greatest values, not T U (N. J. Higham and T. Mary, "A New
Approach to Probabilistic Rounding Error Analysis", 2019), and normalisation keeps layers from amplifying it. An array's
gradient may be off by four times that, of its greatest value: the worst of many values is compared.
"""

import subprocess
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pytest

from tfodcl.stages import network_section
from tfodcl.stages.keras import KerasStage
from tfodcl.stages.network import Network, Training, convolution, head, pool
from tfodcl.stages.network_section import Stored

U = 2.0**-24
BATCH = 16
NUM_CLASSES = 10
KNOWN = np.arange(NUM_CLASSES) % 3 != 2
AMPLE, SCARCE = 1 << 20, 128  # bytes of scratch

Batch = tuple[np.ndarray, np.ndarray]  # latents (BATCH, latent_dim) float32 >= 0, labels (BATCH,)


class Outcome(NamedTuple):
    """Of some steps, in one number format."""

    losses: np.ndarray  # (steps,)
    weights: dict[str, np.ndarray]
    logits: np.ndarray  # (BATCH, NUM_CLASSES), of the last mini-batch


def mobilenet_tail() -> Network:
    """4x4x24 -> depthwise/2, pointwise, depthwise, pointwise -> mean -> classes."""
    layers = [convolution("layer_1", "depthwise", (4, 4, 24), 24, 3, 2)]
    layers.append(convolution("layer_2", "pointwise", layers[-1].output_shape, 32, 1, 1))
    layers.append(convolution("layer_3", "depthwise", layers[-1].output_shape, 32, 3, 1))
    layers.append(convolution("layer_4", "pointwise", layers[-1].output_shape, 40, 1, 1))
    layers.append(pool("layer_5", layers[-1].output_shape))
    return Network((4, 4, 24), (*layers, head(layers[-1].output_shape, NUM_CLASSES)))


def convolutions() -> Network:
    """Odd sizes, even kernels, a pointwise layer with a stride, a head that reads a map."""
    layers = [convolution("layer_1", "conv", (5, 4, 6), 8, 3, 2)]
    layers.append(convolution("layer_2", "pointwise", layers[-1].output_shape, 9, 1, 2))
    layers.append(convolution("layer_3", "conv", layers[-1].output_shape, 7, 2, 1))
    return Network((5, 4, 6), (*layers, head(layers[-1].output_shape, NUM_CLASSES)))


def pooled_first() -> Network:
    """A convolution behind a pool, with one pixel."""
    first = pool("layer_1", (3, 3, 12))
    second = convolution("layer_2", "pointwise", first.output_shape, 8, 1, 1)
    return Network((3, 3, 12), (first, second, head(second.output_shape, NUM_CLASSES)))


def head_alone() -> Network:
    return Network((1, 1, 50), (head((1, 1, 50), NUM_CLASSES),))


NETWORKS = [mobilenet_tail, convolutions, pooled_first, head_alone]


def draw_weights(network: Network, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Kernels of the size that keeps variances (He et al. 2015), norms around 1 and 0."""
    weights = {}
    for layer in network.layers:
        for name, shape in layer.array_shapes.items():
            if name.endswith("kernel"):
                fan_in = layer.size**2 if layer.kind == "depthwise" else np.prod(shape[:-1])
                weights[name] = rng.normal(0, np.sqrt(2 / fan_in), shape)
            elif name.endswith(("gamma", "variance")):
                weights[name] = rng.uniform(0.5, 1.5, shape)
            else:
                weights[name] = rng.normal(0, 0.3, shape)
    return {name: array.astype(np.float32) for name, array in weights.items()}


def relative_bound(network: Network) -> float:
    """4 sqrt(T) U, with the terms of all sums between a value and a gradient."""
    terms = BATCH + NUM_CLASSES  # the loss
    for layer in network.layers:
        height, width, channels = layer.output_shape
        positions = height * width
        fan_in = layer.num_inputs // positions if layer.kind == "pool" else layer.macs // layer.num_outputs
        fan_out = layer.size**2 * channels
        terms += fan_in + fan_out + 5 * BATCH * positions  # two moments, two sums of gradients, one over the rows
    return 4 * np.sqrt(terms) * U


class Case:
    """A section with weights, a head and mini-batches, of which class 2 and others are not known."""

    def __init__(self, network: Network, training: Training, num_steps: int) -> None:
        rng = np.random.default_rng(num_steps)
        self.section = network_section.pack(network, draw_weights(network, rng), training)
        self.stored: Stored = network_section.unpack(self.section, training.learning_rate)
        self.rows = rng.normal(0, 0.2, (NUM_CLASSES, network.num_features)).astype(np.float32)
        self.batches: list[Batch] = []
        for _ in range(num_steps):
            latents = np.maximum(rng.normal(size=(BATCH, network.latent_dim)), 0).astype(np.float32)
            self.batches.append((latents, rng.choice(np.flatnonzero(KNOWN), BATCH)))

    def start(self) -> dict[str, np.ndarray]:
        return {**self.stored.weights, "head/kernel": self.rows.T}

    def with_tensorflow(self, dtype: str) -> Outcome:
        stage = KerasStage(self.stored.network, self.stored.weights, self.stored.training, dtype)
        stage.set_head(self.rows, KNOWN)
        losses = [stage.step(latents.astype(dtype), labels) for latents, labels in self.batches]
        return Outcome(np.array(losses), stage.weights, stage.logits(self.batches[-1][0].astype(dtype)))


@pytest.fixture
def run_stage(micro_tests, tmp_path) -> Callable[[Case, int], tuple[np.ndarray, Outcome]]:
    """Runs the stage in C++ with so many bytes of scratch: its memory by part, and what it learnt."""

    def run(case: Case, scratch_bytes: int) -> tuple[np.ndarray, Outcome]:
        network, training = case.stored.network, case.stored.training
        path = tmp_path / "section"
        path.write_bytes(case.section)
        sizes = [scratch_bytes, BATCH, len(case.batches)]
        numbers = [network.latent_dim, NUM_CLASSES, repr(training.learning_rate), *sizes]
        content = [KNOWN, case.rows, *(part for batch in case.batches for part in batch)]
        result = subprocess.run(
            [micro_tests / "tests" / "run_stage", path, *map(str, numbers)],
            input=b"".join(part.astype("<f4").tobytes() for part in content),
            capture_output=True,
        )
        assert result.returncode == 0, result.stderr.decode()
        shapes = network.array_shapes
        sizes = [5, len(case.batches), *(int(np.prod(shape)) for shape in shapes.values()), BATCH * NUM_CLASSES]
        values = np.frombuffer(result.stdout, "<f4")
        assert len(values) == sum(sizes)
        memory, losses, *arrays, logits = np.split(values, np.cumsum(sizes)[:-1])
        weights = {name: a.reshape(shape) for (name, shape), a in zip(shapes.items(), arrays, strict=True)}
        return memory, Outcome(losses, weights, logits.reshape(BATCH, NUM_CLASSES))

    return run


def assert_logits_agree(ours: np.ndarray, expected: np.ndarray, bound: float) -> None:
    assert np.abs(ours - expected)[:, KNOWN].max() <= bound * np.abs(expected[:, KNOWN]).max()
    assert (ours[:, ~KNOWN] == np.finfo(np.float32).min).all()


@pytest.mark.parametrize("scratch_bytes", [AMPLE, SCARCE])
@pytest.mark.parametrize("make_network", NETWORKS)
def test_a_step_is_that_of_float64(run_stage, make_network, scratch_bytes):
    """At a rate so high that the step is larger than what it is taken from: errors are those of the gradient."""
    case = Case(make_network(), Training(learning_rate=16.0, norm_momentum=0.25), 1)
    exact = case.with_tensorflow("float64")
    _, ours = run_stage(case, scratch_bytes)
    bound = relative_bound(case.stored.network)
    assert ours.losses[0] == pytest.approx(exact.losses[0], rel=bound)
    for name, before in case.start().items():
        moved = np.abs(exact.weights[name] - before).max()
        rounding = 2 * U * (np.abs(before).max() + moved)  # of the weight that is stored
        assert moved > 0.02, name
        assert np.abs(ours.weights[name] - exact.weights[name]).max() <= bound * moved + rounding, name


@pytest.mark.parametrize("scratch_bytes", [AMPLE, SCARCE])
@pytest.mark.parametrize("make_network", NETWORKS)
def test_twenty_steps_are_tensorflows(run_stage, make_network, scratch_bytes):
    """A step's error is in the velocity for 1 / (1 - momentum) = 10 steps; of each step the weight's rounding remains.

    Both stages are float32 here, which doubles the bound. That later gradients are of weights that differ is left out:
    at this rate the differences have not grown after twenty steps.
    """
    case = Case(make_network(), Training(learning_rate=0.003, norm_momentum=0.75), 20)
    theirs = case.with_tensorflow("float32")
    _, ours = run_stage(case, scratch_bytes)
    relative = relative_bound(case.stored.network)
    for name, before in case.start().items():
        moved = np.abs(theirs.weights[name] - before).max()
        bound = 2 * (10 * relative * moved + 4 * np.sqrt(20) * U * (np.abs(before).max() + moved))
        assert np.abs(ours.weights[name] - theirs.weights[name]).max() <= bound < moved / 50, name
    np.testing.assert_allclose(ours.losses, theirs.losses, rtol=2 * relative)
    assert_logits_agree(ours.logits, theirs.logits, 4 * relative)


@pytest.mark.parametrize("make_network", NETWORKS)
def test_memory_of_weights_and_velocities_is_that_of_the_description(run_stage, make_network):
    case = Case(make_network(), Training(learning_rate=0.003), 1)
    memory, _ = run_stage(case, AMPLE)
    network = case.stored.network
    weights = sum(int(np.prod(shape)) for shape in network.array_shapes.values())
    assert memory[0] == -(-4 * weights // 16) * 16
    assert memory[1] == -(-4 * network.num_parameters // 16) * 16
