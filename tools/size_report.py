"""Flash, RAM and stack of a firmware, folder by folder of micro/, from its link map and the compiler's stack usage.

Examples:
  python tools/size_report.py build/mps2-an386
  python tools/size_report.py build/mps2-an386 --check tests/regression/sizes.json
  python tools/size_report.py build/mps2-an386 --pin tests/regression/sizes.json

A package that the firmware carries is not counted, nor is the stack's region. `padding` is what the linker fills in
between. A folder's stack is the largest frame of one of its functions; frames of a chain of calls add up. What a
running firmware used is in the results of serial_eval.py.
"""

import argparse
import json
import re
from collections import defaultdict
from pathlib import Path

from tfodcl import files
from tfodcl.command import Parser, run
from tfodcl.errors import InputError

MAP, OTHERS, PADDING = "firmware.map", "toolchain", "padding"
HEADROOM = {"flash": 256, "ram": 64, "stack": 64}  # bytes; what is pinned is the next multiple
# Sections of the firmware, as micro/ports/mps2/sections.ld names them.
_FLASH, _RAM = (".text", ".ARM.exidx", ".data"), (".data", ".bss")
# Of the link map: a section of the firmware, and what a file adds to it; a long name has a line of its own.
_SECTION = re.compile(r"^(\.\S+)\s+0x[0-9a-f]+\s+0x([0-9a-f]+)")
_ADDED = re.compile(r"^ \S+\s+0x[0-9a-f]+\s+0x([0-9a-f]+) (\S.*)$")
_BOARD = re.compile(r"^TFODCL_BOARD:\w+=(.+)$", re.MULTILINE)


def main() -> None:
    options = parse()
    sizes = measure(options.build)
    width = max(map(len, sizes))
    print(f"{'folder':{width}} {'flash':>9} {'RAM':>9} {'stack':>9}   bytes")
    for folder, parts in sizes.items():
        print(f"{folder:{width}} {parts['flash']:9,} {parts['ram']:9,} {parts['stack']:9,}")
    if options.check:
        check(sizes, read_pins(options.check, board_of(options.build)))
    if options.pin:
        pin(sizes, options.pin, board_of(options.build))


def parse() -> argparse.Namespace:
    summary, _, epilog = (__doc__ or "").partition("\n\n")
    parser = Parser(prog="size_report", description=summary, epilog=epilog)
    parser.add_argument("build", type=Path, metavar="BUILD", help="CMake's build directory of a firmware")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--check", type=Path, metavar="JSON", help="most bytes, by board and folder; more is an error")
    what.add_argument("--pin", type=Path, metavar="JSON", help="write the board's sizes there, rounded up")
    return parser.parse_args()


def measure(build: Path) -> dict[str, dict[str, int]]:
    """Folder -> flash, ram, stack in bytes; `toolchain` is what comes from the compiler's libraries, `all` the sum.

    Raises InputError where there is no firmware with its map.
    """
    sizes: dict[str, dict[str, int]] = defaultdict(lambda: {"flash": 0, "ram": 0, "stack": 0})
    for section, added in placed(_read(build / MAP, build)).items():
        for folder, size in added.items():
            sizes[folder]["flash"] += size * (section in _FLASH)
            sizes[folder]["ram"] += size * (section in _RAM)
    for usage in build.rglob("*.dir/**/*.su"):
        frames = [int(line.split("\t")[1]) for line in usage.read_text().splitlines()]
        parts = sizes[folder_of(str(usage))]
        parts["stack"] = max([parts["stack"], *frames])
    used = {folder: parts for folder, parts in sorted(sizes.items()) if parts["flash"] or parts["ram"]}
    used["all"] = {
        "flash": sum(parts["flash"] for parts in used.values()),
        "ram": sum(parts["ram"] for parts in used.values()),
        "stack": max(parts["stack"] for parts in used.values()),
    }
    return used


def placed(link_map: str) -> dict[str, dict[str, int]]:
    """Section -> folder -> bytes. What no file has added to a section is padding: its folders sum up to its size."""
    sections: dict[str, dict[str, int]] = {}
    name = ""
    _, _, memory_map = link_map.partition("\nLinker script and memory map\n")
    for line in re.sub(r"^( ?\.\S+)\n", r"\1", memory_map, flags=re.MULTILINE).splitlines():
        if header := _SECTION.match(line):
            name = header[1]
            sections[name] = defaultdict(int, {PADDING: int(header[2], 16)})
        elif name and (added := _ADDED.match(line)):
            size = int(added[1], 16)
            sections[name][folder_of(added[2])] += size
            sections[name][PADDING] -= size
    return sections


def _read(path: Path, build: Path) -> str:
    try:
        return path.read_text()
    except OSError as error:
        reason = error.strerror or error
        raise InputError(f"{build} must hold a firmware, with {path.name}. Received: {reason}.") from error


def folder_of(path: str) -> str:
    """The folder of micro/ that an object file or a library of the build belongs to."""
    library = re.search(r"libtfodcl_(\w+)\.a|/tfodcl_(\w+)\.dir/", path)
    if library:
        return library[1] or library[2]
    return "ports" if "firmware.dir" in path else OTHERS


def board_of(build: Path) -> str:
    """The board that a build directory is for. Raises InputError where it does not say."""
    found = _BOARD.search(_read(build / "CMakeCache.txt", build))
    if found is None:
        raise InputError(f"{build} must be of a board. Received: a CMakeCache.txt without TFODCL_BOARD.")
    return found[1]


def read_pins(path: Path, board: str) -> dict[str, dict[str, int]]:
    """Folder -> most flash, ram and stack. Raises InputError where the file does not say so for the board."""
    try:
        pins = json.loads(path.read_text())[board]
        return {
            folder: {part: int(parts[part]) for part in ("flash", "ram", "stack")} for folder, parts in pins.items()
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{path} must hold flash, ram and stack by folder of {board}. Received: {error}.") from error


def pin(sizes: dict[str, dict[str, int]], path: Path, board: str) -> None:
    """Puts `sizes`, rounded up to HEADROOM, in the place of the board's pins; those of other boards stay."""
    rounded = {
        folder: {part: -(-size // HEADROOM[part]) * HEADROOM[part] for part, size in parts.items()}
        for folder, parts in sizes.items()
    }
    try:
        pins = json.loads(path.read_text()) if files.is_file(path) else {}
        pins[board] = rounded
    except (OSError, ValueError, TypeError) as error:
        raise InputError(f"{path} must hold sizes by board. Received: {error}.") from error
    boards = []
    for name, folders in pins.items():
        lines = [f"  {json.dumps(folder)}: {json.dumps(parts)}" for folder, parts in folders.items()]
        boards.append(f" {json.dumps(name)}: {{\n" + ",\n".join(lines) + "\n }")
    files.write(path, ("{\n" + ",\n".join(boards) + "\n}\n").encode())


def check(sizes: dict[str, dict[str, int]], pins: dict[str, dict[str, int]]) -> None:
    """Raises InputError where a folder needs more than what is pinned for it, or is not pinned."""
    wrong = [f"{folder} without a pin" for folder in sizes if folder not in pins]
    wrong += [
        f"{folder} {part} {size:,} of {pins[folder][part]:,}"
        for folder, parts in sizes.items()
        if folder in pins
        for part, size in parts.items()
        if size > pins[folder][part]
    ]
    if wrong:
        raise InputError(f"sizes must be at most those pinned. Received: {', '.join(wrong)}.")


if __name__ == "__main__":
    run(main, "size_report")
