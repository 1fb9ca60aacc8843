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
    configure = ["cmake", "-S", ROOT / "micro", "-B", BUILD, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=RelWithDebInfo"]
    for command in (
        [*configure, "-DTFODCL_TESTS=ON", "-DTFODCL_SANITIZE=ON"],
        ["cmake", "--build", BUILD],
    ):
        result = subprocess.run(command, capture_output=True, text=True)
        assert result.returncode == 0, result.stdout + result.stderr
    return BUILD


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
