"""The command as a person types it, against the runtime as a program for this computer, over a cable that fails."""

import contextlib
import dataclasses
import json
import signal
import struct
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.tools import proxy
from tests.tools.conftest import PROTOCOL, RATE, SAMPLES_PER_CLASS
from tests.tools.proxy import Cable
from tfodcl import container
from tfodcl import package as packages
from tfodcl.compress.elias_fano_pq import EliasFanoPqCodec
from tfodcl.data import load
from tfodcl.device.device import Device, Info, LearntClass
from tfodcl.device.line import Line
from tfodcl.report import load_results
from tfodcl.stages.tflite import TfliteEncoder
from tfodcl.streams import class_incremental

NUM_CLASSES, NUM_TESTS = PROTOCOL["num_classes"], 3
# Requests of an undisturbed run, counted from 1: INFO twice, then for each class ADD_CLASS, CLASS, 5 LEARN, END_CLASS
# and SAVE, with EVALUATE after the second and the fourth.
LEARN_FIRST, END_FIRST, LEARN_THIRD, EVALUATE_ALL = 5, 10, 29, 45
WRITE_SECOND_BLOCK = 10  # after INFO; PACKAGE_CHECK, PACKAGE_ERASE and 4 PACKAGE_WRITE of the first; CHECK and ERASE


class HostBoard:
    """The runtime as a program, whose flash survives it."""

    def __init__(self, program: Path, flash: Path, package: Path | None) -> None:
        self._command = [program, "--flash", flash, "--geometry", "nrf52840"]
        self._command += ["--package", package] if package else []
        self._process: subprocess.Popen | None = None
        self._port = "0"
        self.start()

    def start(self) -> None:
        """Where it was before."""
        self._process = subprocess.Popen([*self._command, "--tcp", self._port], stderr=subprocess.PIPE, text=True)
        assert self._process.stderr is not None
        self._port = self._process.stderr.readline().strip().rpartition(":")[2]
        self.url = f"socket://127.0.0.1:{self._port}"

    def kill(self) -> None:
        assert self._process is not None and self._process.stderr is not None
        self._process.kill()
        self._process.wait()
        self._process.stderr.close()

    @contextlib.contextmanager
    def connect(self) -> Iterator[tuple[Device, Info]]:
        with contextlib.closing(Line(self.url)) as line:
            device = Device(line)
            yield device, device.begin_session()

    def read(self) -> tuple[bytes, list[LearntClass]]:
        """The log, and what is learnt."""
        with self.connect() as (device, info):
            return device.log(info), device.classes(info)


@pytest.fixture
def start(micro_tests, tmp_path) -> Iterator[Callable[..., HostBoard]]:
    """Starts a board that carries a package, or none, on the flash of a name."""
    with contextlib.ExitStack() as stack:

        def start_board(package: Path | None = None, flash: str = "flash.bin") -> HostBoard:
            board = HostBoard(micro_tests / "tfodcl_host", tmp_path / flash, package)
            stack.callback(board.kill)
            return board

        yield start_board


@pytest.fixture
def plug() -> Iterator[Callable[..., Cable]]:
    """A cable to a board that fails as the hooks say."""
    with contextlib.ExitStack() as stack:
        yield lambda board, hooks: stack.enter_context(contextlib.closing(Cable(board.url, hooks)))


@pytest.fixture
def evaluate(run_tool, folder) -> Callable[..., dict]:
    """Runs the command to its good end: serial_results.json, as the report's reader gives it."""

    def run(url: str, *options: object) -> dict:
        done = run_tool("serial_eval", folder, "--port", url, "--tests", NUM_TESTS, *options)
        assert done.returncode == 0, done.stderr
        results = load_results(folder / "serial_results.json")
        learnt = results["board"]["commands"].get("LEARN", {"count": 0})["count"]
        assert ("the board was reset while it was taught" in done.stdout) == (learnt < NUM_CLASSES * SAMPLES_PER_CLASS)
        return results

    return run


def heed_interrupts() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # a shell's background job inherits that it is ignored


