"""Runs the command as a user does, and loads single modules of datasets/, which is not installed."""

import importlib.util
import os
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

import tfodcl

ROOT = Path(__file__).parents[2]
Prepare = Callable[..., dict[str, np.ndarray]]


def _environment() -> dict[str, str]:
    installed = str(Path(tfodcl.__file__).parents[1])
    return os.environ | {"PYTHONPATH": installed, "PYTHONWARNINGS": "error"}


def _limit_files_to(num_bytes: int) -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (num_bytes, num_bytes))


@pytest.fixture
def command() -> Callable[..., list[str]]:
    """The command line of prepare.py, for tests that start it themselves."""
    return lambda *arguments: [sys.executable, str(ROOT / "datasets" / "prepare.py"), *map(str, arguments)]


@pytest.fixture
def environment() -> dict[str, str]:
    return _environment()


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def prepare(command: Callable[..., list[str]], out: Path) -> Prepare:
    """prepare(NAME, *arguments) -> the arrays of the .npz that the command wrote."""

    def run(*arguments: object) -> dict[str, np.ndarray]:
        done = subprocess.run(
            command(*arguments, "--out", out), env=_environment(), capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        (path,) = out.glob("*.npz")
        assert done.stdout.startswith(f"{path}: ")
        with np.load(path, allow_pickle=False) as arrays:
            return dict(arrays)

    return run


@pytest.fixture
def refuse(command: Callable[..., list[str]], out: Path) -> Callable[..., str]:
    """refuse(NAME, *arguments) -> the one line of an error, after which no file is left in `out`.

    With `disk_bytes`, no file can grow beyond that, as on a full disk.
    """

    def run(*arguments: object, disk_bytes: int | None = None) -> str:
        done = subprocess.run(
            command(*arguments, "--out", out),
            env=_environment(),
            capture_output=True,
            text=True,
            preexec_fn=None if disk_bytes is None else lambda: _limit_files_to(disk_bytes),
        )
        assert done.returncode == 2, (done.returncode, done.stderr)
        *bars, line = done.stderr.splitlines()
        assert all(not bar.strip() or "it" in bar or "B/s" in bar for bar in bars), done.stderr
        assert line.startswith("prepare.py") and ": error: " in line
        assert not out.exists() or [path.name for path in out.iterdir()] in ([], ["downloads"])
        return line.partition(": error: ")[2]

    return run


@pytest.fixture
def load_module() -> Callable[[str], ModuleType]:
    """load_module("download") -> datasets/download.py as a module."""

    def load(name: str) -> ModuleType:
        spec = importlib.util.spec_from_file_location(f"datasets_{name}", ROOT / "datasets" / f"{name}.py")
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    return load
