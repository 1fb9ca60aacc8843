"""Archives that are wrong, damaged or hostile, as the command meets them and as datasets/archive.py does."""

import gzip
import io
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest

from tfodcl.errors import InputError

FILES = {"a/one": b"1" * 700, "a/two": np.random.default_rng(0).bytes(50_000), "three": b""}
LIMIT_BYTES = 1 << 20


def tar_bytes(files: dict[str, bytes] = FILES) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return file.getvalue()


def zip_bytes(files: dict[str, bytes] = FILES) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return file.getvalue()


@pytest.fixture
def archive(modules):
    return modules["archive"]


@pytest.mark.parametrize("content", [tar_bytes(), gzip.compress(tar_bytes()), zip_bytes()])
def test_every_kind_of_archive_gives_names_sizes_and_bytes(archive, tmp_path, content):
    path = tmp_path / "any_name"
    path.write_bytes(content)
    members = [(member.name, member.num_bytes, member.read(50_000)) for member in archive.members(path, LIMIT_BYTES)]
    assert members == [(name, len(content), content) for name, content in FILES.items()]


def test_a_folder_is_read_like_an_archive(archive, tmp_path):
    for name, content in FILES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content)
    members = [(member.name, member.read(50_000)) for member in archive.members(tmp_path, 0)]
    assert members == sorted(FILES.items())


@pytest.mark.parametrize("content", [gzip.compress(tar_bytes()), zip_bytes()])
def test_an_archive_cut_anywhere_is_refused(archive, tmp_path, content):
    path = tmp_path / "cut"
    for num_bytes in {0, 1, 5, 100, *range(200, len(content), 997), len(content) - 9, len(content) - 1}:
        path.write_bytes(content[:num_bytes])
        with pytest.raises(InputError, match="Received: "):
            [member.read(50_000) for member in archive.members(path, LIMIT_BYTES)]


def test_a_flipped_bit_anywhere_in_a_tar_gz_is_found(archive, tmp_path):
    content = gzip.compress(tar_bytes())
    path = tmp_path / "flipped.tar.gz"
    for position in range(18, len(content), 1999):  # behind gzip's header, whose time stamp does not matter
        path.write_bytes(content[:position] + bytes([content[position] ^ 16]) + content[position + 1 :])
        with pytest.raises(InputError, match="Received: "):
            [member.read(50_000) for member in archive.members(path, LIMIT_BYTES)]


def test_a_tar_that_unpacks_to_more_than_the_limit_is_refused(archive, tmp_path):
    path = tmp_path / "bomb.tar.gz"
    path.write_bytes(gzip.compress(tar_bytes({"zeros": bytes(5_000_000)})))
    assert path.stat().st_size < 10_000
    with pytest.raises(InputError, match="must unpack to at most 1048576 bytes"):
        list(archive.members(path, LIMIT_BYTES))


def test_a_zip_member_that_lies_about_its_size_is_read_to_the_limit_only(archive, tmp_path):
    content = zip_bytes({"zeros": bytes(5_000_000)})
    path = tmp_path / "bomb.zip"
    path.write_bytes(content.replace((5_000_000).to_bytes(4, "little"), (10).to_bytes(4, "little")))
    members = archive.members(path, LIMIT_BYTES)
    member = next(members)
    assert member.num_bytes == 10
    with pytest.raises(InputError, match="Received: "):
        member.read(1000)


def test_names_that_lead_elsewhere_write_nothing(refuse, tmp_path):
    files = {"../escaped": b"x", "/tmp/../escaped_too": b"x", "cifar-100-python/../../escaped": b"x"}
    source = tmp_path / "c.tar.gz"
    source.write_bytes(gzip.compress(tar_bytes(files)))
    line = refuse("cifar100", "--no-verify", "--source", source)
    assert "Received: no cifar-100-python/train" in line
    assert [path.name for path in tmp_path.rglob("*")] == ["c.tar.gz"]


def test_links_in_a_tar_are_no_members(archive, tmp_path):
    with tarfile.open(tmp_path / "links.tar", "w") as writer:
        for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE):
            info = tarfile.TarInfo(f"cifar-100-python/{kind!r}")
            info.type, info.linkname = kind, "/etc/hostname"
            writer.addfile(info)
    assert list(archive.members(tmp_path / "links.tar", LIMIT_BYTES)) == []


@pytest.mark.parametrize(
    ("content", "rule"),
    [
        (
            b"<!DOCTYPE html><title>Not found</title>",
            "must be a zip, tar or tar.gz file. Received: a file starting with b'<!DOCTYP'.",
        ),
        (b"", "must be a zip, tar or tar.gz file. Received: a file starting with b''."),
        (gzip.compress(b"no tar inside"), "must be a whole archive."),
        (gzip.compress(tar_bytes())[:-3000], "must be a whole archive. Received: "),
        (zip_bytes()[:-100], "must be a whole archive. Received: File is not a zip file."),
        (None, "must be a readable file. Received: No such file or directory."),
    ],
)
def test_the_command_refuses_what_is_no_whole_archive(refuse, tmp_path, content, rule):
    source = tmp_path / "archive"
    if content is not None:
        source.write_bytes(content)
    line = refuse("cifar10", "--no-verify", "--source", source)
    assert line.startswith(f"{source} {rule}")


def test_a_local_archive_that_is_not_the_official_one_is_refused(refuse, tmp_path):
    source = Path(tmp_path / "cifar-10-python.tar.gz")
    source.write_bytes(gzip.compress(tar_bytes()))
    line = refuse("cifar10", "--source", source)
    assert line.startswith(f"{source} must have the 170498071 bytes of the official cifar-10-python.tar.gz. Received: ")
