"""python -m tfodcl.train: data -> encoders -> packages -> continual runs -> report.

TensorFlow takes seconds to load, so what needs it is imported once the arguments and the data are known to be good.
"""

import argparse
import dataclasses
import functools
import itertools
import json
import re
from dataclasses import MISSING
from pathlib import Path
from typing import Any

from tfodcl import files, native_log
from tfodcl import package as packages
from tfodcl.agreement import compare_with_float
from tfodcl.bench import UNLIMITED_BYTES, Bench, Protocol, encoder_of
from tfodcl.command import Parser, command_line, parse_count, run
from tfodcl.compress.setting import CodecSetting
from tfodcl.continual import summarize, with_rates
from tfodcl.data import Dataset, load
from tfodcl.errors import InputError
from tfodcl.methods import BATCH_METHODS, METHODS, TASK_METHODS, parse_methods
from tfodcl.methods.lifelearner import LifeLearner
from tfodcl.methods.pq_replay import PqReplay
from tfodcl.presets import PRESETS, SPLIT_PRESETS, Preset, SplitPreset, choose, choose_split
from tfodcl.replay.hierarchy import MemoryPlan, Sizes, parse_budget, usual_grid
from tfodcl.run_folder import baseline_path, find_packages, package_path, results, write_results
from tfodcl.streams import index_meta_train, sample_episode
from tfodcl.sweep import Sweep, settings_of
from tfodcl.task_presets import LATENT_CODEC, STORING, TaskPreset, choose_tasks

EPILOG = """\
examples:
  python -m tfodcl.train --dataset glyphs --preset quick --methods anml,oracle,lifelearner
  python -m tfodcl.train --dataset cifar100 --methods qlr --splits 19,27 --codecs uniform:8,uniform:7,float32
  python -m tfodcl.train --dataset cifar10 --methods naive,er,lightcl --pretrain cifar100 --freeze auto
"""
MAIN = LifeLearner.RECIPE
# Options of BATCH_METHODS, of TASK_METHODS, and of METHODS alone.
OF_BATCHES = ("splits", "codecs", "replays", "groups_per_batch")
OF_TASKS = (
    *("network", "pretrain", "freeze", "tasks", "epochs", "buffer", "cache"),
    *("ram_budget", "storage", "sizes", "swap_ratio", "static", "swap_ratios"),
)
OF_CLASSES = ("refit", "first_order", "meta_steps")
META_TRAINED = ("oml", "anml", "oml_aim", "anml_aim")  # the methods that show what episodes taught the encoder


def main() -> None:
    options = parse()
    num_runs = parse_count("--runs", options.runs, 1)
    seed = parse_count("--seed", options.seed, 0)
    names = parse_methods(options.methods)
    dataset = load(options.dataset, seed=seed, as_maps=not set(names).isdisjoint(TASK_METHODS))
    if not set(names).isdisjoint(BATCH_METHODS):
        refuse(options, OF_CLASSES, OF_TASKS)
        train_batches(options, dataset, num_runs, seed)
    elif not set(names).isdisjoint(TASK_METHODS):
        refuse(options, OF_CLASSES, OF_BATCHES, ("encoder",), () if "miro_latent" in names else ("codec",))
        train_tasks(options, names, dataset, num_runs, seed)
    else:
        refuse(options, OF_BATCHES, OF_TASKS)
        train_classes(options, dataset, num_runs, seed)


def refuse(options: argparse.Namespace, *groups: tuple[str, ...]) -> None:
    """Raises InputError where an option is given that the methods do not have."""
    for name in itertools.chain(*groups):
        if getattr(options, name) not in (None, False):
            option = f"--{name.replace('_', '-')}"
            raise InputError(f"{option} must be left out: these methods do not have it. Received: {options.methods}.")


