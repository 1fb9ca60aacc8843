"""The host program: its command line, its line and its flash."""

import dataclasses
import json
import struct
import subprocess
import zlib

import numpy as np
import pytest
from cobs import cobs

from tests.micro.ports.conftest import learn_batch
from tfodcl import package
from tfodcl.device.device import BatchProgress
from tfodcl.device.status import BoardError, BoardRestarted, Status
from tfodcl.replay import items
from tfodcl.replay.log import Geometry

NO_PACKAGE = Status.NO_PACKAGE


def frame(command: int, sequence: int, payload: bytes) -> bytes:
    body = struct.pack("<BBH", 1, command, sequence) + payload
    return cobs.encode(body + struct.pack("<I", zlib.crc32(body))) + b"\0"


def bodies(sent: bytes) -> list[bytes]:
    *frames, rest = sent.split(b"\0")
    assert rest == b""
    decoded = [cobs.decode(one) for one in frames]
    for body in decoded:
        assert struct.unpack("<I", body[-4:]) == (zlib.crc32(body[:-4]),)
    return [body[:-4] for body in decoded]


def test_it_speaks_on_standard_input_and_output_until_the_input_ends(host_program):
    damaged = bytearray(frame(0x02, 8, b""))
    damaged[3] ^= 1
    asked = frame(0x01, 7, struct.pack("<I", 99)) + bytes(damaged) + frame(0x25, 8, b"") * 2 + frame(0x25, 10, b"")
    result = subprocess.run([host_program], input=asked, capture_output=True, timeout=30)
    assert (result.returncode, result.stderr) == (0, b"")
    info, *others = bodies(result.stdout)
    assert info[:8] == struct.pack("<BBHBBBB", 1, 0x81, 7, 0, 0, NO_PACKAGE, 0)
    assert others == [
        struct.pack("<BBHBB", 1, 0x80, 0xFFFF, Status.CORRUPT_FRAME, 0),
        struct.pack("<BBHBB", 1, 0xA5, 8, NO_PACKAGE, 0),
        struct.pack("<BBHBB", 1, 0xA5, 8, NO_PACKAGE, 0),
        struct.pack("<BBHBB", 1, 0xA5, 10, Status.OUT_OF_SEQUENCE, 0),
    ]


@pytest.mark.parametrize(
    "chip, sizes",
    [("stm32h747", (1280, 128, 32, 640, 128, 32)), ("nrf52840", (448, 4, 4, 384, 4, 4))],
)
def test_it_has_the_flash_of_the_chip(chip, sizes, start_host, connect):
    info = connect(start_host("--geometry", chip, "--arena", 5000)[0]).begin_session()
    region, block, unit, log_region, log_block, log_unit = sizes
    assert (info.package_region_bytes, info.package_block_bytes) == (region * 1024, block * 1024)
    assert (info.log_region_bytes, info.log_block_bytes) == (log_region * 1024, log_block * 1024)
    assert (info.package_unit_bytes, info.log_unit_bytes) == (unit, log_unit)
    assert (info.board, info.encoder, info.arena_bytes) == ("host", "builtin", 5000)
    assert (info.learner_status, info.package_source) == (NO_PACKAGE, 0)


def test_a_killed_board_has_what_was_durable(start_host, connect, tmp_path, package_file, samples):
    options = ["--flash", tmp_path / "flash.bin", "--geometry", "nrf52840"]
    url, process = start_host(*options)
    board = connect(url)
    board.load_package(package_file.read_bytes(), board.begin_session(), lambda _: None)
    label, _ = board.add_class("kept")
    board.learn(label, samples[0, 0])
    board.end_class(label, lambda *_: None)
    board.learn(label, samples[0, 1])
    process.kill()
    process.wait()
    again = connect(start_host(*options)[0])
    info = again.begin_session()
    assert (info.learner_status, info.package_source, info.num_records) == (0, 1, 1)
    (known,) = again.classes(info)
    assert (known.name, known.num_learnt) == ("kept", 1)


