"""python -m tfodcl.evaluate: teaches a package new classes with any methods, and tests it.

A method runs on the encoder that its published form rests on (Method.RECIPE). Packages of other recipes than
PACKAGE's are looked for where `tfodcl.train` leaves them, in the folder `baselines` beside it.
"""

import contextlib
import dataclasses
import importlib.metadata
import json
import platform
import shlex
import sys
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from tfodcl import __version__, files
from tfodcl import package as packages
from tfodcl.bench import UNLIMITED_BYTES, Bench, Protocol, encoder_of
from tfodcl.command import Parser, run
from tfodcl.continual import summarize
from tfodcl.data import load
from tfodcl.errors import InputError
from tfodcl.methods import BATCH_METHODS, METHODS
from tfodcl.package import Package
from tfodcl.report import write_report

_INFO = {  # what a package must say of itself
    "recipe": str,
    "dataset": str,
    "preset": str,
    "seed": int,
    "input_shape": list,
    "front_end": dict,
    "protocol": dict,
    "learning_rates": dict,
    "encoder": dict,
    "stages": list,
}


def parse_methods(text: str) -> list[str]:
    """ "all" or names with commas -> names in the order of METHODS or of BATCH_METHODS, each once.

    Raises InputError for unknown names, and for names of both: they learn streams of different kinds.
    """
    if text == "all":
        return list(METHODS)
    known, names = [*METHODS, *BATCH_METHODS], text.split(",")
    for name in names:
        if name not in known:
            raise InputError(f"--methods must be all or of {','.join(known)}. Received: {name!r}.")
    if any(name in METHODS for name in names) and any(name in BATCH_METHODS for name in names):
        raise InputError(
            f"{','.join(BATCH_METHODS)} learns training batches, the other methods classes: run them apart. "
            f"Received: {text}."
        )
    return [name for name in known if name in names]


def parse_count(option: str, text: str, least: int, most: int = 2**31 - 1) -> int:
    """A whole number in least..most, or InputError; the default is what every library takes as a seed."""
    try:
        value = int(text)
    except ValueError:
        value = least - 1
    if not least <= value <= most:
        raise InputError(f"{option} must be a whole number in {least}..{most}. Received: {text}.")
    return value


def read_package(path: Path) -> Package:
    """The package at `path`. Raises InputError where it learns training batches, and as `check_info`."""
    package = packages.read(path)
    if package.network:
        recipe = package.info.get("recipe")
        raise InputError(f"{path} must learn classes, not training batches. Received: recipe {recipe}.")
    check_info(path, package, {field.name for field in dataclasses.fields(Protocol)})
    return package


def check_info(path: Path, package: Package, fields: Collection[str]) -> None:
    """Raises InputError where `info` lacks what a run needs and tfodcl.train writes, or `fields` of the protocol."""
    for name, kind in _INFO.items():
        if not isinstance(package.info.get(name), kind):
            received = package.info.get(name, "nothing")
            raise InputError(f"{path}: info must hold {name}, as tfodcl.train writes it. Received: {received}.")
    protocol = package.info["protocol"]
    if protocol.keys() != set(fields) or not all(isinstance(value, int) for value in protocol.values()):
        raise InputError(f"{path}: protocol must hold whole numbers {sorted(fields)}. Received: {protocol}.")


def find_packages(path: Path, names: Sequence[str]) -> dict[str, Package]:
    """The package at `path`, and those of the other recipes that methods `names` need, from `baselines` beside it."""
    package = read_package(path)
    found = {package.info["recipe"]: package}
    for name in names:
        recipe = METHODS[name].RECIPE
        if recipe in found:
            continue
        sibling = baseline_path(path.parent, recipe)
        if not files.is_file(sibling):
            raise InputError(
                f"method {name} needs an encoder of recipe {recipe}, this package or {sibling}. "
                f"Received: {path} of recipe {package.info['recipe']}."
            )
        found[recipe] = read_package(sibling)
    return found


def available_methods(path: Path, recipe: str) -> list[str]:
    """The methods for which `find_packages` has what they need."""
    return [
        name
        for name, method in METHODS.items()
        if recipe == method.RECIPE or files.is_file(baseline_path(path.parent, method.RECIPE))
    ]


def learning_rates(bench: Bench, method: str, known: bool) -> dict[str, float]:
    """Those of the method's package, where they are `known` to fit what is learnt and it has any; else searched."""
    rates = bench.found[METHODS[method].RECIPE].info["learning_rates"].get(method) if known else None
    return rates or bench.search(method)


