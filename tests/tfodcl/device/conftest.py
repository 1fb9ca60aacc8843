"""A board of a few lines on a socket: it counts, and loses what it is told to lose."""

import socket
import struct
import threading
import zlib
from collections.abc import Iterator

import pytest
from cobs import cobs

INFO, COUNT, REFUSED, PROGRESS = 0x01, 0x23, 0x24, 0x22


def encode(body: bytes) -> bytes:
    return cobs.encode(body + struct.pack("<I", zlib.crc32(body))) + b"\0"


def reply(command: int, sequence: int, payload: bytes = b"", status: int = 0, kind: int = 0) -> bytes:
    return encode(struct.pack("<BBHBB", 1, command | 0x80, sequence, status, kind) + payload)


class CountingBoard:
    """SPEC 7.2 for four commands. COUNT replies how often it was executed.

    `faults` are what is done to the replies in turn, one a reply; after the last one the line is sound:
    "lose", "corrupt", "unplug" (the connection ends instead), "restart" (the session is forgotten, nothing said).
    """

    def __init__(self, faults: list[str]) -> None:
        self.faults = faults
        self.num_executed = 0
        self.num_received = 0
        self.corrupt_next_request = False
        self._last: tuple[bytes, bytes] | None = None
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"socket://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection:
                received = b""
                while chunk := self._receive(connection):
                    *frames, received = (received + chunk).split(b"\0")
                    if not all(self._answer(connection, frame) for frame in frames if frame):
                        break

    @staticmethod
    def _receive(connection: socket.socket) -> bytes:
        try:
            return connection.recv(4096)
        except OSError:
            return b""

    def _answer(self, connection: socket.socket, encoded: bytes) -> bool:
        """False when the line is unplugged instead."""
        self.num_received += 1
        body = cobs.decode(encoded)[:-4]
        if self.corrupt_next_request:
            self.corrupt_next_request = False
            connection.sendall(reply(0, 0xFFFF, status=40))
            return True
        fault = self.faults.pop(0) if self.faults else ""
        if fault == "restart":
            self._last = None
        answer = self._execute(body)
        if fault == "unplug":
            return False
        if fault == "corrupt":
            answer = bytes([answer[0], answer[1] ^ 0x40 or 1, *answer[2:]])
        if fault != "lose":
            connection.sendall(answer)
        return True

    def _execute(self, body: bytes) -> bytes:
        _, command, sequence = struct.unpack_from("<BBH", body)
        if self._last is not None and self._last[0] == body:
            return self._last[1]
        if command != INFO and (
            self._last is None or sequence != (struct.unpack_from("<H", self._last[0], 2)[0] + 1) % 0xFFFF
        ):
            return reply(command, sequence, status=44)
        self.num_executed += 1
        answer, before = reply(command, sequence, struct.pack("<I", self.num_executed)), b""
        if command == REFUSED:
            answer = reply(command, sequence, status=31)
        if command == PROGRESS:
            before = b"".join(reply(command, sequence, struct.pack("<I", left), kind=1) for left in (2, 1))
        self._last = (body, answer)
        return before + answer


@pytest.fixture
def make_board() -> Iterator:
    boards = []

    def make(*faults: str) -> CountingBoard:
        boards.append(CountingBoard(list(faults)))
        return boards[-1]

    yield make
    for board in boards:
        board.close()
