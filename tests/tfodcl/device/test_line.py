"""Requests are executed once each, whatever the line does."""

import contextlib
import gc
import socket
import struct
import threading
import time
import warnings

import pytest

from tfodcl.device.line import Line
from tfodcl.device.status import BoardError, BoardRestarted, LineError, Status

COUNT, REFUSED, PROGRESS = 0x23, 0x24, 0x22  # of conftest.CountingBoard


@pytest.fixture
def connect():
    """Line to a board, in a session."""
    lines = []

    def open_line(board) -> Line:
        line = Line(board.url, reply_seconds=0.2, lost_seconds=5)
        lines.append(line)
        line.begin_session()
        return line

    yield open_line
    for line in lines:
        line.close()


def count(line: Line) -> int:
    return int.from_bytes(line.request(COUNT), "little")


def test_a_sound_line_executes_each_request_once(make_board, connect):
    line = connect(board := make_board())
    assert [count(line) for _ in range(5)] == [2, 3, 4, 5, 6]
    assert board.num_received == 6


@pytest.mark.parametrize("fault", ["lose", "corrupt", "unplug"])
@pytest.mark.parametrize("times", [1, 3])
def test_a_request_is_executed_once_though_its_reply_is_lost(make_board, connect, fault, times):
    line = connect(board := make_board("", "", *[fault] * times))
    assert [count(line) for _ in range(3)] == [2, 3, 4]
    assert board.num_executed == 4
    assert board.num_received == 4 + times


def test_a_request_that_arrived_corrupt_is_sent_again(make_board, connect):
    line = connect(board := make_board())
    board.corrupt_next_request = True
    assert count(line) == 2
    assert board.num_received == 3


def test_sequences_wrap_round_before_the_reserved_one(make_board, connect):
    line = connect(make_board())
    line._sequence = 0xFFFC
    line.begin_session()
    assert [count(line) for _ in range(4)] == [3, 4, 5, 6]
    assert line._sequence == 2


def test_a_board_that_was_reset_is_told_from_a_lost_reply(make_board, connect):
    line = connect(make_board("", "", "restart"))
    assert count(line) == 2
    with pytest.raises(BoardRestarted):
        count(line)
    line.begin_session()
    assert count(line) == 4


def test_a_refusal_carries_its_status_and_does_not_end_the_session(make_board, connect):
    line = connect(make_board())
    with pytest.raises(BoardError, match=r"Received: unknown class\.") as caught:
        line.request(REFUSED)
    assert caught.value.status == Status.UNKNOWN_CLASS
    assert count(line) == 3


def test_progress_is_told_before_the_reply(make_board, connect):
    line, told = connect(make_board()), []
    assert line.request(PROGRESS, on_progress=told.append) == (2).to_bytes(4, "little")
    assert [int.from_bytes(payload, "little") for payload in told] == [2, 1]


def test_a_silent_line_is_given_up():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"socket://127.0.0.1:{listener.getsockname()[1]}"
        line = Line(url, reply_seconds=0.1, lost_seconds=0.4)
        with pytest.raises(LineError, match=r"a board must answer at socket://.*nothing for 0\.4 s"):
            line.begin_session()
        line.close()


def test_no_board_at_the_port_is_one_line():
    with pytest.raises(LineError, match="a board must be connected at /dev/no_such_port"):
        Line("/dev/no_such_port", lost_seconds=0)
    with pytest.raises(LineError, match="a board must be connected at nonsense://"):
        Line("nonsense://1", lost_seconds=60)


def test_no_socket_stays_open_after_the_board_reset_the_connection():
    def reset_connections(listener: socket.socket) -> None:
        with contextlib.suppress(OSError):  # of the listener's end
            while True:
                connection, _ = listener.accept()
                connection.recv(1)
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                connection.close()

    with socket.create_server(("127.0.0.1", 0)) as listener, warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ResourceWarning)
        threading.Thread(target=reset_connections, args=(listener,), daemon=True).start()
        line = Line(f"socket://127.0.0.1:{listener.getsockname()[1]}", reply_seconds=0.2, lost_seconds=1)
        with pytest.raises(LineError):
            line.begin_session()
        line.close()
        gc.collect()
        listener.shutdown(socket.SHUT_RDWR)
    assert [one for one in caught if one.category is ResourceWarning] == []


def test_a_port_where_nothing_is_from_the_start_is_given_up_long_before_a_line_that_was_lost():
    begin = time.monotonic()
    with pytest.raises(LineError, match="a board must be connected at /dev/no_such_port"):
        Line("/dev/no_such_port", lost_seconds=600)
    assert time.monotonic() - begin < 60
