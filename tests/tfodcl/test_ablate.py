"""The command as a person types it, and what it varies."""

import dataclasses
import re

import numpy as np
import pytest

from tests.tfodcl.place import LATENT_DIM, PROTOCOL, SAMPLES, Place, build, write_dataset
from tfodcl import ablate, evaluate
from tfodcl import package as packages
from tfodcl.compress.setting import CodecSetting
from tfodcl.continual import MemoizedEncoder, run_stream
from tfodcl.data import load
from tfodcl.methods import METHODS
from tfodcl.report import load_results
from tfodcl.stages.tflite import TfliteEncoder
from tfodcl.streams import codec_samples

RATES = {"inner": 0.01, "outer": 0.02}


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Place:
    folder = tmp_path_factory.mktemp("ablate")
    (folder / "data").mkdir()
    write_dataset(folder / "data" / "tiny.npz", size=8)
    write_dataset(folder / "data" / "larger.npz", size=9)
    (folder / "data" / "twin.npz").write_bytes((folder / "data" / "tiny.npz").read_bytes())
    package = build(np.load(folder / "data" / "tiny.npz")["x_train"][..., None])
    packages.write(folder / "model.tfodcl", package)
    (folder / "untuned").mkdir()
    untuned = {**package.info, "learning_rates": {}}
    packages.write(folder / "untuned" / "model.tfodcl", dataclasses.replace(package, info=untuned))
    packages.write(folder / "oml.tfodcl", dataclasses.replace(package, info={**package.info, "recipe": "oml"}))
    refitted = {**package.info, "refit": True}
    packages.write(folder / "refitted.tfodcl", dataclasses.replace(package, info=refitted))
    homeless = {**package.info, "dataset": "sold"}
    packages.write(folder / "homeless.tfodcl", dataclasses.replace(package, info=homeless))
    (folder / "empty").mkdir()
    return Place(folder, package, "tfodcl.ablate")


@pytest.fixture(scope="module")
def ablation(place, tmp_path_factory) -> dict:
    """Results of one call that varies everything."""
    out = tmp_path_factory.mktemp("out") / "new"
    codecs = "uniform:8,pq:4,uniform:1,bitmap_pq:auto:4,pq:4,bitmap_pq:24:4"  # auto becomes 24
    options = ("--samples", "6,3", "--epochs", "2,1", "--codecs", codecs)
    done = place.run(place.folder, *options, "--runs", 2, "--out", out)
    assert done.returncode == 0 and "Traceback" not in done.stderr, done.stderr
    assert done.stdout == f"report: {out / 'report.html'}\n"
    assert {path.name for path in out.iterdir()} == {"results.json", "report.html"}
    return load_results(out)


def settings(results: dict, kind: str) -> dict:
    return {entry["setting"]: entry for entry in results["ablations"] if entry["kind"] == kind}


def own_runs(place: Place, monkeypatch, samples=SAMPLES, rates=RATES, codec=None, **learning) -> list[float]:
    """Final accuracies of two runs, put together without the command."""
    monkeypatch.setenv("TFODCL_DATA", str(place.folder / "data"))
    protocol = evaluate.Protocol(**{**PROTOCOL, "samples_per_class": samples})
    package = dataclasses.replace(place.package, codec=codec or place.package.codec)
    encoder = MemoizedEncoder(TfliteEncoder(package.encoder))
    bench = evaluate.Bench({"anml": package}, {"anml": encoder}, load("tiny"), protocol, 0, evaluate.UNLIMITED_BYTES)
    found = []
    for number in range(2):
        chosen = dataclasses.replace(bench.learning("lifelearner", rates), **learning)
        method = METHODS["lifelearner"](package, encoder, chosen, number)
        found.append(run_stream(method, encoder, bench.stream(number)).accuracy[-1])
    return found


