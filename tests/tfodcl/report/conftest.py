"""Results as a run writes them, with all fields, required and optional."""

import re
from html import unescape

import numpy as np
import pytest

from tfodcl.report import write_report

METHODS = (
    *("pretrained", "oml", "anml", "oml_aim", "anml_aim", "oracle"),
    *("raw_replay", "latent_replay", "pq_replay", "lifelearner"),
)
TASK_METHODS = (
    *("naive", "joint", "ewc", "pnn", "fdr", "er", "derpp", "sparcl", "sparcl_derpp"),
    *("lightcl_freezing", "lightcl", "lightcl_sparse"),
)
LAYERS = ("stem", "block_1_a", "block_1_b", "block_2_a", "block_2_b", "block_2_short", "head")


def make_method(seed=0, runs=3, points=(5, 10, 15), final=0.4, record=546):
    rng = np.random.default_rng(seed)
    accuracy = np.linspace(0.8, final, len(points)) + rng.normal(0, 0.01, (runs, len(points)))
    matrix = rng.random((len(points), len(points))).round(3)
    rows = [[value if j <= i else None for j, value in enumerate(row)] for i, row in enumerate(matrix.tolist())]
    return {
        "num_classes": list(points),
        "accuracy_mean": accuracy.mean(axis=0).tolist(),
        "accuracy_std": (accuracy.std(axis=0, ddof=1) if runs > 1 else 0 * accuracy[0]).tolist(),
        "accuracy_runs": accuracy.tolist(),
        "bytes_per_record": record,
        "replay_bytes": 450 * record,
        "state_bytes": 123456,
        "bytes_written": 450 * record + 1000,
        "learn_seconds": 6.5,
        "accuracy_matrix": rows,
        "forgetting_mean": 0.123,
        "forgetting_std": 0.01,
        "learning_rate": {"inner": 0.001, "outer": 0.0003},
        "memory_bytes": {"replay": 450 * record, "head": 61440, "codebook": 65536},
    }


def make_setting(setting, num_bytes, accuracy, deviation=0.01, kind="codec"):
    return {
        "kind": kind,
        "setting": setting,
        "bytes_per_record": num_bytes,
        "codebook_bytes": 32,
        "accuracy_mean": accuracy,
        "accuracy_std": deviation,
        "accuracy_runs": [accuracy - deviation, accuracy, accuracy + deviation],
        "learning_rate": {"inner": 0.001, "outer": 0.002},
    }


def make_ablations(seed=0):
    """What tfodcl.ablate writes: LifeLearner alone, and its settings."""
    settings = [
        make_setting(10, 42, 0.381, kind="samples_per_class"),
        make_setting(30, 42, 0.446, kind="samples_per_class"),
        make_setting(2, 42, 0.457, kind="replay_epochs"),
        make_setting("uniform:8", 4098, 0.451),
        make_setting("pq:64", 66, 0.404),
        make_setting("bitmap_pq:256:8", 546, 0.402),
    ]
    return make_results(methods=("lifelearner",), seed=seed) | {
        "command": f"python -m tfodcl.ablate runs/cifar100 --seed {seed}",
        "ablations": settings,
    }


def make_sweep(seed=0):
    """What tfodcl.train writes of qlr: the method, whose numbers count training batches, and its settings."""
    content = make_results(methods=("qlr",), seed=seed)
    content["methods"]["qlr"] |= {"unit": "training batches", "num_classes": [1, 20, 141], "accuracy_matrix": None}
    content["protocol"] = {"num_classes": 30, "first_classes": 10, "samples_per_class": 100, "eval_every": 20}
    content["ablations"] = [
        make_layer(23, "uniform:8", 500, 4098, 0.54),
        make_layer(23, "uniform:6", 500, 3074, 0.53),
        make_layer(27, "uniform:8", 1500, 514, 0.48),
        make_layer(27, "float32", 1500, 2050, 0.47),
    ]
    return content


def make_layer(split, codec, num_replays, record_bytes, accuracy):
    entry = make_setting(codec, record_bytes, accuracy, kind="latent_replay")
    del entry["codebook_bytes"]
    entry |= {"split": split, "num_replays": num_replays, "replay_bytes": num_replays * record_bytes}
    return entry | {"learning_rate": {"outer": 0.003}}


def make_pair(setting, joules, accuracy, swap_ratio=0.2, records="raw", deviation=0.01):
    """Miro with one pair of sizes held fixed."""
    entry = make_setting(setting, 3074 if records == "raw" else 1540, accuracy, deviation, kind="memory")
    del entry["codebook_bytes"]
    num_episodic, num_stream = map(int, setting.split(":"))
    return entry | {
        "num_episodic": num_episodic,
        "num_stream": num_stream,
        "swap_ratio": swap_ratio,
        "records": records,
        "joules": joules,
        "energy_source": "constants of X, not measured",
        "learning_rate": {"sgd": 0.1},
    }


