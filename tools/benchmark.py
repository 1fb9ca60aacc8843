"""Speed of meta steps, of learnt classes and of the product quantizer, beside PyTorch, scikit-learn and faiss.

Examples:
  python tools/benchmark.py --json runs/benchmark.json
  python tools/benchmark.py --only codec
  python tools/benchmark.py --quick
  OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 TF_NUM_INTRAOP_THREADS=1 python tools/benchmark.py --cpu-time

Peers are compared with where they are installed. The contenders of a table take turns, call by call, so that other
work on the machine slows all of them alike: its ratios mean more than its figures. On a busy machine threads wait for
one another, and the last of the examples says more. Data are random and of the right shapes. `--quick` measures small
sizes once, to see that all of it works.

What is counted:
  meta step    One update of all slow weights, data in memory, second order, inner loop on the classifier only.
               GFLOP/s are of the encoder's MACs, backward twice forward. "again": the encoder sees the sample of every
               inner step for itself, not only once, in the batch of all.
  forward pass of the samples of one class, which arrive one by one; int8 on one thread, PyTorch on all.
  class        Mean over a stream whose latents are given. Outer loop: its records are encoded, and all records so
               far are decoded and replayed once, in mini-batches of 8.
  vectors      Whole calls, checks of arguments included. NumPy and scikit-learn take one subvector position at a time.
"""

import argparse
import dataclasses
import json
import os
import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import benchmark_peers as peers
import numpy as np

from tfodcl import files, native_log
from tfodcl.command import Parser, run
from tfodcl.compress.bitmap_pq import BitmapPqCodec
from tfodcl.compress.product_quantizer import ProductQuantizer
from tfodcl.methods import METHODS
from tfodcl.package import Learning, Package
from tfodcl.progress import progress
from tfodcl.streams import Task

SCHEMA = 1
NUM_META_CLASSES = 70  # CIFAR-100's
INNER_LR, OUTER_LR = 1e-3, 1e-3
LATENT_SCALE, ZERO_POINT = 0.02, -128
REPLAY_BATCH, SUBVECTOR_DIM = 8, 8
NOT_INSTALLED = "not installed"


@dataclass(frozen=True)
class Sizes:
    """Of all that is measured; `*_rounds`: how often.

    The defaults are LifeLearner's (arXiv 2311.11420), but `num_inner` is ANML's (arXiv 2002.09571).
    """

    encoder: str = "anml"
    input_shape: tuple[int, int, int] = (32, 32, 3)
    num_inner: int = 20
    num_random: int = 64
    latent_dim: int = 4096
    num_kept: int = 256
    num_classes: int = 30
    samples_per_class: int = 30
    num_vectors: int = 20_000
    vector_dim: int = 256
    meta_rounds: int = 7
    learn_rounds: int = 5
    codec_rounds: int = 9
    fit_rounds: int = 3


QUICK = Sizes("anml_tiny", (28, 28, 1), 3, 5, 64, 16, 3, 4, 300, 16, 1, 1, 1, 1)


@dataclass(frozen=True)
class Row:
    """A contender; None where it is not installed.

    Attributes:
      median, best: in the table's unit.
      ratio: of the medians, to the reference; None without it.
      gflop_per_s: at the median; None where nobody counted.
    """

    name: str
    median: float | None = None
    best: float | None = None
    ratio: float | None = None
    gflop_per_s: float | None = None


@dataclass(frozen=True)
class Table:
    """`reference` is the row whose median all are divided by."""

    title: str
    unit: str
    reference: str
    rows: list[Row]


Clock = Callable[[], float]
# A call to be timed, or None where what it needs is not installed.
Contenders = dict[str, Callable[[], object] | None]


