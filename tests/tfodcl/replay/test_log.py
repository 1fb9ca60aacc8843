"""The Python log against the C++ one, byte by byte, and against the specification's example."""

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from tfodcl.errors import InputError
from tfodcl.replay.log import Log, LogFullError
from tfodcl.replay.log_format import ForeignLogError, Geometry, Item

ROOT = Path(__file__).parents[3]
OK, FULL, FOREIGN = 0, 23, 24
SHAPES = [
    (32, 512, 4, 96),
    (4, 256, 5, 96),
    (32, 4096, 6, 512),
    (4, 4096, 7, 512),
    (256, 4096, 3, 512),
    (8, 512, 3, 33),
]


def content(size: int, seed: int) -> bytes:
    return bytes((7 * seed + 31 * i) % 256 for i in range(size))


class Script:
    """Carries out what tests/micro/store/script/log_script.cc carries out."""

    def __init__(self, shape: tuple[int, int, int, int]) -> None:
        self.geometry = Geometry(*shape[:3])
        self.batch_bytes = shape[3]
        self.flash = bytearray(b"\xff" * (shape[1] * shape[2]))
        self.item_at: dict[int, int] = {}
        self.contents: dict[int, bytes] = {}
        self.dropped: set[int] = set()
        self.found: list[int] = []

    def on_item(self, item: Item) -> None:
        self.found.append(item.address)

    def is_needed(self, item: Item) -> bool:
        return item.address in self.item_at and self.item_at[item.address] not in self.dropped

    def on_moved(self, item: Item, to: int) -> None:
        self.item_at[to] = self.item_at.pop(item.address)

    def do(self, line: str) -> int:
        name, *arguments = line.split()
        numbers = [int(argument) for argument in arguments]
        try:
            getattr(self, name)(*numbers)
        except LogFullError:
            return FULL
        except ForeignLogError:
            return FOREIGN
        return OK

    def format(self, identity: int) -> None:
        self.boot()
        self.item_at = {}
        self.log.format(identity)

    def mount(self, identity: int) -> None:
        self.boot()
        before, self.found = self.item_at, []
        self.log.mount(identity)
        self.item_at = {address: before[address] for address in self.found if address in before}

    def boot(self) -> None:
        self.log = Log(self.flash, self.geometry, self.batch_bytes, self)

    def append(self, kind: int, size: int, seed: int) -> None:
        self.keep(self.log.append(kind, content(size, seed)), size, seed)

    def now(self, kind: int, size: int, seed: int) -> None:
        self.keep(self.log.append_now(kind, content(size, seed)), size, seed)

    def keep(self, address: int, size: int, seed: int) -> None:
        self.item_at[address] = len(self.contents)
        self.contents[len(self.contents)] = content(size, seed)

    def flush(self) -> None:
        self.log.flush()

    def purge(self) -> None:
        self.log.purge()

    def drop(self, number: int) -> None:
        self.dropped |= {number} & set(self.item_at.values())


@pytest.fixture(scope="session")
def log_script(tmp_path_factory) -> Path:
    if shutil.which("g++") is None:
        pytest.skip("g++ is missing")
    program = tmp_path_factory.mktemp("log_script") / "log_script"
    sources = [*ROOT.glob("micro/store/*.cc"), *ROOT.glob("micro/base/*.cc"), ROOT / "micro/ports/simulated_flash.cc"]
    source = ROOT / "tests/micro/store/script/log_script.cc"
    command = ["g++", "-std=c++17", "-O1", f"-I{ROOT / 'micro'}", source, *sources, "-o", program]
    subprocess.run(command, check=True)
    return program


def run_in_cpp(program: Path, shape: tuple[int, int, int, int], lines: list[str], tmp_path: Path) -> tuple[list, bytes]:
    text = "\n".join([f"geometry {' '.join(map(str, shape))}", *lines]) + "\n"
    done = subprocess.run([program, tmp_path / "image"], input=text, capture_output=True, text=True, check=True)
    return [int(status) for status in done.stdout.split()], (tmp_path / "image").read_bytes()


