"""The command as a person types it."""

import dataclasses
import re
import struct

import numpy as np
import pytest

from tests.tfodcl.place import LATENT_DIM, NUM_CLASSES, PROTOCOL, ROOT, SAMPLES, Place, build, write_dataset
from tfodcl import container, evaluate
from tfodcl import package as packages
from tfodcl.compress.uniform import UniformCodec
from tfodcl.continual import MemoizedEncoder
from tfodcl.data import load
from tfodcl.methods import METHODS
from tfodcl.report import load_results
from tfodcl.stages.tflite import TfliteEncoder


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Place:
    folder = tmp_path_factory.mktemp("evaluate")
    (folder / "data").mkdir()
    write_dataset(folder / "data" / "tiny.npz", size=8)
    write_dataset(folder / "data" / "larger.npz", size=9)
    write_dataset(folder / "data" / "few.npz", size=8, meta_test=NUM_CLASSES - 1)
    package = build(np.load(folder / "data" / "tiny.npz")["x_train"][..., None])
    path = folder / "model.tfodcl"
    packages.write(path, package)
    content = path.read_bytes()
    (folder / "flipped.tfodcl").write_bytes(content[:-100] + bytes([content[-100] ^ 1]) + content[-99:])
    (folder / "truncated.tfodcl").write_bytes(content[: len(content) // 2])
    (folder / "future.tfodcl").write_bytes(container.MAGIC + struct.pack("<H", 2) + content[10:])
    (folder / "text.tfodcl").write_text("not a package")
    packages.write(folder / "terse.tfodcl", dataclasses.replace(package, info={}))
    odd = {**package.info, "protocol": {**PROTOCOL, "eval_every": "2"}}
    packages.write(folder / "odd.tfodcl", dataclasses.replace(package, info=odd))
    strange = {**package.info, "recipe": "alchemy"}
    packages.write(folder / "strange.tfodcl", dataclasses.replace(package, info=strange))
    no_pq_info = {**package.info, "recipe": "anml_pq"}
    no_pq = dataclasses.replace(package, info=no_pq_info, other_codecs={"uniform": UniformCodec(LATENT_DIM, 8)})
    packages.write(folder / "no_pq.tfodcl", no_pq)
    packages.write(folder / "no_model.tfodcl", dataclasses.replace(package, encoder=b"\x1c\0\0\0TFL3 and more"))
    (folder / "file").write_text("in the way")
    return Place(folder, package, "tfodcl.evaluate")


def test_evaluation_writes_results_and_a_report(place, tmp_path):
    out = tmp_path / "new" / "out"
    done = place.run("model.tfodcl", "--methods", "lifelearner,anml,latent_replay", "--runs", "2", "--out", out)
    assert done.returncode == 0 and "Traceback" not in done.stderr
    assert done.stdout == f"report: {out / 'report.html'}\n"
    assert {path.name for path in out.iterdir()} == {"results.json", "report.html"}
    results = load_results(out)
    assert list(results["methods"]) == ["anml", "latent_replay", "lifelearner"]  # in the order of METHODS
    assert (results["schema"], results["seed"], results["runs"], results["dataset"]) == (1, 0, 2, "tiny")
    assert results["protocol"] == PROTOCOL and results["preset"] == "quick"
    assert results["command"].startswith("python -m tfodcl.evaluate model.tfodcl --methods lifelearner,anml")
    assert results["encoder"]["int8_agreement"] == 0.99
    for name, rates in place.package.info["learning_rates"].items():  # those of the package are not searched again
        assert results["methods"][name]["learning_rate"] == rates
    assert set(results["methods"]["latent_replay"]["learning_rate"]) == {"inner", "outer"}
    for method in results["methods"].values():
        assert method["num_classes"] == [2, 4] and np.shape(method["accuracy_runs"]) == (2, 2)
        assert method["accuracy_mean"][-1] > 1.5 / NUM_CLASSES
    expected = NUM_CLASSES * SAMPLES * (2 + LATENT_DIM // 8 + 16 // 4)
    assert results["methods"]["lifelearner"]["replay_bytes"] == expected


def test_results_are_those_of_the_library_and_of_every_repetition(place, tmp_path, monkeypatch):
    outs = [tmp_path / "first", tmp_path / "second"]
    for out in outs:
        assert (
            place.run("model.tfodcl", "--methods", "lifelearner", "--runs", 1, "--seed", 5, "--out", out).returncode
            == 0
        )
    first, second = (load_results(out)["methods"]["lifelearner"] for out in outs)
    for summary in (first, second):
        assert summary.pop("learn_seconds") > 0
    assert first == second
    monkeypatch.setenv("TFODCL_DATA", str(place.folder / "data"))
    encoder = MemoizedEncoder(TfliteEncoder(place.package.encoder))
    stream = bench(place, encoder, seed=5).stream(0)
    learning = dataclasses.replace(place.package.learning, inner_lr=0.01, outer_lr=0.02)
    method = METHODS["lifelearner"](place.package, encoder, learning, 5)
    for task in stream.tasks:
        method.learn(task)
    assert first["accuracy_mean"][-1] == np.mean(method.predict(stream.x_test) == stream.y_test)


def test_without_options_all_methods_that_have_an_encoder_run_and_results_lie_beside_the_package(place, tmp_path):
    packages.write(tmp_path / "model.tfodcl", place.package)
    baseline = dict(place.package.info)
    baseline.update(recipe="oml", learning_rates={"oml": {"inner": 0.01}}, encoder={**baseline["encoder"]})
    del baseline["encoder"]["int8_agreement"]  # tfodcl.train compares the main package alone
    other = dataclasses.replace(place.package, info=baseline, other_codecs={})
    packages.write(tmp_path / "baselines" / "oml.tfodcl", other)
    assert place.run(tmp_path / "model.tfodcl").returncode == 0
    names = {name for name, method in METHODS.items() if method.RECIPE in ("anml", "oml")}
    results = load_results(tmp_path / "evaluation")
    assert set(results["methods"]) == names and results["runs"] == 3
    alone = place.run(tmp_path / "baselines" / "oml.tfodcl", "--runs", 1, "--out", tmp_path / "alone")
    assert alone.returncode == 0, alone.stderr
    results = load_results(tmp_path / "alone")
    assert set(results["methods"]) == {"oml"} and results["encoder"]["int8_agreement"] is None


def test_another_data_set_has_its_rates_searched(place, tmp_path):
    (place.folder / "data" / "twin.npz").write_bytes((place.folder / "data" / "tiny.npz").read_bytes())
    options = ("--dataset", "twin", "--methods", "anml", "--runs", 1, "--out", tmp_path)
    assert place.run("model.tfodcl", *options).returncode == 0
    results = load_results(tmp_path)
    assert results["dataset"] == "twin"
    assert results["methods"]["anml"]["learning_rate"] != place.package.info["learning_rates"]["anml"]


def test_another_budget_is_kept_and_has_its_rates_searched(place, tmp_path):
    budget = 10 * (2 + LATENT_DIM // 8 + 16 // 4)
    options = ("--methods", "lifelearner", "--runs", 1, "--replay-bytes", budget, "--out", tmp_path)
    assert place.run("model.tfodcl", *options).returncode == 0
    summary = load_results(tmp_path)["methods"]["lifelearner"]
    assert summary["replay_bytes"] == budget
    assert summary["learning_rate"] != place.package.info["learning_rates"]["lifelearner"]


BAD_INPUT = {
    "a missing package": (["absent.tfodcl"], "absent.tfodcl must be readable. Received: No such file"),
    "a folder as package": (["data"], "must be readable. Received: Is a directory"),
    "a file that is no package": (["text.tfodcl"], "a package must begin with"),
    "a corrupt package": (["flipped.tfodcl"], "CRC-32 of section .* must be"),
    "a truncated package": (["truncated.tfodcl"], "must have the [0-9]+ bytes its header says"),
    "a package of the future": (["future.tfodcl"], "format version must be at most 1. Received: version=2"),
    "a package that says nothing of itself": (["terse.tfodcl"], "info must hold recipe.* Received: nothing"),
    "a package with a wrong protocol": (["odd.tfodcl"], "protocol must hold whole numbers .* Received: "),
    "a package of no known recipe": (["strange.tfodcl"], "of a recipe that methods use. Received: alchemy"),
    "a package without pq": (["no_pq.tfodcl", "--methods", "pq_replay"], "codec pq. Received: uniform"),
    "a package whose encoder is none": (["no_model.tfodcl"], "must be a .tflite model. Received: 17 bytes"),
    "a misspelt method": (["model.tfodcl", "--methods", "anml,lifelerner"], "Received: 'lifelerner'"),
    "an empty method": (["model.tfodcl", "--methods", ""], "--methods must be all or of .* Received: ''"),
    "a method without encoder": (
        ["model.tfodcl", "--methods", "oml"],
        "method oml needs an encoder of recipe oml",
    ),
    "all methods without their encoders": (
        ["model.tfodcl", "--methods", "all"],
        "needs an encoder of recipe",
    ),
    "no run": (["model.tfodcl", "--runs", "0"], "--runs must be a whole number in 1...* Received: 0"),
    "runs that are no number": (["model.tfodcl", "--runs", "x"], "--runs must be .* Received: x"),
    "runs of two lines": (["model.tfodcl", "--runs", "1\n2x"], "--runs must be .* Received: 1 2x"),
    "a negative seed": (["model.tfodcl", "--seed", "-1"], "--seed must be .* Received: -1"),
    "an empty seed": (["model.tfodcl", "--seed", ""], "--seed must be"),
    "no budget": (["model.tfodcl", "--replay-bytes", "0"], "--replay-bytes must be .* Received: 0"),
    "a small budget": (
        ["model.tfodcl", "--replay-bytes", "20"],
        "a record of every class. Received: 20 bytes",
    ),
    "a huge budget": (["model.tfodcl", "--replay-bytes", "4294967296"], "--replay-bytes must be a whole number in"),
    "an unknown data set": (["model.tfodcl", "--dataset", "tyni"], "Received: dataset='tyni', no file"),
    "an empty data set name": (["model.tfodcl", "--dataset", ""], "Received: dataset=''"),
    "a data set of another shape": (
        ["model.tfodcl", "--dataset", "larger"],
        r"\(8, 8, 1\). Received: \(9, 9, 1\)",
    ),
    "a data set of few classes": (["model.tfodcl", "--dataset", "few"], "few has 3 meta_test classes"),
    "a file where the folder should be": (["model.tfodcl", "--out", "file"], "file must be a folder"),
    "a file above the folder": (["model.tfodcl", "--out", "file/out"], "file/out must be a folder"),
    "an unknown option": (["model.tfodcl", "--run", "3"], "unrecognized arguments: --run 3"),
    "no package": ([], "the following arguments are required: PACKAGE"),
}


@pytest.mark.parametrize("arguments", BAD_INPUT)
def test_bad_input_is_one_line_exit_code_2_and_leaves_nothing(arguments, place):
    arguments, rule = BAD_INPUT[arguments]
    assert re.search(rule, place.refuse(*arguments))


def test_the_golden_package_is_readable_but_says_too_little_to_be_evaluated(place):
    done = place.run(ROOT / "tests" / "golden" / "package_v1.bin")
    assert done.returncode == 2 and len(done.stderr.splitlines()) == 1


def test_help_shows_an_example(place):
    done = place.run("--help")
    assert done.returncode == 0 and "example: python -m tfodcl.evaluate" in done.stdout


def bench(place: Place, encoder, seed: int = 0) -> evaluate.Bench:
    found = {"anml": place.package}
    protocol = evaluate.Protocol(**PROTOCOL)
    return evaluate.Bench(found, {"anml": encoder}, load("tiny"), protocol, seed, evaluate.UNLIMITED_BYTES)


def test_rates_are_searched_without_a_sample_of_a_class_that_the_device_meets(place, monkeypatch):
    monkeypatch.setenv("TFODCL_DATA", str(place.folder / "data"))
    dataset, seen = load("tiny"), set()

    class Spy(TfliteEncoder):
        def quantize(self, x):
            seen.update(sample.tobytes() for sample in x)
            return super().quantize(x)

    rates = bench(place, MemoizedEncoder(Spy(place.package.encoder))).search("lifelearner")
    assert set(rates) == {"inner", "outer"}
    allowed = set()
    for x, y in ((dataset.x_train, dataset.y_train), (dataset.x_test, dataset.y_test)):
        allowed |= {sample.tobytes() for sample in x[np.isin(y, dataset.split.validation)]}
    assert seen and seen <= allowed


def test_all_methods_of_a_run_meet_the_same_stream_and_every_run_another(place, monkeypatch):
    monkeypatch.setenv("TFODCL_DATA", str(place.folder / "data"))
    first, again, other = (bench(place, None).stream(number) for number in (0, 0, 1))
    for ours, theirs in zip(first.tasks, again.tasks, strict=True):
        np.testing.assert_array_equal(ours.x, theirs.x)
    assert any(ours.x.tobytes() != theirs.x.tobytes() for ours, theirs in zip(first.tasks, other.tasks, strict=True))
