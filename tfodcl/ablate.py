"""python -m tfodcl.ablate: LifeLearner with one thing varied: samples of a class, epochs of replay, or the codec.

All settings learn the same classes in the same orders, and fewer samples are the first of more. Learning rates are
searched on validation classes for every number of samples and of epochs. Codec settings share the package's own: they
follow the energy of the latents, which codecs near the Pareto front hardly change. One that keeps little of it is shown
worse than at rates of its own, by which it would still be far below the front. Codebooks are fitted to the meta-train
samples that those of the package are fitted to.
"""

import argparse
import dataclasses
from pathlib import Path

import numpy as np

from tfodcl import files
from tfodcl.bench import UNLIMITED_BYTES, Bench, Protocol, encoder_of
from tfodcl.command import Parser, command_line, parse_count, run
from tfodcl.compress.record import Codec
from tfodcl.compress.setting import CodecSetting
from tfodcl.compress.uniform import MAX_BITS
from tfodcl.continual import Run, summarize
from tfodcl.data import Dataset, load
from tfodcl.errors import InputError
from tfodcl.methods.lifelearner import LifeLearner
from tfodcl.metrics import mean_and_deviation
from tfodcl.progress import progress
from tfodcl.run_folder import find_packages, learning_rates, package_path, results, write_results
from tfodcl.streams import codec_samples

METHOD, RECIPE = "lifelearner", LifeLearner.RECIPE
SUBVECTOR_DIMS = (1, 2, 4, 8, 16, 32, 64, 128)
KEPT_SHARES = (16, 8, 4, 2)  # a sparse codec keeps one of so many values
MIN_SPARSE_SUBVECTOR_DIM = 4

EPILOG = """\
examples:
  python -m tfodcl.ablate runs/glyphs-quick --codecs all
  python -m tfodcl.ablate runs/glyphs-quick --samples 5,10,15 --epochs 1,2,5 --codecs uniform:8,pq:8,bitmap_pq:auto:8
  python -m tfodcl.report runs/glyphs-quick runs/glyphs-quick/ablation --out report.html

Learning rates are searched on validation classes for every number of samples and of epochs. Codec settings share the
package's own, searched likewise: they follow the energy of the latents, which good codecs hardly change.
"""


def parse_counts(option: str, text: str) -> list[int]:
    """Whole numbers with commas, each at least 1 -> in rising order, each once."""
    return sorted({parse_count(option, word, 1) for word in text.split(",")})


def parse_codecs(text: str, latent_dim: int) -> list[CodecSetting]:
    """ "all" or settings with commas -> settings that fit `latent_dim`, each once."""
    if text == "all":
        return grid(latent_dim)
    settings = [CodecSetting.parse(word) for word in text.split(",")]
    for setting in settings:
        setting.check(latent_dim)
    return list(dict.fromkeys(settings))


