"""The command as a person types it, up to a board that boots what it made."""

import contextlib
import dataclasses
import re
import shutil

import numpy as np
import pytest

from tests.tools.conftest import LATENT_DIM, convert, with_encoder
from tfodcl import boards, container
from tfodcl import package as packages
from tfodcl.device.device import Device
from tfodcl.device.line import Line
from tfodcl.device.qemu import emulate

NOTHING_BUILDS = {"PATH": "/nonexistent"}
POINTER_BYTES = 64  # the most that the encoder's pointers take more on this computer than on a board


def table(printed: str, name: str) -> dict[str, int]:
    """Part -> bytes of the table `name`, whose sum is in its first line."""
    first, *lines = printed[printed.index(f"\n{name}: ") + 1 :].splitlines()
    parts = {}
    for line in lines:
        if not (part := re.fullmatch(r"  (\S.*?) +([\d,]+)", line)):
            break
        parts[part[1]] = int(part[2].replace(",", ""))
    assert int(first.split()[1].replace(",", "")) == sum(parts.values())
    return parts


@pytest.mark.parametrize("name", boards.BOARDS)
def test_the_firmware_carries_the_package_and_takes_the_memory_that_the_table_says(name, folder, run_tool):
    done = run_tool("export_micro", folder, "--board", name)
    assert done.returncode == 0, done.stderr
    content = (folder / "model.tfodcl").read_bytes()
    board = boards.find(name)
    ram, flash = table(done.stdout, "RAM"), table(done.stdout, "flash")
    assert set(ram) == {"encoder", "head", "index, log, replays", "stack", "static data"}
    assert set(flash) == {"encoder", "codec", "plan", "rest of the package", "log", "firmware"}
    assert flash["encoder"] + flash["codec"] + flash["plan"] + flash["rest of the package"] == len(content)
    assert f"package:  {folder / 'model.tfodcl'}\nfirmware: {folder / name}.elf\n" in done.stdout
    assert {path.name for path in folder.iterdir()} == {"model.tfodcl", f"{name}.elf"}

    with emulate(board.emulator, folder / f"{name}.elf") as url, contextlib.closing(Line(url)) as line:
        device = Device(line)
        info = device.begin_session()
        device.add_class("first")
        statistics = device.statistics()
    assert (info.board, info.learner_status, info.package_source) == (name, 0, 2)
    assert (info.package_identity, info.package_bytes) == (container.identity(content), len(content))
    in_table = ram["encoder"] + ram["head"] + ram["index, log, replays"]
    assert 0 <= in_table - statistics.arena_used_bytes <= POINTER_BYTES
    assert statistics.stack_bytes == ram["stack"]
    assert info.arena_bytes == board.ram_bytes - ram["stack"] - ram["static data"]
    assert info.max_payload_bytes >= board.sample_bytes + 3  # EVALUATE has a label and flags before it


def test_a_package_that_is_fitted_lies_beside_the_firmware_that_carries_it(folder, package, run_tool):
    old = dataclasses.replace(package, plan=b"")
    packages.write(folder / "model.tfodcl", old)
    out = folder / "nano" / "firmware.elf"
    done = run_tool(
        "export_micro", folder, "--board", "mps2-an386", "--capacity", 3, "--replay-bytes", 500, "--out", out
    )
    assert done.returncode == 0, done.stderr
    fitted = packages.read(out.parent / "model.tfodcl")
    assert (fitted.learning.capacity, fitted.learning.replay_budget_bytes) == (3, 500)
    assert fitted.info["protocol"] == {**package.info["protocol"], "num_classes": 3}  # 4 before
    assert fitted.plan == package.plan
    assert packages.read(folder / "model.tfodcl").plan == b""
    assert (out.parent / "model.tfodcl").read_bytes() in out.read_bytes()
    record_bytes = 2 + package.codec.payload_bytes
    assert f"records: {500 // record_bytes}, of {record_bytes} bytes" in done.stdout


@pytest.mark.parametrize(
    "options, message",
    [
        (["--board", "esp32"], "board must be one of mps2-an500, mps2-an386. Received: 'esp32'."),
        (["--board", "host"], "board must be one of mps2-an500, mps2-an386. Received: 'host'."),
        ([], "the following arguments are required: --board"),
        (["--board", "mps2-an386", "--capacity", "0"], "--capacity must be a whole number in 1..65536. Received: 0."),
        (["--board", "mps2-an386", "--capacity", "65537"], "in 1..65536. Received: 65537."),
        (["--board", "mps2-an386", "--replay-bytes", "0"], "--replay-bytes must be a whole number in 1..4294967295."),
        (["--board", "mps2-an386", "--replay-bytes", "4294967296"], "Received: 4294967296."),
        (["--board", "mps2-an386", "--replay-bytes", "many"], "Received: many."),
        (["--board", "mps2-an386", "--capacity", "5"], "--out must lie in another folder than the package"),
    ],
)
def test_a_wrong_option_is_one_line(options, message, folder, refuse):
    assert message in refuse("export_micro", folder, *options)
    assert [path.name for path in folder.iterdir()] == ["model.tfodcl"]