def make_sizes(seed=0):
    """What tfodcl.train writes of miro beside er: pairs of sizes held fixed, one of them with several swap ratios."""
    content = make_tasks(seed=seed, methods=("er",), encoder="resnet32_16") | {"layers": None}
    methods = content["methods"]
    methods["miro"] = make_task_method(seed + 1)
    for name, joules, accuracy in (("er", 5200.0, 0.44), ("miro", 2500.0, 0.46)):
        methods[name]["accuracy_mean"][-1] = accuracy
        methods[name]["energy"] = {"joules": joules, "source": "constants of X, not measured"}
    content["ablations"] = [
        make_pair("500:500", 1000.0, 0.30),
        make_pair("2000:500", 2000.0, 0.42),
        make_pair("500:2000", 2200.0, 0.35),
        make_pair("4000:500", 4000.0, 0.47),
        make_pair("2000:500", 1800.0, 0.38, swap_ratio=0.05),
        make_pair("2000:500", 2900.0, 0.43, swap_ratio=1),
    ]
    return content


def make_task_method(seed=0, runs=3, points=(2, 4, 6, 8, 10), final=0.4, mebibytes=100):
    """A method that learns tasks of several classes with a whole network."""
    method = make_method(seed=seed, runs=runs, points=points, final=final, record=0)
    del method["memory_bytes"], method["learning_rate"]
    told = np.minimum(np.array(method["accuracy_runs"]) + 0.1 + 0.4 * np.linspace(0, 1, len(points)), 0.99)
    return method | {
        "unit": "classes",
        "task_accuracy_mean": told.mean(axis=0).tolist(),
        "task_accuracy_std": (told.std(axis=0, ddof=1) if runs > 1 else 0 * told[0]).tolist(),
        "task_accuracy_runs": told.tolist(),
        "average_incremental_mean": 0.612,
        "learning_accuracy_mean": 0.934,
        "cost": {
            "memory_bytes": {"parameters": 40 << 20, "gradients": 30 << 20, "feature_maps": (mebibytes - 70) << 20},
            "flops": {"forward": 2.5e15, "backward": 5e15},
            "measured": {"peak_bytes": 1500 << 20, "seconds": 1234.5},
        },
    }


def make_tasks(seed=0, runs=3, methods=TASK_METHODS, dataset="cifar10", encoder="resnet18_64"):
    """What methods that learn tasks leave: the least memory and accuracy first, so that each is on the front."""
    content = make_results(dataset, methods=("naive",), seed=seed, runs=runs)
    content["encoder"] |= {"name": encoder, "tflite_bytes": None, "int8_agreement": None, "codec": None}
    content["protocol"] = {"num_classes": 10, "classes_per_task": 2, "runs": runs}
    content["methods"] = {
        name: make_task_method(seed + 31 * i, runs, final=0.3 + 0.03 * i, mebibytes=80 + 10 * i)
        for i, name in enumerate(methods)
    }
    steps = np.linspace(0, 1, len(LAYERS))
    content["layers"] = {
        "names": list(LAYERS),
        "memory_stability": {"mean": (0.3 * steps**2).tolist(), "std": [0.01] * len(LAYERS), "runs": runs},
        "learning_plasticity": {"mean": (-0.2 * steps).tolist(), "std": [0.02] * len(LAYERS), "runs": runs},
        "frozen": list(LAYERS[:3]),
        "published": list(LAYERS[:5]),
    }
    return content


def make_results(dataset="cifar100", methods=METHODS, seed=0, runs=3):
    return {
        "schema": 1,
        "command": f"python -m tfodcl.train --dataset {dataset} --seed {seed} --out 'runs/{dataset}'",
        "seed": seed,
        "dataset": dataset,
        "preset": "quick",
        "encoder": {
            "tflite_bytes": 1184320,
            "macs": 21400000,
            "latent_dim": 4096,
            "int8_agreement": 0.987,
            "name": "anml-compact",
            "codec": {"name": "bitmap_pq", "payload_bytes": 544, "reconstruction_error": 0.071},
        },
        "methods": {
            name: make_method(
                seed=seed + 31 * i, runs=runs, final=0.2 + 0.025 * i, record=3074 if "raw" in name else 546
            )
            for i, name in enumerate(methods)
        },
        "stages": [{"name": "meta-train", "seconds": 412.8, "steps": 4000}],
        "runs": runs,
        "protocol": {"samples_per_class": 30, "eval_every": 5, "runs": runs},
        "versions": {"numpy": "2.1.3"},
    }


@pytest.fixture
def method():
    """A function that makes one method's entry."""
    return make_method


@pytest.fixture
def ablations():
    """A function that makes the content of a results.json with ablations."""
    return make_ablations


@pytest.fixture
def sweep():
    """A function that makes the content of a results.json of qlr."""
    return make_sweep


@pytest.fixture
def sizes():
    """A function that makes the content of a results.json of miro with sizes held fixed."""
    return make_sizes


@pytest.fixture
def results():
    """A function that makes the content of a results.json."""
    return make_results


@pytest.fixture
def tasks():
    """A function that makes the content of a results.json of methods that learn tasks."""
    return make_tasks


@pytest.fixture
def section_text(tmp_path):
    """A function that writes the report of results and gives the text of one of its sections, without tags."""

    def text_of(results, title):
        write_report(results, tmp_path / "report.html")
        html = (tmp_path / "report.html").read_text(encoding="utf-8")
        sections = re.findall(r"<section>(.*?)</section>", html, re.DOTALL)
        found = [part for part in sections if f"<h3>{title}</h3>" in part]
        return " ".join(unescape(re.sub("<[^>]*>", " ", "".join(found))).split())

    return text_of
