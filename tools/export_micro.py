"""Builds the firmware of a board with a package in it, and says what of the chip's flash and RAM it needs.

Examples:
  python tools/export_micro.py runs/glyphs-quick --board mps2-an386
  python tools/export_micro.py runs/omniglot --board mps2-an386 --capacity 40 --out runs/omniglot-nano/firmware.elf

Needs the Arm compiler (Debian: gcc-arm-none-eabi libnewlib-arm-none-eabi libstdc++-arm-none-eabi-newlib), g++, cmake
and ninja. A package that is fitted to the board (--capacity, --replay-bytes) is written beside the firmware.
"""

import argparse
import dataclasses
import json
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import size_report

from tfodcl import boards, files, plan
from tfodcl import package as packages
from tfodcl.boards import Board
from tfodcl.command import Parser, run
from tfodcl.compress.record import MAX_LABEL, RECORD_HEADER_BYTES
from tfodcl.device.status import Status
from tfodcl.errors import InputError
from tfodcl.evaluate import parse_count
from tfodcl.package import Package
from tfodcl.replay import items

ROOT = Path(__file__).parents[1]
MICRO, BUILD = ROOT / "micro", ROOT / "build"
_MAX_U32 = 2**32 - 1


def main() -> None:
    options = parse()
    board = boards.find(options.board)
    source = options.directory / "model.tfodcl"
    package = fit(packages.read(source), options)
    out: Path = options.out or options.directory / f"{board.name}.elf"
    carried = place(package, source, out)
    check_flash(package, board)
    ram = arena_parts(package, carried, board)
    build = build_firmware(board, carried, out, options.tflm_root)
    code = size_report.measure(build)["all"]
    flash = flash_parts(package, board) | {"firmware": code["flash"]}
    ram |= {"static data": code["ram"], "stack": board.stack_bytes}
    check_sum("the firmware's flash", {"firmware": code["flash"]}, board.firmware_bytes)
    print(f"{board.name}, {board.core}, memory of the {board.chip}")
    show("flash", flash, board.flash_bytes)
    show("RAM", ram, board.ram_bytes)
    check_sum("RAM", ram, board.ram_bytes)
    print(f"records: {count_records(package, board):,}, of {record_bytes(package):,} bytes")
    print(f"package:  {carried}\nfirmware: {out}")


def parse() -> argparse.Namespace:
    summary, _, epilog = (__doc__ or "").partition("\n\n")
    parser = Parser(prog="export_micro", description=summary, epilog=epilog)
    parser.add_argument("directory", type=Path, metavar="DIR", help="holds model.tfodcl, as tfodcl.train leaves it")
    parser.add_argument("--board", required=True, help=f"one of {', '.join(boards.BOARDS)}")
    parser.add_argument("--out", type=Path, metavar="ELF", help="the firmware (default: DIR/BOARD.elf)")
    parser.add_argument("--capacity", help="most classes that the board can learn (default: the package's)")
    parser.add_argument("--replay-bytes", help="most bytes of records (default: the package's)")
    parser.add_argument("--tflm-root", type=Path, help="TensorFlow Lite Micro, instead of our kernels")
    return parser.parse_args()


def fit(package: Package, options: argparse.Namespace) -> Package:
    """The package with its plan and with the capacity and budget that were asked for."""
    learning = package.learning
    if options.capacity is not None:
        capacity = parse_count("--capacity", options.capacity, 1, MAX_LABEL + 1)
        learning = dataclasses.replace(learning, capacity=capacity)
    if options.replay_bytes is not None:
        budget = parse_count("--replay-bytes", options.replay_bytes, 1, _MAX_U32)
        learning = dataclasses.replace(learning, replay_budget_bytes=budget)
    return dataclasses.replace(package, learning=learning, plan=package.plan or plan.build(package.encoder))


def place(package: Package, source: Path, out: Path) -> Path:
    """Where the package that the firmware carries lies: `source`, or, where it differs, beside the firmware."""
    files.make_folder(out.parent)
    if packages.to_bytes(package) == source.read_bytes():
        return source
    beside = out.parent / "model.tfodcl"
    if files.is_file(beside) and beside.resolve() == source.resolve():
        raise InputError(f"--out must lie in another folder than the package that is fitted. Received: {out}.")
    packages.write(beside, package)
    return beside


