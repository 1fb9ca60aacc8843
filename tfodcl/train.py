"""python -m tfodcl.train: data -> encoders -> packages -> continual runs -> report."""

import argparse
import dataclasses
import json
from pathlib import Path
from typing import ClassVar

import numpy as np
import tf_keras as keras

from tfodcl import files, package as packages
from tfodcl.backbones import FAMILIES
from tfodcl.bench import UNLIMITED_BYTES, Bench, Protocol, encoder_of
from tfodcl.command import Parser, run
from tfodcl.continual import MemoizedEncoder, run_stream, summarize, with_rates
from tfodcl.data import Dataset, as_float, load
from tfodcl.errors import InputError
from tfodcl.evaluate import (
    baseline_path,
    command_line,
    parse_count,
    parse_methods,
    results,
    write_results,
)
from tfodcl.meta.recipes import RECIPES, Trainer
from tfodcl.methods import METHODS
from tfodcl.methods.lifelearner import LifeLearner
from tfodcl.package import Package
from tfodcl.progress import progress
from tfodcl.presets import PRESETS, Preset, choose
from tfodcl.quantize.assembly import assemble, with_info
from tfodcl.streams import index_meta_train

MAIN = LifeLearner.RECIPE


def main() -> None:
    options = parse()
    names, num_runs = parse_methods(options.methods), parse_count("--runs", options.runs, 1)
    seed = parse_count("--seed", options.seed, 0)
    dataset = load(options.dataset, seed=seed)
    preset = choose(options.preset, dataset, len(index_meta_train(dataset).all))
    if options.encoder:
        preset = dataclasses.replace(preset, encoder=options.encoder)
    folder: Path = options.out or Path("runs") / f"{dataset.name}-{options.preset}"
    protocol = Protocol(preset.num_classes, preset.samples_per_class, preset.eval_every)
    bench = Bench({}, {}, dataset, protocol, seed, UNLIMITED_BYTES)
    bench.stream(0)  # both fail here rather than after the training where the data cannot give them
    bench.validation_streams()
    claim(folder, preset, {"dataset": dataset.name, "seed": seed, "second_order": not options.first_order})

    trainer = Trainer(dataset, preset, not options.first_order, seed, folder)
    needed = {MAIN, *(METHODS[name].RECIPE for name in names)}
    for recipe in [recipe for recipe in RECIPES if recipe in needed]:
        trained = trainer.train(recipe)
        package = assemble(recipe, trained, dataset, preset, seed, folder)
        package = with_info(package, preset=options.preset, protocol=dataclasses.asdict(protocol))
        bench.found[recipe], bench.encoders[recipe] = package, encoder_of(package)
        if recipe == MAIN:
            float_encoder = trained.encoder

    searched = [name for name in METHODS if name in {*names, "latent_replay", "lifelearner"}]
    rates = {name: bench.search(name) for name in searched}
    compared = compare_with_float(bench, float_encoder, rates["latent_replay"], num_runs)
    for recipe, package in bench.found.items():
        own = {name: rates[name] for name in searched if METHODS[name].RECIPE == recipe}
        package = with_info(package, learning_rates=own)
        if recipe == MAIN:
            package = with_info(package, encoder={**package.info["encoder"], **compared})
            package = dataclasses.replace(package, learning=with_rates(package.learning, rates["lifelearner"]))
        path = folder / "model.tfodcl" if recipe == MAIN else baseline_path(folder, recipe)
        packages.write(path, package)
        bench.found[recipe] = packages.read(path)  # what is measured is what a device gets
    files.write(folder / "encoder.tflite", bench.found[MAIN].encoder)

    methods = {
        name: summarize(bench.measure(name, rates[name], num_runs), bench.stream(0), rates[name]) for name in names
    }
    write_results(
        folder,
        results(command_line("tfodcl.train"), seed, num_runs, dataset.name, protocol, bench.found[MAIN], methods),
    )
    print(f"package: {folder / 'model.tfodcl'}\nreport: {folder / 'report.html'}")


