"""python -m tfodcl.train --methods miro, or miro_latent: killed and resumed, its storage, its budget, and what it
refuses."""

import argparse
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
from tfodcl import task_plan, train, train_tasks
from tfodcl.compress.setting import CodecSetting
from tfodcl.data import load
from tfodcl.replay.hierarchy import MemoryPlan, SampleStorage, fixed, usual_grid
from tfodcl.report import load_results
from tfodcl.stages.resnet import Unit, resnet
from tfodcl.task_presets import TaskPreset

ARGUMENTS = ("--dataset", "tiny", "--network", "resnet18_8", "--epochs", "2", "--runs", "1", "--preset", "paper")
RECORD_BYTES = int(np.prod(SHAPE))
NOTHING_TRIED = "so short a training pays for no trial of sizes"


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    write_data(folder, num_train=40)
    write_data(folder, "other", num_classes=5)
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


def records_of(folder: Path, record_bytes: int = RECORD_BYTES) -> list[bytes]:
    storage = SampleStorage(folder, record_bytes)
    found = [storage.read(label, i).tobytes() for label, count in storage.num_records.items() for i in range(count)]
    storage.close()
    return found


def kill_after_a_task(data: Path, checkpoint: Path, *arguments: object) -> None:
    """Starts the command, and kills it once it has left what learning goes on from."""
    process = start(data, *arguments)
    while not checkpoint.exists():
        assert process.poll() is None, process.communicate()[1]
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.communicate()


def test_a_command_killed_with_its_storage_half_full_resumes_and_every_sample_is_stored_once(data, tmp_path):
    arguments = ("--methods", "miro", "--ram-budget", "60k", "--out", tmp_path / "out", "--storage", tmp_path / "card")
    arguments = (*arguments, "--epochs", "16", "--sizes", "12:20,20:12")  # pays for a trial
    kill_after_a_task(data, tmp_path / "out" / "methods" / "miro" / "run_0.npz", *arguments)
    folder = tmp_path / "card" / "miro" / "run_0"
    assert len(records_of(folder)) >= 2 * (40 - 2)
    code, errors = call(data, *arguments)
    assert code == 0, errors
    x = np.load(data / "tiny.npz")["x_train"]
    stored = records_of(folder) + records_of(folder / "held_out")
    assert len(stored) == len(x) and set(stored) == {one.tobytes() for one in x}
    results = load_results(tmp_path / "out")
    ((facts,), method) = (results["methods"]["miro"]["facts"], results["methods"]["miro"])
    assert NOTHING_TRIED not in errors
    assert len(facts["sizes"]) == 2 and 0 < facts["num_profiled"] <= 0.05 * facts["num_trained"]
    assert [(trial["num_classes"], trial["num_pairs"]) for trial in facts["trials"]] == [(4, 2)]
    assert method["replay_bytes"] <= 60 * 1024 and method["bytes_per_record"] == RECORD_BYTES + 16
    if method["energy"]["source"] == "constants of Jetson TX2, not measured":
        macs = 3 * results["encoder"]["macs"] * (facts["num_trained"] + facts["num_profiled"])
        flash = 0.25 / 4096 * (facts["bytes_read"] / 4000 + facts["bytes_written"] / 2000)
        assert method["energy"]["joules"] == pytest.approx(15 / (256 * 1.12e9) * macs + flash)
    assert {path.name for path in (tmp_path / "card" / "miro").iterdir()} == {"run_0"}  # searches have left nothing