def random_script(shape: tuple[int, int, int, int], seed: int, num_operations: int) -> list[str]:
    """Sizes of few kinds, so that commits fill; items are dropped about as fast as they come."""
    rng = np.random.default_rng(seed)
    unit, block, _, batch = shape
    largest = block - 4 * max(unit, 32) - 16
    sizes = [22, min(30, batch), batch // 3, batch]
    lines = ["mount 7"]
    num_items = 0
    weights = [50, 3, 8, 30, 2, 1, 1]
    for _ in range(num_operations):
        match rng.choice(7, p=np.array(weights) / sum(weights)):
            case 0:
                kind = int(rng.integers(4))
                lines += [f"append {kind} {sizes[kind]} {rng.integers(256)}"] * int(rng.integers(1, 4))
                num_items += 3
            case 1:
                lines.append(f"now 9 {rng.integers(1, largest)} {rng.integers(256)}")
            case 2:
                lines.append("flush")
            case 3:
                lines += [f"drop {number}" for number in rng.integers(0, num_items + 1, 12)]
            case 4:
                lines.append("mount 7")
            case 5:
                lines.append("purge")
            case 6:
                lines.append(f"mount {rng.integers(7, 9)}")
                lines.append("mount 7")
    return [*lines, "flush"]


@pytest.mark.parametrize("shape", SHAPES)
def test_both_implementations_write_the_same_bytes_for_random_operations(shape, log_script, tmp_path):
    seen = set()
    for seed in range(6):
        lines = random_script(shape, seed, 400)
        script = Script(shape)
        statuses = [script.do(line) for line in lines]
        expected_statuses, expected = run_in_cpp(log_script, shape, lines, tmp_path)
        assert statuses == expected_statuses
        assert bytes(script.flash) == expected
        seen |= set(statuses)
        for address, number in script.item_at.items():
            if number not in script.dropped:
                expected_content = script.contents[number]
                assert script.log.read(address, len(expected_content)) == expected_content
    assert seen >= {OK, FOREIGN}


def example() -> Script:
    """The log of micro/SPEC.md 5.6."""
    script = Script((16, 256, 4, 48))
    script.format(0x01020304)
    items = [(1, "1011121314"), (1, "2021222324"), (2, bytes(range(0x30, 0x44)).hex())]
    assert [script.log.append(kind, bytes.fromhex(item)) for kind, item in items] == [64, 69, 96]
    script.flush()
    return script


def test_the_example_of_the_specification_is_what_is_written():
    chapter = (ROOT / "micro/SPEC.md").read_text().split("### 5.6 Example")[1]
    rows = [line.split("  ")[:2] for line in chapter.split("```")[1].strip().splitlines()]
    expected = b"".join(bytes.fromhex(row[1]) for row in rows)
    assert [int(row[0], 16) for row in rows] == list(range(0, len(expected), 16))
    flash = bytes(example().flash)
    assert flash == expected.ljust(len(flash), b"\xff")


def test_any_flipped_bit_leaves_out_its_commit_and_no_other():
    script = example()
    items = [(64, 69), (96,)]
    for start, end, lost in [(0x30, 0x4A, items[0]), (0x50, 0x74, items[1])]:
        for position in range(start, end):
            for bit in range(8):
                flipped = Script((16, 256, 4, 48))
                flipped.flash[:] = script.flash
                flipped.flash[position] ^= 1 << bit
                flipped.mount(0x01020304)
                assert tuple(flipped.found) == (items[1] if lost == items[0] else items[0])


def test_an_item_of_no_bytes_or_too_many_is_refused():
    script = example()
    for size in (0, 49):
        with pytest.raises(InputError, match=f"1..48 bytes. Received: {size}."):
            script.log.append(1, bytes(size))
    for size in (0, 161):
        with pytest.raises(InputError, match=f"1..160 bytes. Received: {size}."):
            script.log.append_now(1, bytes(size))
    assert script.log.append_now(1, bytes(160)) == 256 + 32 + 16


def test_another_geometry_is_told_from_no_log():
    flash = example().flash
    owner = Script((16, 256, 4, 48))
    with pytest.raises(ForeignLogError, match="Received: \\(1, 4, 4, 256\\)"):
        Log(flash, Geometry(32, 256, 4), 48, owner).mount(0x01020304)
    assert flash == example().flash


@pytest.mark.parametrize("shape", [(2, 256, 4), (512, 1024, 4), (24, 240, 4), (16, 250, 4), (16, 0, 4), (16, 256, 2)])
def test_geometries_that_no_log_can_have_are_refused(shape):
    with pytest.raises(InputError, match="3..65,535 blocks of whole program units"):
        Geometry(*shape)
