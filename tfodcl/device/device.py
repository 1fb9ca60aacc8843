"""What a board can do, command by command (micro/SPEC.md 7.3)."""

import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from tfodcl.device.line import Line
from tfodcl.device.status import BoardError, Status
from tfodcl.errors import InputError

MAX_REPLY_BYTES = 1024  # of payload
_FLOATS_A_REPLY = MAX_REPLY_BYTES // 4
_WRITE_BYTES = 1024  # of a package at a time, where the board takes as much


class Command(IntEnum):
    INFO = 0x01
    STATISTICS = 0x02
    REBOOT = 0x03
    RESET = 0x04
    LOG_READ = 0x05
    PACKAGE_ERASE = 0x10
    PACKAGE_WRITE = 0x11
    PACKAGE_CHECK = 0x12
    PACKAGE_START = 0x13
    ADD_CLASS = 0x20
    LEARN = 0x21
    END_CLASS = 0x22
    RENAME = 0x23
    FORGET = 0x24
    SAVE = 0x25
    CLASS = 0x26
    ROW = 0x27
    END_BATCH = 0x28
    BATCH = 0x29
    CLASSIFY = 0x30
    EVALUATE = 0x31
    SCORES = 0x32
    LATENT = 0x33


PARTS = {
    1: "inference",
    2: "inner_step",
    3: "record_encoded",
    4: "record_decoded",
    5: "replay_step",
    6: "mount",
}
TICK_UNITS = {1: "microseconds", 2: "emulated instructions"}
_INFO_FIELDS = struct.Struct("<BBBx16I")
_STATISTICS_FIELDS = struct.Struct("<4IIQQQIIIIHH")
_ENTRY = struct.Struct("<IIQQ")


@dataclass(frozen=True)
class Info:
    """SPEC 7.3.1. `learner_status` is a Status value: 0 when the learner runs."""

    learner_status: int
    package_source: int
    tick_unit: str
    max_payload_bytes: int
    package_region_bytes: int
    package_block_bytes: int
    package_unit_bytes: int
    log_region_bytes: int
    log_block_bytes: int
    log_unit_bytes: int
    arena_bytes: int
    package_identity: int
    package_bytes: int
    latent_dim: int
    capacity: int
    input_bytes: int
    num_classes: int
    num_records: int
    num_pending: int
    board: str
    encoder: str
    firmware: str


@dataclass(frozen=True)
class Ticks:
    """How often something was done since the board was reset, and its ticks."""

    count: int
    last: int
    total: int


@dataclass(frozen=True)
class Statistics:
    """SPEC 7.3.2; `parts` by the names of PARTS, `commands` by the names of Command."""

    parts: dict[str, Ticks]
    commands: dict[str, Ticks]
    arena_used_bytes: int
    arena_bytes: int
    stack_used_bytes: int
    stack_bytes: int
    num_items: int
    item_bytes: int
    programmed_bytes: int
    copied_bytes: int
    num_erases: int
    least_erase_count: int
    greatest_erase_count: int
    num_commits_damaged: int


@dataclass(frozen=True)
class LearntClass:
    name: str
    label: int
    num_learnt: int
    num_records: int
    num_ended: int


@dataclass(frozen=True)
class BatchProgress:
    """Of a board that learns training batches.

    Attributes:
      num_batches: training batches completed.
      num_new: samples of the one that is under way.
      max_new: most samples of one.
      max_records: most that are kept.
    """

    num_batches: int
    num_new: int
    max_new: int
    max_records: int


