"""QLR-CL in C++ and in Python: one stream of training batches, the same records, weights that agree to rounding.

The bound. Both are float32, and differ in the order of sums. Training is no contraction: a difference is carried on by
momentum, through batch statistics and ReLUs. How far rounding takes Python's own float32 from the same stream in
float64 is measured; the C++ learner may be four times as far away from it.
"""

import numpy as np
import pytest

from tests.parity.small_package import IdentityEncoder
from tests.parity.test_adaptive_stage import draw_weights
from tfodcl import package as packages
from tfodcl.compress.uniform import UniformCodec
from tfodcl.methods.qlr import Qlr
from tfodcl.package import Package
from tfodcl.replay.log import Geometry
from tfodcl.replay.mixing import Mixing
from tfodcl.stages import network_section
from tfodcl.stages.classifier import FrozenStage
from tfodcl.stages.keras import KerasStage
from tfodcl.stages.network import Network, Training, convolution, head
from tfodcl.streams import TrainingBatch

SHAPE, CAPACITY, ZERO_POINT, SCALE = (4, 4, 6), 5, -128, 0.02
LATENT_DIM, NUM_SAMPLES, NUM_REPLAYS = 96, 24, 20
GEOMETRIES = [Geometry(4, 4096, 20), Geometry(32, 16384, 7)]
ORDER = [(0, 0), (0, 1), (1, 0), (2, 0), (0, 0), (3, 0), (1, 1), (4, 0), (2, 1), (3, 1)]  # class, half of its samples


def network() -> Network:
    """Its head reads all positions: the means of the maps would tell little of a class."""
    depthwise = convolution("layer_1", "depthwise", SHAPE, 6, 3, 2)
    pointwise = convolution("layer_2", "pointwise", depthwise.output_shape, 10, 1, 1)
    return Network(SHAPE, (depthwise, pointwise, head(pointwise.output_shape, CAPACITY)))


@pytest.fixture(scope="module")
def inputs() -> np.ndarray:
    """(CAPACITY, NUM_SAMPLES, LATENT_DIM) int8, classes that overlap."""
    rng = np.random.default_rng(3)
    means = rng.normal(-25, 50, (CAPACITY, 1, LATENT_DIM))
    values = means + rng.normal(0, 40, (CAPACITY, NUM_SAMPLES, LATENT_DIM))
    return (np.clip(np.rint(values), 0, 255) - 128).astype(np.int8)


@pytest.fixture(scope="module", params=[8, 6], ids=["8 bits", "6 bits"])
def made(request) -> Package:
    weights = draw_weights(network(), np.random.default_rng(1))
    section = network_section.pack(network(), weights, Training(norm_momentum=0.75), max_new=NUM_SAMPLES)
    codec = UniformCodec(LATENT_DIM, request.param, low=-128, high=60)
    return Package(
        encoder=b"\0\0\0\0TFL3",
        latent_dim=LATENT_DIM,
        latent_scale=SCALE,
        latent_zero_point=ZERO_POINT,
        codec=codec,
        learning=packages.Learning(
            capacity=CAPACITY,
            inner_lr=0.02,
            outer_lr=0.02,
            replay_batch=12,
            replay_epochs=3,
            replay_budget_bytes=NUM_REPLAYS * (2 + codec.payload_bytes),
        ),
        plan=LATENT_DIM.to_bytes(4, "little"),
        network=section,
    )


class WideStage(KerasStage):
    """In float64, which is given float32."""

    def step(self, z: np.ndarray, labels: np.ndarray) -> float:
        return super().step(z.astype(np.float64), labels)

    def logits(self, z: np.ndarray) -> np.ndarray:
        return super().logits(z.astype(np.float64))


def twin(made: Package, stage_class: type[KerasStage], dtype: str) -> Qlr:
    stored, learning = network_section.read(made), made.learning
    stage = stage_class(stored.network, stored.weights, stored.training, dtype)
    frozen = FrozenStage(IdentityEncoder(), made.latent_scale, made.latent_zero_point)
    mixing = Mixing(NUM_REPLAYS, learning.replay_batch, learning.replay_epochs)
    return Qlr(frozen, stage, made.codec, mixing, seed=0)


def stream(inputs: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """Numbers of inputs and labels of training batches: two classes first, then half the samples of one."""
    numbers = np.arange(CAPACITY * NUM_SAMPLES).reshape(CAPACITY, 2, NUM_SAMPLES // 2)
    first = np.concatenate([numbers[0, 0], numbers[1, 0]])
    batches = [(first, first // NUM_SAMPLES)]
    return batches + [(numbers[label, half], np.full(NUM_SAMPLES // 2, label)) for label, half in ORDER[1:]]


def script(batches: list[tuple[np.ndarray, np.ndarray]], restarts: bool) -> str:
    """Learns all, dumping after every training batch, then classifies all inputs."""
    lines = []
    for number, (samples, labels) in enumerate(batches):
        lines += [f"add class{label}" for label in range(labels.max() + 1)]
        lines += [f"learn {label} {sample}" for sample, label in zip(samples, labels, strict=True)]
        lines += ["end", *["restart"] * restarts, f"dump {number}"]
    return "\n".join([*lines, *(f"classify {i}" for i in range(CAPACITY * NUM_SAMPLES))])


@pytest.mark.parametrize("geometry", GEOMETRIES, ids=["nrf52840", "stm32h747"])
def test_both_learn_the_same_weights_from_the_same_records(learn_script, made, inputs, geometry):
    batches, flat = stream(inputs), inputs.reshape(-1, LATENT_DIM)
    printed, dumps = learn_script(made, inputs, geometry, script(batches, restarts=False), "learn_batches")
    ours, exact = twin(made, KerasStage, "float32"), twin(made, WideStage, "float64")
    for number, (samples, labels) in enumerate(batches):
        for qlr in (ours, exact):
            qlr.learn(TrainingBatch(number + 1, flat[samples], labels))
        theirs = np.fromfile(dumps / f"{number}.arrays", "<f4")
        python, wide = (np.concatenate([w.ravel() for w in qlr.stage.weights.values()]) for qlr in (ours, exact))
        assert np.abs(theirs - wide).max() <= 4 * np.abs(python - wide).max() + 1e-6, number
        flash = (dumps / f"{number}.flash").read_bytes()
        for label, payload in zip(ours.memory.labels, ours.memory.payloads, strict=True):
            assert int(label).to_bytes(2, "little") + payload.tobytes() in flash, number
    moved = np.abs(python - np.concatenate([w.ravel() for w in network_section.read(made).weights.values()]))
    assert moved.max() > 0.1
    predicted = ours.predict(flat)
    assert np.mean(predicted == np.repeat(np.arange(CAPACITY), NUM_SAMPLES)) > 0.7
    assert np.mean(predicted != np.array(printed, int)) <= 0.01


@pytest.mark.parametrize("geometry", GEOMETRIES, ids=["nrf52840", "stm32h747"])
def test_a_learner_that_starts_anew_after_every_training_batch_learns_the_same_bits(
    learn_script, made, inputs, geometry
):
    batches = stream(inputs)
    printed, dumps = learn_script(made, inputs, geometry, script(batches, restarts=False), "learn_batches")
    arrays = [(dumps / f"{number}.arrays").read_bytes() for number in range(len(batches))]
    again, dumps = learn_script(made, inputs, geometry, script(batches, restarts=True), "learn_batches")
    assert again == printed
    assert arrays == [(dumps / f"{number}.arrays").read_bytes() for number in range(len(batches))]
    assert len(set(arrays)) == len(arrays)
