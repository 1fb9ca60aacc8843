"""What python -m tfodcl.train chooses, repeats and keeps of methods that learn tasks, with runs that are made up."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from tests.tfodcl.test_train_tasks import RATES, SHAPE, STRENGTHS, TINY, write_data
from tfodcl import files, train_tasks
from tfodcl.data import load
from tfodcl.errors import InputError
from tfodcl.layer_metrics import LayerMetrics
from tfodcl.meta.augment import mirror_and_shift
from tfodcl.report import load_results
from tfodcl.stages.resnet import ResNet, num_parameters, resnet
from tfodcl.streams import SplitStream
from tfodcl.task_methods import CLASSES
from tfodcl.task_methods.learning import TaskLearning
from tfodcl.task_plan import TaskPlan
from tfodcl.task_presets import SPARSE_KEPT, TaskPreset
from tfodcl.task_runs import TaskRun

NUM_TEST = 4 * 5  # samples that a run is tested on; a search has fewer


class Killed(BaseException):
    """What ends a command here."""


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    write_data(folder)
    write_data(folder, "other", num_classes=5)
    return folder


@pytest.fixture(autouse=True)
def _data(data, monkeypatch) -> None:
    monkeypatch.setenv("TFODCL_DATA", str(data))


class MadeUp:
    """Runs by name, learning rate, strength, seed and whether they are a search; and what was run."""

    def __init__(self, **final: float) -> None:
        """Args: final: accuracies of searches by "rate_strength", or "rate_strength_told"; others are drawn."""
        self.final = final
        self.done: list[tuple[str, TaskLearning, int, SplitStream, tuple]] = []

    def run_split(self, method, stream: SplitStream, *_) -> TaskRun:
        name, (networks, learning, seed) = type(method).__name__, method.given
        self.done.append((name, learning, seed, stream, networks))
        strength = learning.strength or 0
        num_tasks = len(stream.tasks)
        rng = np.random.default_rng([len(name), seed, round(1e6 * learning.learning_rate), round(1e6 * strength)])
        accuracy, told = rng.random((2, num_tasks))
        key = f"{learning.learning_rate:g}_{strength:g}"
        accuracy[-1] = self.final.get(key, accuracy[-1])
        told[-1] = self.final.get(f"{key}_told", told[-1])
        matrix = np.where(np.tri(num_tasks, dtype=bool), accuracy, np.nan)
        return TaskRun(accuracy, told, matrix, float(rng.random()), 10, 2)

    @property
    def searched(self) -> list[tuple[float, float | None]]:
        return [
            (one.learning_rate, one.strength) for _, one, _, stream, _ in self.done if len(stream.x_test) < NUM_TEST
        ]


def made_up_class(name: str, strengths: tuple[float, ...]) -> type:
    def keep(self, *given) -> None:
        self.given = given

    return type(name, (), {"__init__": keep, "STRENGTHS": strengths})


class MadeUpNetworks(tuple):
    """What ResNets are made from."""

    def frozen_model(self) -> bytes:
        return b"model"


@pytest.fixture
def made_up(monkeypatch) -> MadeUp:
    runs = MadeUp()
    monkeypatch.setattr(train_tasks, "run_split", runs.run_split)
    classes = {"naive": (), "er": (), "lightcl": STRENGTHS, "lightcl_freezing": (0.0,), "lightcl_sparse": STRENGTHS}
    for name, strengths in classes.items():
        monkeypatch.setitem(CLASSES, name, made_up_class(name, strengths))
    monkeypatch.setattr(train_tasks, "ResNets", lambda *given: MadeUpNetworks(given))
    return runs


def made_up_layers(network: ResNet, *_) -> LayerMetrics:
    names = tuple(layer.name for layer in network.layers)
    plasticity = -np.array([[0.4 if name in ("block_4_a", "head") else 0.0 for name in names]])
    return LayerMetrics(names, plasticity, plasticity)


def plan_of(folder: Path, *names: str, **changed) -> TaskPlan:
    return TaskPlan(load("tiny"), None, TINY, "quick", list(names), "", 0, 1, folder, **changed)


def choose(plan: TaskPlan, name: str) -> TaskLearning:
    return train_tasks.chosen_learning(plan, name, train_tasks.Training(plan, sparse=False), 6)


def test_the_rate_with_the_highest_mean_of_both_accuracies_is_chosen(made_up, tmp_path):
    made_up.final = {"0.03_0": 0.5, "0.03_0_told": 0.6, "0.1_0": 0.4, "0.1_0_told": 0.8}
    assert choose(plan_of(tmp_path), "naive").learning_rate == 0.1
    assert made_up.searched == [(0.03, None), (0.1, None)]
    made_up.final["0.03_0_told"] = 0.71
    assert choose(plan_of(tmp_path / "other"), "naive").learning_rate == 0.03


def test_of_equal_rates_the_first_is_chosen(made_up, tmp_path):
    made_up.final = dict.fromkeys(("0.03_0", "0.03_0_told", "0.1_0", "0.1_0_told"), 0.5)
    assert choose(plan_of(tmp_path), "naive").learning_rate == 0.03


def test_strengths_are_searched_with_the_best_rate_each_pair_once(made_up, tmp_path):
    made_up.final = {"0.03_0.0002": 0.1, "0.03_0.0002_told": 0.1, "0.1_0.0002": 0.2, "0.1_0.0002_told": 0.2}
    made_up.final |= {"0.1_0.002": 0.9, "0.1_0.002_told": 0.9}
    learning = choose(plan_of(tmp_path), "lightcl")
    assert (learning.learning_rate, learning.strength) == (0.1, 2e-3)
    assert made_up.searched == [(0.03, 2e-4), (0.1, 2e-4), (0.1, 2e-3)]
    assert_as_preset(learning, TINY)


def assert_as_preset(learning: TaskLearning, preset: TaskPreset) -> None:
    for name in ("batch_size", "epochs", "buffer_size", "cache_bytes", "rate_falls"):
        assert getattr(learning, name) == getattr(preset, name)
    assert learning.augment is mirror_and_shift


def test_what_is_searched_and_run_learns_as_the_preset_says(made_up, tmp_path):
    preset = dataclasses.replace(TINY, rate_falls=not TINY.rate_falls)
    train_tasks.learn(dataclasses.replace(plan_of(tmp_path, "naive"), preset=preset))
    assert len(made_up.done) == 2 + 1
    for _, learning, *_ in made_up.done:
        assert_as_preset(learning, preset)
    assert load_results(tmp_path)["protocol"]["rate_falls"] is preset.rate_falls


def test_nothing_is_searched_where_there_is_one_rate_and_no_strength_to_choose(made_up, tmp_path):
    preset = dataclasses.replace(TINY, rates=(0.07,))
    for name, expected in (("naive", None), ("lightcl_freezing", None), ("lightcl", 2)):
        plan = dataclasses.replace(plan_of(tmp_path / name), preset=preset)
        assert choose(plan, name).learning_rate == 0.07
        assert len(made_up.searched) == (expected or 0)


def rows(x: np.ndarray) -> set[bytes]:
    return {one.tobytes() for one in x}


def test_searches_learn_and_test_training_samples_and_runs_are_tested_on_all_test_samples(made_up, tmp_path):
    plan = dataclasses.replace(plan_of(tmp_path, "naive"), num_runs=2)
    train_tasks.learn(plan)
    streams = [stream for *_, stream, _ in made_up.done]
    assert len(streams) == 4
    for stream in streams[:2]:
        learnt = set().union(*(rows(task.x) for task in stream.tasks))
        assert learnt | rows(stream.x_test) == rows(plan.dataset.x_train) and learnt.isdisjoint(rows(stream.x_test))
        assert len(stream.x_test) == 4 * 3
    for stream in streams[2:]:
        assert set().union(*(rows(task.x) for task in stream.tasks)) == rows(plan.dataset.x_train)
        assert rows(stream.x_test) == rows(plan.dataset.x_test)
    assert streams[2].class_ids.tolist() != streams[3].class_ids.tolist()
    assert [(seed, networks[4]) for _, _, seed, _, networks in made_up.done] == [(0, 0), (0, 0), (0, 0), (1, 1)]


def test_more_methods_and_runs_later_add_what_is_missing(made_up, tmp_path):
    train_tasks.learn(plan_of(tmp_path, "naive"))
    first = load_results(tmp_path)["methods"]["naive"]
    made_up.done.clear()
    train_tasks.learn(dataclasses.replace(plan_of(tmp_path, "naive", "er"), num_runs=2))
    assert [name for name, *_ in made_up.done] == ["naive", "er", "er", "er", "er"]
    results = load_results(tmp_path)
    assert results["runs"] == 2 and list(results["methods"]) == ["naive", "er"]
    assert results["methods"]["naive"]["accuracy_runs"][:1] == first["accuracy_runs"]
    assert results["methods"]["naive"]["learning_rate"] == first["learning_rate"]
    assert [len(method["accuracy_runs"]) for method in results["methods"].values()] == [2, 2]


def test_a_command_killed_at_any_write_resumes_to_the_same_results(made_up, monkeypatch, tmp_path):
    monkeypatch.setattr(train_tasks, "measure_layers", made_up_layers)
    monkeypatch.setattr(train_tasks, "write_results", lambda folder, content: files.write(
        folder / "results.json", json.dumps(content).encode()
    ))  # fmt: skip
    plan = dataclasses.replace(plan_of(tmp_path / "whole", "naive", "lightcl"), freeze="auto", num_runs=2)
    train_tasks.learn(plan)
    expected, num_runs = (tmp_path / "whole" / "results.json").read_bytes(), len(made_up.done)
    write, num_kills = files.write, 0
    while True:
        left = num_kills

        def dying(path, content):
            nonlocal left
            if left == 0:
                raise Killed
            left -= 1
            write(path, content)

        made_up.done.clear()
        plan = dataclasses.replace(plan, folder=tmp_path / str(num_kills))
        monkeypatch.setattr(files, "write", dying)
        try:
            train_tasks.learn(plan)
        except Killed:
            monkeypatch.setattr(files, "write", write)
            train_tasks.learn(plan)
            num_kills += 1
            assert len(made_up.done) <= num_runs + 1  # what was being done is done again, and nothing else
            assert (plan.folder / "results.json").read_bytes() == expected
        else:
            break
    assert num_kills == 1 + (2 + 2) + (3 + 2 + 2) + 1  # layers, naive, lightcl with float runs, results


@pytest.mark.parametrize("content", ["", "{", "null", "[]", "{}", '{"accuracy": [0.5]}', "\udcff"])
@pytest.mark.parametrize("name", ["methods/naive/run_0.json", "methods/naive/search_0.1_0.json", "layers.json"])
def test_a_damaged_file_is_named_and_stays(made_up, monkeypatch, tmp_path, name, content):
    monkeypatch.setattr(train_tasks, "measure_layers", made_up_layers)
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, errors="surrogateescape")
    with pytest.raises(InputError, match=f"{name} must be of an earlier run; delete it to repeat that. Received: "):
        train_tasks.learn(dataclasses.replace(plan_of(tmp_path, "naive"), freeze="auto"))
    assert path.read_text(errors="surrogateescape") == content


@pytest.mark.parametrize(("freeze", "expected"), [("", 6), ("2", 2), ("0", 0), ("auto", 3)])
def test_as_many_blocks_are_frozen_as_are_asked_for(made_up, monkeypatch, tmp_path, freeze, expected):
    monkeypatch.setattr(train_tasks, "measure_layers", made_up_layers)
    train_tasks.learn(dataclasses.replace(plan_of(tmp_path, "lightcl"), freeze=freeze))
    results, (frozen, _) = load_results(tmp_path), resnet(18, SHAPE, 4, 8).cut(expected)
    assert results["protocol"]["frozen_blocks"] == expected
    assert results["methods"]["lightcl"]["cost"]["memory_bytes"]["frozen_parameters"] == num_parameters(frozen)
    assert {networks[2] for *_, networks in made_up.done} == {expected}


def test_layers_are_measured_in_every_class_order_on_held_out_training_samples_at_the_first_rate(
    made_up, monkeypatch, tmp_path
):
    asked: list[tuple] = []
    monkeypatch.setattr(train_tasks, "measure_layers", lambda *given: asked.append(given) or made_up_layers(*given))
    plan = dataclasses.replace(plan_of(tmp_path, "naive"), freeze="auto", seed=3, num_runs=2)
    train_tasks.learn(plan)
    for run, (network, networks, learning, stream, seed) in enumerate(asked):
        assert network == networks[0] == resnet(18, SHAPE, 4, 8) and (networks[4], seed) == (3 + run, 3 + run)
        assert (learning.learning_rate, learning.epochs, learning.batch_size) == (RATES[0], 1, 8)
        assert rows(stream.x_test) < rows(plan.dataset.x_train) and len(stream.x_test) < NUM_TEST
    orders = [asked[run][3].class_ids.tolist() for run in range(2)]
    assert orders[0] != orders[1] == plan.stream(1).class_ids.tolist()
    one = made_up_layers(*asked[0])
    found = load_results(tmp_path)["layers"]["memory_stability"]
    assert found["runs"] == 2 * len(one.memory_stability)
    assert found["mean"] == one.memory_stability.mean(axis=0).tolist()


def test_ranges_of_the_int8_stage_come_from_the_training_before_or_the_first_task(made_up, monkeypatch, tmp_path):
    monkeypatch.setattr(train_tasks, "pretrain_resnet", lambda *given: ({}, 1.0))
    train_tasks.learn(plan_of(tmp_path / "without", "lightcl"))
    of_int8 = [(stream, networks[3]) for *_, stream, networks in made_up.done if networks[3] is not None]
    assert len(of_int8) == len(made_up.done) - 1  # one run is of the float stage
    for stream, calibration in of_int8:
        np.testing.assert_array_equal(calibration, stream.tasks[0].x)
    made_up.done.clear()
    other = load("other")
    train_tasks.learn(dataclasses.replace(plan_of(tmp_path / "with", "lightcl"), pretraining=other))
    for *_, networks in made_up.done:
        assert networks[3] is None or rows(networks[3]) == rows(other.x_train)
    assert (tmp_path / "with" / "encoder.tflite").read_bytes() == b"model"
    assert not (tmp_path / "without" / "encoder.tflite").exists()


@pytest.mark.parametrize(
    ("names", "freeze", "trained"),
    [
        (("naive", "lightcl"), "", [False]),
        (("lightcl_sparse",), "", [True]),
        (("naive", "lightcl_sparse"), "auto", [False, True]),
        (("lightcl_sparse",), "auto", [False, True]),  # the dense one is measured
    ],
)
def test_each_form_of_the_network_is_trained_before_once(made_up, monkeypatch, tmp_path, names, freeze, trained):
    asked: list[tuple[ResNet, str]] = []
    monkeypatch.setattr(train_tasks, "measure_layers", made_up_layers)
    monkeypatch.setattr(
        train_tasks, "pretrain_resnet", lambda network, *given: asked.append((network, given[-1])) or ({}, 1.0)
    )
    train_tasks.learn(dataclasses.replace(plan_of(tmp_path, *names), freeze=freeze, pretraining=load("other")))
    networks = [resnet(18, SHAPE, 4, 8), resnet(18, SHAPE, 4, 8, SPARSE_KEPT)]
    assert asked == [(networks[sparse], "pretrained_sparse" if sparse else "pretrained") for sparse in trained]
    assert [stage["name"] for stage in load_results(tmp_path)["stages"]] == [
        f"supervised training ({name})" for _, name in asked
    ]
    for name, *_, given in made_up.done:
        assert given[0] == networks[name == "lightcl_sparse"]
