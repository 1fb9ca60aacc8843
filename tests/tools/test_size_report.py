"""Sizes against GNU size, and against pins."""

import json
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PINS = ROOT / "tests" / "regression" / "sizes.json"
STACK_BYTES = 8192
FOLDERS = {"base", "batch_learner", "codec", "encoder_builtin", "kernels", "learner", "package", "ports", "serial"}
FOLDERS |= {"stage", "store", "training"}


def sections(firmware: Path) -> dict[str, int]:
    """Section -> bytes, by GNU size."""
    printed = subprocess.run(["arm-none-eabi-size", "-A", firmware], capture_output=True, text=True, check=True).stdout
    lines = [line.split() for line in printed.splitlines()[2:] if line.startswith(".")]
    return {name: int(size) for name, size, _ in lines}


def rows(printed: str) -> dict[str, tuple[int, ...]]:
    """Folder -> flash, RAM, stack."""
    lines = [line.split() for line in printed.splitlines()[1:]]
    return {folder: tuple(int(size.replace(",", "")) for size in sizes) for folder, *sizes in lines}


@pytest.mark.parametrize("board", ["mps2-an500", "mps2-an386"])
def test_the_folders_add_up_to_what_gnu_size_says(board, build_firmware, run_tool):
    build = build_firmware(board).parent
    done = run_tool("size_report", build)
    assert done.returncode == 0, done.stderr
    folders = rows(done.stdout)
    flash, ram, stack = folders.pop("all")
    assert set(folders) == {*FOLDERS, "padding", "simulated_flash", "toolchain"}
    assert [sum(sizes[i] for sizes in folders.values()) for i in (0, 1)] == [flash, ram]
    assert max(sizes[2] for sizes in folders.values()) == stack
    found = sections(build / "firmware.elf")
    assert found.pop(".stack") == STACK_BYTES
    assert flash == found[".text"] + found[".ARM.exidx"] + found[".data"]
    assert ram == found[".data"] + found[".bss"]
    others = found.keys() - {".text", ".ARM.exidx", ".data", ".bss", ".package", ".comment", ".ARM.attributes"}
    assert all(name.startswith(".debug") for name in others)  # nothing of the firmware is left out
    assert 0 < folders["padding"][0] < 256 and folders["kernels"][0] > 1000 and folders["ports"][1] > 1000


def test_a_package_that_is_carried_does_not_count(build_firmware, run_tool, folder):
    bare = run_tool("size_report", build_firmware("mps2-an386").parent).stdout
    build = build_firmware("mps2-an386", folder / "model.tfodcl").parent
    assert sections(build / "firmware.elf")[".package"] == (folder / "model.tfodcl").stat().st_size
    assert run_tool("size_report", build).stdout == bare


def test_a_folder_above_its_pin_and_one_without_are_named(build_firmware, refuse_check):
    build = build_firmware("mps2-an386").parent
    pins = json.loads(PINS.read_text())
    before = {**pins["mps2-an386"]["kernels"]}
    pins["mps2-an386"]["kernels"] = {**before, "flash": 100}
    del pins["mps2-an386"]["store"]
    error = refuse_check(build, json.dumps(pins))
    assert "store without a pin, " in error and error.endswith(" of 100.\n")
    assert "kernels flash " in error and error.count(" of ") == 1


def test_what_is_pinned_is_a_little_more_and_leaves_other_boards_alone(build_firmware, run_tool, tmp_path):
    build, path = build_firmware("mps2-an386").parent, tmp_path / "pins.json"
    path.write_text('{"other": {"base": {"flash": 7, "ram": 0, "stack": 0}}}')
    done = run_tool("size_report", build, "--pin", path)
    assert done.returncode == 0, done.stderr
    pins = json.loads(path.read_text())
    assert pins["other"] == {"base": {"flash": 7, "ram": 0, "stack": 0}}
    for folder, sizes in rows(done.stdout).items():
        for part, size, step in zip(("flash", "ram", "stack"), sizes, (256, 64, 64), strict=True):
            assert pins["mps2-an386"][folder][part] % step == 0
            assert 0 <= pins["mps2-an386"][folder][part] - size < step
    assert run_tool("size_report", build, "--check", path).returncode == 0


@pytest.mark.parametrize(
    "content", ["not json", "[]", "{}", '{"mps2-an386": []}', '{"mps2-an386": {"base": {"flash": 1, "ram": 0}}}']
)
def test_pins_that_are_none_are_one_line(content, build_firmware, refuse_check):
    error = refuse_check(build_firmware("mps2-an386").parent, content)
    assert "pins.json must hold flash, ram and stack by folder of mps2-an386. Received: " in error


def test_a_folder_without_a_firmware_is_one_line(refuse, tmp_path):
    assert f"{tmp_path} must hold a firmware, with firmware.map." in refuse("size_report", tmp_path)


@pytest.fixture
def refuse_check(run_tool, tmp_path):
    """Checks a build against pins that it does not keep: the one line on stderr."""

    def check(build: Path, pins: str) -> str:
        (tmp_path / "pins.json").write_text(pins)
        done = run_tool("size_report", build, "--check", tmp_path / "pins.json")
        assert done.returncode == 2 and done.stderr.startswith("size_report: error: ")
        assert done.stderr.count("\n") == 1
        return done.stderr

    return check
