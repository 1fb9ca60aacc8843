"""Boards that speak the serial protocol: the host program, both emulated boards, and a package that they learn with."""

import contextlib
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from tfodcl import package, plan
from tfodcl.compress.uniform import UniformCodec
from tfodcl.device import qemu
from tfodcl.device.device import Device
from tfodcl.device.line import Line

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


@pytest.fixture(scope="session")
def host_program(micro_tests) -> Path:
    return micro_tests / "tfodcl_host"


@pytest.fixture(scope="session")
def build_firmware() -> Callable[[str, Path], Path]:
    """Builds the firmware of a board with a package in it."""

    def build(board: str, carried: Path) -> Path:
        folder = ROOT / "build" / f"firmware_tests-{board}"
        toolchain = ROOT / "micro" / "ports" / "mps2" / "toolchain.cmake"
        configure = ["cmake", "-S", ROOT / "micro", "-B", folder, "-G", "Ninja", f"-DTFODCL_BOARD={board}"]
        for command in (
            [*configure, f"-DCMAKE_TOOLCHAIN_FILE={toolchain}", f"-DTFODCL_PACKAGE={carried}"],
            ["cmake", "--build", folder],
        ):
            result = subprocess.run(command, capture_output=True, text=True)
            assert result.returncode == 0, result.stdout + result.stderr
        return folder / "firmware.elf"

    return build


@pytest.fixture
def start_host(host_program) -> Iterator[Callable[..., tuple[str, subprocess.Popen]]]:
    """Starts the host program on a free TCP port: URL of its line, process."""
    with contextlib.ExitStack() as stack:

        def start(*options: object) -> tuple[str, subprocess.Popen]:
            command = [host_program, "--tcp", "0", *map(str, options)]
            process = stack.enter_context(subprocess.Popen(command, stderr=subprocess.PIPE, text=True))
            stack.callback(process.kill)
            assert process.stderr is not None
            return f"socket://{process.stderr.readline().split()[-1]}", process

        yield start


@pytest.fixture
def connect() -> Iterator[Callable[[str], Device]]:
    """The board at a URL."""
    with contextlib.ExitStack() as stack:
        yield lambda url: Device(
            stack.enter_context(contextlib.closing(Line(url, reply_seconds=5.0, lost_seconds=20.0)))
        )


@pytest.fixture
def start_board(start_host, build_firmware) -> Iterator[Callable[[str, Path], str]]:
    """Starts `host-CHIP` or an emulated board that carries a package; the URL of its line."""
    with contextlib.ExitStack() as stack:

        def start(board: str, carried: Path) -> str:
            if board.startswith("host-"):
                return start_host("--geometry", board.removeprefix("host-"), "--package", carried)[0]
            return stack.enter_context(qemu.emulate(board, build_firmware(board, carried)))

        yield start
