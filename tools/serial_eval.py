"""Teaches a board the stream of a package over a serial line, tests it, and compares it with the same in Python.

Examples:
  python tools/serial_eval.py runs/glyphs-quick --qemu firmware.elf
  python tools/serial_eval.py runs/glyphs-quick --port /dev/ttyACM0 --classes 10
  python tools/serial_eval.py runs/glyphs-quick --port socket://127.0.0.1:5555 --load

Interrupted, unplugged or reset, the same command goes on from what the board has made durable.
"""

import argparse
import contextlib
import dataclasses
import json
import shlex
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from tfodcl import boards, container, files
from tfodcl.bench import Protocol
from tfodcl.boards import Board
from tfodcl.command import Parser, run
from tfodcl.compress.record import RECORD_HEADER_BYTES
from tfodcl.continual import MemoizedEncoder, Run, summarize
from tfodcl.data import load
from tfodcl.device.device import Device, Info, Statistics
from tfodcl.device.line import Line
from tfodcl.device.qemu import emulate
from tfodcl.device.status import BoardError, BoardRestarted, Status, name_of
from tfodcl.device.teaching import Journal, check_known, teach
from tfodcl.errors import InputError
from tfodcl.evaluate import parse_count, read_package, results
from tfodcl.learner import Learner
from tfodcl.metrics import accuracy_matrix
from tfodcl.package import Package
from tfodcl.progress import progress
from tfodcl.replay import items
from tfodcl.replay.log import Geometry
from tfodcl.report import load_results, write_report
from tfodcl.stages.tflite import TfliteEncoder
from tfodcl.streams import Stream, class_incremental

ERASABLE = (Status.LOG_FULL, Status.FOREIGN_LOG, Status.CORRUPT_LOG)
RESULTS, JOURNAL = "serial_results.json", "serial_progress.json"


def main() -> None:
    options = parse()
    folder: Path = options.directory
    package = read_package(folder / "model.tfodcl")
    content = (folder / "model.tfodcl").read_bytes()
    protocol = choose_protocol(options, package)
    run_number = parse_count("--run", options.run, 0)
    num_tests = None if options.tests == "all" else parse_count("--tests", options.tests, 1)
    stream = choose_stream(package, protocol, run_number, num_tests)
    encoder = MemoizedEncoder(TfliteEncoder(package.encoder, reference=True))
    key = {
        "package": container.identity(content),
        "protocol": dataclasses.asdict(protocol),
        "run": run_number,
        "tests": num_tests,
    }
    journal = Journal(folder / JOURNAL, key)
    with connect(options) as device:
        info, predictions, statistics = converse(device, content, stream, encoder, journal, options)
    board = boards.describe(info.board)
    twin = twin_predictions(package, encoder, stream, log_geometry(info))
    rates = {"inner": package.learning.inner_lr, "outer": package.learning.outer_lr}
    done = run_of(stream, predictions, package, info, statistics, board)
    measured = summarize([done], stream, rates)
    command, facts = shlex.join(["python", *sys.argv]), dataclasses.asdict(protocol)
    found = results(
        command, package.info["seed"], 1, package.info["dataset"], facts, package, {"lifelearner": measured}
    )
    found["board"] = board_facts(board, info, statistics, stream, predictions, twin)
    write(folder, found)


def parse() -> argparse.Namespace:
    summary, _, epilog = __doc__.partition("\n\n")
    parser = Parser(prog="serial_eval", description=summary, epilog=epilog)
    parser.add_argument("directory", type=Path, metavar="DIR", help="holds the model.tfodcl that the board has")
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--port", metavar="URL", help="of the board: /dev/ttyACM0, socket://127.0.0.1:5555")
    where.add_argument("--qemu", type=Path, metavar="ELF", help="a firmware of export_micro.py for an mps2 board")
    parser.add_argument("--classes", help="to teach (default: those of the package's protocol, up to its capacity)")
    parser.add_argument("--samples", help="of each class (default: the package's protocol)")
    parser.add_argument("--eval-every", help="test after each so many classes (default: the package's protocol)")
    parser.add_argument("--tests", default="20", help="test samples of each class, or all (default: 20)")
    parser.add_argument("--run", default="0", help="number of the class order (default: 0)")
    parser.add_argument("--load", action="store_true", help="put the package there; erases what another has learnt")
    parser.add_argument("--reset", action="store_true", help="erase what the board has learnt")
    return parser.parse_args()


def choose_protocol(options: argparse.Namespace, package: Package) -> Protocol:
    """The package's protocol with what the options say instead."""
    own = Protocol(**package.info["protocol"])
    capacity = package.learning.capacity

    def chosen(option: str, text: str | None, default: int, most: int) -> int:
        return default if text is None else parse_count(option, text, 1, most)

    return Protocol(
        num_classes=chosen("--classes", options.classes, min(own.num_classes, capacity), capacity),
        samples_per_class=chosen("--samples", options.samples, own.samples_per_class, 2**16),
        eval_every=chosen("--eval-every", options.eval_every, own.eval_every, 2**16),
    )


