"""The packages that come with the project have the accuracy that their README states, and learn on emulated boards."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tfodcl import package as packages
from tfodcl.data import load
from tfodcl.errors import InputError

ROOT = Path(__file__).parents[2]
ZOO = ROOT / "tfodcl" / "zoo"
NAMES = sorted(path.parent.name for path in ZOO.glob("*/model.tfodcl"))
MOST_BYTES = 1_000_000


@pytest.fixture
def folder(request, tmp_path) -> Path:
    """With a copy of the package that the test names. The data that it learns must be there."""
    name = request.param
    try:
        load(packages.read(ZOO / name / "model.tfodcl").info["dataset"], seed=0)
    except InputError as error:
        pytest.skip(f"needs real data: {error}")
    shutil.copyfile(ZOO / name / "model.tfodcl", tmp_path / "model.tfodcl")
    return tmp_path


def test_every_package_is_small_and_stated():
    assert NAMES
    for name in NAMES:
        assert (ZOO / name / "model.tfodcl").stat().st_size < MOST_BYTES
        assert 0 < stated_accuracy(name) < 1


@pytest.mark.slow
@pytest.mark.parametrize(("folder", "name"), [(name, name) for name in NAMES], indirect=["folder"])
def test_a_package_evaluates_to_what_is_stated(folder, name):
    run("-m", "tfodcl.evaluate", folder / "model.tfodcl", "--methods", "lifelearner", "--out", folder / "out")

    measured = json.loads((folder / "out" / "results.json").read_text())["methods"]["lifelearner"]["accuracy_mean"]
    # LiteRT's kernels differ from processor to processor in the last bit of a latent.
    assert measured[-1] == pytest.approx(stated_accuracy(name), abs=0.01)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("folder", "board", "num_classes", "num_samples", "num_tests", "least"),
    [
        ("cifar100_stm32h747", "mps2-an500", 3, 10, 5, 0.7),  # its inference takes 40 times as long
        ("omniglot_nano33ble", "mps2-an386", 10, 15, 5, 0.9),
        ("arabic_speech_nano33ble", "mps2-an386", 10, 30, 10, 0.8),
        ("arabic_speech_nano33ble", "mps2-an500", 10, 30, 10, 0.8),
    ],
    indirect=["folder"],
)
def test_classes_of_real_data_are_learnt_within_the_memory_of_the_board(
    folder, board, num_classes, num_samples, num_tests, least
):
    elf = folder / f"{board}.elf"
    counts = ("--classes", num_classes, "--samples", num_samples, "--tests", num_tests, "--eval-every", num_classes)

    run(ROOT / "tools" / "export_micro.py", folder, "--board", board)
    run(ROOT / "tools" / "serial_eval.py", folder, "--qemu", elf, *counts)

    measured = json.loads((folder / "serial_results.json").read_text())["board"]
    assert measured["emulated"] and measured["name"] == board
    assert measured["accuracy"][-1] >= least
    assert measured["accuracy"] == measured["twin_accuracy"]
    assert measured["memory"]["arena_used_bytes"] <= measured["memory"]["arena_bytes"]


def stated_accuracy(name: str) -> float:
    """Of the row of the README's table that begins with `name`: the share that stands before its deviation."""
    (row,) = re.findall(rf"^\| `{name}` \|.*$", (ZOO / "README.md").read_text(), re.MULTILINE)
    (percent,) = re.findall(r"([\d.]+) ± [\d.]+ %", row)
    return float(percent) / 100


def run(*arguments: object) -> None:
    command = [sys.executable, *map(str, arguments)]
    result = subprocess.run(command, capture_output=True, text=True, env=os.environ | {"PYTHONPATH": str(ROOT)})
    assert result.returncode == 0, result.stderr
