"""Packages that boards learn with, and samples of their classes."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from tfodcl import package, plan
from tfodcl.compress.uniform import UniformCodec
from tfodcl.stages import network_section
from tfodcl.stages.network import Network, Training, convolution, head

ROOT = Path(__file__).parents[3]
GOLDEN = ROOT / "tests" / "golden"
INPUT_SHAPE, LATENT_DIM = (7, 6, 3), 8  # of plan_encoder.tflite
NUM_CLASSES = 3


@pytest.fixture(scope="session")
def package_file(tmp_path_factory) -> Path:
    """A package around the golden encoder, whose latent is a softmax: 0..1 in 256 steps."""
    tflite = (GOLDEN / "plan_encoder.tflite").read_bytes()
    learnt = package.Package(
        encoder=tflite,
        latent_dim=LATENT_DIM,
        latent_scale=1 / 256,
        latent_zero_point=-128,
        codec=UniformCodec(LATENT_DIM, num_bits=8, low=-128, high=127),
        learning=package.Learning(
            capacity=5, inner_lr=1.0, outer_lr=1.0, replay_batch=4, replay_epochs=10, replay_budget_bytes=4096
        ),
        labels=(),
        plan=plan.build(tflite),
    )
    path = tmp_path_factory.mktemp("package") / "model.tfodcl"
    path.write_bytes(package.to_bytes(learnt))
    return path


@pytest.fixture(scope="session")
def samples() -> np.ndarray:
    """(NUM_CLASSES, 4, *INPUT_SHAPE) int8: classes that differ, samples that hardly do."""
    rng = np.random.default_rng(0)
    means = rng.integers(-90, 90, (NUM_CLASSES, 1, *INPUT_SHAPE))
    return (means + rng.integers(-3, 4, (NUM_CLASSES, 4, *INPUT_SHAPE))).astype(np.int8)


@pytest.fixture
def package_with_network(package_file, tmp_path) -> Path:
    """The same, of which the device trains a pointwise layer too, from up to 8 new samples at a time."""
    pointwise = convolution("layer_1", "pointwise", (1, 1, 8), 6, 1, 1)
    network = Network((1, 1, 8), (pointwise, head(pointwise.output_shape, 5)))
    rng = np.random.default_rng(0)
    weights = {name: rng.uniform(0.5, 1, shape).astype(np.float32) for name, shape in network.array_shapes.items()}
    section = network_section.pack(network, weights, Training(), max_new=8)
    path = tmp_path / "network.tfodcl"
    package.write(path, dataclasses.replace(package.read(package_file), network=section))
    return path


def learn_batch(board, names, samples) -> None:
    """One training batch: samples of the classes `names`."""
    for name, of_class in zip(names, samples, strict=True):
        label, _ = board.add_class(name)
        for sample in of_class:
            board.learn(label, sample)
    board.end_batch(lambda *_: None)