class Device:
    """A board that learns, at the other end of `line`. All methods raise as Line.request does."""

    def __init__(self, line: Line) -> None:
        self._line = line

    def begin_session(self) -> Info:
        """Begins a session, first of all and after BoardRestarted, and says what the board is."""
        payload = self._line.begin_session()
        status, source, unit, *sizes = _INFO_FIELDS.unpack_from(payload)
        texts = _unpack_texts(payload[_INFO_FIELDS.size :])
        return Info(status, source, TICK_UNITS[unit], *sizes, *texts)

    def statistics(self) -> Statistics:
        payload = self._line.request(Command.STATISTICS)
        *fields, num_parts, num_commands = _STATISTICS_FIELDS.unpack_from(payload)
        entries = list(_ENTRY.iter_unpack(payload[_STATISTICS_FIELDS.size :]))
        if len(entries) != num_parts + num_commands:
            raise InputError(f"statistics must have {num_parts} + {num_commands} entries. Received: {len(entries)}.")
        parts = {PARTS[number]: Ticks(*ticks) for number, *ticks in entries[:num_parts]}
        commands = {Command(number).name: Ticks(*ticks) for number, *ticks in entries[num_parts:]}
        return Statistics(parts, commands, *fields)

    def load_package(self, package: bytes, info: Info, on_progress: Callable[[int], None]) -> None:
        """Puts a package into the board's flash, block by block, and starts it; what is there already stays.

        Interrupted, the next call goes on. `on_progress` gets the bytes done since its last call.

        Raises:
          InputError: the package is larger than the region.
          BoardError: also where the package is there, but its learner does not start: of FOREIGN_LOG, for one.
        """
        if len(package) > info.package_region_bytes:
            raise InputError(
                f"the package must fit the board's {info.package_region_bytes} bytes. Received: {len(package)} bytes."
            )
        step = min(_WRITE_BYTES, info.max_payload_bytes - 4) // info.package_unit_bytes * info.package_unit_bytes
        for start in range(0, len(package), info.package_block_bytes):
            part = package[start : start + info.package_block_bytes]
            if not self._holds(start, part, info.package_block_bytes):
                self._line.request(Command.PACKAGE_ERASE, struct.pack("<I", start // info.package_block_bytes))
                for offset in range(0, len(part), step):
                    chunk = part[offset : offset + step]
                    chunk += b"\xff" * (-len(chunk) % info.package_unit_bytes)
                    self._line.request(Command.PACKAGE_WRITE, struct.pack("<I", start + offset) + chunk)
            on_progress(len(part))
        self._line.request(Command.PACKAGE_START)

    def _holds(self, start: int, part: bytes, block_bytes: int) -> bool:
        """Whether a block of the package's region is `part`, erased bytes behind it."""
        try:
            reply = self._line.request(Command.PACKAGE_CHECK, struct.pack("<II", start, block_bytes))
        except BoardError as error:
            if error.status != Status.UNREADABLE:
                raise
            return False
        return int.from_bytes(reply, "little") == zlib.crc32(part.ljust(block_bytes, b"\xff"))

    def add_class(self, name: str) -> tuple[int, int]:
        """-> label, and how many samples of it were learnt."""
        label, num_learnt = struct.unpack("<HI", self._line.request(Command.ADD_CLASS, name.encode()))
        return label, num_learnt

    def learn(self, label: int, quantized: np.ndarray) -> int:
        """Learns one int8 input; -> records that are not durable yet."""
        payload = struct.pack("<H", label) + quantized.tobytes()
        _, _, num_pending = struct.unpack("<III", self._line.request(Command.LEARN, payload))
        return num_pending

    def end_class(self, label: int, on_progress: Callable[[int, int], None]) -> None:
        """The outer loop; `on_progress` gets mini-batches done and their number."""
        self._train(Command.END_CLASS, struct.pack("<H", label), on_progress)

    def end_batch(self, on_progress: Callable[[int, int], None]) -> None:
        """Trains on the samples learnt since the last one; then all is durable. `on_progress` as of end_class."""
        self._train(Command.END_BATCH, b"", on_progress)

    def _train(self, command: Command, payload: bytes, on_progress: Callable[[int, int], None]) -> None:
        def report(reply: bytes) -> None:
            num_steps, num_left = struct.unpack("<II", reply)
            on_progress(num_steps - num_left, num_steps)

        report(self._line.request(command, payload, report))

    def batch(self) -> BatchProgress:
        return BatchProgress(*struct.unpack("<IIII", self._line.request(Command.BATCH)))

    def classify(self, quantized: np.ndarray) -> int:
        """The label of one int8 input."""
        return _u16(self._line.request(Command.CLASSIFY, quantized.tobytes()))

    def evaluate(self, label: int, quantized: np.ndarray, restart: bool) -> tuple[int, int, int]:
        """Classifies an input of known label -> (predicted, num_correct, num_total) since the last `restart`."""
        payload = struct.pack("<HB", label, restart) + quantized.tobytes()
        predicted, num_correct, num_total = struct.unpack("<HII", self._line.request(Command.EVALUATE, payload))
        return predicted, num_correct, num_total

    def rename(self, label: int, name: str) -> None:
        self._line.request(Command.RENAME, struct.pack("<H", label) + name.encode())

    def forget(self, label: int) -> None:
        self._line.request(Command.FORGET, struct.pack("<H", label))

    def save(self) -> None:
        self._line.request(Command.SAVE)

    def reset(self) -> None:
        """Erases all that was learnt."""
        self._line.request(Command.RESET)

    def reboot(self) -> None:
        """Resets the board; the next thing is begin_session."""
        self._line.request(Command.REBOOT)

    def classes(self, info: Info) -> list[LearntClass]:
        """Those that the board knows, by label."""
        found: list[LearntClass] = []
        for label in range(info.capacity):
            if len(found) == info.num_classes:
                break
            try:
                found.append(self.get_class(label))
            except BoardError as error:
                if error.status != Status.UNKNOWN_CLASS:
                    raise
        return found

    def get_class(self, label: int) -> LearntClass:
        payload = self._line.request(Command.CLASS, struct.pack("<H", label))
        (name,) = _unpack_texts(payload[14:])
        return LearntClass(name, *struct.unpack_from("<HIII", payload))

    def latent(self, latent_dim: int) -> np.ndarray:
        """Of the last sample, (latent_dim,) int8."""
        return np.frombuffer(self._values(Command.LATENT, b"", latent_dim, MAX_REPLY_BYTES), np.int8)

    def scores(self, capacity: int) -> np.ndarray:
        """Of the last classified sample, (capacity,) float32; NaN for labels that are not learnt."""
        return np.frombuffer(self._values(Command.SCORES, b"", capacity, _FLOATS_A_REPLY), "<f4")

    def row(self, label: int, num_features: int) -> np.ndarray:
        """The head's row of a class, (num_features,) float32; features are the latent where the head is all."""
        return np.frombuffer(self._values(Command.ROW, struct.pack("<H", label), num_features, _FLOATS_A_REPLY), "<f4")

    def log(self, info: Info) -> bytes:
        """The flash region of the log, byte by byte."""
        return self._values(Command.LOG_READ, b"", info.log_region_bytes, MAX_REPLY_BYTES)

    def _values(self, command: Command, key: bytes, count: int, most: int) -> bytes:
        """`count` values from 0 on, at most `most` a reply."""
        return b"".join(
            self._line.request(command, key + struct.pack("<II", offset, min(most, count - offset)))
            for offset in range(0, count, most)
        )


def _u16(payload: bytes) -> int:
    (value,) = struct.unpack("<H", payload)
    return value


def _unpack_texts(payload: bytes) -> list[str]:
    """All of `payload` as `text` after `text` (SPEC 1)."""
    texts = []
    while payload:
        (num_bytes,) = struct.unpack_from("<H", payload)
        texts.append(payload[2 : 2 + num_bytes].decode())
        payload = payload[2 + num_bytes :]
    return texts
