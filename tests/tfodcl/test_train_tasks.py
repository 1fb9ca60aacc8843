"""python -m tfodcl.train of methods that learn tasks: all of it on a tiny data set, resumed, and refusing bad input."""

import dataclasses
import functools
import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tfodcl import task_plan, train, train_tasks
from tfodcl.command import run as run_command
from tfodcl.cost.training import METHODS as COSTED
from tfodcl.cost.training import Workload, memory, stream_flops
from tfodcl.data import load
from tfodcl.errors import InputError
from tfodcl.layer_metrics import LayerMetrics, choose_frozen_blocks
from tfodcl.meta.augment import mirror_and_shift
from tfodcl.methods import TASK_METHODS
from tfodcl.report import load_results
from tfodcl.resnets import ResNets, pretrain_resnet
from tfodcl.stages.resnet import ResNet, resnet
from tfodcl.streams import split_stream
from tfodcl.task_methods import CLASSES
from tfodcl.task_methods.learning import TaskLearning
from tfodcl.task_methods.naive import Naive
from tfodcl.task_plan import TaskPlan
from tfodcl.task_presets import TaskPreset

SHAPE = (16, 16, 3)
RATES, STRENGTHS = (0.03, 0.1), (2e-4, 2e-3)
TINY = TaskPreset(
    18,
    8,
    num_tasks=2,
    epochs=1,
    rates=RATES,
    batch_size=8,
    buffer_size=4,
    cache_bytes=10_000,  # of a few samples
    held_out=0.25,
    pretrain_steps=3,
    pretrain_batch=8,
)
ARGUMENTS = (
    "--dataset",
    "tiny",
    "--methods",
    "naive,lightcl",
    "--pretrain",
    "other",
    "--freeze",
    "auto",
    "--runs",
    "1",
)


def short(depth: int, shape, num_classes: int, width: int, kept=(1.0, 1.0, 1.0, 1.0)) -> ResNet:
    """The stem, the first block of each stage, the head."""
    units = resnet(depth, shape, num_classes, width, kept).units
    return ResNet(depth, tuple(units[i] for i in (0, 1, 3, 5, 7, 9)))


def write_data(folder: Path, name: str = "tiny", num_classes: int = 4, num_train: int = 12, **changed) -> None:
    """Classes are patterns with noise; those of another name are others."""
    rng = np.random.default_rng(len(name))
    patterns, arrays = rng.integers(0, 256, (num_classes, *SHAPE)), {}
    for part, count in (("train", num_train), ("test", 5)):
        y = np.repeat(np.arange(num_classes), count)
        noisy = patterns[y] + rng.normal(0, 60, (len(y), *SHAPE))
        arrays |= {f"x_{part}": np.clip(noisy, 0, 255).astype(np.uint8), f"y_{part}": y}
    split = {"meta_train": [0], "validation": [1], "meta_test": np.arange(2, num_classes)}
    arrays |= {f"split_{part}": np.array(ids) for part, ids in split.items()}
    folder.mkdir(exist_ok=True)
    names = np.array([f"class {i}" for i in range(num_classes)])
    np.savez(folder / f"{name}.npz", **{"class_names": names, **arrays, **changed})


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    write_data(folder)
    write_data(folder, "other", num_classes=5)
    return folder


@pytest.fixture(autouse=True)
def _data(data, monkeypatch) -> None:
    monkeypatch.setenv("TFODCL_DATA", str(data))


def run_here(patch: pytest.MonkeyPatch, *arguments: str | Path) -> None:
    """The command in this process with the sizes above."""
    patch.setattr(train, "choose_tasks", lambda name, dataset: TINY)
    patch.setattr(task_plan, "resnet", short)
    patch.setattr(CLASSES["lightcl"], "STRENGTHS", STRENGTHS)
    patch.setattr(sys, "argv", ["train", *map(str, arguments)])
    train.main()


