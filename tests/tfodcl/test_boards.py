"""The boards of Python are those of the C++ ports: names, regions, geometry of the flash."""

import re
from pathlib import Path

import pytest

from tfodcl import boards
from tfodcl.errors import InputError

MPS2 = Path(__file__).parents[2] / "micro" / "ports" / "mps2"
KB = 1024


@pytest.mark.parametrize("name", boards.BOARDS)
def test_regions_are_those_of_the_linker_script_and_fit_the_chip(name):
    board = boards.find(name)
    found = dict(re.findall(r"^  (\w+) .*LENGTH = (\d+)K$", (MPS2 / f"{name}.ld").read_text(), re.MULTILINE))
    assert board.firmware_bytes == int(found["FIRMWARE"]) * KB
    assert board.package_bytes == int(found["PACKAGE"]) * KB
    assert board.ram_bytes == int(found["RAM"]) * KB
    log_bytes = board.log_geometry.num_blocks * board.log_geometry.erase_block_bytes
    assert board.firmware_bytes + board.package_bytes + log_bytes == board.flash_bytes


def test_the_stack_is_that_of_the_build():
    (stack_bytes,) = re.findall(r"TFODCL_STACK_BYTES (\d+)", (MPS2 / "CMakeLists.txt").read_text())
    assert {board.stack_bytes for board in boards.BOARDS.values()} == {int(stack_bytes)}


@pytest.mark.parametrize("name", boards.BOARDS)
def test_flash_and_ram_are_those_of_the_chip(name):
    board = boards.find(name)
    chips = (MPS2.parent / "chips.h").read_text().replace("'", "")
    begin = chips.index(f'"{board.chip.lower()}"')
    numbers = [int(number) for number in re.findall(r"[ {](\d+)", chips[begin : chips.index(";", begin)])]
    package, log, ram_kb = numbers[0:4], numbers[4:8], numbers[8]
    assert board.package_bytes == package[1] * package[2]
    geometry = board.log_geometry
    assert [geometry.program_unit_bytes, geometry.erase_block_bytes, geometry.num_blocks] == log[:3]
    assert board.ram_bytes == ram_kb * KB


def test_what_speaks_is_described_by_its_name():
    nano = boards.describe("mps2-an386")
    assert (nano.chip, nano.core, nano.machine) == ("nRF52840", "Cortex-M4F", "mps2-an386")
    host = boards.describe("host")
    assert (host.name, host.machine, host.ticks_per_second) == ("host", None, 1_000_000)
    other = boards.describe("my-board")
    assert (other.name, other.machine, other.ticks_per_second) == ("my-board", None, 1_000_000)


@pytest.mark.parametrize("name", ["host", "my-board", ""])
def test_firmware_is_made_for_known_boards_only(name):
    with pytest.raises(InputError, match=f"board must be one of mps2-an500, mps2-an386. Received: '{name}'"):
        boards.find(name)


def test_a_real_board_has_no_emulator():
    real = boards.Target(**{**vars(boards.find("mps2-an386")), "name": "nano33ble", "machine": None})
    with pytest.raises(InputError, match="--qemu needs the firmware of an emulated board. Received: one for nano33ble"):
        assert real.emulator


@pytest.mark.parametrize("name", boards.BOARDS)
def test_a_firmware_says_what_board_it_is_for(name, tmp_path):
    firmware = tmp_path / "firmware.elf"
    firmware.write_bytes(b"\x7fELF" + bytes(100) + name.encode() + b"\0")
    assert boards.of_firmware(firmware) is boards.find(name)


def test_a_file_that_is_no_firmware_is_refused(tmp_path):
    (tmp_path / "empty.elf").write_bytes(b"")
    with pytest.raises(InputError, match=r"empty\.elf must be a firmware for one of .* Received: 0 bytes"):
        boards.of_firmware(tmp_path / "empty.elf")
    with pytest.raises(InputError, match=r"missing\.elf must be a firmware. Received: No such file"):
        boards.of_firmware(tmp_path / "missing.elf")
