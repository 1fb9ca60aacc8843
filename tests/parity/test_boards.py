"""One package, one stream: the learner in Python, the host program and both emulated boards learn the same."""

from dataclasses import dataclass

import numpy as np
import pytest
from tflite_micro.python.tflite_micro import runtime

from tests.parity.logs import without_weights
from tfodcl import boards, package
from tfodcl.data import load
from tfodcl.device.device import Device
from tfodcl.learner import Learner
from tfodcl.package import Package
from tfodcl.replay.log import Geometry
from tfodcl.stages.tflite import TfliteEncoder
from tfodcl.streams import Stream, class_incremental

NUM_CLASSES, NUM_SAMPLES, NUM_TESTS = 6, 5, 4
HOST_OF = {"mps2-an500": "host-stm32h747", "mps2-an386": "host-nrf52840"}


class MicroEncoder:
    """TensorFlow Lite Micro's own interpreter: the oracle of the latents."""

    def __init__(self, model: bytes) -> None:
        self._interpreter = runtime.Interpreter.from_bytes(model)
        self.quantize = TfliteEncoder(model).quantize

    def encode_quantized(self, q: np.ndarray) -> np.ndarray:
        latents = []
        for sample in q:
            self._interpreter.set_input(sample[None], 0)
            self._interpreter.invoke()
            latents.append(self._interpreter.get_output(0).reshape(-1).copy())
        return np.array(latents)


@dataclass
class Learnt:
    """What a stream leaves: latents of all samples, the head's rows, the log, and labels predicted for the tests."""

    latents: np.ndarray
    rows: np.ndarray
    log: bytes
    predicted: list[int]


@pytest.fixture(scope="session")
def trained(main_job) -> Package:
    return package.read(main_job / "model.tfodcl")


@pytest.fixture(scope="session")
def stream(trained) -> Stream:
    return class_incremental(load("glyphs", seed=0), "meta_test", NUM_CLASSES, NUM_SAMPLES, NUM_CLASSES, 0, 0)


@pytest.fixture(scope="session")
def tests(stream) -> tuple[np.ndarray, np.ndarray]:
    """Inputs and labels, NUM_TESTS of each class."""
    chosen = np.concatenate([np.flatnonzero(stream.y_test == label)[:NUM_TESTS] for label in range(NUM_CLASSES)])
    return stream.x_test[chosen], stream.y_test[chosen]


def teach_board(device: Device, encoder: MicroEncoder, stream: Stream, x_test: np.ndarray) -> Learnt:
    info = device.begin_session()
    assert info.learner_status == 0
    latents = []
    for task in stream.tasks:
        label, _ = device.add_class(task.name)
        for sample in encoder.quantize(task.x):
            device.learn(label, sample)
            latents.append(device.latent(info.latent_dim))
        device.end_class(label, lambda *_: None)
        device.save()
    rows = np.stack([device.row(task.label, info.latent_dim) for task in stream.tasks])
    predicted = [device.classify(sample) for sample in encoder.quantize(x_test)]
    return Learnt(np.stack(latents), rows, device.log(info), predicted)


def teach_python(
    trained: Package, encoder: MicroEncoder, geometry: Geometry, stream: Stream, x_test: np.ndarray
) -> Learnt:
    learner, latents = Learner(trained, encoder, geometry), []
    for task in stream.tasks:
        label = learner.add_class(task.name)
        for sample in task.x:
            learner.learn_sample(label, sample)
        latents.append(encoder.encode_quantized(encoder.quantize(task.x)))
        learner.end_class(label)
        learner.save()
    rows = np.stack([learner.row(task.label) for task in stream.tasks])
    return Learnt(np.concatenate(latents), rows, bytes(learner.flash), learner.classify(x_test).tolist())


def bound(learning, rows: np.ndarray) -> float:
    """Of the difference of two weights after the same steps in float32, with sums in another order.

    As in test_learner.py: a step rounds each weight by at most half a unit in its last place, in either program.
    """
    num_records = NUM_SAMPLES * np.arange(1, NUM_CLASSES + 1)
    num_steps = num_records[-1] + learning.replay_epochs * int(np.ceil(num_records / learning.replay_batch).sum())
    return num_steps * float(np.finfo(np.float32).eps) * float(np.abs(rows).max())


@pytest.mark.slow
def test_four_implementations_learn_one_stream_alike(trained, stream, tests, main_job, start_board, connect):
    encoder, (x_test, y_test) = MicroEncoder(trained.encoder), tests
    learnt = {}
    for name, host in HOST_OF.items():
        carried = main_job / "model.tfodcl"
        emulated = teach_board(connect(start_board(name, carried)), encoder, stream, x_test)
        on_host = teach_board(connect(start_board(host, carried)), encoder, stream, x_test)
        geometry = boards.find(name).log_geometry
        python = teach_python(trained, encoder, geometry, stream, x_test)

        np.testing.assert_array_equal(emulated.latents, on_host.latents)
        np.testing.assert_array_equal(emulated.latents, python.latents)
        np.testing.assert_array_equal(emulated.rows.view(np.uint32), on_host.rows.view(np.uint32))
        assert np.abs(emulated.rows - python.rows.astype(np.float64)).max() <= bound(trained.learning, python.rows)
        assert emulated.log == on_host.log
        ours, them = (without_weights(each.log, trained.latent_dim, geometry) for each in (python, emulated))
        assert np.flatnonzero(ours != them).tolist() == []
        assert emulated.predicted == on_host.predicted == python.predicted
        learnt[name] = emulated
    both = list(learnt.values())
    np.testing.assert_array_equal(both[0].rows.view(np.uint32), both[1].rows.view(np.uint32))
    assert np.mean(both[0].predicted == y_test) > 0.7