@pytest.fixture
def command(monkeypatch) -> Callable[..., None]:
    return functools.partial(run_here, monkeypatch)


@pytest.fixture(scope="module")
def made(data, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("made") / "out"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TFODCL_DATA", str(data))
        run_here(patch, *ARGUMENTS, "--out", out)
    return out


def real_plan(folder: Path, **changed) -> TaskPlan:
    plan = TaskPlan(load("tiny"), load("other"), TINY, "quick", ["naive"], "auto", 0, 1, folder)
    return dataclasses.replace(plan, **changed)


def test_it_leaves_its_files_and_no_others(made):
    assert {path.name for path in made.iterdir()} == {
        *("results.json", "report.html", "layers.json", "encoder.tflite"),
        *("checkpoints", "logs", "methods"),
    }
    assert {path.name for path in (made / "checkpoints").iterdir()} == {"pretrained.npz", "settings.json"}
    found = {path.name: {one.name for one in path.iterdir()} for path in (made / "methods").iterdir()}
    assert found.keys() == {"naive", "lightcl"}
    assert found["naive"] == {"run_0.json", "search_0.03_0.json", "search_0.1_0.json"}
    runs = {"run_0.json", "run_float_0.json"}
    searches = {"search_0.03_0.0002.json", "search_0.1_0.0002.json"}
    assert len(found["lightcl"]) == 5 and runs | searches < found["lightcl"]
    assert not [path for path in made.rglob(".*")]


def test_results_are_as_the_report_checks_them_and_say_what_was_run(made):
    results = load_results(made)
    assert (results["seed"], results["runs"], results["dataset"], results["preset"]) == (0, 1, "tiny", "quick")
    assert list(results["methods"]) == ["naive", "lightcl"]
    expected = {"num_tasks": 2, "epochs": 1, "batch_size": 8, "buffer_size": 4, "pretraining": "other"}
    assert expected.items() <= results["protocol"].items()
    for method in results["methods"].values():
        assert method["num_classes"] == [2, 4] and np.shape(method["task_accuracy_runs"]) == (1, 2)
        assert method["learning_rate"]["sgd"] in RATES
    assert results["methods"]["lightcl"]["learning_rate"]["strength"] in STRENGTHS
    assert "strength" not in results["methods"]["naive"]["learning_rate"]
    network = short(18, SHAPE, 4, 8)
    assert results["encoder"]["name"] == "resnet18_8"
    assert results["encoder"]["macs"] == sum(layer.macs for layer in network.layers)
    ((stage,), report) = results["stages"], (made / "report.html").read_text()
    assert (stage["name"], stage["steps"]) == ("supervised training (pretrained)", 3) and stage["seconds"] > 0
    assert "Which layers generalise" in report


def test_costs_are_those_of_the_network_as_it_was_cut(made):
    results = load_results(made)
    frozen = results["protocol"]["frozen_blocks"]
    workload = Workload(short(18, SHAPE, 4, 8), 2, 48, 1, 8, 4, cache_bytes=10_000, frozen_blocks=frozen)
    for name, method in results["methods"].items():
        assert method["cost"]["memory_bytes"] == memory(name, workload)
        assert method["cost"]["flops"] == stream_flops(name, workload)
        if method["energy"]["source"].startswith("constants"):
            macs = sum(stream_flops(name, workload).values()) / 2
            assert method["energy"]["joules"] == pytest.approx(macs * 15 / (256 * 1.12e9))


def test_what_is_frozen_follows_from_the_measures_of_the_layers(made):
    results, network = load_results(made), short(18, SHAPE, 4, 8)
    layers = LayerMetrics.from_json(json.loads((made / "layers.json").read_text()), network)
    frozen = choose_frozen_blocks(network, layers)
    assert results["protocol"]["frozen_blocks"] == frozen
    found = results["layers"]
    assert found["names"] == [layer.name for layer in network.layers]
    for measure in ("memory_stability", "learning_plasticity"):
        assert found[measure]["mean"] == getattr(layers, measure).mean(axis=0).tolist()
        assert found[measure]["runs"] == 1  # from the first task to the second
    units = [[layer.name for layer in unit.trained_layers] for unit in network.units]
    assert found["frozen"] == sum(units[: frozen + 1], []) and found["published"] == sum(units[:4], [])


def test_accuracies_are_those_of_the_method_taught_by_hand_from_the_pretrained_weights(made):
    method = load_results(made)["methods"]["naive"]
    network, dataset = short(18, SHAPE, 4, 8), load("tiny")
    weights, _ = pretrain_resnet(network, load("other"), TINY, 0, made, "pretrained")
    stream = split_stream(dataset, 2, 0.0, seed=0, run=0)
    rate = method["learning_rate"]["sgd"]
    learner = Naive(ResNets(network, weights, 0, None, 0), TaskLearning(rate, 8, 1, augment=mirror_and_shift), 0)
    for number, task in enumerate(stream.tasks):
        learner.learn(task)
        known = stream.y_test < task.classes.stop
        right = learner.scores(stream.x_test[known])[:, : task.classes.stop].argmax(axis=1) == stream.y_test[known]
        assert method["accuracy_runs"][0][number] == pytest.approx(right.mean())  # tasks are of equal size


def test_rates_and_frozen_layers_are_chosen_without_test_samples(made, data, tmp_path, monkeypatch):
    """They are the same where test samples are noise with labels drawn by lot."""
    rng = np.random.default_rng(0)
    noise = {"x_test": rng.integers(0, 256, (40, *SHAPE), np.uint8), "y_test": rng.permutation(np.arange(40) % 4)}
    write_data(tmp_path / "data", **noise)
    shutil.copy(data / "other.npz", tmp_path / "data")
    monkeypatch.setenv("TFODCL_DATA", str(tmp_path / "data"))
    monkeypatch.setattr(task_plan, "resnet", short)
    plan = real_plan(tmp_path)
    np.testing.assert_array_equal(plan.dataset.x_train, np.load(data / "tiny.npz")["x_train"])
    shutil.copytree(made / "checkpoints", tmp_path / "checkpoints")
    training = train_tasks.Training(plan, sparse=False)

    train_tasks.measured_layers(plan, training)
    learning = train_tasks.chosen_learning(plan, "naive", training, 2)

    assert (tmp_path / "layers.json").read_bytes() == (made / "layers.json").read_bytes()
    assert learning.learning_rate == load_results(made)["methods"]["naive"]["learning_rate"]["sgd"]
    for path in (tmp_path / "methods" / "naive").iterdir():
        found, expected = (
            json.loads(one.read_text()) | {"learn_seconds": 0} for one in (path, made / "methods" / "naive" / path.name)
        )
        assert found == expected


def test_what_is_lost_of_a_run_is_done_again_to_the_same_results_and_nothing_else_is(
    made, command, tmp_path, monkeypatch
):
    out = tmp_path / "out"
    shutil.copytree(made, out)
    for lost in ("methods/lightcl/run_0.json", "results.json", "report.html"):
        (out / lost).unlink()
    kept = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    done, plain = [], train_tasks.run_split

    def noted(method, stream, checkpoint, sensor):
        done.append(type(method).__name__)
        return plain(method, stream, checkpoint, sensor)

    monkeypatch.setattr(train_tasks, "run_split", noted)
    monkeypatch.setattr(train_tasks, "measure_layers", None)

    command(*ARGUMENTS, "--out", out)

    assert done == ["LightCl"]
    assert all(path.read_bytes() == content for path, content in kept.items())
    whole, resumed = load_results(made), load_results(out)
    for results in (whole, resumed):
        results["methods"]["lightcl"].pop("learn_seconds")
        results.pop("command")
    assert resumed == whole


@pytest.mark.parametrize(
    ("arguments", "received"),
    [
        (("--epochs", "2"), "epochs=1, not 2"),
        (("--tasks", "1", "--freeze", "1"), "freeze=auto, not 1"),
        (("--network", "resnet18_9"), "width=8, not 9"),
        (("--seed", "1"), "seed=0, not 1"),
        (("--pretrain-steps", "4"), "pretrain_steps=3, not 4"),
    ],
)
def test_a_folder_of_other_settings_is_refused(made, command, arguments, received):
    before = {path: path.read_bytes() for path in made.rglob("*") if path.is_file()}
    with pytest.raises(InputError, match=f"--out must be new or of the same settings; .* with {received}"):
        command(*ARGUMENTS, "--out", made, *arguments)
    assert {path: path.read_bytes() for path in made.rglob("*") if path.is_file()} == before


def test_a_folder_of_a_run_with_or_without_another_data_set_is_not_the_others(made, command):
    with pytest.raises(InputError, match="with pretraining=other, not None"):
        command("--dataset", "tiny", "--methods", "naive", "--freeze", "auto", "--out", made)


def test_a_folder_of_methods_that_learn_class_after_class_is_refused(command, tmp_path):
    train.claim(tmp_path, {"dataset": "tiny", "preset": "quick", "seed": 0, "encoder": "anml_small"}, train.Preset)
    with pytest.raises(InputError, match="--out must be new or of the same settings"):
        command(*ARGUMENTS, "--out", tmp_path)


def test_methods_have_classes_and_costs_by_the_names_of_the_command():
    assert set(CLASSES) == set(TASK_METHODS) == set(COSTED)


def test_the_command_line_replaces_what_the_preset_says(command, monkeypatch, tmp_path):
    asked: list[TaskPlan] = []
    monkeypatch.setattr(train_tasks, "learn", asked.append)
    arguments = ["--dataset", "tiny", "--methods", "lightcl,ewc", "--network", "resnet50_12", "--pretrain", "other"]
    numbers = {"tasks": 1, "epochs": 7, "buffer": 900, "cache": 0, "pretrain-steps": 11, "freeze": 3, "seed": 5}
    for name, number in numbers.items():
        arguments += [f"--{name}", str(number)]
    command(*arguments, "--out", tmp_path)
    (plan,) = asked
    changed = {"depth": 50, "width": 12, "num_tasks": 1, "epochs": 7, "buffer_size": 900, "cache_bytes": 0}
    assert plan.preset == dataclasses.replace(TINY, **changed, pretrain_steps=11)
    assert (plan.names, plan.freeze, plan.seed, plan.num_runs) == (["ewc", "lightcl"], "3", 5, 3)
    assert (plan.dataset.name, plan.pretraining.name) == ("tiny", "other")


OWN = ("--methods", "naive,lightcl", "--tasks", "2")
BAD = {
    "more blocks than there are": (["--freeze", "99"], "leave a block to train, 0..7 or auto. Received: 99."),
    "all blocks": (["--freeze", "8"], "0..7 or auto. Received: 8."),
    "fewer than no blocks": (["--freeze", "-1"], "--freeze must be a whole number in 0.."),
    "no number of blocks": (["--freeze", "all"], "Received: all."),
    "nothing to compare": (["--freeze", "auto", "--tasks", "1"], "--freeze auto needs 2 tasks at least."),
    "the same data set": (["--pretrain", "tiny"], "--pretrain must be another data set than the one to learn."),
    "another shape": (["--pretrain", "grey"], "image (16, 16, 3). Received: grey, image (16, 16, 1)."),
    "another kind": (["--dataset", "grey", "--pretrain", "windows"], "image (16, 16, 1). Received: windows, windows"),
    "no such data set": (["--pretrain", "othre"], "no file"),
    "no data set": (["--pretrain", ""], "dataset must be a name"),
    "steps of no training": (["--pretrain-steps", "5"], "--pretrain-steps needs --pretrain. Received: 5 without."),
    "no steps": (["--pretrain", "other", "--pretrain-steps", "0"], "--pretrain-steps must be a whole number in 1.."),
    "another depth": (["--network", "resnet34_16"], "depth must be of 18, 32, 50. Received: depth=34."),
    "no width": (["--network", "resnet18_0"], "width=0."),
    "half a network": (["--network", "resnet18"], "--network must be a depth and a width"),
    "more tasks than classes": (["--tasks", "5"], "one of the 4 classes of tiny. Received: num_tasks=5."),
    "one class for a task of LightCL": (
        ["--methods", "naive,lightcl", "--tasks", "3"],
        "each task must have 2 classes at least for lightcl. Received: num_tasks=3 of 4 classes.",
    ),
    "no tasks": (["--tasks", "0"], "--tasks must be a whole number in 1.."),
    "no epochs": (["--epochs", "0"], "--epochs must be a whole number in 1.."),
    "no buffer": (["--buffer", "0"], "--buffer must be a whole number in 1.."),
    "less than no cache": (["--cache", "-1"], "--cache must be a whole number in 0.."),
    "small inputs": (["--dataset", "small"], "at least 8x8 or 8x1, 2 classes and a width of 8. Received: 7x7"),
    "one sample of a class": (["--dataset", "single"], "Received: none to learn of class 0."),
    "no test samples of a class": (["--dataset", "untested"], "Received: none to test of class 0."),
    "preset best": (["--preset", "best"], "methods that learn tasks have the presets quick, paper. Received: best."),
    "preset board": (["--preset", "board"], "Received: board."),
    "methods of two kinds": (["--methods", "naive,anml"], "run them apart. Received: classes and tasks."),
    "an encoder": (["--encoder", "residual"], "--encoder must be left out: these methods do not have it."),
    "a codec": (["--codec", "pq:8"], "--codec must be left out"),
    "first order": (["--first-order"], "--first-order must be left out"),
    "layers of qlr": (["--splits", "23"], "--splits must be left out"),
    "freezing of others": (["--methods", "anml", "--freeze", "2"], "must be left out: these methods do not have it."),
}  # fmt: skip


@pytest.fixture(scope="module")
def bad_data(tmp_path_factory) -> Path:
    folder, rng = tmp_path_factory.mktemp("bad"), np.random.default_rng(0)
    for name, kind, shape in (
        ("small", np.uint8, (7, 7, 3)),
        ("grey", np.uint8, (16, 16, 1)),
        ("windows", np.float32, (16, 16)),
    ):
        x = {f"x_{part}": rng.integers(0, 9, (n, *shape)).astype(kind) for part, n in (("train", 48), ("test", 20))}
        write_data(folder, name, **x)
    write_data(folder)
    write_data(folder, "other", num_classes=5)
    write_data(folder, "single", num_train=1)
    write_data(folder, "untested", y_test=np.repeat([1, 2, 3, 3], 5))
    return folder


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_one_line_and_leaves_nothing(name, bad_data, monkeypatch, capsys, tmp_path):
    arguments, received = BAD[name]
    monkeypatch.setenv("TFODCL_DATA", str(bad_data))
    for module, what in ((train_tasks, "learn"), (train, "train_classes")):
        monkeypatch.setattr(module, what, lambda *_: pytest.fail("it began"))
    monkeypatch.setattr(sys, "argv", ["train", "--dataset", "tiny", *OWN, "--out", str(tmp_path / "out"), *arguments])
    with pytest.raises(SystemExit) as ended:
        run_command(train.main, "tfodcl.train")
    printed = capsys.readouterr()
    assert ended.value.code == 2 and printed.out == ""
    assert printed.err.startswith("tfodcl.train: error: ") and printed.err.count("\n") == 1, printed.err
    assert received in printed.err
    assert not list(tmp_path.iterdir())