def main() -> None:
    options = parse()
    sizes = QUICK if options.quick else Sizes()
    clock = time.process_time if options.cpu_time else time.perf_counter
    load = os.getloadavg()[0]
    if options.json:
        files.make_folder(options.json.parent)
    tables = [table for part in options.only or MEASURES for table in MEASURES[part](sizes, clock)]
    print("\n\n".join(map(text, tables)))
    print(f"\n{os.cpu_count()} cores; {load:.1f} processes were running before.")
    if options.json:
        report = {
            "schema": SCHEMA,
            "cores": os.cpu_count(),
            "load_before": load,
            "clock": "cpu" if options.cpu_time else "wall",
            "sizes": asdict(sizes),
            "tables": [asdict(table) for table in tables],
        }
        files.write(options.json, (json.dumps(report, indent=1) + "\n").encode())


def parse() -> argparse.Namespace:
    summary, _, epilog = (__doc__ or "").partition("\n\n")
    parser = Parser(prog="benchmark", description=summary, epilog=epilog)
    parser.add_argument("--only", choices=MEASURES, action="append", help="one part; may be given several times")
    parser.add_argument("--quick", action="store_true", help="small sizes, once")
    parser.add_argument("--cpu-time", action="store_true", help="seconds of all threads, not of the clock on the wall")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    return parser.parse_args()


def text(table: Table) -> str:
    width = max(len(row.name) for row in table.rows)
    last = "GFLOP/s" if any(row.gflop_per_s for row in table.rows) else ""
    lines = [table.title, f"  {table.unit:{width}} {'median':>12} {'best':>12} {'ratio':>8} {last:>8}".rstrip()]
    for row in table.rows:
        if row.median is None:
            lines.append(f"  {row.name:{width}} {NOT_INSTALLED}")
        else:
            figures = [(row.median, 12), (row.best, 12), (row.ratio, 8), (row.gflop_per_s, 8)]
            cells = " ".join(f"{_short(value):>{size}}" for value, size in figures)
            lines.append(f"  {row.name:{width}} {cells}".rstrip())
    return "\n".join(lines) + f"\n  ratio: to {table.reference}"


