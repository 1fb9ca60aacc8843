"""The C++ runtime, built once for all tests that run a program of it; boards that speak the serial protocol; and the
README's main job."""

import contextlib
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tfodcl.device import qemu
from tfodcl.device.device import Device
from tfodcl.device.line import Line

ROOT = Path(__file__).parents[1]
BUILD = ROOT / "build" / "micro_tests"


@pytest.fixture(scope="session")
def micro_tests() -> Path:
    """The build directory of the tests and programs for this computer, with AddressSanitizer and UBSan."""
    _build(BUILD, "-DCMAKE_BUILD_TYPE=RelWithDebInfo", "-DTFODCL_TESTS=ON", "-DTFODCL_SANITIZE=ON")
    return BUILD


def _build(folder: Path, *options: str) -> None:
    for command in (
        ["cmake", "-S", ROOT / "micro", "-B", folder, "-G", "Ninja", *options],
        ["cmake", "--build", folder],
    ):
        result = subprocess.run(command, capture_output=True, text=True)
        assert result.returncode == 0, result.stdout + result.stderr


@pytest.fixture(scope="session")
def main_job(tmp_path_factory) -> Path:
    """The folder of a run of the README's main job, with the methods that its promises are about."""
    folder = tmp_path_factory.mktemp("main_job")
    command = [sys.executable, "-m", "tfodcl.train", "--methods", "anml,oracle,raw_replay,lifelearner"]
    subprocess.run([*command, "--out", str(folder)], check=True)
    return folder


@pytest.fixture(scope="session")
def host_program(micro_tests) -> Path:
    return micro_tests / "tfodcl_host"


@pytest.fixture(scope="session")
def build_firmware() -> Callable[..., Path]:
    """Builds the firmware of a board, with a package in it or without, in build/BOARD as tools/export_micro.py does."""

    def build(board: str, carried: Path | None = None) -> Path:
        folder = ROOT / "build" / board
        toolchain = ROOT / "micro" / "ports" / "mps2" / "toolchain.cmake"
        options = {
            "CMAKE_BUILD_TYPE": "Release",
            "CMAKE_TOOLCHAIN_FILE": toolchain,
            "TFODCL_BOARD": board,
            "TFODCL_PACKAGE": carried or "",
            "TFODCL_TFLM_ROOT": "",
        }
        _build(folder, *[f"-D{name}={value}" for name, value in options.items()])
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
