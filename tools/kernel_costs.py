"""Instructions of the training kernels on the emulated boards, for each multiply-accumulate.

Examples:
  python tools/kernel_costs.py
  python tools/kernel_costs.py --json runs/kernel_costs.json

Builds micro/ports/kernel_costs.cc for each board and runs it in QEMU. What is counted are instructions: no cycles, no
wait states, no caches. A kernel without multiply-accumulates is counted for each element. Products at the edges of an
image, which padding leaves out, count as if they were made. Needs what tools/export_micro.py needs, and QEMU.
"""

import argparse
import json
from pathlib import Path

import export_micro
import serial

from tfodcl import boards, files
from tfodcl.boards import Target
from tfodcl.command import Parser, run
from tfodcl.cost.instructions import SCHEMA, Row
from tfodcl.device import qemu
from tfodcl.errors import InputError

TIMEOUT_SECONDS = 120.0
EMULATED = ("mps2-an386", "mps2-an500")


def main() -> None:
    options = parse()
    export_micro.check_tools()
    if options.json:
        files.make_folder(options.json.parent)
    found = {name: measure(boards.find(name)) for name in EMULATED}
    print(table(found))
    if options.json:
        files.write(options.json, (json.dumps({"schema": SCHEMA, "boards": found}, indent=1) + "\n").encode())


def parse() -> argparse.Namespace:
    summary, _, epilog = (__doc__ or "").partition("\n\n")
    parser = Parser(prog="kernel_costs", description=summary, epilog=epilog)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    return parser.parse_args()


def measure(board: Target) -> list[Row]:
    """Builds the program for a board, not where its firmware is built, and runs it."""
    build = export_micro.BUILD / f"kernel_costs-{board.name}"
    toolchain = export_micro.MICRO / "ports" / "mps2" / "toolchain.cmake"
    options = [f"-DTFODCL_BOARD={board.name}", f"-DCMAKE_TOOLCHAIN_FILE={toolchain}"]
    export_micro.make(build, options, "kernel_costs")
    with (
        qemu.emulate(board.emulator, build / "kernel_costs.elf") as url,
        serial.serial_for_url(url, timeout=TIMEOUT_SECONDS) as line,
    ):
        line.write(b"\n")  # it waits for a byte
        return parse_rows(line.read_until(b"end\n").decode())


def parse_rows(printed: str) -> list[Row]:
    """Of what the program writes; besides, the crc32 of the result. Raises InputError where it was cut off."""
    if not printed.endswith("end\n"):
        raise InputError(f"kernels must be measured within {TIMEOUT_SECONDS} s. Received: {len(printed)} characters.")
    rows: list[Row] = []
    for text in printed.splitlines()[:-1]:
        layer, part, *numbers = text.split()
        count, instructions, crc32 = map(int, numbers)
        rows.append({"layer": layer, "part": part, "count": count, "instructions": instructions, "crc32": crc32})
    return rows


def table(found: dict[str, list[Row]]) -> str:
    """One line for each kernel: how often, and instructions each on the boards."""
    first = next(iter(found.values()))
    width = max(len(str(row["layer"])) for row in first)
    heads = "".join(f"{boards.find(name).core:>12}" for name in found)
    lines = [f"{'layer':{width}} {'part':16} {'count':>12}{heads}   instructions each"]
    for i, row in enumerate(first):
        each = "".join(f"{int(rows[i]['instructions']) / int(rows[i]['count']):12.3f}" for rows in found.values())
        lines.append(f"{row['layer']:{width}} {row['part']:16} {row['count']:12,}{each}")
    return "\n".join(lines)


if __name__ == "__main__":
    run(main, "kernel_costs")
