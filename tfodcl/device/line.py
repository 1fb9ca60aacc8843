"""One request, one reply, over a line that may lose bytes, time out, or be unplugged (micro/SPEC.md 7.2)."""

import secrets
import time
from collections.abc import Callable

import serial

from tfodcl.device import frame
from tfodcl.device.status import BoardError, BoardRestarted, LineError, Status

BAUD_RATE = 115_200  # of a UART behind a USB bridge; USB itself, sockets and emulators ignore it
_INFO = 0x01
_FIRST_SECONDS = 3.0  # for a board or an emulator that has just been started; after that, nothing is there


class Line:
    """A serial line to a board.

    Args:
      url: what pyserial opens: `/dev/ttyACM0`, `socket://127.0.0.1:5555`.
      reply_seconds: without a byte from the board, after which a request is sent again; an inference or the
        erasing of a flash block must not take longer.
      lost_seconds: without any answer, after which the board is given up. A line that is unplugged and plugged in
        again within this time goes on where it was.

    Raises:
      LineError: nothing can be opened at `url`.
    """

    def __init__(self, url: str, reply_seconds: float = 10.0, lost_seconds: float = 60.0) -> None:
        self._url, self._reply_seconds, self._lost_seconds = url, reply_seconds, lost_seconds
        self._port: serial.SerialBase | None = None
        self._received = bytearray()
        self._sequence = 0
        self._open(time.monotonic() + min(lost_seconds, _FIRST_SECONDS))

    def close(self) -> None:
        if self._port is not None:
            _close(self._port)
            self._port = None

    def begin_session(self) -> bytes:
        """Begins a session; the payload of the reply to INFO. Forgets what the board was asked before."""
        session = 1 + secrets.randbelow(2**32 - 1)
        return self.request(_INFO, session.to_bytes(4, "little"))

    def request(self, command: int, payload: bytes = b"", on_progress: Callable[[bytes], None] | None = None) -> bytes:
        """Sends a command until it is answered, and returns the payload of the final reply.

        The board executes it once, however often it is sent. `on_progress` gets the payload of each progress reply.

        Raises:
          BoardError: the board refused; nothing changed there.
          BoardRestarted: the board was reset and does not know this session.
          LineError: no answer within `lost_seconds`.
        """
        self._sequence = (self._sequence + 1) % frame.UNKNOWN_SEQUENCE
        sent = frame.encode_request(command, self._sequence, payload)
        deadline = time.monotonic() + self._lost_seconds
        while time.monotonic() < deadline:
            try:
                reply = self._exchange(sent, on_progress)
            except (OSError, serial.SerialException):
                self._open(deadline)
                continue
            if reply is None or reply.status == Status.CORRUPT_FRAME:
                continue
            if reply.status == Status.OUT_OF_SEQUENCE:
                raise BoardRestarted(f"command {command:#04x} is of no session that the board knows")
            if reply.status != Status.OK:
                raise BoardError(f"command {command:#04x}", reply.status)
            return reply.payload
        raise LineError(f"a board must answer at {self._url}. Received: nothing for {self._lost_seconds:g} s.")

    def _exchange(self, sent: bytes, on_progress: Callable[[bytes], None] | None) -> frame.Reply | None:
        """Sends once; the final reply to it, or None after `reply_seconds` without a byte."""
        assert self._port is not None
        self._port.write(b"\0" + sent)  # the zero ends whatever a broken line left at the board
        while (encoded := self._read_frame()) is not None:
            try:
                reply = frame.decode_reply(encoded)
            except frame.CorruptFrame:
                continue
            if reply.sequence == frame.UNKNOWN_SEQUENCE:
                return reply
            if reply.sequence != self._sequence:  # the answer to a request that was sent twice
                continue
            if reply.final:
                return reply
            if on_progress is not None:
                on_progress(reply.payload)
        return None

    def _read_frame(self) -> bytes | None:
        """The bytes before the next zero, if there are any; None when the line stays silent."""
        assert self._port is not None
        while True:
            encoded, zero, rest = self._received.partition(b"\0")
            if zero:
                self._received = rest
                if encoded:
                    return bytes(encoded)
                continue
            received = self._port.read(max(1, self._port.in_waiting))
            if not received:
                return None
            self._received += received

    def _open(self, deadline: float) -> None:
        """Opens the line (again), trying until `deadline`."""
        self.close()
        self._received.clear()
        while True:
            try:
                port = serial.serial_for_url(
                    self._url, do_not_open=True, baudrate=BAUD_RATE, timeout=self._reply_seconds
                )
            except ValueError as error:
                raise self._not_connected(error) from error
            try:
                port.open()
            except (OSError, ValueError, serial.SerialException) as error:
                _close(port)
                if time.monotonic() > deadline:
                    raise self._not_connected(error) from error
            else:
                self._port = port
                return
            time.sleep(0.2)

    def _not_connected(self, error: Exception) -> LineError:
        return LineError(f"a board must be connected at {self._url}. Received: {error}.")


def _close(port: serial.SerialBase) -> None:
    """Closes a port; of one whose board is gone, pyserial 3.5 leaves the socket open."""
    connection = getattr(port, "_socket", None)
    port.close()
    if connection is not None:
        connection.close()
