"""python -m tfodcl.evaluate: teaches a package new classes with any methods, and tests it.

Packages of other recipes than PACKAGE's are looked for where `tfodcl.train` leaves them, see run_folder.py.
"""

import dataclasses
from pathlib import Path

from tfodcl import files
from tfodcl.bench import UNLIMITED_BYTES, Bench, Protocol, encoder_of
from tfodcl.command import Parser, command_line, parse_count, run
from tfodcl.continual import summarize
from tfodcl.data import load
from tfodcl.errors import InputError
from tfodcl.methods import BATCH_METHODS, parse_methods
from tfodcl.run_folder import available_methods, find_packages, learning_rates, read_package, results, write_results


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