def choose_stream(package: Package, protocol: Protocol, run_number: int, num_tests: int | None) -> Stream:
    """The stream of that run of tfodcl.evaluate, with the first `num_tests` test samples of each class."""
    dataset = load(package.info["dataset"], seed=package.info["seed"])
    stream = class_incremental(
        dataset,
        "meta_test",
        protocol.num_classes,
        protocol.samples_per_class,
        protocol.eval_every,
        package.info["seed"],
        run_number,
    )
    if num_tests is None:
        return stream
    labels = range(protocol.num_classes)
    chosen = np.concatenate([np.flatnonzero(stream.y_test == label)[:num_tests] for label in labels])
    return dataclasses.replace(stream, x_test=stream.x_test[chosen], y_test=stream.y_test[chosen])


@contextlib.contextmanager
def connect(options: argparse.Namespace) -> Iterator[Device]:
    """The board of --port, or one that QEMU emulates as long as this runs."""
    with contextlib.ExitStack() as stack:
        url = options.port
        if options.qemu is not None:
            url = stack.enter_context(emulate(boards.of_firmware(options.qemu).emulator, options.qemu))
        line = Line(url)
        stack.callback(line.close)
        yield Device(line)


def converse(
    device: Device,
    content: bytes,
    stream: Stream,
    encoder: MemoizedEncoder,
    journal: Journal,
    options: argparse.Namespace,
) -> tuple[Info, list[np.ndarray], Statistics]:
    """What the board is, what it predicts at the evaluation points, and what that took since it was reset."""
    erase = options.reset
    while True:
        try:
            info = bring_package(device, content, options.load)
            if erase or (options.load and info.learner_status == Status.FOREIGN_LOG):
                device.reset()
                erase = False
            info = check_learner(device, stream, journal)
            return info, teach(device, stream, encoder.quantize, journal), device.statistics()
        except BoardRestarted:
            continue


def bring_package(device: Device, content: bytes, allowed: bool) -> Info:
    """Begins a session with a board that has this package; puts it there, where that is `allowed`."""
    info = device.begin_session()
    wanted = container.identity(content)
    if info.package_identity == wanted:
        return info
    if not allowed:
        received = f"{info.package_identity:08x}" if info.package_source else "none"
        raise InputError(f"the board must have this package, {wanted:08x}; --load puts it there. Received: {received}.")
    with progress("package", len(content), unit="B") as bar:
        try:
            device.load_package(content, info, bar.update)
        except BoardError as error:
            if error.status != Status.FOREIGN_LOG:  # with that the package is there
                raise
    return device.begin_session()


def check_learner(device: Device, stream: Stream, journal: Journal) -> Info:
    """Makes sure that the board learns, and knows nothing but the first classes of the stream."""
    info = device.begin_session()
    if info.learner_status != Status.OK:
        remedy = "; --reset erases what it learnt" if info.learner_status in ERASABLE else ""
        raise InputError(f"the board's learner must run{remedy}. Received: {name_of(info.learner_status)}.")
    classes = device.classes(info)
    check_known(classes, stream)
    if not classes:
        journal.clear()
    untested = [point for point in stream.eval_points if point < len(classes) and journal.get(point) is None]
    if untested:
        raise InputError(
            f"the board must have been tested by this command after {untested[0]} classes; --reset begins anew. "
            f"Received: a board that knows {len(classes)}."
        )
    return info


