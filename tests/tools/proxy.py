"""A cable between a tool and a board that does what cables do, at chosen requests."""

import contextlib
import socket
import threading
from collections.abc import Callable

Hook = Callable[["Cable", bytes], bytes | None]


class Cable:
    """A TCP proxy that passes requests one by one.

    Args:
      board: URL of the board's line.
      hooks: number of the request, from 1, repetitions counted -> what is done with its frame: it returns the bytes
        to pass on, or None where the cable is unplugged.

    Attributes:
      url: of the other end.
      num_requests: that came in.
      spoil: what is done to the next piece that the board sends: it returns the bytes to pass on.
    """

    def __init__(self, board: str, hooks: dict[int, Hook]) -> None:
        self._board = _address(board)
        self._hooks = hooks
        self.num_requests = 0
        self.spoil: Callable[[bytes], bytes] | None = None
        self._upstream: socket.socket | None = None
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"socket://127.0.0.1:{self._listener.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(10)

    def send(self, frame: bytes) -> None:
        """To the board."""
        assert self._upstream is not None
        self._upstream.sendall(b"\0" + frame)

    def unplug(self) -> None:
        """Leaves the board alone, so that somebody else can connect to it."""
        if self._upstream is not None:
            with contextlib.suppress(OSError):
                self._upstream.shutdown(socket.SHUT_RDWR)
            self._upstream.close()

    def _serve(self) -> None:
        while True:
            try:
                tool, _ = self._listener.accept()
            except OSError:
                return
            with tool, contextlib.suppress(OSError):
                self._upstream = socket.create_connection(self._board, timeout=20)
                replies = threading.Thread(target=self._pass_replies, args=(self._upstream, tool), daemon=True)
                replies.start()
                self._pass_requests(tool)
            self.unplug()

    def _pass_requests(self, tool: socket.socket) -> None:
        received = b""
        while chunk := tool.recv(65536):
            *frames, received = (received + chunk).split(b"\0")
            for frame in frames:
                if not frame:
                    continue
                self.num_requests += 1
                hook = self._hooks.get(self.num_requests)
                passed = hook(self, frame + b"\0") if hook else frame + b"\0"
                if passed is None:
                    return
                self.send(passed)

    def _pass_replies(self, board: socket.socket, tool: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while chunk := board.recv(65536):
                spoil, self.spoil = self.spoil, None
                tool.sendall(spoil(chunk) if spoil else chunk)
        with contextlib.suppress(OSError):
            tool.shutdown(socket.SHUT_RDWR)


def flip(frame: bytes) -> bytes:
    """Another bit in the middle, which makes no zero."""
    middle = len(frame) // 2
    return frame[:middle] + bytes([frame[middle] ^ 0x55 or 0x11]) + frame[middle + 1 :]


def unplug_before(cable: Cable, frame: bytes) -> None:
    """The board never hears of it."""


def unplug_within(cable: Cable, frame: bytes) -> None:
    """The board hears half of it."""
    cable.send(frame[: len(frame) // 2])


def unplug_after(cable: Cable, frame: bytes) -> None:
    """The board executes it, and nobody hears the reply."""
    replied = threading.Event()

    def lose(reply: bytes) -> bytes:
        replied.set()
        return b""

    cable.spoil = lose
    cable.send(frame)
    assert replied.wait(60)


def corrupt_request(cable: Cable, frame: bytes) -> bytes:
    return flip(frame)


def corrupt_reply(cable: Cable, frame: bytes) -> bytes:
    cable.spoil = flip
    return frame


def _address(url: str) -> tuple[str, int]:
    host, _, port = url.removeprefix("socket://").partition(":")
    return host, int(port)