def build_firmware(board: Board, package: Path, out: Path, tflm_root: Path | None) -> Path:
    """Builds the firmware that carries `package` into `out`; the build directory."""
    build = BUILD / board.name
    options = [
        f"-DTFODCL_BOARD={board.name}",
        f"-DCMAKE_TOOLCHAIN_FILE={MICRO / 'ports' / 'mps2' / 'toolchain.cmake'}",
        f"-DTFODCL_PACKAGE={package.resolve()}",
        f"-DTFODCL_TFLM_ROOT={tflm_root.resolve() if tflm_root else ''}",
    ]
    make(build, options, "firmware")
    shutil.copyfile(next(build.rglob("firmware.elf")), out)
    return build


def arena_parts(package: Package, path: Path, board: Board) -> dict[str, int]:
    """Bytes of the arena by part, as the runtime itself counts them, in a program for this computer."""
    build = BUILD / "host"
    make(build, ["-DTFODCL_BOARD=host"], "tfodcl_host")
    command = [str(next(build.rglob("tfodcl_host"))), "--geometry", board.chip.lower(), "--describe", str(path)]
    described = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    if described["status"] != Status.OK:
        name = Status(described["status"]).name.lower().replace("_", " ")
        raise InputError(f"{path} must be a package for a board. Received: {name}.")
    head = (package.learning.capacity + 1) * package.latent_dim * 4
    encoder = described["encoder_bytes"]
    return {"encoder": encoder, "head": head, "index, log, replays": described["arena_bytes"] - encoder - head}


def make(build: Path, options: list[str], target: str) -> None:
    """Configures and builds a target; raises InputError with the compiler's last line where that fails."""
    if shutil.which("cmake") is None or shutil.which("ninja") is None:
        raise InputError("cmake and ninja must be installed (pip install cmake ninja). Received: none.")
    configure = ["cmake", "-S", str(MICRO), "-B", str(build), "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Release", *options]
    for command in (configure, ["cmake", "--build", str(build), "--target", target]):
        result = subprocess.run(command, capture_output=True, text=True)
        if result.returncode != 0:
            lines = [line for line in (result.stdout + result.stderr).splitlines() if "rror" in line] or ["nothing"]
            raise InputError(f"{target} must build in {build}. Received: {lines[0]}")


def flash_parts(package: Package, board: Board) -> dict[str, int]:
    """Bytes of flash by part, the firmware's code not among them; the log's are those that its region must hold."""
    codec, encoder, layout = len(package.codec.to_bytes()), len(package.encoder), len(package.plan)
    total = len(packages.to_bytes(package))
    return {
        "encoder": encoder,
        "codec": codec,
        "plan": layout,
        "rest of the package": total - encoder - codec - layout,
        "log": board.log_geometry.num_blocks * board.log_geometry.erase_block_bytes,
    }


def check_flash(package: Package, board: Board) -> None:
    """Raises InputError where package or records do not fit their regions, before anything is built."""
    parts = flash_parts(package, board)
    parts.pop("log")
    check_sum("the package's flash", parts, board.package_bytes)
    count_records(package, board)


def record_bytes(package: Package) -> int:
    return RECORD_HEADER_BYTES + package.codec.payload_bytes


def count_records(package: Package, board: Board) -> int:
    """How many records the board keeps. Raises InputError where the log cannot hold one beside two checkpoints."""
    learning = package.learning
    return items.max_records(learning.replay_budget_bytes, learning.capacity, package.codec, board.log_geometry)


def check_sum(name: str, parts: Mapping[str, int], limit: int) -> None:
    total = sum(parts.values())
    if total > limit:
        largest = sorted(parts, key=lambda part: -parts[part])[:3]
        named = ", ".join(f"{part} {parts[part]:,}" for part in largest)
        raise InputError(f"{name} must be at most {limit:,} bytes. Received: {total:,}, of which {named}.")


def show(name: str, parts: Mapping[str, int], limit: int) -> None:
    total = sum(parts.values())
    print(f"{name}: {total:,} of {limit:,} bytes ({total / limit:.0%})")
    for part, num_bytes in sorted(parts.items(), key=lambda item: -item[1]):
        print(f"  {part:24} {num_bytes:10,}")


if __name__ == "__main__":
    run(main, "export_micro")
