"""The command: names, where the file goes, a full disk, and that tfodcl.data is told what it needs."""

import subprocess

import numpy as np
import pytest
from PIL import Image


@pytest.fixture
def pictures(tmp_path):
    """Two classes of two grey pictures."""
    for name in ("a/0", "a/1", "b/0", "b/1"):
        (tmp_path / "own" / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (64, 64), ord(name[0])).save(tmp_path / "own" / f"{name}.png")
    return tmp_path / "own"


@pytest.mark.parametrize(
    ("arguments", "rule"),
    [
        ([], "the following arguments are required: NAME"),
        (["cifar11"], "invalid choice: 'cifar11'"),
        (["cifar10", "--mirror", "ftp://host/x"], "must be an http or https address. Received: ftp://host/x"),
        (["cifar10", "--mirror", "file:///etc"], "must be an http or https address. Received: file:///etc"),
        (["folder", "--source", "x", "--name", "y", "--size", "4"], "size must be an integer from 8 to 512. Received: size=4"),
        (["folder", "--source", "x", "--name", "y", "--seed", "-1"], "seed must be an integer from 0 to 4294967295."),
        (["folder", "--source", "x", "--name", "../y"], "Received: name='../y'."),
        (["folder", "--source", "x", "--name", "cifar10"], "Received: name='cifar10'."),
        (["folder", "--source", "x", "--name", "glyphs"], "Received: name='glyphs'."),
    ],
)
def test_wrong_arguments_are_refused(command, environment, arguments, rule):
    done = subprocess.run(command(*arguments), env=environment, capture_output=True, text=True)
    assert done.returncode == 2 and done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert rule in line


def test_help_has_an_example_for_each_data_set(command, environment):
    names = ["cifar10", "cifar100", "omniglot", "speech_commands", "miniimagenet", "folder"]
    top = subprocess.run(command("--help"), env=environment, capture_output=True, text=True, check=True).stdout
    for name in names:
        done = subprocess.run(command(name, "--help"), env=environment, capture_output=True, text=True, check=True)
        assert f"python datasets/prepare.py {name} --source " in done.stdout
        assert name in top


def test_the_file_goes_to_tfodcl_data_unless_told_otherwise(command, environment, pictures, tmp_path):
    arguments = command("folder", "--source", pictures, "--name", "mine")
    subprocess.run(arguments, env=environment | {"TFODCL_DATA": str(tmp_path / "t")}, check=True, capture_output=True)
    assert [path.name for path in (tmp_path / "t").iterdir()] == ["mine.npz"]
    home = {key: value for key, value in environment.items() if key != "TFODCL_DATA"} | {"HOME": str(tmp_path)}
    subprocess.run(arguments, env=home, check=True, capture_output=True)
    assert [path.name for path in (tmp_path / ".cache" / "tfodcl" / "data").iterdir()] == ["mine.npz"]


def test_too_few_classes_to_train_with_are_pointed_out(command, environment, pictures, out):
    arguments = command("folder", "--source", pictures, "--name", "mine", "--out", out)
    done = subprocess.run(arguments, env=environment, capture_output=True, text=True, check=True)
    assert done.stderr.splitlines()[-1] == "prepare.py: note: tfodcl.train needs 6 or more classes"


def test_a_full_disk_leaves_no_data_set_and_the_earlier_one_untouched(command, environment, refuse, pictures, out, tmp_path):
    line = refuse("folder", "--source", pictures, "--name", "mine", "--size", "64", disk_bytes=3000)
    assert line == f"{out / 'mine.npz'} must be writable. Received: File too large."
    assert list(out.iterdir()) == []


def test_an_out_that_is_a_file_is_refused(command, environment, pictures, tmp_path):
    (tmp_path / "file").write_bytes(b"")
    arguments = command("folder", "--source", pictures, "--name", "mine", "--out", tmp_path / "file")
    done = subprocess.run(arguments, env=environment, capture_output=True, text=True)
    assert done.returncode == 2
    assert "must be writable. Received: " in done.stderr.splitlines()[-1]


def test_the_same_command_writes_the_same_bytes(prepare, pictures, out):
    prepare("folder", "--source", pictures, "--name", "mine")
    first = (out / "mine.npz").read_bytes()
    prepare("folder", "--source", pictures, "--name", "mine")
    assert (out / "mine.npz").read_bytes() == first
    with np.load(out / "mine.npz", allow_pickle=False) as arrays:
        assert sorted(arrays.files) == ["class_names", "licence", "x_test", "x_train", "y_test", "y_train"]