def test_a_load_that_was_interrupted_goes_on_where_it_stopped(start_host, connect, tmp_path, package_file):
    options = ["--flash", tmp_path / "flash.bin", "--geometry", "nrf52840"]
    content = package_file.read_bytes() + bytes(range(256)) * 64
    url, process = start_host(*options)
    board, done = connect(url), []

    def kill_in_the_middle(num_bytes: int) -> None:
        done.append(num_bytes)
        if len(done) == 2:
            process.kill()
            raise InterruptedError

    with pytest.raises(InterruptedError):
        board.load_package(content, board.begin_session(), kill_in_the_middle)
    again = connect(start_host(*options)[0])
    again.load_package(content, again.begin_session(), lambda _: None)
    assert again.statistics().commands["PACKAGE_ERASE"].count == -(-len(content) // 4096) - 2
    assert again.begin_session().learner_status == 0


def test_reboot_ends_the_session_and_keeps_the_flash(start_host, connect, tmp_path, package_file):
    board = connect(start_host("--flash", tmp_path / "flash.bin", "--package", package_file)[0])
    board.begin_session()
    board.add_class("kept")
    board.reboot()
    with pytest.raises(BoardRestarted):
        board.save()
    assert board.begin_session().num_classes == 1


def test_the_log_of_another_package_needs_a_reset(start_host, connect, tmp_path, package_file):
    options = ["--flash", tmp_path / "flash.bin", "--geometry", "nrf52840"]
    url, process = start_host(*options, "--package", package_file)
    board = connect(url)
    board.begin_session()
    board.add_class("of the first package")
    process.kill()
    process.wait()
    other = tmp_path / "other.tfodcl"
    other.write_bytes(package_with_another_capacity(package_file.read_bytes()))
    board = connect(start_host(*options, "--package", other)[0])
    assert board.begin_session().learner_status == Status.FOREIGN_LOG
    with pytest.raises(BoardError):
        board.add_class("refused")
    board.reset()
    info = board.begin_session()
    assert (info.learner_status, info.num_classes) == (0, 0)
    board.add_class("of the second package")


def package_with_another_capacity(content: bytes) -> bytes:
    found = package.from_bytes(content)
    return package.to_bytes(dataclasses.replace(found, learning=dataclasses.replace(found.learning, capacity=4)))


def test_describe_says_what_arena_a_package_takes_to_the_byte(host_program, start_host, connect, package_file):
    run = subprocess.run([host_program, "--describe", package_file], capture_output=True, text=True, check=True)
    described = json.loads(run.stdout)
    assert described["status"] == 0
    assert described["parts"].keys() == {"encoder", "learner"}
    assert sum(described["parts"].values()) == described["arena_bytes"]
    for missing, status in ((0, 0), (1, Status.ARENA_TOO_SMALL)):
        arena = described["arena_bytes"] - missing
        board = connect(start_host("--package", package_file, "--arena", arena)[0])
        assert board.begin_session().learner_status == status
        if status == 0:
            assert board.statistics().arena_used_bytes == arena


def test_training_batches_are_learnt_and_survive_the_end_of_the_program(
    start_host, connect, package_with_network, samples, tmp_path
):
    options = ("--package", package_with_network, "--flash", tmp_path / "flash")
    url, process = start_host(*options)
    board = connect(url)
    info = board.begin_session()
    assert info.learner_status == Status.OK
    learn_batch(board, "ab", samples[:2])
    learn_batch(board, "c", samples[2:])
    board.learn(0, samples[0, 0])
    rows = [board.row(label, 6) for label in range(3)]
    geometry = Geometry(info.log_unit_bytes, info.log_block_bytes, info.log_region_bytes // info.log_block_bytes)
    found, num_values = package.read(package_with_network), 8 * 6 + 4 * 6 + 6 * 5
    most = items.max_batch_records(found.learning.replay_budget_bytes, 5, num_values, found.codec, geometry)
    assert board.batch() == BatchProgress(num_batches=2, num_new=1, max_new=8, max_records=most)
    process.kill()
    process.wait()
    again = connect(start_host(*options)[0])
    again.begin_session()
    assert again.batch() == BatchProgress(num_batches=2, num_new=0, max_new=8, max_records=most)
    np.testing.assert_array_equal([again.row(label, 6) for label in range(3)], rows)
    assert again.get_class(2).num_records == 4


def test_describe_says_what_training_batches_take_part_by_part(host_program, start_host, connect, package_with_network):
    run = subprocess.run([host_program, "--describe", package_with_network], capture_output=True, text=True, check=True)
    described = json.loads(run.stdout)
    assert described["parts"]["velocities"] == 4 * (8 * 6 + 2 * 6 + 6 * 5) + 8  # to a multiple of 16
    assert sum(described["parts"].values()) == described["arena_bytes"]
    board = connect(start_host("--package", package_with_network, "--arena", described["arena_bytes"])[0])
    assert board.begin_session().learner_status == Status.OK
    assert board.statistics().arena_used_bytes == described["arena_bytes"]


def test_layers_without_a_kernel_are_refused_by_name(
    host_program, start_host, connect, package_file, package_with_network
):
    learnt = package.read(package_with_network)
    section = bytearray(learnt.network)
    section[32] = 6  # the kind of the first layer
    path = package_with_network
    path.write_bytes(package.to_bytes(dataclasses.replace(learnt, network=bytes(section))))
    run = subprocess.run([host_program, "--describe", path], capture_output=True, text=True, check=True)
    assert json.loads(run.stdout)["status"] == Status.UNSUPPORTED_NETWORK
    board = connect(start_host("--package", package_file)[0])
    with pytest.raises(BoardError, match="Received: unsupported network"):
        board.load_package(path.read_bytes(), board.begin_session(), lambda _: None)


@pytest.mark.parametrize(
    "arguments",
    [["--geometry", "esp32"], ["--tcp", "x"], ["--tcp", "65536"], ["--package", "missing"], ["--flash", "/"], ["more"]],
)
def test_a_wrong_command_line_is_one_line_and_exit_code_2(arguments, host_program):
    result = subprocess.run([host_program, *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True)
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.startswith("tfodcl_host: error: ") and result.stderr.count("\n") == 1
