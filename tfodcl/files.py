"""Files that are whole or absent: written under a temporary name, synced, then renamed."""

import contextlib
import os
import stat
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

from tfodcl.errors import InputError

# What NumPy and zipfile raise for a damaged or foreign .npz, each seen when bytes of a file were changed.
NPZ_ERRORS = (
    EOFError,
    KeyError,
    MemoryError,
    OSError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
    zipfile.BadZipFile,
    zlib.error,
)


@contextlib.contextmanager
def replacing(path: str | os.PathLike) -> Iterator[Path]:
    """Yields a temporary path beside `path`; renames it to `path` when the block ends without an error.

    The temporary file keeps the suffix of `path` (NumPy's writers append theirs otherwise).

    Raises:
      InputError: the file cannot be written (missing rights, full disk, a directory of that name).
        Nothing is left behind, and an earlier file at `path` is untouched.
    """
    path = Path(path)
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{path.stem}.", suffix=path.suffix, dir=path.parent)
        os.close(handle)
        temporary = Path(name)
        yield temporary
        with open(temporary, "rb") as written:
            os.fsync(written.fileno())
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o666 & ~umask)  # mkstemp's 0600 is for secrets
        temporary.replace(path)
    except OSError as error:
        raise InputError(f"{path} must be writable. Received: {error.strerror or error}.") from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


def make_folder(path: str | os.PathLike) -> None:
    """Makes a folder where there is none. Raises InputError where files cannot be written to it."""
    path = Path(path)
    try:
        path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path):
            pass
    except OSError as error:
        reason = error.strerror or error
        raise InputError(f"{path} must be a folder that can be written to. Received: {reason}.") from error


def write(path: str | os.PathLike, content: bytes) -> None:
    """Writes `content` to `path`, whole or not at all. Raises InputError like `replacing`."""
    with replacing(path) as temporary:
        temporary.write_bytes(content)


def is_file(path: str | os.PathLike) -> bool:
    """Whether a file is there. Raises InputError where that cannot be told: a name too long, missing rights."""
    try:
        return stat.S_ISREG(os.stat(path).st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except (OSError, ValueError) as error:
        raise InputError(f"{path} must be a path that can be looked up. Received: {error}.") from error
