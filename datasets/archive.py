"""Members of zip files, tar files and folders, one after another and in memory.

Archives are not trusted. Nothing is extracted: a member's name is a key and never a path to write to. Whoever
reads a member says how large it may be, and a tar stream ends at a total size, so a small file cannot unfold
into more memory or time than a data set of its kind needs.
"""

import contextlib
import gzip
import io
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, TYPE_CHECKING

from tfodcl.errors import InputError

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_CHUNK_BYTES = 1 << 20
_TAR_MAGIC_OFFSET = 257


@dataclass(frozen=True)
class Member:
    """A file of an archive.

    Attributes:
      name: its path in the archive, with "/" and without a leading "./".
      num_bytes: its size when unpacked, as the archive states it.
      opened: opens it; before the next member is asked for only.
      source: the archive, for errors.
    """

    name: str
    num_bytes: int
    opened: Callable[[], IO[bytes]]
    source: Path

    def read(self, limit_bytes: int) -> bytes:
        """Its whole content. Raises InputError if that is damaged or longer than `limit_bytes`."""
        with _one_line_errors(self.source), self.opened() as file:
            content = file.read(limit_bytes + 1)
        if len(content) > limit_bytes:
            raise InputError(
                f"{self.name} in {self.source} must have at most {limit_bytes} bytes. "
                f"Received: {max(len(content), self.num_bytes)} bytes."
            )
        return content


def members(path: Path, limit_bytes: int) -> Iterator[Member]:
    """The files of a folder, or of a zip, tar or tar.gz file, told apart by their first bytes.

    A folder's files come in order of their names, an archive's in its own order.

    Args:
      limit_bytes: a tar stream must not be longer when unpacked.

    Raises:
      InputError: no such file, another format, or a truncated or damaged archive.
    """
    with _one_line_errors(path):
        if path.is_dir():
            yield from _folder_members(path)
            return
        with open(path, "rb") as file:
            start = file.read(_TAR_MAGIC_OFFSET + 5)
        if start.startswith(b"PK"):
            yield from _zip_members(path)
        elif start.startswith(b"\x1f\x8b"):
            with gzip.open(path) as stream:
                yield from _tar_members(path, stream, limit_bytes)
        elif start[_TAR_MAGIC_OFFSET:] == b"ustar":
            with open(path, "rb") as stream:
                yield from _tar_members(path, stream, limit_bytes)
        else:
            raise InputError(f"{path} must be a zip, tar or tar.gz file. Received: a file starting with {start[:8]!r}.")


def single(path: Path) -> Member:
    """A file that is in no archive, as a member named like the file. Raises InputError if there is none."""
    with _one_line_errors(path):
        return Member(path.name, path.stat().st_size, partial(_open, path), path.parent)


@contextlib.contextmanager
def _one_line_errors(path: Path) -> Iterator[None]:
    try:
        yield
    # RuntimeError: zipfile's error for an encrypted member; NotImplementedError: for a compression it lacks.
    except (tarfile.TarError, zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, OSError) as error:
        if isinstance(error, OSError) and error.strerror:
            raise InputError(f"{path} must be a readable file. Received: {error.strerror}.") from error
        reason = " ".join(str(error).split()) or type(error).__name__
        raise InputError(f"{path} must be a whole archive. Received: {reason}.") from error


def _folder_members(folder: Path) -> Iterator[Member]:
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            name = path.relative_to(folder).as_posix()
            yield Member(name, path.stat().st_size, partial(_open, path), folder)


def _open(path: Path) -> IO[bytes]:
    return open(path, "rb")


def _zip_members(path: Path) -> Iterator[Member]:
    with zipfile.ZipFile(path) as archive:
        for info in archive.infolist():
            if not info.is_dir():
                yield Member(info.filename, info.file_size, partial(archive.open, info), path)


class _Limited(io.RawIOBase):
    """A stream that ends with an InputError after `limit_bytes`."""

    def __init__(self, stream: io.BufferedIOBase, path: Path, limit_bytes: int) -> None:
        self._stream, self._path, self._limit_bytes, self._num_bytes = stream, path, limit_bytes, 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer") -> int:
        num_bytes = self._stream.readinto(buffer)
        self._num_bytes += num_bytes
        if self._num_bytes > self._limit_bytes:
            raise InputError(
                f"{self._path} must unpack to at most {self._limit_bytes} bytes. Received: more than that."
            )
        return num_bytes


def _tar_members(path: Path, stream: io.BufferedIOBase, limit_bytes: int) -> Iterator[Member]:
    limited = _Limited(stream, path, limit_bytes)
    with tarfile.open(fileobj=limited, mode="r|") as archive:
        for info in archive:
            if info.isfile():
                yield Member(info.name.removeprefix("./"), info.size, partial(_extract, archive, info), path)
    while limited.read(_CHUNK_BYTES):
        pass  # to the end, where gzip's checksum is


def _extract(archive: tarfile.TarFile, info: tarfile.TarInfo) -> IO[bytes]:
    file = archive.extractfile(info)
    assert file is not None  # it is None for links and devices only
    return file
