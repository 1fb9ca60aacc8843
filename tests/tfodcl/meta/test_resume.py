"""Trainings killed by SIGKILL at random moments end with the same bits as trainings never killed."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest


@pytest.fixture(scope="module")
def trainings(tmp_path_factory) -> Path:
    """The folder that killed_trainings.py fills; its kills come at other moments in every session."""
    folder = tmp_path_factory.mktemp("killed")
    seed = int(np.random.default_rng().integers(2**31))
    script = Path(__file__).with_name("killed_trainings.py")
    done = subprocess.run([sys.executable, script, folder, str(seed)], capture_output=True, text=True)
    assert done.returncode == 0, f"seed {seed}: {done.stderr}"
    return folder


@pytest.mark.parametrize("name", ["pretrain", "meta_train", "fine_tune"])
def test_a_training_killed_at_random_moments_ends_with_the_same_weights(trainings, name):
    firsts = json.loads((trainings / f"{name}.json").read_text())
    with (
        np.load(trainings / f"{name}-straight.npz") as straight,
        np.load(trainings / f"{name}-killed.npz") as killed,
    ):
        assert 0 == firsts[0] < firsts[1] < firsts[2], firsts  # the second and third process resumed
        assert straight.files == killed.files
        for key in straight.files:
            np.testing.assert_array_equal(straight[key], killed[key])