def grid(latent_dim: int) -> list[CodecSetting]:
    """Every uniform codec, dense quantizers, and sparse ones that keep KEPT_SHARES of the values or what holds most of
    the energy. None has larger payloads than the latent itself; Elias-Fano only where it is smaller than a bitmap."""
    sizes = [size for size in SUBVECTOR_DIMS if size >= MIN_SPARSE_SUBVECTOR_DIM]
    kept = [latent_dim // share for share in KEPT_SHARES if latent_dim >= share]
    sparse = [f"{count}:{size}" for count in kept for size in sizes if count % size == 0]
    texts = [f"uniform:{num_bits}" for num_bits in range(MAX_BITS, 0, -1)]
    texts += [f"pq:{size}" for size in SUBVECTOR_DIMS if latent_dim % size == 0]
    texts += [f"bitmap_pq:{one}" for one in sparse]
    texts += [
        f"elias_fano_pq:{one}"
        for one in sparse
        if payload_bytes(f"elias_fano_pq:{one}", latent_dim) < payload_bytes(f"bitmap_pq:{one}", latent_dim)
    ]
    texts += [f"{name}:auto:8" for name in ("bitmap_pq", "elias_fano_pq") if latent_dim >= 8]
    return [CodecSetting.parse(text) for text in texts if payload_bytes(text, latent_dim) <= latent_dim]


def payload_bytes(text: str, latent_dim: int) -> int:
    """Of a codec setting, all values kept where the latents decide; whatever it is fitted to."""
    return CodecSetting.parse(text).fit(np.zeros((1, latent_dim), np.int8), zero_point=0, seed=0).payload_bytes


def vary_samples(bench: Bench, num_samples: int) -> Bench:
    """The bench with another number of training samples of a class."""
    return dataclasses.replace(bench, protocol=dataclasses.replace(bench.protocol, samples_per_class=num_samples))


def vary_epochs(bench: Bench, num_epochs: int) -> Bench:
    """The bench with another number of passes over the replays after every class."""
    package = bench.found[RECIPE]
    learning = dataclasses.replace(package.learning, replay_epochs=num_epochs)
    return dataclasses.replace(bench, found={RECIPE: dataclasses.replace(package, learning=learning)})


def vary_codec(bench: Bench, codec: Codec) -> Bench:
    """The bench with another codec of the replays."""
    return dataclasses.replace(bench, found={RECIPE: dataclasses.replace(bench.found[RECIPE], codec=codec)})


def entry(kind: str, setting: int | str, runs: list[Run], rates: dict[str, float]) -> dict:
    """What results.json holds of one setting. `codebook_bytes`: the codec in flash, with 32 bytes of its sizes."""
    accuracies = [float(run.accuracy[-1]) for run in runs]
    mean, deviation = mean_and_deviation(accuracies)
    return {
        "kind": kind,
        "setting": setting,
        "bytes_per_record": runs[-1].record_bytes,
        "codebook_bytes": runs[-1].memory_bytes["codec"],
        "accuracy_mean": float(mean),
        "accuracy_std": float(deviation),
        "accuracy_runs": accuracies,
        "learning_rate": rates,
    }


def measure_counts(kind: str, benches: dict[int, Bench], num_runs: int) -> list[dict]:
    """Entries of samples or epochs, learning rates searched for each."""
    entries = []
    for count, bench in benches.items():
        title = f"{kind.replace('_', ' ')} {count}"
        rates = bench.search(METHOD, title)
        entries.append(entry(kind, count, bench.measure(METHOD, rates, num_runs, title), rates))
    return entries


def measure_codecs(
    bench: Bench, settings: list[CodecSetting], home: Dataset, rates: dict[str, float], num_runs: int
) -> list[dict]:
    """Entries of codecs, each once, fitted to the meta-train samples of `home`."""
    package, encoder, entries = bench.found[RECIPE], bench.encoders[RECIPE], []
    with progress("codecs", len(settings)) as bar:
        x, _ = codec_samples(home, package.info["seed"])
        latents = encoder.encode_quantized(encoder.quantize(x))
        resolved = [setting.resolve(latents, package.latent_zero_point) for setting in settings]
        for i, setting in enumerate(resolved):
            if setting not in resolved[:i]:  # AUTO may become a number that another setting has
                varied = vary_codec(bench, setting.fit(latents, package.latent_zero_point, package.info["seed"]))
                runs = [varied.run(METHOD, rates, number) for number in range(num_runs)]
                entries.append(entry("codec", str(setting), runs, rates))
            bar.update()
    return entries


def main() -> None:
    options = parse()
    num_runs = parse_count("--runs", options.runs, 1)
    samples = [] if options.samples is None else parse_counts("--samples", options.samples)
    epochs = [] if options.epochs is None else parse_counts("--epochs", options.epochs)
    seed = None if options.seed is None else parse_count("--seed", options.seed, 0)
    path = package_path(options.package)
    package = find_packages(path, [METHOD])[RECIPE]
    codecs = [] if options.codecs is None else parse_codecs(options.codecs, package.latent_dim)
    if not (samples or epochs or codecs):
        raise InputError("something must vary: --samples, --epochs or --codecs. Received: none of them.")
    refitted = package.info.get("refit", False)
    if (samples or epochs) and refitted:
        raise InputError(
            "--samples and --epochs need validation classes that the encoder has not seen, for learning rates. "
            f"Received: {path}, trained by --refit."
        )
    seed = package.info["seed"] if seed is None else seed
    name = package.info["dataset"] if options.dataset is None else options.dataset
    dataset = load(name, seed=package.info["seed"])
    known = name == package.info["dataset"]
    home = dataset if known or not codecs else load(package.info["dataset"], seed=package.info["seed"])
    if refitted:
        home = home.with_validation_trained()
    protocol = Protocol(**package.info["protocol"])
    bench = Bench({RECIPE: package}, {RECIPE: encoder_of(package)}, dataset, protocol, seed, UNLIMITED_BYTES)
    counted = {
        "samples_per_class": {count: vary_samples(bench, count) for count in samples},
        "replay_epochs": {count: vary_epochs(bench, count) for count in epochs},
    }
    for one in (bench, *counted["samples_per_class"].values()):
        one.check([METHOD])
    folder = options.out or path.parent / "ablation"
    files.make_folder(folder)

    rates = learning_rates(bench, METHOD, known)
    methods = {METHOD: summarize(bench.measure(METHOD, rates, num_runs), bench.stream(0), rates)}
    entries = [one for kind, benches in counted.items() for one in measure_counts(kind, benches, num_runs)]
    entries += measure_codecs(bench, codecs, home, rates, num_runs) if codecs else []
    command, facts = command_line("tfodcl.ablate"), dataclasses.asdict(protocol)
    content = results(command, seed, num_runs, name, facts, package, methods)
    write_results(folder, content | {"ablations": entries})
    print(f"report: {folder / 'report.html'}")


def parse() -> argparse.Namespace:
    parser = Parser(
        prog="tfodcl.ablate",
        description="Teach a package new classes with LifeLearner, one thing varied: samples, epochs of replay, codec.",
        epilog=EPILOG,
    )
    parser.add_argument("package", type=Path, metavar="PACKAGE", help="model.tfodcl of tfodcl.train, or its folder")
    parser.add_argument("--dataset", help="what is learnt (default: what the package was trained for)")
    parser.add_argument("--samples", metavar="N,..", help="training samples of a class")
    parser.add_argument("--epochs", metavar="N,..", help="epochs of replay after every class")
    parser.add_argument(
        "--codecs",
        metavar="all|CODEC,..",
        help="uniform:BITS, pq:SUBVECTOR_DIM, bitmap_pq:KEPT:SUBVECTOR_DIM, elias_fano_pq:KEPT:SUBVECTOR_DIM; KEPT may "
        "be auto; all: a grid of these for the package's latent",
    )
    parser.add_argument("--runs", default="3", help="class orders, at least 1 (default: 3)")
    parser.add_argument("--seed", help="of streams and methods (default: the package's)")
    parser.add_argument("--out", type=Path, help="folder of results (default: `ablation` beside PACKAGE)")
    return parser.parse_args()


if __name__ == "__main__":
    run(main, "tfodcl.ablate")
