"""Builds the firmware of a board with a package in it, and says what of the chip's flash and RAM it needs.

Examples:
  python tools/export_micro.py runs/glyphs-quick --board mps2-an386
  python tools/export_micro.py runs/omniglot --board mps2-an386 --capacity 40 --out runs/omniglot-nano/firmware.elf

Needs the Arm compiler (Debian: gcc-arm-none-eabi libnewlib-arm-none-eabi libstdc++-arm-none-eabi-newlib), g++, cmake
and ninja. The package that it carries is written beside the firmware, which needs a folder of its own where --capacity
or --replay-bytes change it.
"""

import argparse
import dataclasses
import json
import math
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

import size_report

from tfodcl import boards, files, plan
from tfodcl import package as packages
from tfodcl.boards import Target
from tfodcl.command import Parser, parse_count, run
from tfodcl.compress.record import MAX_LABEL, RECORD_HEADER_BYTES
from tfodcl.device.status import Status, name_of
from tfodcl.errors import InputError
from tfodcl.package import Package
from tfodcl.replay import items
from tfodcl.replay.log import Geometry, LogFullError
from tfodcl.run_folder import package_path
from tfodcl.stages import network_section
from tfodcl.stages.tflite import TfliteEncoder

TOOLS = ("cmake", "ninja", "g++", "arm-none-eabi-g++")
ROOT = Path(__file__).parents[1]
MICRO, BUILD = ROOT / "micro", ROOT / "build"
_MAX_U32 = 2**32 - 1


def main() -> None:
    options = parse()
    board = boards.find(options.board)
    source = package_path(options.directory)
    package = fit(packages.read(source), options)
    out: Path = options.out or source.parent / f"{board.name}.elf"
    content = packages.to_bytes(package)
    carried = choose_place(content, source, out)
    check_sum("a sample over the serial line", {"input": sample_bytes(package)}, board.sample_bytes)
    ram = {**least_ram(package), "stack": board.stack_bytes}
    check_sum("RAM", ram, board.ram_bytes)
    check_flash(package, board)
    check_tools()
    ram = {**arena_parts(package, board), "stack": board.stack_bytes}
    check_sum("RAM", ram, board.ram_bytes)
    files.make_folder(out.parent)
    build = build_firmware(board, content, options.tflm_root)
    code = size_report.measure(build)["all"]
    ram["static data"] = code["ram"]
    check_sum("RAM", ram, board.ram_bytes)
    if carried.resolve() != source.resolve():
        files.write(carried, content)
    files.write(out, (build / "firmware.elf").read_bytes())
    print(f"{board.name}, {board.core}, memory of the {board.chip}")
    show("flash", {**flash_parts(package, board), "firmware": code["flash"]}, board.flash_bytes)
    show("RAM", ram, board.ram_bytes)
    if options.tflm_root is not None:
        print("the encoder's RAM is that of our own kernels; TensorFlow Lite Micro takes another")
    print(f"records: {count_records(package, board):,}, of {record_bytes(package):,} bytes")
    print(f"package:  {carried}\nfirmware: {out}")


def parse() -> argparse.Namespace:
    summary, _, epilog = (__doc__ or "").partition("\n\n")
    parser = Parser(prog="export_micro", description=summary, epilog=epilog)
    parser.add_argument("directory", type=Path, metavar="DIR", help="holds model.tfodcl; or a package")
    parser.add_argument("--board", required=True, help=f"one of {', '.join(boards.BOARDS)}")
    parser.add_argument("--out", type=Path, metavar="ELF", help="the firmware (default: DIR/BOARD.elf)")
    parser.add_argument("--capacity", help="most classes that the board can learn (default: the package's)")
    parser.add_argument("--replay-bytes", help="most bytes of records (default: the package's)")
    parser.add_argument("--tflm-root", type=Path, help="TensorFlow Lite Micro, instead of our kernels")
    return parser.parse_args()


