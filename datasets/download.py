"""Official archives: fetched over HTTP(S), resumed after an interruption, verified by size and checksum."""

import contextlib
import hashlib
import http.client
import io
import re
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tfodcl.errors import InputError
from tfodcl.progress import progress

_CHUNK_BYTES = 1 << 20
_TIMEOUT_S = 60


@dataclass(frozen=True)
class Archive:
    """One file of an official data set.

    Attributes:
      url: where its authors publish it.
      num_bytes: its size.
      checksum: lower-case hex. The module that defines the archive says where it is published.
      algorithm: of the checksum. MD5 only where nothing else is published: it tells damage, not forgery.
    """

    url: str
    num_bytes: int
    checksum: str
    algorithm: Literal["SHA-256", "MD5"] = "SHA-256"

    @property
    def file_name(self) -> str:
        return self.url.rpartition("/")[2]


def fetch(archive: Archive, directory: Path, mirror: str | None = None, check: bool = True) -> Path:
    """Returns `directory`/<file name>, downloaded unless it is there already.

    An unfinished download stays as <file name>.part; the next call goes on where it ended.

    Args:
      mirror: an http(s) address to take <mirror>/<file name> from instead of the official address.
      check: whether size and checksum must be the official ones.

    Raises:
      InputError: the server or the disk refuses, the transfer ends early, or the file is another.
    """
    target = directory / archive.file_name
    if target.exists():
        if check:
            verify(archive, target)
        return target
    part = target.with_name(target.name + ".part")
    url = archive.url if mirror is None else f"{mirror.rstrip('/')}/{archive.file_name}"
    with _writing(target):
        directory.mkdir(parents=True, exist_ok=True)
    _download(url, part, archive.num_bytes if check else None)
    with _writing(target):
        if check:
            _verify_download(archive, part)
        part.replace(target)
    return target


@contextlib.contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise InputError(f"{path} must be writable. Received: {error.strerror or error}.") from error


def verify(archive: Archive, path: Path) -> None:
    """Raises InputError unless `path` has the size and the checksum of the official archive."""
    try:
        num_bytes = path.stat().st_size
        if num_bytes != archive.num_bytes:
            raise InputError(
                f"{path} must have the {archive.num_bytes} bytes of the official {archive.file_name}. "
                f"Received: {num_bytes} bytes."
            )
        digest = hashlib.new(archive.algorithm.replace("-", ""), usedforsecurity=False)
        with open(path, "rb") as file, progress(f"verify {path.name}", num_bytes, unit="B") as bar:
            while chunk := file.read(_CHUNK_BYTES):
                digest.update(chunk)
                bar.update(len(chunk))
    except OSError as error:
        raise InputError(f"{path} must be a readable file. Received: {error.strerror or error}.") from error
    if digest.hexdigest() != archive.checksum:
        raise InputError(
            f"{path} must have the {archive.algorithm} of the official {archive.file_name}, {archive.checksum}. "
            f"Received: {digest.hexdigest()}."
        )


def _verify_download(archive: Archive, part: Path) -> None:
    try:
        verify(archive, part)
    except InputError:
        part.unlink()  # going on from wrong bytes would never give the right file
        raise


def _download(url: str, part: Path, expected_bytes: int | None) -> None:
    """Appends to `part` until it is whole; asks again as long as each try brings at least one byte more."""
    while True:
        before = _size(part)
        try:
            total = _transfer(url, part, expected_bytes)
            if total is None or _size(part) == total:
                return
            problem = f"{_size(part)} of {total} bytes, then the connection was closed"
        except urllib.error.HTTPError as error:
            error.close()
            raise InputError(f"{url} must be available. Received: HTTP {error.code} {error.reason}.") from error
        except urllib.error.URLError as error:
            problem = str(error.reason)
        except (OSError, http.client.HTTPException) as error:
            problem = str(error) or type(error).__name__
        if _size(part) <= before:
            raise InputError(
                f"{url} must be downloaded whole; the same command goes on from here. Received: {problem}."
            )


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _transfer(url: str, part: Path, expected_bytes: int | None) -> int | None:
    """One request for what `part` lacks. Returns the whole file's size, None where that is not known."""
    offset = _size(part)
    headers = {"User-Agent": "tfodcl", "Accept-Encoding": "identity"}
    if offset:
        headers["Range"] = f"bytes={offset}-"
    try:
        response = urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=_TIMEOUT_S)
    except urllib.error.HTTPError as error:
        if error.code != 416 or not offset:
            raise
        error.close()  # nothing lies beyond `offset`: the part is whole already, or no part of this file
        if _total_of_range(error.headers.get("Content-Range", "")) == offset:
            return offset
        part.unlink()
        return _transfer(url, part, expected_bytes)
    with response:
        offset, total = _position(response, offset)
        if expected_bytes is not None and total not in (None, expected_bytes):
            raise InputError(f"{url} must have {expected_bytes} bytes. Received: {total} bytes.")
        total = total or expected_bytes
        _append(response, part, offset, total)
    return total


def _position(response: http.client.HTTPResponse, offset: int) -> tuple[int, int | None]:
    """(where the response's first byte belongs, size of the whole file): a server may ignore the range."""
    if response.status == 206:
        content_range = response.headers.get("Content-Range", "")
        if not content_range.startswith(f"bytes {offset}-"):
            raise InputError(f"The server must send the range bytes={offset}-. Received: {content_range!r}.")
        return offset, _total_of_range(content_range)
    length = response.headers.get("Content-Length", "")
    return 0, int(length) if length.isdigit() else None


def _total_of_range(content_range: str) -> int | None:
    match = re.fullmatch(r"bytes (?:\d+-\d+|\*)/(\d+)", content_range)
    return int(match[1]) if match else None


def _open(part: Path, offset: int) -> io.FileIO:
    with _writing(part):
        # Unbuffered: an interruption loses nothing that has arrived.
        return io.FileIO(part, "a" if offset else "w")


def _append(response: http.client.HTTPResponse, part: Path, offset: int, total: int | None) -> None:
    """Writes the response's bytes, at most `total` - `offset` of them, to `part` from `offset` on."""
    name = part.name.removesuffix(".part")
    with _open(part, offset) as file, progress(f"download {name}", total or 0, offset, unit="B") as bar:
        while chunk := response.read1(_CHUNK_BYTES):
            if total is not None:
                chunk = chunk[: total - offset]
            offset += len(chunk)
            bar.update(len(chunk))
            with _writing(part):
                while chunk:
                    chunk = chunk[file.write(chunk) :]
            if offset == total:
                return
