"""Teaches a board the stream of a package over a serial line, tests it, and compares it with the same in Python.

Examples:
  python tools/serial_eval.py runs/glyphs-quick --qemu firmware.elf
  python tools/serial_eval.py runs/glyphs-quick --port /dev/ttyACM0 --classes 10
  python tools/serial_eval.py runs/glyphs-quick --port socket://127.0.0.1:5555 --load
  python tools/serial_eval.py runs/glyphs-qlr-board --qemu firmware.elf --batches 20

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
from taught_batches import TaughtBatches
from taught_classes import TaughtClasses

from tfodcl import boards, container, files
from tfodcl import package as packages
from tfodcl.boards import Board
from tfodcl.command import Parser, parse_count, run
from tfodcl.continual import MemoizedEncoder
from tfodcl.device.device import Device, Info, Statistics
from tfodcl.device.line import Line
from tfodcl.device.qemu import emulate
from tfodcl.device.status import BoardError, BoardRestarted, Status, name_of
from tfodcl.device.teaching import Journal
from tfodcl.errors import InputError
from tfodcl.progress import progress
from tfodcl.replay.log import Geometry
from tfodcl.report import load_results, write_report
from tfodcl.run_folder import check_info, results
from tfodcl.stages.tflite import TfliteEncoder

Taught = TaughtClasses | TaughtBatches
ERASABLE = (Status.LOG_FULL, Status.FOREIGN_LOG, Status.CORRUPT_LOG)
RESULTS, JOURNAL = "serial_results.json", "serial_progress.json"


def main() -> None:
    options = parse()
    folder: Path = options.directory
    path = folder / "model.tfodcl"
    package = packages.read(path)
    content = path.read_bytes()
    run_number = parse_count("--run", options.run, 0)
    num_tests = None if options.tests == "all" else parse_count("--tests", options.tests, 1)
    kind = TaughtBatches if package.network else TaughtClasses
    kind.check_options(options)
    boards.check_trains(package)
    check_info(path, package, kind.PROTOCOL)
    taught = kind(package, options, run_number, num_tests)
    encoder = MemoizedEncoder(TfliteEncoder(package.encoder, reference=True))
    key = {"package": container.identity(content), "protocol": taught.protocol, "run": run_number, "tests": num_tests}
    journal = Journal(folder / JOURNAL, key)
    with connect(options) as device:
        info, predictions, statistics = converse(device, content, taught, encoder, journal, options)
    board = boards.describe(info.board)
    twin = taught.twin(encoder, log_geometry(info))
    measured = taught.summary(predictions, info, statistics, board, log_geometry(info))
    command = shlex.join(["python", *sys.argv])
    found = results(
        command, package.info["seed"], 1, package.info["dataset"], taught.protocol, package, {taught.METHOD: measured}
    )
    found["board"] = board_facts(board, info, statistics, taught.truths, predictions, twin)
    write(folder, found, taught)


def parse() -> argparse.Namespace:
    summary, _, epilog = __doc__.partition("\n\n")
    parser = Parser(prog="serial_eval", description=summary, epilog=epilog)
    parser.add_argument("directory", type=Path, metavar="DIR", help="holds the model.tfodcl that the board has")
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--port", metavar="URL", help="of the board: /dev/ttyACM0, socket://127.0.0.1:5555")
    where.add_argument("--qemu", type=Path, metavar="ELF", help="a firmware of export_micro.py for an mps2 board")
    parser.add_argument("--batches", help="training batches to teach, where the package learns such (default: all)")
    parser.add_argument("--classes", help="to teach (default: those of the package's protocol, up to its capacity)")
    parser.add_argument("--samples", help="of each class (default: the package's protocol)")
    parser.add_argument("--eval-every", help="test after each so many classes (default: the package's protocol)")
    parser.add_argument("--tests", default="20", help="test samples of each class, or all (default: 20)")
    parser.add_argument("--run", default="0", help="number of the class order (default: 0)")
    parser.add_argument("--load", action="store_true", help="put the package there; erases what another has learnt")
    parser.add_argument("--reset", action="store_true", help="erase what the board has learnt")
    return parser.parse_args()


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
    taught: Taught,
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
            info = check_learner(device, taught, journal)
            return info, taught.teach(device, encoder.quantize, journal), device.statistics()
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


def check_learner(device: Device, taught: Taught, journal: Journal) -> Info:
    """Makes sure that the board learns, and knows nothing but the beginning of the stream."""
    info = device.begin_session()
    if info.learner_status != Status.OK:
        remedy = "; --reset erases what it learnt" if info.learner_status in ERASABLE else ""
        raise InputError(f"the board's learner must run{remedy}. Received: {name_of(info.learner_status)}.")
    num_learnt = taught.check(device, info)
    if not num_learnt:
        journal.clear()
    untested = [point for point in taught.eval_points if point < num_learnt and journal.get(point) is None]
    if untested:
        raise InputError(
            f"the board must have been tested by this command after {untested[0]} {taught.UNIT}; --reset begins anew. "
            f"Received: a board that has learnt {num_learnt}."
        )
    return info


def log_geometry(info: Info) -> Geometry:
    return Geometry(info.log_unit_bytes, info.log_block_bytes, info.log_region_bytes // info.log_block_bytes)


def accuracies(truths: Sequence[np.ndarray], predictions: Sequence[np.ndarray]) -> list[float]:
    return [float(np.mean(true == predicted)) for true, predicted in zip(truths, predictions, strict=True)]


def board_facts(
    board: Board,
    info: Info,
    statistics: Statistics,
    truths: Sequence[np.ndarray],
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
        "accuracy": accuracies(truths, predictions),
        "twin_accuracy": accuracies(truths, twin),
        "twin_differences": [int((one != other).sum()) for one, other in zip(predictions, twin, strict=True)],
    }


def write(folder: Path, found: dict, taught: Taught) -> None:
    """serial_results.json, the report with the board's section, and a summary on the terminal."""
    files.write(folder / RESULTS, (json.dumps(found, indent=1) + "\n").encode())
    workstation = [load_results(folder / "results.json")] if files.is_file(folder / "results.json") else []
    write_report([*workstation, found], folder / "report.html")
    board, points = found["board"], taught.eval_points
    print(f"{board['name']} ({board['core']}{', emulated' if board['emulated'] else ''}), encoder {board['encoder']}")
    rows = zip(points, board["accuracy"], board["twin_accuracy"], board["twin_differences"], strict=True)
    for point, on_board, in_python, differences in rows:
        print(f"{point:5} {taught.UNIT}: {on_board:.1%} on the board, {in_python:.1%} in Python, {differences} differ")
    for name, cost in (board["parts"] | board["commands"]).items():
        if cost["count"]:
            mean = cost["total"] / cost["count"]
            print(f"{name.lower():>16}: {mean:14,.0f} {board['tick_unit']}, mean of {cost['count']:,}")
    if board["commands"].get("LEARN", {"count": 0})["count"] < taught.num_samples:
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