def test_a_budget_without_a_record_of_every_class_is_refused(folder, package, tmp_path, refuse):
    record_bytes = 2 + package.codec.payload_bytes
    options = ["--board", "mps2-an386", "--out", tmp_path / "o.elf", "--replay-bytes"]
    error = refuse("export_micro", folder, *options, 4 * record_bytes)
    assert f"a record of {record_bytes} bytes of each of 6 classes (--capacity). Received: room for 4." in error
    error = refuse("export_micro", folder, *options, record_bytes - 1)
    assert f"a record of {record_bytes} bytes of each of 6 classes (--capacity). Received: room for 0." in error


@pytest.mark.parametrize("tool", ["export_micro", "serial_eval"])
def test_a_package_of_aim_is_refused_before_anything_is_built_or_asked(tool, folder, package, tmp_path, refuse):
    aim = dataclasses.replace(package, adaptive={"keys": np.zeros((4, 32), np.float32)})
    packages.write(tmp_path / "aim" / "model.tfodcl", aim)
    where = ("--board", "mps2-an386") if tool == "export_micro" else ("--port", "socket://127.0.0.1:1")
    error = refuse(tool, tmp_path / "aim", *where)
    assert "boards train a linear head, or a network of convolutions. Received: " in error and "AIM, keys." in error
    assert [path.name for path in (tmp_path / "aim").iterdir()] == ["model.tfodcl"]


def test_a_folder_without_a_package_is_one_line(tmp_path, refuse):
    assert f"{tmp_path / 'nothing' / 'model.tfodcl'} must be" in refuse(
        "export_micro", tmp_path / "nothing", "--board", "mps2-an386"
    )
    (tmp_path / "model.tfodcl").write_text("no package")
    assert "a package must begin with" in refuse("export_micro", tmp_path, "--board", "mps2-an386")


def test_a_package_that_is_too_large_is_named_by_its_parts(folder, package, refuse):
    tflite = package.encoder + bytes(500_000)
    packages.write(folder / "model.tfodcl", with_encoder(package, tflite))
    total = len((folder / "model.tfodcl").read_bytes())
    error = refuse("export_micro", folder, "--board", "mps2-an386")
    assert "the package's flash must be at most 458,752 bytes." in error
    assert f"Received: {total:,}, of which encoder {len(tflite):,}, " in error
    assert [path.name for path in folder.iterdir()] == ["model.tfodcl"]


def test_a_head_beyond_the_ram_is_named_before_anything_is_built(folder, tmp_path, refuse):
    error = refuse(
        "export_micro", folder, "--board", "mps2-an500", "--capacity", 5000, "--out", tmp_path / "o.elf",
        **NOTHING_BUILDS,
    )  # fmt: skip
    head = 5001 * LATENT_DIM * 4
    assert (
        f"RAM must be at most 524,288 bytes. Received: {head + 8192:,}, of which head {head:,}, stack 8,192." in error
    )


def test_checkpoints_beyond_the_log_are_named_before_anything_is_built(folder, tmp_path, refuse):
    error = refuse(
        "export_micro", folder, "--board", "mps2-an386", "--capacity", 1800, "--out", tmp_path / "o.elf",
        **NOTHING_BUILDS,
    )  # fmt: skip
    assert f"the log's flash must be at most 393,216 bytes. Received: {461_056 + 1800 * 12:,}" in error
    assert f"two checkpoints {2 * 1801 * LATENT_DIM * 4:,}" in error


def test_activations_beyond_the_ram_are_named(folder, package, glyphs, refuse):
    wide = convert(glyphs, num_filters=400, pool=13)
    packages.write(folder / "model.tfodcl", with_encoder(package, wide))
    error = refuse("export_micro", folder, "--board", "mps2-an386")
    found = re.search(r"RAM must be at most 262,144 bytes. Received: ([\d,]+), of which encoder ([\d,]+), ", error)
    assert found is not None, error
    assert int(found[2].replace(",", "")) >= 26 * 26 * 400 + 28 * 28


def test_a_sample_beyond_the_serial_line_is_refused(folder, package, refuse):
    large = convert(np.zeros((16, 64, 64, 1), np.uint8), num_filters=1, pool=62)
    packages.write(folder / "model.tfodcl", with_encoder(package, large))
    error = refuse("export_micro", folder, "--board", "mps2-an386", **NOTHING_BUILDS)
    assert "a sample over the serial line must be at most 4,000 bytes. Received: 4,096, of which input 4,096." in error


@pytest.mark.parametrize("missing", ["cmake", "arm-none-eabi-g++"])
def test_a_missing_program_is_named(missing, folder, refuse, tmp_path):
    present = tmp_path / "bin"
    present.mkdir()
    for tool in {"cmake", "ninja", "g++", "arm-none-eabi-g++"} - {missing}:
        found = shutil.which(tool)
        assert found is not None
        (present / tool).symlink_to(found)
    error = refuse("export_micro", folder, "--board", "mps2-an386", PATH=str(present))
    assert "cmake, ninja, g++, arm-none-eabi-g++ must be installed" in error
    assert f"Received: no {missing}." in error


def test_what_cmake_refuses_is_one_line(folder, refuse, tmp_path):
    error = refuse("export_micro", folder, "--board", "mps2-an386", "--tflm-root", tmp_path)
    assert "TFODCL_TFLM_ROOT must hold one libtensorflow-microlite.a. Received: 0." in error