def test_other_methods_keep_as_many_samples_as_the_budget_holds_and_one_pair_of_sizes_stays(data, tmp_path):
    arguments = ("--methods", "miro,er", "--ram-budget", "30k", "--sizes", "12:20", "--swap-ratio", "0.5")
    code, errors = call(data, *arguments, "--out", tmp_path)
    assert code == 0 and NOTHING_TRIED not in errors, errors  # one pair is not for trials
    results = load_results(tmp_path)
    assert results["protocol"]["rate_falls"] is True  # for both
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
    assert f"miro: note: {NOTHING_TRIED}; memory stayed 12:20 " in errors
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
        assert entry["bytes_per_record"] == RECORD_BYTES + 16 and entry["records"] == "raw"
        assert entry["energy_source"] == miro["energy"]["source"]
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
    "sizes without a budget": (["--sizes", "12:20"], "--sizes needs --ram-budget and miro or miro_latent. Received"),
    "no file": (["--ram-budget", "@/nowhere/budget"], "/nowhere/budget must be a file with a size."),
    "too little": (["--ram-budget", "4k"], "one record of each class, 6 of 784 bytes, new ones twice. Received: 4096"),
    "half a pair": (["--ram-budget", "60k", "--sizes", "12"], "--sizes must be pairs such as 2000:5000. Received: 12."),
    "no stream": (["--ram-budget", "60k", "--sizes", "12:0"], "--sizes must be a whole number in 1.."),
    "static sizes without a budget": (["--static"], "--static needs --ram-budget and miro or miro_latent."),
    "ratios above 1": (["--ram-budget", "60k", "--swap-ratios", "0,2"], "--swap-ratios must be a number in 0..1."),
    "a codec": (["--ram-budget", "60k", "--codec", "pq:8"], "--codec must be left out: these methods do not have it."),
    "a ratio above 1": (["--ram-budget", "60k", "--swap-ratio", "2"], "--swap-ratio must be a number in 0..1."),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_one_line_before_anything_is_made(data, tmp_path, name):
    arguments, message = BAD[name]
    code, errors = call(data, "--methods", "miro", *arguments, "--out", tmp_path / "out")
    assert code == 2 and message in errors and len(errors.strip().splitlines()) == 1, errors
    assert not (tmp_path / "out").exists()


PRETRAINED = ("--pretrain", "other", "--pretrain-steps", "2", "--freeze", "4")
LATENT = 8 * 8 * 16  # values behind four blocks