def train_classes(options: argparse.Namespace, dataset: Dataset, num_runs: int, seed: int) -> None:
    """What the command does for METHODS."""
    if options.refit:
        dataset = dataset.with_validation_trained()
    index = index_meta_train(dataset)
    preset = override(choose(options.preset, dataset, len(index.all)), options)
    names, codec = choose_methods(options.methods, preset), CodecSetting.parse(preset.codec)
    folder: Path = options.out or Path("runs") / f"{dataset.name}-{options.preset}"
    protocol = Protocol(preset.num_classes, preset.samples_per_class, preset.eval_every)
    bench = Bench({}, {}, dataset, protocol, seed, UNLIMITED_BYTES)
    bench.stream(0)  # these fail here rather than after the training where the data cannot give them
    bench.validation_streams()
    sample_episode(index, 0, seed, preset.num_inner, preset.num_random)
    reference = reference_bench(options.refit, names, bench) if options.refit else None
    load_tensorflow()
    from tfodcl.backbones import build

    codec.check(build(preset.encoder, dataset.input_shape, modulated=True).output_shape[1])
    settings = {
        "dataset": dataset.name,
        "preset": options.preset,
        "seed": seed,
        "second_order": not options.first_order,
        "refit": reference is not None,
    }
    claim(folder, {**settings, **dataclasses.asdict(preset)}, Preset)

    rates = make_packages(bench, names, num_runs, preset, options.preset, not options.first_order, folder, reference)
    methods = {
        name: summarize(bench.measure(name, rates[name], num_runs), bench.stream(0), rates[name]) for name in names
    }
    command, facts = command_line("tfodcl.train"), dataclasses.asdict(protocol)
    write_results(folder, results(command, seed, num_runs, dataset.name, facts, bench.found[MAIN], methods))
    announce(folder)


def train_batches(options: argparse.Namespace, dataset: Dataset, num_runs: int, seed: int) -> None:
    """What the command does for QLR-CL."""
    preset = choose_split(options.preset, dataset, len(index_meta_train(dataset).all))
    preset = dataclasses.replace(preset, training=override(preset.training, options))
    if options.groups_per_batch is not None:
        groups_per_batch = parse_count("--groups-per-batch", options.groups_per_batch, 1)
        preset = dataclasses.replace(preset, groups_per_batch=groups_per_batch)
    splits = [parse_count("--splits", word, 0) for word in words(options.splits)]
    replays = [parse_count("--replays", word, 1) for word in words(options.replays)]
    settings = settings_of(preset, splits, words(options.codecs), replays)
    folder = options.out or Path("runs") / f"{dataset.name}-qlr-{options.preset}"
    sweep = Sweep(dataset, preset, options.preset, settings, seed, num_runs, folder)
    sweep.stream(0)  # as above
    sweep.validation_streams()
    load_tensorflow()
    from tfodcl import train_qlr

    train_qlr.check(sweep)
    sizes = dataclasses.asdict(preset)
    sizes |= {"dataset": dataset.name, "preset": options.preset, "seed": seed, **sizes.pop("training")}
    claim(folder, sizes, Preset, SplitPreset)
    train_qlr.learn(sweep)
    announce(folder)


