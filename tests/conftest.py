"""The C++ runtime, built once for all tests that run a program of it."""

import subprocess
from pathlib import Path

import pytest

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