def test_every_setting_is_there_once_with_its_figures(ablation):
    assert list(settings(ablation, "samples_per_class")) == [3, 6]
    assert list(settings(ablation, "replay_epochs")) == [1, 2]
    assert list(settings(ablation, "codec")) == ["uniform:8", "pq:4", "uniform:1", "bitmap_pq:24:4"]
    assert ablation["protocol"] == PROTOCOL and ablation["dataset"] == "tiny" and ablation["runs"] == 2
    for entry in ablation["ablations"]:
        assert len(entry["accuracy_runs"]) == 2
        assert entry["accuracy_mean"] == pytest.approx(np.mean(entry["accuracy_runs"]))
        assert entry["accuracy_std"] == pytest.approx(np.std(entry["accuracy_runs"], ddof=1))


def test_bytes_are_those_of_record_and_codec(ablation):
    sizes = {
        setting: (entry["bytes_per_record"], entry["codebook_bytes"])
        for setting, entry in settings(ablation, "codec").items()
    }
    header = 32
    assert sizes["uniform:8"] == (2 + LATENT_DIM, header)
    assert sizes["uniform:1"] == (2 + LATENT_DIM // 8, header)
    assert sizes["pq:4"] == (2 + LATENT_DIM // 4, header + 256 * LATENT_DIM)
    assert sizes["bitmap_pq:24:4"] == (2 + LATENT_DIM // 8 + 24 // 4, header + 256 * 24)


def test_uncompressed_accuracy_is_that_of_latent_replay_with_the_same_rates(ablation, place, monkeypatch):
    monkeypatch.setenv("TFODCL_DATA", str(place.folder / "data"))
    encoder = MemoizedEncoder(TfliteEncoder(place.package.encoder))
    protocol = evaluate.Protocol(**PROTOCOL)
    found, dataset = {"anml": place.package}, load("tiny")
    bench = evaluate.Bench(found, {"anml": encoder}, dataset, protocol, 0, evaluate.UNLIMITED_BYTES)
    runs = bench.measure("latent_replay", RATES, 2)
    entry = settings(ablation, "codec")["uniform:8"]
    assert entry["accuracy_runs"] == [run.accuracy[-1] for run in runs]
    assert entry["learning_rate"] == RATES


def test_codecs_are_fitted_to_meta_train_samples(ablation, place, monkeypatch):
    monkeypatch.setenv("TFODCL_DATA", str(place.folder / "data"))
    latents = TfliteEncoder(place.package.encoder).encode(codec_samples(load("tiny"), 0)[0])
    codec = CodecSetting.parse("pq:4").fit(latents, place.package.latent_zero_point, 0)
    expected = own_runs(place, monkeypatch, codec=codec)
    assert settings(ablation, "codec")["pq:4"]["accuracy_runs"] == expected


def test_codecs_of_a_refitted_package_are_fitted_to_validation_classes_too(place, monkeypatch, tmp_path):
    assert place.run("refitted.tfodcl", "--codecs", "pq:4", "--runs", 2, "--out", tmp_path).returncode == 0
    monkeypatch.setenv("TFODCL_DATA", str(place.folder / "data"))
    x, _ = codec_samples(load("tiny").with_validation_trained(), 0)
    latents = TfliteEncoder(place.package.encoder).encode(x)
    codec = CodecSetting.parse("pq:4").fit(latents, place.package.latent_zero_point, 0)
    expected = own_runs(place, monkeypatch, codec=codec)
    assert settings(load_results(tmp_path), "codec")["pq:4"]["accuracy_runs"] == expected


def test_samples_and_epochs_vary_what_they_say_at_rates_searched_for_them(ablation, place, monkeypatch):
    for count, entry in settings(ablation, "samples_per_class").items():
        expected = own_runs(place, monkeypatch, samples=count, rates=entry["learning_rate"])
        assert entry["accuracy_runs"] == expected
    for count, entry in settings(ablation, "replay_epochs").items():
        expected = own_runs(place, monkeypatch, rates=entry["learning_rate"], replay_epochs=count)
        assert entry["accuracy_runs"] == expected
    searched = [entry["learning_rate"] for entry in ablation["ablations"] if entry["kind"] != "codec"]
    assert len({rates["outer"] for rates in searched}) > 1 and RATES not in searched


def test_the_method_itself_is_that_of_the_package(ablation, place, monkeypatch):
    summary = ablation["methods"]["lifelearner"]
    assert [run[-1] for run in summary["accuracy_runs"]] == own_runs(place, monkeypatch)
    assert summary["learning_rate"] == RATES


def test_by_default_results_lie_beside_the_package_and_rates_it_lacks_are_searched(place):
    before = place.files()
    assert place.run("untuned", "--codecs", "uniform:8", "--runs", 1).returncode == 0
    new = {"untuned/ablation", "untuned/ablation/results.json", "untuned/ablation/report.html"}
    assert place.files() - before == new
    results = load_results(place.folder / "untuned" / "ablation")
    (entry,) = results["ablations"]
    assert entry["learning_rate"] == results["methods"]["lifelearner"]["learning_rate"]
    assert entry["learning_rate"] != RATES


def test_another_data_set_has_its_rates_searched(place, tmp_path):
    done = place.run("model.tfodcl", "--dataset", "twin", "--codecs", "uniform:8", "--runs", 1, "--out", tmp_path)
    assert done.returncode == 0
    results = load_results(tmp_path)
    assert results["dataset"] == "twin" and results["ablations"][0]["learning_rate"] != RATES


def test_rates_are_searched_without_a_sample_of_a_class_that_the_device_meets(place, monkeypatch):
    monkeypatch.setenv("TFODCL_DATA", str(place.folder / "data"))
    dataset, seen = load("tiny"), set()

    class Spy(TfliteEncoder):
        def quantize(self, x):
            seen.update(sample.tobytes() for sample in x)
            return super().quantize(x)

    encoders = {"anml": MemoizedEncoder(Spy(place.package.encoder))}
    protocol = evaluate.Protocol(**PROTOCOL)
    bench = evaluate.Bench({"anml": place.package}, encoders, dataset, protocol, 0, evaluate.UNLIMITED_BYTES)
    for varied in (ablate.vary_samples(bench, 3), ablate.vary_epochs(bench, 2)):
        varied.search("lifelearner")
    allowed = set()
    for x, y in ((dataset.x_train, dataset.y_train), (dataset.x_test, dataset.y_test)):
        allowed |= {sample.tobytes() for sample in x[np.isin(y, dataset.split.validation)]}
    assert seen and seen <= allowed


@pytest.mark.parametrize("latent_dim", [1, 7, 24, 64, 192, 320])
def test_the_grid_fits_the_latent_and_no_record_is_larger_than_it(latent_dim):
    latents = np.random.default_rng(0).integers(-128, 128, (3, latent_dim)).astype(np.int8)
    texts = [str(setting) for setting in ablate.grid(latent_dim)]
    assert len(set(texts)) == len(texts)
    for text in texts:
        codec = CodecSetting.parse(text).fit(latents, -128, 0)
        assert codec.payload_bytes <= latent_dim
    expected = {f"uniform:{bits}" for bits in range(1, 9)}
    expected |= {f"pq:{2**k}" for k in range(8) if latent_dim % 2**k == 0}
    assert {text for text in texts if text.startswith(("uniform", "pq"))} == expected


def test_the_sparse_part_of_the_grid_by_hand():
    kept = {4: (4,), 8: (4, 8), 16: (4, 8, 16), 32: (4, 8, 16, 32)}
    texts = [str(setting) for setting in ablate.grid(64)]
    expected = [f"{count}:{size}" for count, sizes in kept.items() for size in sizes] + ["auto:8"]
    assert [text.removeprefix("bitmap_pq:") for text in texts if text.startswith("bitmap_pq")] == expected
    # A bitmap has 8 bytes. 4 positions: 2 bytes of low bits and 7 bits; 8: 2 bytes and 22 bits; 16: 2 and 40 bits.
    expected = ["4:4", "8:4", "8:8", "16:4", "16:8", "16:16", "auto:8"]
    assert [text.removeprefix("elias_fano_pq:") for text in texts if text.startswith("elias_fano_pq")] == expected


@pytest.mark.parametrize("text", ["pq:4,uniform:8,pq:4", "pq:4,uniform:8"])
def test_a_codec_named_twice_is_there_once(text):
    assert [str(setting) for setting in ablate.parse_codecs(text, 24)] == ["pq:4", "uniform:8"]


BAD_INPUT = {
    "a missing package": (["absent", "--epochs", "1"], "absent/model.tfodcl must be readable. Received: No such file"),
    "a folder without a package": (["empty", "--epochs", "1"], "empty/model.tfodcl must be readable"),
    "a package of another recipe": (["oml.tfodcl", "--epochs", "1"], "lifelearner needs an encoder of recipe anml"),
    "nothing to vary": (["model.tfodcl"], "something must vary: --samples, --epochs or --codecs. Received: none"),
    "an unknown codec": (["model.tfodcl", "--codecs", "uniform:8,zip:9"], "Received: 'zip:9'"),
    "no codec": (["model.tfodcl", "--codecs", ""], "a codec must be one of .* Received: ''"),
    "a subvector that does not divide": (
        ["model.tfodcl", "--codecs", "uniform:8,pq:5"],
        "latent_dim must be a multiple of subvector_dim. Received: latent_dim=24, subvector_dim=5",
    ),
    "more kept than there is": (["model.tfodcl", "--codecs", "bitmap_pq:32:8"], "Received: num_kept=32, latent_dim=24"),
    "samples that a class does not have": (
        ["model.tfodcl", "--samples", "6,9"],
        "has 8 training samples, fewer than the stream must have. Received: samples_per_class=9",
    ),
    "no samples": (["model.tfodcl", "--samples", "0"], "--samples must be a whole number in 1...* Received: 0"),
    "samples that are no number": (["model.tfodcl", "--samples", "3,"], "--samples must be a whole number"),
    "no epoch": (["model.tfodcl", "--epochs", "1,0"], "--epochs must be a whole number in 1...* Received: 0"),
    "no run": (["model.tfodcl", "--epochs", "1", "--runs", "0"], "--runs must be .* Received: 0"),
    "a negative seed": (["model.tfodcl", "--epochs", "1", "--seed", "-1"], "--seed must be .* Received: -1"),
    "samples, with an encoder that has seen the validation classes": (
        ["refitted.tfodcl", "--codecs", "pq:4", "--samples", "3"],
        "--samples and --epochs need validation classes .* Received: .*refitted.tfodcl, trained by --refit",
    ),
    "an unknown data set": (["model.tfodcl", "--epochs", "1", "--dataset", "tyni"], "Received: dataset='tyni'"),
    "a data set of another shape": (
        ["model.tfodcl", "--epochs", "1", "--dataset", "larger"],
        r"\(8, 8, 1\). Received: \(9, 9, 1\)",
    ),
    "a package whose data set is gone": (
        ["homeless.tfodcl", "--codecs", "pq:4", "--dataset", "tiny"],
        "Received: dataset='sold'",
    ),
    "a file where the folder should be": (["model.tfodcl", "--epochs", "1", "--out", "model.tfodcl"], "be a folder"),
}


@pytest.mark.parametrize("arguments", BAD_INPUT)
def test_bad_input_is_one_line_exit_code_2_and_leaves_nothing(arguments, place):
    arguments, rule = BAD_INPUT[arguments]
    assert re.search(rule, place.refuse(*arguments))


def test_help_shows_an_example(place):
    done = place.run("--help")
    assert done.returncode == 0 and "examples:\n  python -m tfodcl.ablate" in done.stdout