def train_tasks(options: argparse.Namespace, names: list[str], dataset: Dataset, num_runs: int, seed: int) -> None:
    """What the command does for TASK_METHODS."""
    preset = choose_tasks(options.preset, dataset)
    if options.network is not None:
        depth, width = parse_network(options.network)
        preset = dataclasses.replace(preset, depth=depth, width=width)
    counts = {
        "num_tasks": ("--tasks", options.tasks, 1),
        "epochs": ("--epochs", options.epochs, 1),
        "buffer_size": ("--buffer", options.buffer, 1),
        "cache_bytes": ("--cache", options.cache, 0),
        "pretrain_steps": ("--pretrain-steps", options.pretrain_steps, 1),
    }
    given: dict[str, Any] = {
        field: parse_count(option, text, least) for field, (option, text, least) in counts.items() if text is not None
    }
    folder = options.out or Path("runs") / f"{dataset.name}-tasks-{options.preset}"
    for name in ("storage", "sizes", "swap_ratio", "static", "swap_ratios"):
        needed = options.ram_budget is None or set(names).isdisjoint(STORING)
        if getattr(options, name) not in (None, False) and needed:
            option = f"--{name.replace('_', '-')}"
            raise InputError(f"{option} needs --ram-budget and {' or '.join(STORING)}. Received: neither or one.")
    ratios = [parse_share("--swap-ratios", word) for word in words(options.swap_ratios)]
    if options.ram_budget is not None and not set(names) <= set(STORING):
        sample_bytes = dataset.x_train[:1].nbytes + dataset.y_train[:1].nbytes
        given.setdefault("buffer_size", max(1, parse_budget(options.ram_budget)(0) // sample_bytes))
    preset = dataclasses.replace(preset, rate_falls=options.ram_budget is not None, **given)
    memory, codec = None, CodecSetting.parse(options.codec or LATENT_CODEC)
    if options.ram_budget is not None and not set(names).isdisjoint(STORING):
        memory = functools.partial(plan_memory, options, preset, len(dataset.class_names), folder)
    if options.freeze not in (None, "auto"):
        parse_count("--freeze", options.freeze, 0)
    if options.pretrain is None and options.pretrain_steps is not None:
        raise InputError(f"--pretrain-steps needs --pretrain. Received: {options.pretrain_steps} without.")
    pretraining = None if options.pretrain is None else load(options.pretrain, seed=seed, as_maps=True)
    load_tensorflow()
    from tfodcl import task_plan
    from tfodcl import train_tasks as tasks

    plan = task_plan.TaskPlan(
        *(dataset, pretraining, preset, options.preset, names, options.freeze or "", seed, num_runs, folder),
        *(memory, codec, options.static, ratios),
    )
    task_plan.check(plan)
    settings = {"dataset": dataset.name, "preset": options.preset, "seed": seed, "pretraining": options.pretrain}
    of_memory = {name: getattr(options, name) for name in ("ram_budget", "sizes", "swap_ratio", "codec")}
    claim(folder, {**settings, "freeze": plan.freeze, **of_memory, **dataclasses.asdict(preset)}, TaskPreset)
    tasks.learn(plan)
    print(f"report: {folder / 'report.html'}")


def plan_memory(
    options: argparse.Namespace, preset: TaskPreset, num_classes: int, folder: Path, record_bytes: int
) -> MemoryPlan:
    """Miro's, as the options say."""
    budget, num_new = parse_budget(options.ram_budget), -(-num_classes // preset.num_tasks)
    if options.sizes is None:
        grid = usual_grid(budget(0), record_bytes, num_classes, num_new)
    else:
        grid = [parse_sizes(word) for word in words(options.sizes)]
    ratio: dict[str, Any] = (
        {} if options.swap_ratio is None else {"swap_ratio": parse_share("--swap-ratio", options.swap_ratio)}
    )
    return MemoryPlan(options.storage or folder / "storage", budget, grid, cutline=preset.cutline, **ratio)


def parse_sizes(text: str) -> Sizes:
    """2000:5000 -> Sizes(2000, 5000)."""
    num_episodic, separator, num_stream = text.partition(":")
    if not separator:
        raise InputError(f"--sizes must be pairs such as 2000:5000. Received: {text}.")
    return Sizes(parse_count("--sizes", num_episodic, 0), parse_count("--sizes", num_stream, 1))


def parse_share(option: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise InputError(f"{option} must be a number in 0..1. Received: {text}.")
    return value


def parse_network(text: str) -> tuple[int, int]:
    """resnet18_64 -> (18, 64)."""
    found = re.fullmatch(r"resnet(\d{1,3})_(\d{1,4})", text)
    if not found:
        raise InputError(f"--network must be a depth and a width such as resnet18_64. Received: {text}.")
    return int(found[1]), int(found[2])


def words(text: str | None) -> list[str]:
    """What commas separate; nothing where an option is not given."""
    return [] if text is None else text.split(",")


def announce(folder: Path) -> None:
    print(f"package: {folder / 'model.tfodcl'}\nreport: {folder / 'report.html'}")


def override(preset: Preset, options: argparse.Namespace) -> Preset:
    """The preset with what the command line says instead."""
    given: dict[str, Any] = {"encoder": options.encoder, "codec": options.codec}
    for name in ("meta_steps", "pretrain_steps"):
        text = getattr(options, name)
        given[name] = None if text is None else parse_count(f"--{name.replace('_', '-')}", text, 1)
    return dataclasses.replace(preset, **{name: value for name, value in given.items() if value is not None})


def choose_methods(text: str, preset: Preset) -> list[str]:
    """The methods named; of `all`, those that the preset trains for: without episodes none is named after them."""
    names = parse_methods(text)
    episodic = [name for name in names if name in META_TRAINED and not preset.meta_steps]
    if episodic and text != "all":
        raise InputError(f"a preset of 0 meta steps has no meta-trained methods. Received: {','.join(episodic)}.")
    return [name for name in names if name not in episodic]


def reference_bench(path: Path, names: list[str], bench: Bench) -> Bench:
    """The earlier run at `path`, of the same data, whose learning rates methods `names` are to take over.

    Raises InputError where it is another data set's, was refitted itself, or lacks a method's rates.
    """
    needed = methods_with_rates(names)
    found = find_packages(package_path(path), needed)
    for name in needed:
        info = found[METHODS[name].RECIPE].info
        if (info["dataset"], info["seed"]) != (bench.dataset.name, bench.seed) or info.get("refit"):
            received = f"{info['dataset']}, seed {info['seed']}{', refitted' if info.get('refit') else ''}"
            raise InputError(
                f"--refit needs a run on {bench.dataset.name} with seed {bench.seed} whose encoder has not seen the "
                f"validation classes. Received: {path} of {received}."
            )
        if name not in info["learning_rates"]:
            raise InputError(f"--refit needs a run with learning rates of {name}. Received: {path} without.")
    return dataclasses.replace(bench, found=found, encoders={name: encoder_of(one) for name, one in found.items()})


def methods_with_rates(names: list[str]) -> list[str]:
    """Methods `names`, and those whose rates the main package holds or is compared with its float encoder by."""
    return [name for name in METHODS if name in {*names, "latent_replay", "lifelearner"}]


def load_tensorflow() -> None:
    """Imports TensorFlow without its chatter."""
    with native_log.quiet():
        import tensorflow as tf
    tf.get_logger().setLevel("ERROR")  # it warns of functions traced again and again; ours are of other networks


def make_packages(
    bench: Bench,
    names: list[str],
    num_runs: int,
    preset: Preset,
    preset_name: str,
    second_order: bool,
    folder: Path,
    reference: Bench | None,
) -> dict[str, dict[str, float]]:
    """Trains, packs and writes what methods `names` and the main package need, into `bench` and `folder`.

    Returns the learning rates of those methods, searched on validation classes, or in proportion to those of
    `reference`.
    """
    from tfodcl.meta.recipes import RECIPES, Trainer
    from tfodcl.quantize.assembly import assemble, with_dense_quantizer, with_info

    trainer = Trainer(bench.dataset, preset, second_order, bench.seed, folder)
    needed = {MAIN, *(METHODS[name].RECIPE for name in names)}
    for recipe in [recipe for recipe in RECIPES if recipe in needed]:
        trained = trainer.train(recipe)
        package = assemble(recipe, trained, bench.dataset, preset, bench.seed, folder)
        package = with_info(
            package, preset=preset_name, protocol=dataclasses.asdict(bench.protocol), refit=reference is not None
        )
        bench.found[recipe], bench.encoders[recipe] = package, encoder_of(package)
        if recipe == MAIN:
            float_encoder = functools.partial(trained.encoder.predict, batch_size=64, verbose=0)
    if PqReplay.RECIPE in needed:
        dense = with_dense_quantizer(bench.found[MAIN], PqReplay.RECIPE, bench.dataset, bench.seed)
        bench.found[PqReplay.RECIPE], bench.encoders[PqReplay.RECIPE] = dense, bench.encoders[MAIN]

    needing = methods_with_rates(names)
    rates = {name: bench.carry_over(name, reference) if reference else bench.search(name) for name in needing}
    compared = compare_with_float(bench, MAIN, float_encoder, rates["latent_replay"], num_runs)
    for recipe, package in bench.found.items():
        own = {name: rates[name] for name in needing if recipe == METHODS[name].RECIPE}
        package = with_info(package, learning_rates=own)
        if recipe == MAIN:
            package = with_info(package, encoder={**package.info["encoder"], **compared})
            package = dataclasses.replace(package, learning=with_rates(package.learning, rates["lifelearner"]))
        path = folder / "model.tfodcl" if recipe == MAIN else baseline_path(folder, recipe)
        packages.write(path, package)
        bench.found[recipe] = packages.read(path)  # what is measured is what a device gets
    files.write(folder / "encoder.tflite", bench.found[MAIN].encoder)
    return rates


def parse() -> argparse.Namespace:
    parser = Parser(
        prog="tfodcl.train",
        description="Meta-train an encoder, make it int8, package it, and measure how it learns new classes.",
        epilog=EPILOG,
    )
    parser.add_argument(
        "--dataset",
        default="glyphs",
        help="glyphs is built in; others: datasets/prepare.py (default: glyphs)",
    )
    presets = tuple(dict.fromkeys((*PRESETS, *SPLIT_PRESETS)))
    parser.add_argument("--preset", default="quick", choices=presets, help="sizes of the run (default: quick)")
    parser.add_argument(
        "--methods",
        default="all",
        help=f"all, or of {','.join(METHODS)}; {','.join(BATCH_METHODS)}, alone, learns training batches; of "
        f"{','.join(TASK_METHODS)} learn tasks of several classes (default: all)",
    )
    parser.add_argument("--runs", default="3", help="class orders, at least 1 (default: 3)")
    parser.add_argument("--seed", default="0", help="of everything, at least 0 (default: 0)")
    parser.add_argument("--encoder", help="instead of the preset's, a name in tfodcl.backbones.FAMILIES")
    parser.add_argument("--pretrain-steps", help="of supervised training, instead of the preset's")
    parser.add_argument("--meta-steps", help="of meta-training, instead of the preset's; a later run may do more")
    parser.add_argument(
        "--codec",
        help="of the records instead of the preset's, such as pq:8 or bitmap_pq:256:8; of miro_latent's (default: "
        f"{LATENT_CODEC})",
    )
    parser.add_argument(
        "--refit",
        type=Path,
        metavar="RUN",
        help="train on the validation classes too, at learning rates in proportion to those that RUN searched on them",
    )
    parser.add_argument("--splits", metavar="LAYER,..", help="latent-replay layers of qlr, besides the preset's")
    parser.add_argument(
        "--codecs", metavar="CODEC,..", help="of qlr's replays, such as uniform:7, or float32, besides the preset's"
    )
    parser.add_argument("--replays", metavar="N,..", help="most records that qlr keeps, besides the preset's")
    parser.add_argument(
        "--groups-per-batch",
        metavar="N",
        help="recordings, or groups of samples of one class, in a training batch of qlr but the first (default: 1, as "
        "NICv2-391; 2 and 5 are NICv2-196 and -79)",
    )
    parser.add_argument("--network", help="of methods that learn tasks, such as resnet18_64, instead of the preset's")
    parser.add_argument(
        "--pretrain", metavar="DATASET", help="what that network is trained on before (default: nothing)"
    )
    parser.add_argument(
        "--freeze",
        metavar="N",
        help="what lightcl and miro_latent freeze: the stem and N blocks, or auto: by metrics of every layer (default: "
        "all before the last stage)",
    )
    parser.add_argument("--tasks", metavar="N", help="among which all classes are divided, instead of the preset's")
    parser.add_argument("--epochs", metavar="N", help="over the samples of a task, instead of the preset's")
    parser.add_argument("--buffer", metavar="N", help="samples kept of earlier tasks, instead of the preset's")
    parser.add_argument("--cache", metavar="BYTES", help="lightcl may keep of its frozen stage's outputs")
    parser.add_argument(
        "--ram-budget",
        metavar="SIZE",
        help="of miro's memory and the buffers of others: bytes, or 512k, 64M, 1G; @FILE, which holds a size and may "
        "be changed at any time; or cgroup: what the control group leaves. With it the learning rates of all methods "
        "fall within a task",
    )
    parser.add_argument(
        "--storage", type=Path, metavar="DIR", help="of miro's samples or latents (default: OUT/storage)"
    )
    parser.add_argument(
        "--sizes",
        metavar="E:S,..",
        help="records in miro's episodic memory and stream buffer, pairs to choose from; one pair stays (default: nine "
        "pairs within the budget)",
    )
    parser.add_argument("--swap-ratio", metavar="R", help="of a mini-batch's episodic records (default: 0.2)")
    parser.add_argument("--static", action="store_true", help="measure each of miro's pairs of sizes held fixed, too")
    parser.add_argument(
        "--swap-ratios", metavar="R,..", help="measure its first pair held fixed with each of these, too"
    )
    parser.add_argument("--first-order", action="store_true", help="meta-gradients without second derivatives")
    parser.add_argument(
        "--out",
        type=Path,
        help="folder of results; resumes what was begun there (default: runs/DATASET-PRESET, of qlr "
        "runs/DATASET-qlr-PRESET, of methods that learn tasks runs/DATASET-tasks-PRESET)",
    )
    return parser.parse_args()


def claim(folder: Path, settings: dict, *kinds: type) -> None:
    """Makes `folder` this run's, or raises InputError where it holds checkpoints of another one.

    A run of more meta steps than the last one there is the same run, longer: its learning rates are constant.

    Args:
      kinds: of presets whose fields are among the settings; a field that an earlier run did not have was its default.
    """
    path = folder / "checkpoints" / "settings.json"
    settings = json.loads(json.dumps(settings))  # as they will be read
    if not files.is_file(path):
        files.write(path, (json.dumps(settings, indent=1) + "\n").encode())
        return
    try:
        earlier = json.loads(path.read_text())
        if not isinstance(earlier, dict):
            raise ValueError(f"no object but {type(earlier).__name__}")
    except (OSError, ValueError) as error:
        raise InputError(f"{path} must be readable JSON; delete {folder} to start anew. Received: {error}.") from error
    fields = itertools.chain(*map(dataclasses.fields, kinds))
    defaults = {field.name: field.default for field in fields if field.default is not MISSING}
    defaults["refit"] = False
    earlier = {**{name: defaults.get(name) for name in settings}, **earlier}
    steps = earlier.get("meta_steps")
    longer = isinstance(steps, int) and settings.get("meta_steps", 0) > steps
    for name, value in settings.items():
        if earlier[name] != value and not (longer and name == "meta_steps"):
            raise InputError(
                "--out must be new or of the same settings; meta_steps may grow. "
                f"Received: {folder} with {name}={earlier[name]}, not {value}."
            )
    if longer:  # meta-training goes on where it ended; what was fine-tuned from its earlier end is void
        for stale in path.parent.glob("*_qat.npz"):
            stale.unlink()
        files.write(path, (json.dumps(settings, indent=1) + "\n").encode())


if __name__ == "__main__":
    run(main, "tfodcl.train")