def log_geometry(info: Info) -> Geometry:
    return Geometry(info.log_unit_bytes, info.log_block_bytes, info.log_region_bytes // info.log_block_bytes)


def twin_predictions(
    package: Package, encoder: MemoizedEncoder, stream: Stream, geometry: Geometry
) -> list[np.ndarray]:
    """What the board's twin in Python predicts at the evaluation points."""
    learner = Learner(package, encoder, geometry)
    predictions = []
    with progress("the same in Python", len(stream.tasks)) as bar:
        for task in stream.tasks:
            label = learner.add_class(task.name)
            for sample in task.x:
                learner.learn_sample(label, sample)
            learner.end_class(label)
            learner.save()
            if task.label + 1 in stream.eval_points:
                predictions.append(learner.classify(stream.x_test[stream.y_test <= task.label]))
            bar.update()
    return predictions


def with_truth(stream: Stream, predictions: Sequence[np.ndarray]) -> list[tuple[np.ndarray, np.ndarray]]:
    """(true, predicted) labels at each evaluation point."""
    return [
        (stream.y_test[stream.y_test < point], predicted)
        for point, predicted in zip(stream.eval_points, predictions, strict=True)
    ]


def accuracies(stream: Stream, predictions: Sequence[np.ndarray]) -> list[float]:
    return [float(np.mean(true == predicted)) for true, predicted in with_truth(stream, predictions)]


def run_of(
    stream: Stream,
    predictions: Sequence[np.ndarray],
    package: Package,
    info: Info,
    statistics: Statistics,
    board: Board,
) -> Run:
    """What the board did, as continual.run_stream describes a run on the workstation.

    Instructions of an emulated board become seconds at one instruction per cycle of the real one's clock.
    """
    counted = statistics.commands  # since the board was reset, those that it did
    learning = [counted[name].total for name in ("ADD_CLASS", "LEARN", "END_CLASS", "SAVE") if name in counted]
    record_bytes = RECORD_HEADER_BYTES + package.codec.payload_bytes
    most = items.max_records(
        package.learning.replay_budget_bytes, package.learning.capacity, package.codec, log_geometry(info)
    )
    num_records = min(sum(len(task.x) for task in stream.tasks), most)
    return Run(
        accuracy=np.array(accuracies(stream, predictions)),
        matrix=accuracy_matrix(with_truth(stream, predictions), stream.eval_points),
        predictions=predictions[-1],
        learn_seconds=sum(learning) / board.ticks_per_second,
        record_bytes=record_bytes,
        memory_bytes={
            "replay": num_records * record_bytes,
            "stage": 4 * package.latent_dim * (package.learning.capacity + 1),
            "codec": len(package.codec.to_bytes()),
        },
        bytes_written=statistics.programmed_bytes,
    )


def board_facts(
    board: Board,
    info: Info,
    statistics: Statistics,
    stream: Stream,
    predictions: Sequence[np.ndarray],
    twin: Sequence[np.ndarray],
) -> dict:
    """What results.json holds under `board`."""
    fields = dataclasses.asdict(statistics)
    return {
        "name": info.board,
        "chip": board.chip,
        "core": board.core,
        "emulated": board.machine is not None,
        "encoder": info.encoder,
        "firmware": info.firmware,
        "package_identity": f"{info.package_identity:08x}",
        "tick_unit": info.tick_unit,
        "parts": fields["parts"],
        "commands": fields["commands"],
        "memory": {
            name: fields[name] for name in ("arena_used_bytes", "arena_bytes", "stack_used_bytes", "stack_bytes")
        },
        "flash": {
            name: fields[name]
            for name in (
                "num_items",
                "item_bytes",
                "programmed_bytes",
                "copied_bytes",
                "num_erases",
                "least_erase_count",
                "greatest_erase_count",
            )
        },
        "accuracy": accuracies(stream, predictions),
        "twin_accuracy": accuracies(stream, twin),
        "twin_differences": [int((one != other).sum()) for one, other in zip(predictions, twin, strict=True)],
    }


def write(folder: Path, found: dict) -> None:
    """serial_results.json, the report with the board's section, and a summary on the terminal."""
    files.write(folder / RESULTS, (json.dumps(found, indent=1) + "\n").encode())
    workstation = [load_results(folder / "results.json")] if files.is_file(folder / "results.json") else []
    write_report([*workstation, found], folder / "report.html")
    board, points = found["board"], found["methods"]["lifelearner"]["num_classes"]
    print(f"{board['name']} ({board['core']}{', emulated' if board['emulated'] else ''}), encoder {board['encoder']}")
    rows = zip(points, board["accuracy"], board["twin_accuracy"], board["twin_differences"], strict=True)
    for num_classes, on_board, in_python, differences in rows:
        print(f"{num_classes:5} classes: {on_board:.1%} on the board, {in_python:.1%} in Python, {differences} differ")
    for name, cost in (board["parts"] | board["commands"]).items():
        if cost["count"]:
            mean = cost["total"] / cost["count"]
            print(f"{name.lower():>16}: {mean:14,.0f} {board['tick_unit']}, mean of {cost['count']:,}")
    num_samples = found["protocol"]["num_classes"] * found["protocol"]["samples_per_class"]
    if board["commands"].get("LEARN", {"count": 0})["count"] < num_samples:
        print("the board was reset while it was taught: these and the next are of what came after")
    flash, memory = board["flash"], board["memory"]
    print(
        f"flash: {flash['programmed_bytes']:,} bytes written for {flash['item_bytes']:,} of items, "
        f"{flash['num_erases']} erases, {flash['greatest_erase_count']} at most of a block\n"
        f"RAM: arena {memory['arena_used_bytes']:,} of {memory['arena_bytes']:,} bytes, "
        f"stack {memory['stack_used_bytes']:,} of {memory['stack_bytes']:,}\n"
        f"results: {folder / RESULTS}\nreport: {folder / 'report.html'}"
    )


if __name__ == "__main__":
    run(main, "serial_eval")
