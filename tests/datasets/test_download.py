"""Downloads from a server on this machine that resumes, does not, breaks off, stalls or has another file."""

import contextlib
import dataclasses
import functools
import hashlib
import http.server
import re
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tfodcl.errors import InputError

CONTENT = np.random.default_rng(0).bytes(3_000_000)
FILE_NAME = "set.tar.gz"


class Server:
    """Serves `content` under any name, and notes the ranges asked for.

    Attributes:
      has_ranges: whether it answers Range with 206.
      cut_bytes: how much of each answer it sends before it closes the connection; None for all.
      stalls: whether it keeps the connection open there instead.
      is_chunked: whether it leaves out the length.
      status: another status, to answer with that only.
    """

    def __init__(self) -> None:
        self.content, self.has_ranges, self.cut_bytes, self.stalls, self.is_chunked = (
            CONTENT,
            True,
            None,
            False,
            False,
        )
        self.status: int | None = None
        self.ranges: list[str | None] = []
        self.released = threading.Event()
        handler = functools.partial(_Handler, self)
        self._http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}/mirror"

    def close(self) -> None:
        self.released.set()
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def __init__(self, server: Server, *arguments) -> None:
        self.plan = server
        super().__init__(*arguments)

    def log_message(self, *_arguments) -> None:
        pass

    def do_GET(self) -> None:
        plan, asked = self.plan, self.headers.get("Range")
        plan.ranges.append(asked)
        self.close_connection = True
        if plan.status is not None:
            self.send_error(plan.status)
            return
        start, size = 0, len(plan.content)
        if asked and plan.has_ranges:
            start = int(re.fullmatch(r"bytes=(\d+)-", asked)[1])
            if start >= size:
                self.send_response(416)
                self.send_header("Content-Range", f"bytes */{size}")
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {start}-{size - 1}/{size}")
        else:
            self.send_response(200)
        self._send(plan.content[start:])

    def _send(self, body: bytes) -> None:
        plan = self.plan
        if plan.is_chunked:
            self.send_header("Transfer-Encoding", "chunked")
            body = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
        else:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        with contextlib.suppress(ConnectionError):  # the client may have enough
            self.wfile.write(body[: plan.cut_bytes])
        if plan.stalls:
            plan.released.wait(60)


@pytest.fixture
def server() -> Iterator[Server]:
    running = Server()
    yield running
    running.close()


@pytest.fixture
def download(modules):
    return modules["download"]


@pytest.fixture
def archive(download, server):
    return download.Archive(f"{server.url}/{FILE_NAME}", len(CONTENT), hashlib.sha256(CONTENT).hexdigest())


def partial(folder: Path, content: bytes) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / f"{FILE_NAME}.part"
    path.write_bytes(content)
    return path


def test_a_verified_file_is_kept_and_not_asked_for_again(download, archive, server, tmp_path):
    path = download.fetch(archive, tmp_path / "downloads")
    assert path == tmp_path / "downloads" / FILE_NAME and path.read_bytes() == CONTENT
    assert download.fetch(archive, tmp_path / "downloads") == path
    assert server.ranges == [None]
    assert [path.name for path in (tmp_path / "downloads").iterdir()] == [FILE_NAME]


def test_a_partial_download_goes_on_where_it_ended(download, archive, server, tmp_path):
    partial(tmp_path, CONTENT[:1234567])
    assert download.fetch(archive, tmp_path).read_bytes() == CONTENT
    assert server.ranges == ["bytes=1234567-"]


def test_a_server_without_ranges_sends_the_whole_file_again(download, archive, server, tmp_path):
    server.has_ranges = False
    partial(tmp_path, b"other bytes")
    assert download.fetch(archive, tmp_path).read_bytes() == CONTENT
    assert server.ranges == ["bytes=11-"]


def test_a_part_that_is_whole_already_is_not_sent_again(download, archive, server, tmp_path):
    partial(tmp_path, CONTENT)
    assert download.fetch(archive, tmp_path).read_bytes() == CONTENT
    assert server.ranges == [f"bytes={len(CONTENT)}-"]


def test_a_part_longer_than_the_file_is_dropped(download, archive, server, tmp_path):
    partial(tmp_path, CONTENT + b"more")
    assert download.fetch(archive, tmp_path).read_bytes() == CONTENT
    assert server.ranges == [f"bytes={len(CONTENT) + 4}-", None]


def test_broken_connections_are_resumed_as_long_as_bytes_arrive(download, archive, server, tmp_path):
    server.cut_bytes = 1_000_000
    assert download.fetch(archive, tmp_path).read_bytes() == CONTENT
    assert server.ranges == [None, "bytes=1000000-", "bytes=2000000-"]


