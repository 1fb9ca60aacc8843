"""The packages that come with the project learn ten classes of real data on an emulated Cortex-M4F, as in Python."""

import json
import os
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
NUM_CLASSES = 10


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "num_tests", "least"), [("omniglot_nano33ble", 5, 0.8), ("arabic_speech_nano33ble", 10, 0.6)]
)
def test_ten_classes_of_real_data_are_learnt_within_the_memory_of_a_nano33ble(name, num_tests, least, tmp_path):
    package = packages.read(ZOO / name / "model.tfodcl")
    try:
        load(package.info["dataset"], seed=0)
    except InputError as error:
        pytest.skip(f"needs real data: {error}")
    shutil.copyfile(ZOO / name / "model.tfodcl", tmp_path / "model.tfodcl")
    elf = tmp_path / "mps2-an386.elf"

    run("export_micro", tmp_path, "--board", "mps2-an386")
    run(
        "serial_eval",
        tmp_path,
        "--qemu",
        elf,
        "--classes",
        NUM_CLASSES,
        "--tests",
        num_tests,
        "--eval-every",
        NUM_CLASSES,
    )

    board = json.loads((tmp_path / "serial_results.json").read_text())["board"]
    assert board["emulated"] and board["core"] == "Cortex-M4F"
    assert board["accuracy"][-1] >= least
    assert board["accuracy"] == board["twin_accuracy"]
    assert board["memory"]["arena_used_bytes"] <= board["memory"]["arena_bytes"] < 256 * 1024


def run(tool: str, *arguments: object) -> None:
    command = [sys.executable, str(ROOT / "tools" / f"{tool}.py"), *map(str, arguments)]
    result = subprocess.run(command, capture_output=True, text=True, env=os.environ | {"PYTHONPATH": str(ROOT)})
    assert result.returncode == 0, result.stderr