def fit(package: Package, options: argparse.Namespace) -> Package:
    """The package with its plan and with the capacity and budget that were asked for, also of its protocol's stream."""
    boards.check_trains(package)
    learning, info = package.learning, package.info
    if options.capacity is not None and package.network:
        raise InputError("--capacity is for a package whose head alone is trained. Received: one with a network.")
    if options.capacity is not None:
        capacity = parse_count("--capacity", options.capacity, 1, MAX_LABEL + 1)
        learning = dataclasses.replace(learning, capacity=capacity)
        if protocol := info.get("protocol"):  # so that tfodcl.evaluate takes the fitted package
            most = {name: min(protocol[name], capacity) for name in ("num_classes", "eval_every")}
            info = {**info, "protocol": {**protocol, **most}}
    if options.replay_bytes is not None:
        budget = parse_count("--replay-bytes", options.replay_bytes, 1, _MAX_U32)
        learning = dataclasses.replace(learning, replay_budget_bytes=budget)
    return dataclasses.replace(package, learning=learning, info=info, plan=package.plan or plan.build(package.encoder))


def choose_place(content: bytes, source: Path, out: Path) -> Path:
    """Where the package that the firmware carries shall lie: beside the firmware, where serial_eval.py finds it."""
    beside = out.parent / "model.tfodcl"
    if beside.resolve() == source.resolve() and content != source.read_bytes():
        raise InputError(f"--out must lie in another folder than the package that is fitted. Received: {out}.")
    return beside


def sample_bytes(package: Package) -> int:
    """Of the encoder's input."""
    return math.prod(TfliteEncoder(package.encoder).input_shape)


def check_tools() -> None:
    """Raises InputError where a program that builds is missing."""
    missing = [tool for tool in TOOLS if shutil.which(tool) is None]
    if missing:
        needed = ", ".join(TOOLS)
        raise InputError(f"{needed} must be installed (see --help). Received: no {', no '.join(missing)}.")


def build_firmware(board: Target, package: bytes, tflm_root: Path | None) -> Path:
    """Builds the firmware that carries `package`; the build directory."""
    build = BUILD / board.name
    carried = build / "model.tfodcl"
    files.write(carried, package)
    options = [
        f"-DTFODCL_BOARD={board.name}",
        f"-DCMAKE_TOOLCHAIN_FILE={MICRO / 'ports' / 'mps2' / 'toolchain.cmake'}",
        f"-DTFODCL_PACKAGE={carried}",
        f"-DTFODCL_TFLM_ROOT={tflm_root.resolve() if tflm_root else ''}",
    ]
    make(build, options, "firmware")
    return build


def head_bytes(package: Package) -> int:
    return (package.learning.capacity + 1) * package.latent_dim * 4


def checkpoint_bytes(package: Package) -> int:
    """Of the weights that a checkpoint holds."""
    return 4 * network_section.read(package).network.num_values if package.network else head_bytes(package)


def least_ram(package: Package) -> dict[str, int]:
    """What is trained, by part, without which nothing is learnt."""
    if not package.network:
        return {"head": head_bytes(package)}
    velocities = 4 * network_section.read(package).network.num_parameters
    return {"weights": checkpoint_bytes(package), "velocities": velocities}


def arena_parts(package: Package, board: Target) -> dict[str, int]:
    """Bytes of the arena by part, as the runtime itself counts them, in a program for this computer.

    Pointers are longer here, so that `encoder` is some bytes more than on the board.
    """
    build = BUILD / "host"
    make(build, ["-DTFODCL_BOARD=host"], "tfodcl_host")
    with tempfile.NamedTemporaryFile(suffix=".tfodcl") as copy:
        copy.write(packages.to_bytes(package))
        copy.flush()
        command = [str(build / "tfodcl_host"), "--geometry", board.chip.lower(), "--describe", copy.name]
        described = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    if described["status"] != Status.OK:
        raise InputError(f"the package must be one for a board. Received: {name_of(described['status'])}.")
    parts = described["parts"]
    if package.network:
        return parts
    head = head_bytes(package)
    return {"encoder": parts["encoder"], "head": head, "index, log, replays": parts["learner"] - head}