def test_a_server_that_does_not_tell_the_length_is_read_to_its_end(download, archive, server, tmp_path):
    server.is_chunked = True
    assert download.fetch(archive, tmp_path).read_bytes() == CONTENT


def test_without_a_length_the_official_size_tells_when_to_go_on(download, archive, server, tmp_path):
    server.is_chunked, server.cut_bytes = True, 2_000_000
    assert download.fetch(archive, tmp_path).read_bytes() == CONTENT
    assert len(server.ranges) == 2


def test_a_connection_without_progress_leaves_a_part_to_go_on_from(download, archive, server, tmp_path):
    server.cut_bytes = 0
    part = partial(tmp_path, CONTENT[:1000])
    with pytest.raises(InputError, match=f"must be downloaded whole.*Received: 1000 of {len(CONTENT)} bytes"):
        download.fetch(archive, tmp_path)
    assert part.read_bytes() == CONTENT[:1000]
    server.cut_bytes = None
    assert download.fetch(archive, tmp_path).read_bytes() == CONTENT


def test_another_file_of_the_same_size_is_deleted(download, archive, server, tmp_path):
    server.content = CONTENT[:-1] + bytes([CONTENT[-1] ^ 1])
    digest = hashlib.sha256(server.content).hexdigest()
    with pytest.raises(InputError, match=f"must have the SHA-256 .*{archive.checksum}. Received: {digest}."):
        download.fetch(archive, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_file_may_be_known_by_its_md5(download, archive, tmp_path):
    path = tmp_path / FILE_NAME
    path.write_bytes(CONTENT)
    known = dataclasses.replace(archive, algorithm="MD5", checksum=hashlib.md5(CONTENT).hexdigest())
    download.verify(known, path)
    path.write_bytes(CONTENT[::-1])
    with pytest.raises(InputError, match=f"must have the MD5 .*{known.checksum}. Received: "):
        download.verify(known, path)


def test_a_file_of_another_size_is_refused_before_it_is_sent(download, archive, server, tmp_path):
    server.content = CONTENT + b"!"
    with pytest.raises(InputError, match=r"must have 3000000 bytes\. Received: 3000001 bytes\."):
        download.fetch(archive, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_an_endless_answer_is_cut_at_the_official_size(download, archive, server, tmp_path):
    server.content, server.is_chunked = CONTENT + bytes(5_000_000), True
    assert download.fetch(archive, tmp_path).read_bytes() == CONTENT


def test_a_kept_file_that_has_changed_is_refused_and_left(download, archive, tmp_path):
    path = tmp_path / FILE_NAME
    path.write_bytes(CONTENT[:-1])
    with pytest.raises(
        InputError, match=r"must have the 3000000 bytes of the official set\.tar\.gz\. Received: 2999999"
    ):
        download.fetch(archive, tmp_path)
    assert path.read_bytes() == CONTENT[:-1]


def test_the_command_names_the_status_of_the_server(refuse, server):
    server.status = 404
    line = refuse("cifar10", "--mirror", server.url)
    assert line == f"{server.url}/cifar-10-python.tar.gz must be available. Received: HTTP 404 Not Found."


def test_the_command_names_a_server_that_is_not_there(refuse, server):
    url = server.url
    server.close()
    line = refuse("omniglot", "--mirror", url)
    assert f"{url}/images_background.zip must be downloaded whole" in line and "refused" in line


def test_the_command_refuses_what_is_not_the_official_archive(refuse, server):
    line = refuse("cifar100", "--mirror", server.url)
    assert line.endswith("cifar-100-python.tar.gz must have 169001437 bytes. Received: 3000000 bytes.")


def test_a_full_disk_leaves_a_part_to_go_on_from(refuse, server, out):
    line = refuse("cifar10", "--mirror", server.url, "--no-verify", disk_bytes=1_000_000)
    part = out / "downloads" / "cifar-10-python.tar.gz.part"
    assert line == f"{part} must be writable. Received: File too large."
    assert part.read_bytes() == CONTENT[:1_000_000]


def test_an_interrupted_command_leaves_a_part_and_no_data_set(start, server, out):
    server.cut_bytes, server.stalls = 2_000_000, True
    process = start("cifar10", "--mirror", server.url, "--no-verify", "--out", out)
    part = out / "downloads" / "cifar-10-python.tar.gz.part"
    deadline = time.monotonic() + 60
    while not (part.exists() and part.stat().st_size == 2_000_000):
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert errors.splitlines()[-1] == "prepare.py: interrupted; the same command resumes"
    assert sorted(path.name for path in out.rglob("*")) == ["cifar-10-python.tar.gz.part", "downloads"]
    assert part.read_bytes() == CONTENT[:2_000_000]
