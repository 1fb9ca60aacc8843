"""python -m tfodcl.train --methods miro: killed and resumed, its storage, its budget, and what it refuses."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from tests.tfodcl.test_train_tasks import SHAPE, write_data
from tfodcl.replay.hierarchy import SampleStorage
from tfodcl.report import load_results

ARGUMENTS = ("--dataset", "tiny", "--network", "resnet18_8", "--epochs", "2", "--runs", "1", "--preset", "paper")
RECORD_BYTES = int(np.prod(SHAPE))


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    write_data(folder, num_train=40)
    return folder


def start(data: Path, *arguments: object) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-m", "tfodcl.train", *ARGUMENTS, *map(str, arguments)],
        env={**os.environ, "TFODCL_DATA": str(data)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def call(data: Path, *arguments: object) -> tuple[int, str]:
    process = start(data, *arguments)
    _, errors = process.communicate()
    return process.returncode, errors


def samples_of(folder: Path) -> list[bytes]:
    storage = SampleStorage(folder, RECORD_BYTES)
    found = [storage.read(label, i).tobytes() for label, count in storage.num_records.items() for i in range(count)]
    storage.close()
    return found


def test_a_command_killed_with_its_storage_half_full_resumes_and_every_sample_is_stored_once(data, tmp_path):
    arguments = ("--methods", "miro", "--ram-budget", "60k", "--out", tmp_path / "out", "--storage", tmp_path / "card")
    process, checkpoint = start(data, *arguments), tmp_path / "out" / "methods" / "miro" / "run_0.npz"
    while not checkpoint.exists():
        assert process.poll() is None, process.communicate()[1]
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    folder = tmp_path / "card" / "miro" / "run_0"
    assert len(samples_of(folder)) >= 2 * (40 - 2)
    code, errors = call(data, *arguments)
    assert code == 0, errors
    x = np.load(data / "tiny.npz")["x_train"]
    stored = samples_of(folder) + samples_of(folder / "held_out")
    assert len(stored) == len(x) and set(stored) == {one.tobytes() for one in x}
    results = load_results(tmp_path / "out")
    ((facts,), method) = (results["methods"]["miro"]["facts"], results["methods"]["miro"])
    assert len(facts["sizes"]) == 2 and 0 <= facts["num_profiled"] <= 0.05 * facts["num_trained"]
    assert method["replay_bytes"] <= 60 * 1024
    if method["energy"]["source"] == "constants of Jetson TX2, not measured":
        macs = 3 * results["encoder"]["macs"] * (facts["num_trained"] + facts["num_profiled"])
        flash = 0.25 / 4096 * (facts["bytes_read"] / 4000 + facts["bytes_written"] / 2000)
        assert method["energy"]["joules"] == pytest.approx(15 / (256 * 1.12e9) * macs + flash)
    assert {path.name for path in (tmp_path / "card" / "miro").iterdir()} == {"run_0"}  # searches have left nothing


def test_other_methods_keep_as_many_samples_as_the_budget_holds_and_one_pair_of_sizes_stays(data, tmp_path):
    arguments = ("--methods", "miro,er", "--ram-budget", "30k", "--sizes", "12:20", "--swap-ratio", "0.5")
    code, errors = call(data, *arguments, "--out", tmp_path)
    assert code == 0, errors
    results = load_results(tmp_path)
    assert results["protocol"]["buffer_size"] == 30 * 1024 // (RECORD_BYTES + 8)
    (facts,) = results["methods"]["miro"]["facts"]
    assert facts["sizes"] == [[12, 20]] * 2 and facts["num_profiled"] == 0 and facts["swapped"]["num_requests"] > 0
    assert facts["bytes_written"] == 160 * RECORD_BYTES
    assert json.loads((tmp_path / "storage" / "miro" / "run_0" / "settings.json").read_text())["holds_out"] is False
    code, errors = call(data, *arguments[:4], "--swap-ratio", "0.1", "--sizes", "12:20", "--out", tmp_path)
    assert code == 2 and "--out must be new or of the same settings" in errors
    other = ("--methods", "miro", "--ram-budget", "60k", "--out", tmp_path / "other", "--storage", tmp_path / "storage")
    code, errors = call(data, *other)
    assert code == 2 and "storage must be new or of the same run; delete " in errors


def test_sizes_held_fixed_and_other_swap_ratios_are_measured_beside_and_kept(data, tmp_path):
    arguments = ("--methods", "miro", "--ram-budget", "30k", "--sizes", "12:20,20:12", "--out", tmp_path)
    code, errors = call(data, *arguments, "--static", "--swap-ratios", "0,0.2,1")
    assert code == 0, errors
    results = load_results(tmp_path)
    entries = {(entry["setting"], entry["swap_ratio"]): entry for entry in results["ablations"]}
    assert list(entries) == [("12:20", 0.2), ("20:12", 0.2), ("12:20", 0), ("12:20", 1)]
    miro = results["methods"]["miro"]
    for (setting, ratio), entry in entries.items():
        label = f"miro_static_{setting.replace(':', '_')}_{ratio:g}"
        kept = json.loads((tmp_path / "methods" / label / "run_0.json").read_text())
        facts = kept["facts"]
        assert facts["sizes"] == [[entry["num_episodic"], entry["num_stream"]]] * 2 and facts["num_profiled"] == 0
        assert (facts["swapped"]["num_requests"] > 0) == (ratio > 0)
        assert entry["accuracy_runs"] == [kept["accuracy"][-1]] and entry["learning_rate"] == miro["learning_rate"]
        assert entry["bytes_per_record"] == RECORD_BYTES and entry["energy_source"] == miro["energy"]["source"]
        # Two epochs of two tasks of two classes, 40 samples each: all that fits of both tiers, and of the first alone.
        old, new = map(int, setting.split(":"))
        assert facts["num_trained"] == 2 * (new + new + old)
    assert {path.name for path in (tmp_path / "storage").iterdir()} == {"miro"}
    written = (tmp_path / "results.json").read_bytes()
    code, errors = call(data, *arguments, "--static", "--swap-ratios", "0,0.2,1")
    assert code == 0 and (tmp_path / "results.json").read_bytes() == written, errors


BAD = {
    "no budget": (["--methods", "miro"], "miro needs --ram-budget. Received: none."),
    "no size": (["--ram-budget", "much"], "a size must be a number of bytes, or of k, M or G of them."),
    "sizes without a budget": (["--sizes", "12:20"], "--sizes needs miro and --ram-budget. Received: neither or one."),
    "no file": (["--ram-budget", "@/nowhere/budget"], "/nowhere/budget must be a file with a size."),
    "too little": (["--ram-budget", "4k"], "one record of each class, 6 of 784 bytes, new ones twice. Received: 4096"),
    "half a pair": (["--ram-budget", "60k", "--sizes", "12"], "--sizes must be pairs such as 2000:5000. Received: 12."),
    "no stream": (["--ram-budget", "60k", "--sizes", "12:0"], "--sizes must be a whole number in 1.."),
    "static sizes without a budget": (["--static"], "--static needs miro and --ram-budget. Received: neither or one."),
    "ratios above 1": (["--ram-budget", "60k", "--swap-ratios", "0,2"], "--swap-ratios must be a number in 0..1."),
    "a ratio above 1": (["--ram-budget", "60k", "--swap-ratio", "2"], "--swap-ratio must be a number in 0..1."),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_one_line_before_anything_is_made(data, tmp_path, name):
    arguments, message = BAD[name]
    code, errors = call(data, "--methods", "miro", *arguments, "--out", tmp_path / "out")
    assert code == 2 and message in errors and len(errors.strip().splitlines()) == 1, errors
    assert not (tmp_path / "out").exists()