def package_path(path: Path) -> Path:
    """Of the package that `path` is, or of the main one in the folder that it is."""
    return path if files.is_file(path) else path / "model.tfodcl"


def baseline_path(folder: Path, recipe: str) -> Path:
    return folder / "baselines" / f"{recipe}.tfodcl"


def results(
    command: str,
    seed: int,
    num_runs: int,
    dataset: str,
    protocol: Mapping[str, int],
    package: Package,
    methods: Mapping[str, dict],
) -> dict:
    """The contents of results.json, schema 1. `protocol`: of the stream, by name."""
    return {
        "schema": 1,
        "command": command,
        "seed": seed,
        "runs": num_runs,
        "dataset": dataset,
        "preset": package.info["preset"],
        "protocol": dict(protocol),
        # Only the main package of a training was compared with its float encoder.
        "encoder": {"int8_agreement": None, **package.info["encoder"]},
        "stages": package.info["stages"],
        "methods": methods,
        "versions": versions(),
    }


def versions() -> dict[str, str]:
    """Of Python, this package and the libraries that figures depend on, as far as they are installed."""
    found = {"python": platform.python_version(), "tfodcl": __version__}
    for name in ("numpy", "ai-edge-litert", "scikit-learn", "tensorflow", "tensorflow-model-optimization"):
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            found[name] = importlib.metadata.version(name)
    return found


def write_results(folder: Path, content: dict) -> None:
    """report.html and results.json; neither where `content` is not as the schema says."""
    write_report([content], folder / "report.html")
    files.write(folder / "results.json", (json.dumps(content, indent=1) + "\n").encode())


def command_line(module: str) -> str:
    return shlex.join(["python", "-m", module, *sys.argv[1:]])


def main() -> None:
    parser = Parser(
        prog="tfodcl.evaluate",
        description="Teach a package new classes with any methods, and test it.",
        epilog="example: python -m tfodcl.evaluate runs/glyphs/model.tfodcl --methods anml,lifelearner --runs 5",
    )
    parser.add_argument("package", type=Path, metavar="PACKAGE", help="model.tfodcl of tfodcl.train")
    parser.add_argument("--dataset", help="what is learnt (default: what the package was trained for)")
    parser.add_argument("--methods", help="all, or names with commas (default: those that have an encoder)")
    parser.add_argument("--runs", default="3", help="class orders, at least 1 (default: 3)")
    parser.add_argument("--seed", help="of streams and methods (default: the package's)")
    parser.add_argument(
        "--replay-bytes",
        default=str(UNLIMITED_BYTES),
        help="budget of every replay memory (default: all records are kept)",
    )
    parser.add_argument("--out", type=Path, help="folder of results (default: `evaluation` beside PACKAGE)")
    options = parser.parse_args()
    num_runs = parse_count("--runs", options.runs, 1)
    budget = parse_count("--replay-bytes", options.replay_bytes, 1, UNLIMITED_BYTES)
    asked = [] if options.methods is None else parse_methods(options.methods)
    seed = None if options.seed is None else parse_count("--seed", options.seed, 0)
    if not set(asked).isdisjoint(BATCH_METHODS):
        raise InputError(f"classes are taught here, training batches by tfodcl.train. Received: {options.methods}.")
    package = read_package(options.package)
    names = asked or available_methods(options.package, package.info["recipe"])
    if not names:
        recipe = package.info["recipe"]
        raise InputError(f"{options.package} must be of a recipe that methods use. Received: {recipe}.")
    found = find_packages(options.package, names)
    seed = package.info["seed"] if seed is None else seed
    name = package.info["dataset"] if options.dataset is None else options.dataset
    dataset = load(name, seed=package.info["seed"])
    protocol = Protocol(**package.info["protocol"])
    bench = Bench(found, {recipe: encoder_of(one) for recipe, one in found.items()}, dataset, protocol, seed, budget)
    folder = options.out or options.package.parent / "evaluation"
    bench.check(names)
    files.make_folder(folder)
    measured = {}
    # Those of the package were searched for its data set, all records kept.
    known = name == package.info["dataset"] and budget == UNLIMITED_BYTES
    for method in names:
        rates = learning_rates(bench, method, known)
        measured[method] = summarize(bench.measure(method, rates, num_runs), bench.stream(0), rates)
    command, facts = command_line("tfodcl.evaluate"), dataclasses.asdict(protocol)
    write_results(folder, results(command, seed, num_runs, name, facts, package, measured))
    print(f"report: {folder / 'report.html'}")


if __name__ == "__main__":
    run(main, "tfodcl.evaluate")
