"""The C++ programs that the tests here compare with Python."""

import subprocess
from pathlib import Path

import numpy as np
import pytest

from tfodcl import package
from tfodcl.replay.log import Geometry


@pytest.fixture
def learn_script(micro_tests, tmp_path):
    """Runs a C++ learner; returns what it printed and the directory of its dumps."""

    def run(
        made: package.Package, inputs: np.ndarray, geometry: Geometry, script: str, program: str = "learn_script"
    ) -> tuple[list[str], Path]:
        package.write(tmp_path / "model.tfodcl", made)
        inputs.tofile(tmp_path / "inputs")
        sizes = (geometry.program_unit_bytes, geometry.erase_block_bytes, geometry.num_blocks)
        result = subprocess.run(
            [micro_tests / "tests" / program, tmp_path / "model.tfodcl", tmp_path / "inputs"]
            + [str(size) for size in sizes]
            + [tmp_path],
            input=script,
            capture_output=True,
            text=True,
        )
        assert result.returncode == 0, result.stderr
        return result.stdout.split(), tmp_path

    return run