def test_miro_over_latents_holds_more_records_in_the_budget_and_both_have_storage_of_their_own(data, tmp_path):
    arguments = ("--methods", "miro,miro_latent", *PRETRAINED, "--ram-budget", "30k", "--out", tmp_path)
    code, errors = call(data, *arguments, "--codec", "uniform:2")
    assert code == 0, errors
    results, held = load_results(tmp_path), {}
    frozen, trained = (sum(map(macs_of, units)) for units in resnet(18, SHAPE, 4, 8).cut(4))
    for name, record_bytes, num_frozen in (("miro", RECORD_BYTES, 0), ("miro_latent", LATENT // 4, 1)):
        method = results["methods"][name]
        (facts,), folder = method["facts"], tmp_path / "storage" / name / "run_0"
        stored = records_of(folder, record_bytes) + records_of(folder / "held_out", record_bytes)
        assert len(stored) == 160 and facts["bytes_written"] == 160 * record_bytes
        assert method["bytes_per_record"] == record_bytes + 16 and method["replay_bytes"] <= 30 * 1024
        held[name] = sum(facts["sizes"][0])
        if method["energy"]["source"].startswith("constants"):
            num_records = facts["num_trained"] + facts["num_profiled"]
            macs = 3 * (trained + (1 - num_frozen) * frozen) * num_records + num_frozen * frozen * 160
            flash = 0.25 / 4096 * (facts["bytes_read"] / 4000 + facts["bytes_written"] / 2000)
            assert method["energy"]["joules"] == pytest.approx(15 / (256 * 1.12e9) * macs + flash)
    slots = {"miro": 30 * 1024 // (RECORD_BYTES + 16), "miro_latent": 30 * 1024 // (LATENT // 4 + 16)}
    assert held == {name: most // 2 for name, most in slots.items()}  # as it begins
    assert results["protocol"]["codec"] == "uniform:2"
    memory = results["methods"]["miro_latent"]["cost"]["memory_bytes"]
    assert memory["buffer"] == slots["miro_latent"] * (LATENT // 4 + 16) and memory["codec"] == 32
    code, errors = call(data, *arguments, "--codec", "uniform:4")
    assert code == 2 and "with codec=uniform:2, not uniform:4" in errors
    other = ("--storage", tmp_path / "storage", "--codec", "uniform:4", "--out", tmp_path / "other")
    code, errors = call(data, "--methods", "miro_latent", *PRETRAINED, "--ram-budget", "30k", *other)
    assert code == 2 and "storage must be new or of the same run; delete " in errors


def test_over_latents_too_a_killed_command_resumes_and_stores_what_one_stores_that_was_not(data, tmp_path):
    arguments = ("--methods", "miro_latent", *PRETRAINED, "--ram-budget", "30k", "--codec", "uniform:2", "--out")
    kill_after_a_task(data, tmp_path / "out" / "methods" / "miro_latent" / "run_0.npz", *arguments, tmp_path / "out")
    stored = {}
    for name in ("out", "other"):
        code, errors = call(data, *arguments, tmp_path / name)
        assert code == 0, errors
        folder = tmp_path / name / "storage" / "miro_latent" / "run_0"
        stored[name] = sorted(records_of(folder, LATENT // 4) + records_of(folder / "held_out", LATENT // 4))
    assert stored["out"] == stored["other"] and len(stored["out"]) == 160


def macs_of(unit: Unit) -> int:
    return sum(layer.macs for layer in unit.trained_layers)


@pytest.fixture
def plan(data, tmp_path, monkeypatch) -> task_plan.TaskPlan:
    """Of a codec with codebooks, where all samples fit."""
    monkeypatch.setenv("TFODCL_DATA", str(data))

    def memory(record_bytes: int) -> MemoryPlan:
        return MemoryPlan(tmp_path / "storage", fixed(10**6), usual_grid(10**6, record_bytes, 4, 2))

    preset = TaskPreset(18, 8, num_tasks=2, epochs=1, rates=(0.1,), pretrain_steps=2, pretrain_batch=8)
    tasks = (load("tiny"), load("other"), preset, "quick", ["miro_latent"], "4", 0, 1, tmp_path)
    return task_plan.TaskPlan(*tasks, memory, CodecSetting.parse("pq:8"))


def test_memory_has_the_presets_cutline_and_the_usual_sizes_of_its_budget(tmp_path):
    options = argparse.Namespace(ram_budget="60k", sizes=None, swap_ratio=None, storage=None)
    preset = TaskPreset(18, 8, num_tasks=2, epochs=1, rates=(0.1,), cutline=0.3)
    plan = train.plan_memory(options, preset, 4, tmp_path, RECORD_BYTES)
    assert plan.cutline == 0.3 and plan.grid == usual_grid(60 * 1024, RECORD_BYTES, 4, 2)


def test_a_codec_is_fitted_once_on_samples_of_the_training_before(plan, monkeypatch):
    asked, fit = [], CodecSetting.fit

    def noted(self, latents, zero_point, seed):
        asked.append((latents, zero_point))
        return fit(self, latents, zero_point, seed)

    training = train_tasks.Training(plan, sparse=False)
    frozen, _ = (networks := training.networks(4, 0, plan.stream(0))).cut(networks.whole())
    monkeypatch.setattr(CodecSetting, "fit", noted)
    memory = training.memory("miro_latent", 4)
    ((latents, zero_point),) = asked
    assert {row.tobytes() for row in latents} == {row.tobytes() for row in frozen.encode(plan.pretraining.x_train)}
    assert len(latents) == len(plan.pretraining.x_train) == 60 and zero_point == frozen.zero_point == -128
    assert memory.codec.payload_bytes == LATENT // 8 and memory.grid[0].num_records == 10**6 // (LATENT // 8 + 16) // 2
    monkeypatch.setattr(train_tasks, "NUM_CODEC_SAMPLES", 10)
    asked.clear()
    train_tasks.learn(plan)
    assert [len(latents) for latents, _ in asked] == [10]


LATENT_BAD = {
    "not pretrained": ([], "miro_latent needs --pretrain: latents of a random network mean nothing. Received: none."),
    "no such codec": ([*PRETRAINED, "--codec", "zip:8"], "a codec must be one of uniform:NUM_BITS, "),
    "a codec that does not fit": ([*PRETRAINED, "--codec", "pq:48"], "Received: latent_dim=1024, subvector_dim=48."),
    "one that may not": ([*PRETRAINED, "--freeze", "auto", "--codec", "pq:48"], "multiple of subvector_dim. Received"),
    "too little": ([*PRETRAINED, "--ram-budget", "1k"], "each class, 6 of 528 bytes, new ones twice. Received: 1024"),
    "no budget": (PRETRAINED, "miro_latent needs --ram-budget. Received: none."),
}  # fmt: skip


@pytest.mark.parametrize("name", LATENT_BAD)
def test_bad_input_of_miro_over_latents_is_one_line_before_anything_is_made(data, tmp_path, name):
    arguments, message = LATENT_BAD[name]
    budget = () if name == "no budget" else ("--ram-budget", "60k")
    code, errors = call(data, "--methods", "miro_latent", *budget, *arguments, "--out", tmp_path / "out")
    assert code == 2 and message in errors and len(errors.strip().splitlines()) == 1, errors
    assert not (tmp_path / "out").exists()
