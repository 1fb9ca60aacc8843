"""What a run writes is whole or not there."""

import json

import numpy as np
import pytest

from tests.tfodcl.place import PROTOCOL, build, write_dataset
from tfodcl import run_folder
from tfodcl.errors import InputError
from tfodcl.package import Package


@pytest.fixture(scope="module")
def package(tmp_path_factory) -> Package:
    path = tmp_path_factory.mktemp("data") / "tiny.npz"
    write_dataset(path, size=8)
    return build(np.load(path)["x_train"][..., None])


def test_results_that_the_report_refuses_are_not_written(tmp_path):
    with pytest.raises(InputError):
        run_folder.write_results(tmp_path / "out", {"schema": 1, "methods": {}})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["results.json", "report.html"])
def test_a_result_that_cannot_be_written_is_one_error(name, package, tmp_path):
    (tmp_path / name).mkdir()
    with pytest.raises(InputError, match=f"{name} must be writable"):
        run_folder.write_results(tmp_path, json.loads(json.dumps(example_results(package))))
    assert not any(path.name.startswith(".") for path in tmp_path.iterdir())


def example_results(package: Package) -> dict:
    summary = {
        "num_classes": [2], "accuracy_mean": [0.5], "accuracy_std": [0.0], "accuracy_runs": [[0.5]],
        "bytes_per_record": 0, "replay_bytes": 0, "state_bytes": 8, "bytes_written": 0, "learn_seconds": 1.0,
    }  # fmt: skip
    return run_folder.results("python", 0, 1, "tiny", PROTOCOL, package, {"anml": summary})
