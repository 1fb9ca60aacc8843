"""Flash, RAM and stack of a firmware, folder by folder of micro/, from its link map and the compiler's stack usage.

Examples:
  python tools/size_report.py build/mps2-an386
  python tools/size_report.py build/mps2-an386 --check tests/regression/sizes.json

A folder's stack is the largest frame of one of its functions; frames of a chain of calls add up. What a running
firmware used is in the results of serial_eval.py.
"""

import argparse
import json
import re
from collections import defaultdict
from pathlib import Path

from tfodcl.command import Parser, run
from tfodcl.errors import InputError

MAP, OTHERS = "firmware.map", "toolchain"
# A contribution of the link map: section, address, size, file; a long section name has a line of its own.
_ENTRY = re.compile(r"^ (\.[\w.]+)\S*\s+0x[0-9a-f]+\s+0x([0-9a-f]+) (\S+)$", re.MULTILINE)
_FLASH, _RAM = (".text", ".rodata", ".data", ".ARM", ".vectors", ".init_array"), (".data", ".bss")


def main() -> None:
    options = parse()
    sizes = measure(options.build)
    width = max(map(len, sizes))
    print(f"{'folder':{width}} {'flash':>9} {'RAM':>9} {'stack':>9}   bytes")
    for folder, parts in sizes.items():
        print(f"{folder:{width}} {parts['flash']:9,} {parts['ram']:9,} {parts['stack']:9,}")
    if options.check:
        check(sizes, json.loads(options.check.read_text()), options.build.name)


def parse() -> argparse.Namespace:
    summary, _, epilog = (__doc__ or "").partition("\n\n")
    parser = Parser(prog="size_report", description=summary, epilog=epilog)
    parser.add_argument("build", type=Path, metavar="BUILD", help="CMake's build directory of a firmware")
    parser.add_argument("--check", type=Path, metavar="JSON", help="most bytes, by board and folder; more is an error")
    return parser.parse_args()


def measure(build: Path) -> dict[str, dict[str, int]]:
    """Folder -> flash, ram, stack in bytes; `toolchain` is what comes from the compiler's libraries.

    Raises InputError where there is no firmware with its map.
    """
    try:
        text = (build / MAP).read_text()
    except OSError as error:
        raise InputError(f"{build} must hold a firmware and its {MAP}. Received: {error.strerror or error}.") from error
    sizes: dict[str, dict[str, int]] = defaultdict(lambda: {"flash": 0, "ram": 0, "stack": 0})
    placed = text[text.index("Linker script and memory map") :]
    for section, size, path in _ENTRY.findall(re.sub(r"^( \.\S+)\n", r"\1", placed, flags=re.MULTILINE)):
        parts = sizes[folder_of(path)]
        if section.startswith(_FLASH):
            parts["flash"] += int(size, 16)
        if section.startswith(_RAM):
            parts["ram"] += int(size, 16)
    for usage in build.rglob("*.su"):
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


def folder_of(path: str) -> str:
    """The folder of micro/ that an object file or a library of the build belongs to."""
    library = re.search(r"libtfodcl_(\w+)\.a|/tfodcl_(\w+)\.dir/", path)
    if library:
        return library[1] or library[2]
    return "ports" if "firmware.dir" in path else OTHERS


def check(sizes: dict[str, dict[str, int]], pinned: dict, board: str) -> None:
    """Raises InputError where a folder needs more than what is pinned for it, or is not pinned."""
    over = []
    for folder, parts in sizes.items():
        limits = pinned.get(board, {}).get(folder, {})
        over += [
            f"{folder} {part} {size} of {limits.get(part, 0)}"
            for part, size in parts.items()
            if size > limits.get(part, 0)
        ]
    if over:
        raise InputError(f"sizes must be at most those pinned. Received: {', '.join(over)}.")


if __name__ == "__main__":
    run(main, "size_report")
