"""Flash, RAM and largest stack frame of both firmwares, folder by folder, are at most those of sizes.json."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PINS = Path(__file__).with_name("sizes.json")


@pytest.mark.parametrize("board", ["mps2-an500", "mps2-an386"])
def test_every_folder_of_the_firmware_is_as_small_as_pinned(board, build_firmware):
    build = build_firmware(board).parent
    report = [sys.executable, ROOT / "tools" / "size_report.py", build, "--check", PINS]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    result = subprocess.run(report, env=environment, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
