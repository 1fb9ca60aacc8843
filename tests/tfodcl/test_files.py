import errno
import os
import stat
from pathlib import Path

import pytest

from tfodcl import files
from tfodcl.errors import InputError


def full(*_args, **_options):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_file_appears_under_its_name_only_when_it_is_whole(tmp_path):
    path = tmp_path / "results.json"
    with files.replacing(path) as temporary:
        assert temporary.parent == tmp_path and temporary.suffix == ".json"
        temporary.write_bytes(b"half")
        assert not path.exists()
        temporary.write_bytes(b"whole")
    assert path.read_bytes() == b"whole" and list(tmp_path.iterdir()) == [path]


def test_missing_folders_are_made(tmp_path):
    files.write(tmp_path / "a" / "b" / "file", b"x")
    assert (tmp_path / "a" / "b" / "file").read_bytes() == b"x"


def test_a_file_has_the_rights_that_the_umask_leaves(tmp_path):
    previous = os.umask(0o027)
    try:
        files.write(tmp_path / "file", b"x")
    finally:
        os.umask(previous)
    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == 0o640


@pytest.mark.parametrize("earlier", [None, b"earlier"])
@pytest.mark.parametrize("operation", ["tempfile.mkstemp", "os.fsync", "pathlib.Path.chmod", "pathlib.Path.replace"])
def test_a_full_disk_leaves_what_was_there_and_nothing_else(operation, earlier, tmp_path, monkeypatch):
    path = tmp_path / "model"
    if earlier is not None:
        path.write_bytes(earlier)
    with monkeypatch.context() as patched:
        patched.setattr(operation, full)
        with pytest.raises(InputError, match="model must be writable. Received: No space left on device"):
            files.write(path, b"new")
    assert {one: one.read_bytes() for one in tmp_path.iterdir()} == ({path: earlier} if earlier else {})


def test_a_disk_that_fills_up_while_writing_leaves_what_was_there(tmp_path):
    path = tmp_path / "model"
    path.write_bytes(b"earlier")
    with pytest.raises(InputError, match="No space left on device"), files.replacing(path) as temporary:
        temporary.write_bytes(b"half of what was to co")
        full()
    assert path.read_bytes() == b"earlier" and list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("error", [ValueError, InputError, KeyboardInterrupt])
def test_an_error_of_the_writer_passes_through_and_leaves_what_was_there(error, tmp_path):
    path = tmp_path / "model"
    path.write_bytes(b"earlier")
    with pytest.raises(error, match="of the writer"), files.replacing(path) as temporary:
        temporary.write_bytes(b"half")
        raise error("of the writer")
    assert path.read_bytes() == b"earlier" and list(tmp_path.iterdir()) == [path]


def test_a_folder_of_that_name_is_refused_and_kept(tmp_path):
    (tmp_path / "model" / "inside").mkdir(parents=True)
    with pytest.raises(InputError, match="model must be writable. Received: Is a directory"):
        files.write(tmp_path / "model", b"x")
    assert list(tmp_path.iterdir()) == [tmp_path / "model"] and (tmp_path / "model" / "inside").is_dir()


def test_a_file_in_the_place_of_the_folder_is_refused_and_kept(tmp_path):
    (tmp_path / "out").write_bytes(b"x")
    for refused in (
        lambda: files.write(tmp_path / "out" / "a", b"y"),
        lambda: files.make_folder(tmp_path / "out"),
    ):
        with pytest.raises(InputError, match="Received: "):
            refused()
    assert list(tmp_path.iterdir()) == [tmp_path / "out"] and (tmp_path / "out").read_bytes() == b"x"


def test_a_folder_is_made_once_and_stays_empty(tmp_path):
    for _ in range(2):
        files.make_folder(tmp_path / "a" / "b")
        assert list((tmp_path / "a" / "b").iterdir()) == []


def test_a_folder_that_cannot_take_files_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.TemporaryFile", full)
    with pytest.raises(InputError, match="must be a folder that can be written to. Received: No space left"):
        files.make_folder(Path(tmp_path))


def test_what_cannot_be_looked_up_is_an_input_error(tmp_path):
    (tmp_path / "there").write_bytes(b"1")
    assert files.is_file(tmp_path / "there")
    assert (
        not files.is_file(tmp_path)
        and not files.is_file(tmp_path / "absent")
        and not files.is_file(tmp_path / "there" / "in")
    )
    with pytest.raises(InputError, match="must be a path that can be looked up. Received: .*name too long"):
        files.is_file(tmp_path / ("a" * 300))