def make(build: Path, options: list[str], target: str) -> None:
    """Configures and builds a target; raises InputError with the first error where that fails."""
    configure = ["cmake", "-S", str(MICRO), "-B", str(build), "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Release", *options]
    for command in (configure, ["cmake", "--build", str(build), "--target", target]):
        result = subprocess.run(command, capture_output=True, text=True)
        if result.returncode != 0:
            reason = first_error((result.stderr + result.stdout).splitlines())
            raise InputError(f"{target} must build in {build}. Received: {reason}")


def first_error(lines: list[str]) -> str:
    """Of what CMake or a compiler printed; CMake's reason stands below its line."""
    for i, line in enumerate(lines):
        if line.startswith("CMake Error"):
            return " ".join(lines[i : i + 4])
        if "error" in line.lower():
            return line
    return lines[-1] if lines else "nothing"


def flash_parts(package: Package, board: Target) -> dict[str, int]:
    """Bytes of flash by part, the firmware's code not among them; the log's are those that its region must hold."""
    parts = {"encoder": len(package.encoder), "codec": len(package.codec.to_bytes()), "plan": len(package.plan)}
    if package.network:
        parts["network"] = len(package.network)
    rest = len(packages.to_bytes(package)) - sum(parts.values())
    log = board.log_geometry.num_blocks * board.log_geometry.erase_block_bytes
    return {**parts, "rest of the package": rest, "log": log}


def check_flash(package: Package, board: Target) -> None:
    """Raises InputError where package or records do not fit their regions, before anything is built."""
    parts = flash_parts(package, board)
    parts.pop("log")
    check_sum("the package's flash", parts, board.package_bytes)
    count_records(package, board)


def record_bytes(package: Package) -> int:
    return RECORD_HEADER_BYTES + package.codec.payload_bytes


def count_records(package: Package, board: Target) -> int:
    """How many records the board keeps. Raises InputError where that is not one of every class."""
    learning, geometry = package.learning, board.log_geometry
    option = "" if package.network else " (--capacity)"
    least = f"a record of {record_bytes(package)} bytes of each of {learning.capacity} classes{option}"
    if learning.replay_budget_bytes < learning.capacity * record_bytes(package):
        room = learning.replay_budget_bytes // record_bytes(package)
        raise InputError(f"--replay-bytes must hold {least}. Received: room for {room}.")
    try:
        found = most_records(package, geometry)
    except LogFullError as error:
        parts = {"two checkpoints": 2 * checkpoint_bytes(package), "records": learning.capacity * record_bytes(package)}
        check_sum("the log's flash", parts, geometry.num_blocks * geometry.erase_block_bytes)
        raise InputError(f"the log must have room for records. Received: {name_parts(parts)} and overhead.") from error
    if found < learning.capacity:
        raise InputError(f"the log must hold {least}. Received: room for {found}.")
    return found


def most_records(package: Package, geometry: Geometry) -> int:
    """Raises LogFullError where there is no room for any, or with a network for one of each class."""
    learning, codec = package.learning, package.codec
    if not package.network:
        return items.max_records(learning.replay_budget_bytes, learning.capacity, codec, geometry)
    num_values = network_section.read(package).network.num_values
    return items.max_batch_records(learning.replay_budget_bytes, learning.capacity, num_values, codec, geometry)


def check_sum(name: str, parts: Mapping[str, int], limit: int) -> None:
    total = sum(parts.values())
    if total > limit:
        raise InputError(f"{name} must be at most {limit:,} bytes. Received: {total:,}, of which {name_parts(parts)}.")


def name_parts(parts: Mapping[str, int]) -> str:
    """The largest ones."""
    return ", ".join(f"{part} {parts[part]:,}" for part in sorted(parts, key=lambda part: -parts[part])[:3])


def show(name: str, parts: Mapping[str, int], limit: int) -> None:
    total = sum(parts.values())
    print(f"{name}: {total:,} of {limit:,} bytes ({total / limit:.0%})")
    for part, num_bytes in sorted(parts.items(), key=lambda item: -item[1]):
        print(f"  {part:24} {num_bytes:10,}")


if __name__ == "__main__":
    run(main, "export_micro")