def _short(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"


def compare(
    title: str,
    unit: str,
    reference: str,
    contenders: Contenders,
    rounds: int,
    clock: Clock,
    in_unit: Callable[[float], float],
) -> Table:
    """Calls all contenders in turn, `rounds` times after a round that does not count; `in_unit` is of seconds."""
    installed = {name: call for name, call in contenders.items() if call}
    seconds: dict[str, list[float]] = {name: [] for name in installed}
    with progress(title, rounds + 1) as bar:
        for number in range(rounds + 1):
            for name, call in installed.items():
                begin = clock()
                call()
                if number > 0:
                    seconds[name].append(clock() - begin)
            bar.update()
    medians = {name: in_unit(statistics.median(times)) for name, times in seconds.items()}
    divisor = medians.get(reference)
    rows = [
        Row(name, medians[name], in_unit(min(seconds[name])), medians[name] / divisor if divisor else None)
        if name in installed
        else Row(name)
        for name in contenders
    ]
    return Table(title, unit, reference, rows)


def milliseconds(seconds: float) -> float:
    return 1000 * seconds


def with_gflops(table: Table, macs: dict[str, int]) -> Table:
    """The table of milliseconds with GFLOP/s, from the multiply-accumulates of its contenders."""
    rows = [
        dataclasses.replace(row, gflop_per_s=2 * macs[row.name] / row.median / 1e6) if row.median else row
        for row in table.rows
    ]
    return dataclasses.replace(table, rows=rows)


def measure_meta(sizes: Sizes, clock: Clock) -> list[Table]:
    """Meta steps."""
    with native_log.quiet():
        from tfodcl.backbones import build, count_macs

    rng = np.random.default_rng(0)
    num_samples = sizes.num_inner + sizes.num_random
    x = rng.random((num_samples, *sizes.input_shape), np.float32)
    y = np.concatenate([np.zeros(sizes.num_inner, np.int64), rng.integers(0, NUM_META_CLASSES, sizes.num_random)])
    encoder = build(sizes.encoder, sizes.input_shape, modulated=True)
    forward_and_backward = 3 * count_macs(encoder)
    contenders: Contenders = {f"tfodcl, {p}": meta_step(sizes, p, x, y) for p in ("float32", "bfloat16")}
    macs = dict.fromkeys(contenders, forward_and_backward * num_samples)
    for name, again, bfloat16 in (
        ("PyTorch, float32", False, False),
        ("PyTorch, float32, again", True, False),
        ("PyTorch, bfloat16", False, True),
    ):
        contenders[name] = peers.torch and peers.torch_meta_step(
            peers.torch_anml(encoder), NUM_META_CLASSES, x, y, sizes.num_inner, INNER_LR, OUTER_LR, again, bfloat16
        )
        macs[name] = forward_and_backward * (num_samples + again * sizes.num_inner)
    title = f"meta step: {sizes.encoder}, {sizes.num_inner} inner steps, {sizes.num_random} random samples"
    table = compare(title, "ms", "PyTorch, float32", contenders, sizes.meta_rounds, clock, milliseconds)
    return [with_gflops(table, macs)]


def meta_step(sizes: Sizes, precision: str, x: np.ndarray, y: np.ndarray) -> Callable[[], object]:
    """Ours."""
    import tensorflow as tf
    import tf_keras as keras

    from tfodcl.backbones import build
    from tfodcl.meta.linear import LinearStage
    from tfodcl.meta.training import meta_update

    encoder, rng = (
        build(sizes.encoder, sizes.input_shape, modulated=True, precision=precision),
        np.random.default_rng(1),
    )
    stage = LinearStage(encoder.output_shape[1], NUM_META_CLASSES, rng)
    update = meta_update(encoder, stage, keras.optimizers.Adam(OUTER_LR), sizes.num_inner, INNER_LR, second_order=True)
    labels, label, column = tf.constant(y), tf.constant(0), stage.draw_class(rng)
    return lambda: float(update(x, labels, label, column)["meta_loss"])


def measure_forward(sizes: Sizes, clock: Clock) -> list[Table]:
    """The encoder's forward pass of the samples of one class."""
    with native_log.quiet():
        import tensorflow as tf

        from tfodcl.backbones import build, count_macs
        from tfodcl.quantize import qat, tflite
        from tfodcl.stages.tflite import TfliteEncoder

    x = np.random.default_rng(2).random((sizes.samples_per_class, *sizes.input_shape), np.float32)
    model = build(sizes.encoder, sizes.input_shape, modulated=True)
    encoder = TfliteEncoder(tflite.convert(qat.quantize(model, x), x))
    batch = tf.function(lambda samples: model(samples, training=False), autograph=False)
    reference = "PyTorch, float32, one by one"
    contenders: Contenders = {
        "tfodcl, int8 by LiteRT, one by one": lambda: encoder.encode(x),
        "tfodcl, float32 by TensorFlow, one batch": lambda: batch(x).numpy(),
        reference: peers.torch and peers.torch_forward(peers.torch_anml(model), x),
    }
    title = f"forward pass: {sizes.encoder}, {len(x)} samples"
    table = compare(title, "ms", reference, contenders, sizes.learn_rounds, clock, milliseconds)
    return [with_gflops(table, dict.fromkeys(contenders, len(x) * count_macs(model)))]


class GivenLatents:
    """An encoder whose inputs are latents already, (n, latent_dim) int8."""

    def quantize(self, x: np.ndarray) -> np.ndarray:
        return x

    def encode_quantized(self, q: np.ndarray) -> np.ndarray:
        return q


def measure_classes(sizes: Sizes, clock: Clock) -> list[Table]:
    """Learning alone."""
    latents = sparse_latents(sizes)
    codec = BitmapPqCodec.fit(latents.reshape(-1, sizes.latent_dim), ZERO_POINT, sizes.num_kept, SUBVECTOR_DIM)
    learning = Learning(sizes.num_classes, INNER_LR, OUTER_LR, REPLAY_BATCH, 1, 1 << 31)
    package = Package(b"\0\0\0\0TFL3", sizes.latent_dim, LATENT_SCALE, ZERO_POINT, codec, learning)
    real = (latents.astype(np.float32) - ZERO_POINT) * np.float32(LATENT_SCALE)
    reference = "PyTorch, inner loop"
    contenders: Contenders = {
        "tfodcl, inner loop": lambda: learn_stream("anml", package, latents),
        "tfodcl, inner and outer loop": lambda: learn_stream("lifelearner", package, latents),
        reference: peers.torch and peers.torch_stream(real, INNER_LR),
    }
    title = f"class: {sizes.num_classes} classes of {sizes.samples_per_class} samples, latent {sizes.latent_dim}"

    def per_class(seconds: float) -> float:
        return 1000 * seconds / sizes.num_classes

    return [compare(title, "ms", reference, contenders, sizes.learn_rounds, clock, per_class)]


def sparse_latents(sizes: Sizes) -> np.ndarray:
    """(num_classes, samples_per_class, latent_dim) int8, as many values from zero as a record keeps on average."""
    rng = np.random.default_rng(3)
    shape = (sizes.num_classes, sizes.samples_per_class, sizes.latent_dim)
    kept = rng.random(shape) < sizes.num_kept / sizes.latent_dim
    return np.where(kept, rng.integers(-127, 128, shape), ZERO_POINT).astype(np.int8)


def learn_stream(method: str, package: Package, latents: np.ndarray) -> None:
    learner = METHODS[method](package, GivenLatents(), package.learning, 0)
    for label, x in enumerate(latents):
        learner.learn(Task(label, label, str(label), x))


def measure_codec(sizes: Sizes, clock: Clock) -> list[Table]:
    """The product quantizer."""
    rng = np.random.default_rng(4)
    latents = np.clip(rng.normal(0, 40, (sizes.num_vectors, sizes.vector_dim)), -128, 127).astype(np.int8)
    floats = latents.astype(np.float32)
    ours = ProductQuantizer.fit(latents, SUBVECTOR_DIM)
    codebook, payloads = ours.codebook, ours.encode(latents)
    encoders: Contenders = {
        "tfodcl": lambda: ours.encode(latents),
        "NumPy": lambda: peers.numpy_encode(codebook, floats),
        "scikit-learn": peers.metrics and (lambda: peers.sklearn_encode(codebook, floats)),
    }
    decoders: Contenders = {
        "tfodcl": lambda: ours.decode(payloads),
        "NumPy": lambda: peers.numpy_decode(codebook, payloads),
    }
    fits: Contenders = {
        "tfodcl": lambda: ProductQuantizer.fit(latents, SUBVECTOR_DIM),
        "scikit-learn": peers.cluster and (lambda: peers.sklearn_fit(codebook, floats)),
    }
    quantizer = peers.faiss and peers.faiss_quantizer(codebook)
    untrained = peers.faiss and peers.faiss_quantizer(codebook)
    for threads in (1, 2):
        name = f"faiss, {threads} thread{'s' * (threads > 1)}"
        encoders[name] = peers.faiss and peers.on_threads(threads, quantizer.compute_codes, floats)
        decoders[name] = peers.faiss and peers.on_threads(threads, quantizer.decode, payloads)
        fits[name] = peers.faiss and peers.on_threads(threads, untrained.train, floats)

    def per_second(seconds: float) -> float:
        return sizes.num_vectors / seconds

    reference, size = "faiss, 1 thread", f"{sizes.num_vectors:,} of {sizes.vector_dim} values, 256 centroids"
    return [
        compare(f"vectors encoded: {size}", "1/s", reference, encoders, sizes.codec_rounds, clock, per_second),
        compare(f"vectors decoded: {size}", "1/s", reference, decoders, sizes.codec_rounds, clock, per_second),
        compare(f"vectors fitted: {size}", "ms", reference, fits, sizes.fit_rounds, clock, milliseconds),
    ]


MEASURES: dict[str, Callable[[Sizes, Clock], list[Table]]] = {
    "meta": measure_meta,
    "forward": measure_forward,
    "classes": measure_classes,
    "codec": measure_codec,
}

if __name__ == "__main__":
    run(main, "benchmark")