def parse() -> argparse.Namespace:
    parser = Parser(
        prog="tfodcl.train",
        description="Meta-train an encoder, make it int8, package it, and measure how it learns new classes.",
        epilog="example: python -m tfodcl.train --dataset glyphs --preset quick --methods anml,oracle,lifelearner",
    )
    parser.add_argument("--dataset", default="glyphs", help="glyphs is built in; others: datasets/prepare.py (default: glyphs)")
    parser.add_argument("--preset", default="quick", choices=PRESETS, help="sizes of the run (default: quick)")
    parser.add_argument("--methods", default="all", help=f"all, or of {','.join(METHODS)} (default: all)")
    parser.add_argument("--runs", default="3", help="class orders, at least 1 (default: 3)")
    parser.add_argument("--seed", default="0", help="of everything, at least 0 (default: 0)")
    parser.add_argument("--encoder", choices=tuple(FAMILIES), help="instead of the preset's")
    parser.add_argument("--first-order", action="store_true", help="meta-gradients without second derivatives")
    parser.add_argument("--out", type=Path, help="folder of results; resumes what was begun there (default: runs/DATASET-PRESET)")
    return parser.parse_args()


def claim(folder: Path, preset: Preset, settings: dict) -> None:
    """Makes `folder` this run's, or raises InputError where it holds checkpoints of another one."""
    path, settings = folder / "checkpoints" / "settings.json", {**settings, **dataclasses.asdict(preset)}
    if not path.exists():
        files.write(path, (json.dumps(settings, indent=1) + "\n").encode())
        return
    try:
        earlier = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise InputError(f"{path} must be readable JSON; delete {folder} to start anew. Received: {error}.") from error
    for name, value in settings.items():
        if earlier.get(name) != value:
            raise InputError(
                f"--out must be new or of the same settings. Received: {folder} with {name}={earlier.get(name)}, not {value}."
            )


class FloatEncoder:
    """The float encoder as methods use encoders; its latents are float32."""

    def __init__(self, model: keras.Model) -> None:
        self._model = model

    def quantize(self, x: np.ndarray) -> np.ndarray:
        return as_float(x)

    def encode_quantized(self, q: np.ndarray) -> np.ndarray:
        return self._model.predict(q, batch_size=64, verbose=0)


class FloatCodec:
    """Keeps float32 latents as they are, 4 bytes a value."""

    CODEC_ID: ClassVar[int] = 0  # never in a package
    NAME: ClassVar[str] = "float32"

    def __init__(self, latent_dim: int) -> None:
        self.latent_dim, self.payload_bytes = latent_dim, 4 * latent_dim

    def encode(self, latents: np.ndarray) -> np.ndarray:
        return np.ascontiguousarray(latents).view(np.uint8)

    def decode(self, payloads: np.ndarray) -> np.ndarray:
        return np.ascontiguousarray(payloads).view(np.float32)

    def to_bytes(self) -> bytes:
        return b""


def compare_with_float(bench: Bench, model: keras.Model, rates: dict[str, float], num_runs: int) -> dict[str, float]:
    """What int8 costs: uncompressed latent replay on the same streams with the float and with the int8 encoder.

    Returns the mean final accuracies and `int8_agreement`, the share of test samples that both give the same class.
    """
    package, encoder = bench.found[MAIN], MemoizedEncoder(FloatEncoder(model))
    quantized = bench.measure("latent_replay", rates, num_runs)
    reals = []
    with progress("float encoder: continual runs", num_runs) as bar:
        for number in range(num_runs):
            learning, seed = bench.learning("latent_replay", rates), bench.seed + number
            learner = LifeLearner(package, encoder, learning, seed, FloatCodec(package.latent_dim))
            reals.append(run_stream(learner, encoder, bench.stream(number)))
            bar.update()
    agreement = [np.mean(a.predictions == b.predictions) for a, b in zip(reals, quantized, strict=True)]
    return {
        "float_accuracy": float(np.mean([run.accuracy[-1] for run in reals])),
        "int8_accuracy": float(np.mean([run.accuracy[-1] for run in quantized])),
        "int8_agreement": float(np.mean(agreement)),
    }


if __name__ == "__main__":
    run(main, "tfodcl.train")