@pytest.fixture
def interrupt(command, environment, folder, plug, tmp_path) -> Callable[..., None]:
    """Runs the command until SIGINT at a request: it says that the same command resumes."""

    def run(board: HostBoard, request: int, *options: str) -> None:
        started: list[subprocess.Popen] = []

        def stop(_: Cable, frame: bytes) -> bytes:
            started[0].send_signal(signal.SIGINT)
            return frame

        cable = plug(board, {request: stop})
        arguments = command("serial_eval", folder, "--port", cable.url, "--tests", NUM_TESTS, *options)
        with subprocess.Popen(
            arguments, cwd=tmp_path, env=environment, stderr=subprocess.PIPE, text=True, preexec_fn=heed_interrupts
        ) as process:
            started.append(process)
            _, printed = process.communicate(timeout=100)
        assert process.returncode == 130
        assert printed.endswith("serial_eval: interrupted; the same command resumes\n") and "Traceback" not in printed
        cable.close()

    return run


@pytest.fixture(scope="session")
def expected_records(package, data) -> Counter:
    """Label and payload of the record of every sample of the stream -> how often."""
    encoder = TfliteEncoder(package.encoder, reference=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TFODCL_DATA", str(data))
        dataset = load("few_glyphs")
    stream = class_incremental(dataset, "meta_test", *PROTOCOL.values(), seed=0, run=0)
    return Counter(
        struct.pack("<H", task.label) + payload.tobytes()
        for task in stream.tasks
        for payload in package.codec.encode(encoder.encode(task.x))
    )


def check_learnt_once(board: HostBoard, expected: Counter) -> None:
    """Every class has its samples, and the log a record of each of them."""
    log, classes = board.read()
    assert [(one.num_learnt, one.num_records) for one in classes] == [(SAMPLES_PER_CLASS,) * 2] * NUM_CLASSES
    assert {record: log.count(record) for record in expected} == expected


def predictions(folder: Path) -> dict:
    return json.loads((folder / "serial_progress.json").read_text())["predictions"]


def test_a_board_is_taught_tested_and_compared_with_its_twin(start, evaluate, folder, package, expected_records):
    board = start(folder / "model.tfodcl")
    results = evaluate(board.url)
    check_learnt_once(board, expected_records)
    measured = results["board"]
    assert (measured["name"], measured["emulated"], measured["tick_unit"]) == ("host", False, "microseconds")
    assert measured["accuracy"] == measured["twin_accuracy"] and measured["twin_differences"] == [0, 0]
    assert measured["accuracy"][-1] > 1.5 / NUM_CLASSES
    assert measured["package_identity"] == f"{container.identity((folder / 'model.tfodcl').read_bytes()):08x}"
    assert measured["commands"]["LEARN"]["count"] == NUM_CLASSES * SAMPLES_PER_CLASS
    assert measured["commands"]["EVALUATE"]["count"] == (2 + NUM_CLASSES) * NUM_TESTS
    assert measured["flash"]["programmed_bytes"] > measured["flash"]["item_bytes"] > 0
    method = results["methods"]["lifelearner"]
    assert method["num_classes"] == [2, 4] and method["accuracy_mean"] == measured["accuracy"]
    assert method["learning_rate"] == pytest.approx({"inner": RATE, "outer": RATE})
    assert method["replay_bytes"] == NUM_CLASSES * SAMPLES_PER_CLASS * (2 + package.codec.payload_bytes)
    ticks = [measured["commands"][name]["total"] for name in ("ADD_CLASS", "LEARN", "END_CLASS", "SAVE")]
    assert method["learn_seconds"] == pytest.approx(sum(ticks) / 1e6)  # microseconds on the host
    page = (folder / "report.html").read_text()
    assert "host: no chip" in page and "On the board" in page


def test_a_board_whose_records_have_sequences_agrees_with_its_twin(start, evaluate, folder, package, glyphs):
    latents = TfliteEncoder(package.encoder).encode(glyphs)
    codec = EliasFanoPqCodec.fit(latents, package.latent_zero_point, num_kept=8, subvector_dim=4, num_centroids=32)
    packages.write(folder / "model.tfodcl", dataclasses.replace(package, codec=codec))
    results = evaluate(start(folder / "model.tfodcl").url)
    measured = results["board"]
    assert measured["accuracy"] == measured["twin_accuracy"] and measured["twin_differences"] == [0, 0]
    assert measured["accuracy"][-1] > 1.5 / NUM_CLASSES
    assert results["methods"]["lifelearner"]["bytes_per_record"] == 2 + 1 + 3 + 2  # 8 of 32: label, low, high, codes


def test_a_damaged_cable_changes_no_byte(start, plug, evaluate, folder):
    sound = start(folder / "model.tfodcl", "sound.bin")
    undisturbed = evaluate(sound.url)["board"]
    expected = predictions(folder)
    board = start(folder / "model.tfodcl", "disturbed.bin")
    hooks = {
        1: proxy.unplug_after,
        4: proxy.unplug_within,
        7: proxy.unplug_before,
        LEARN_FIRST + 4: proxy.unplug_after,
        LEARN_FIRST + 6: proxy.corrupt_request,
        END_FIRST + 5: proxy.unplug_after,  # END_CLASS itself or a neighbour, as repetitions count
        END_FIRST + 6: proxy.unplug_after,
        END_FIRST + 7: proxy.unplug_after,
        LEARN_THIRD: proxy.corrupt_reply,
        EVALUATE_ALL + 14: proxy.unplug_after,
        EVALUATE_ALL + 17: proxy.unplug_within,
    }
    cable = plug(board, hooks)
    disturbed = evaluate(cable.url)["board"]
    assert cable.num_requests > 57 + len(hooks) - 2
    assert predictions(folder) == expected
    assert board.read() == sound.read()
    for name in ("LEARN", "ADD_CLASS", "END_CLASS", "SAVE", "EVALUATE"):
        assert disturbed["commands"][name]["count"] == undisturbed["commands"][name]["count"]
    assert disturbed["flash"] == undisturbed["flash"]


@pytest.mark.parametrize("request_number", [LEARN_FIRST + 3, END_FIRST + 1, EVALUATE_ALL + 5])
def test_a_board_that_is_killed_goes_on_and_learns_every_sample_once(
    request_number, start, plug, evaluate, folder, expected_records
):
    board = start(folder / "model.tfodcl")

    def kill(cable: Cable, frame: bytes) -> None:
        cable.send(frame)
        board.kill()
        board.start()

    results = evaluate(plug(board, {request_number: kill}).url)
    check_learnt_once(board, expected_records)
    assert len(results["board"]["accuracy"]) == 2
    assert [len(predictions(folder)[point]) for point in ("2", "4")] == [2 * NUM_TESTS, 4 * NUM_TESTS]


@pytest.mark.parametrize("request_number", [2, LEARN_THIRD, EVALUATE_ALL + 12])
def test_a_board_that_reboots_goes_on_and_learns_every_sample_once(
    request_number, start, plug, evaluate, folder, expected_records
):
    board = start(folder / "model.tfodcl")

    def reboot(cable: Cable, frame: bytes) -> None:
        cable.unplug()
        with board.connect() as (device, _):
            device.reboot()

    evaluate(plug(board, {request_number: reboot}).url)
    check_learnt_once(board, expected_records)


@pytest.mark.parametrize("request_number", [LEARN_FIRST + 3, EVALUATE_ALL + 5])
def test_interrupted_the_same_command_resumes(request_number, start, interrupt, evaluate, folder, expected_records):
    board = start(folder / "model.tfodcl")
    interrupt(board, request_number)
    measured = evaluate(board.url)["board"]
    check_learnt_once(board, expected_records)
    assert measured["accuracy"] == measured["twin_accuracy"] and measured["twin_differences"] == [0, 0]
    assert measured["commands"]["LEARN"]["count"] == NUM_CLASSES * SAMPLES_PER_CLASS


def test_a_second_run_teaches_and_tests_nothing(start, evaluate, folder):
    board = start(folder / "model.tfodcl")
    first = evaluate(board.url)["board"]
    log = board.read()
    second = evaluate(board.url)["board"]
    assert board.read() == log
    assert second["accuracy"] == first["accuracy"]
    for name in ("LEARN", "END_CLASS", "SAVE", "EVALUATE"):
        assert second["commands"][name]["count"] == first["commands"][name]["count"]


def test_a_board_with_other_classes_needs_reset(start, evaluate, refuse, folder, expected_records):
    board = start(folder / "model.tfodcl")
    with board.connect() as (device, _):
        device.add_class("stranger")
    error = refuse("serial_eval", folder, "--port", board.url)
    assert "--reset erases what it knows. Received: stranger." in error
    evaluate(board.url, "--reset")
    check_learnt_once(board, expected_records)


def test_a_board_that_was_tested_elsewhere_needs_reset(start, evaluate, refuse, folder):
    board = start(folder / "model.tfodcl")
    evaluate(board.url)
    (folder / "serial_progress.json").unlink()
    error = refuse("serial_eval", folder, "--port", board.url, "--tests", NUM_TESTS)
    assert "tested by this command after 2 classes; --reset begins anew. Received: a board that has learnt 4." in error
    evaluate(board.url, "--reset")


def test_another_package_needs_load_and_load_puts_it_there(start, evaluate, refuse, folder, package, tmp_path):
    other = tmp_path / "other.tfodcl"
    packages.write(other, dataclasses.replace(package, learning=dataclasses.replace(package.learning, capacity=5)))
    board = start(other)
    with board.connect() as (device, info):
        device.add_class("of the other package")
    error = refuse("serial_eval", folder, "--port", board.url)
    assert f"--load puts it there. Received: {info.package_identity:08x}." in error
    measured = evaluate(board.url, "--load")["board"]
    assert measured["package_identity"] == f"{container.identity((folder / 'model.tfodcl').read_bytes()):08x}"
    assert measured["accuracy"] == measured["twin_accuracy"]
    assert evaluate(board.url)["board"]["accuracy"] == measured["accuracy"]


def test_a_board_without_a_package_is_told_so(start, refuse, folder):
    assert "--load puts it there. Received: none." in refuse("serial_eval", folder, "--port", start().url)


def test_a_load_that_was_interrupted_goes_on_where_it_stopped(start, interrupt, evaluate, folder):
    num_blocks = -(-(folder / "model.tfodcl").stat().st_size // 4096)
    assert num_blocks > 1
    board = start()
    interrupt(board, WRITE_SECOND_BLOCK, "--load")
    commands = evaluate(board.url, "--load")["board"]["commands"]
    assert commands["PACKAGE_ERASE"]["count"] == num_blocks + 1  # the interrupted one again
    assert commands["PACKAGE_START"]["count"] == 1


def test_a_board_that_is_killed_while_it_is_loaded_goes_on(start, plug, evaluate, folder, expected_records):
    board = start()

    def kill(cable: Cable, frame: bytes) -> None:
        board.kill()
        board.start()

    evaluate(plug(board, {WRITE_SECOND_BLOCK: kill}).url, "--load")
    check_learnt_once(board, expected_records)


def test_an_emulated_board_with_an_exported_firmware_is_taught_and_agrees_with_its_twin(run_tool, folder):
    assert run_tool("export_micro", folder, "--board", "mps2-an386").returncode == 0
    arguments = [folder, "--qemu", folder / "mps2-an386.elf", "--classes", 2, "--samples", 2, "--tests", NUM_TESTS]
    done = run_tool("serial_eval", *arguments, "--eval-every", 1)
    assert done.returncode == 0, done.stderr
    measured = load_results(folder / "serial_results.json")["board"]
    assert (measured["name"], measured["emulated"], measured["chip"]) == ("mps2-an386", True, "nRF52840")
    assert measured["twin_differences"] == [0, 0]
    assert measured["tick_unit"] == "emulated instructions" and measured["parts"]["inference"]["total"] > 0
    assert 0 < measured["memory"]["stack_used_bytes"] < measured["memory"]["stack_bytes"]


@pytest.mark.parametrize(
    "options, message",
    [
        ([], "one of the arguments --port --qemu is required"),
        (["--port", "/dev/no_such_port"], "a board must be connected at /dev/no_such_port"),
        (["--port", "nonsense://1"], "a board must be connected at nonsense://1"),
        (["--qemu", "nothing.elf"], "nothing.elf must be a firmware. Received: No such file"),
        (["--port", "x", "--classes", "7"], "--classes must be a whole number in 1..6. Received: 7."),
        (["--port", "x", "--samples", "0"], "--samples must be a whole number in 1..65536. Received: 0."),
        (["--port", "x", "--samples", "4000"], "Received: samples_per_class=4000."),
        (["--port", "x", "--eval-every", "-1"], "--eval-every must be a whole number"),
        (["--port", "x", "--tests", "some"], "--tests must be a whole number"),
        (["--port", "x", "--run", "-1"], "--run must be a whole number"),
    ],
)
def test_a_wrong_option_is_one_line(options, message, folder, refuse):
    assert message in refuse("serial_eval", folder, *options)


def test_a_package_without_what_a_run_needs_is_one_line(folder, package, refuse):
    packages.write(folder / "model.tfodcl", dataclasses.replace(package, info={}))
    assert "info must hold recipe, as tfodcl.train writes it" in refuse("serial_eval", folder, "--port", "x")


def test_a_firmware_of_no_board_is_one_line(folder, refuse, tmp_path):
    (tmp_path / "firmware.elf").write_bytes(np.zeros(100, np.uint8).tobytes())
    error = refuse("serial_eval", folder, "--qemu", tmp_path / "firmware.elf")
    assert "must be a firmware for one of mps2-an500, mps2-an386. Received: 100 bytes." in error
