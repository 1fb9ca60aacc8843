"""python -m tfodcl.report: where it writes, and how it fails."""

import json
import subprocess
import sys


def command(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "tfodcl.report", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_command_writes_into_the_first_directory_by_default(tmp_path, results):
    for name, dataset in (("a", "glyphs"), ("b", "omniglot")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "results.json").write_text(json.dumps(results(dataset)))
    done = command(tmp_path / "a", tmp_path / "b")
    assert (done.returncode, done.stderr) == (0, "")
    text = (tmp_path / "a" / "report.html").read_text(encoding="utf-8")
    assert "glyphs, quick" in text and "omniglot, quick" in text
    assert command(tmp_path / "b", "--out", tmp_path / "c" / "page.html").returncode == 0
    assert (tmp_path / "c" / "page.html").exists()


def test_help_has_an_example():
    done = command("--help")
    assert done.returncode == 0 and "example:\n  python -m tfodcl.report" in done.stdout


def test_the_command_ends_with_2_and_one_line_on_bad_input(tmp_path, results):
    good = tmp_path / "good"
    good.mkdir()
    (good / "results.json").write_text(json.dumps(results()))
    (tmp_path / "results.json").write_text(json.dumps(results() | {"schema": 2}))
    occupied = tmp_path / "occupied"
    occupied.mkdir()
    for arguments, rule in (
        ([], "required"),
        ([tmp_path / "nowhere"], "nowhere/results.json must be the results.json of a run"),
        ([tmp_path], "schema must be 1. Received: schema=2."),
        ([good, tmp_path], "schema must be 1"),
        ([good, "--out", occupied], "must be writable"),
        ([good, "--colour", "red"], "unrecognized"),
    ):
        done = command(*arguments)
        assert done.returncode == 2 and rule in done.stderr and done.stderr.count("\n") == 1, done.stderr
    assert sorted(path.name for path in tmp_path.rglob("*")) == [
        "good",
        "occupied",
        "results.json",
        "results.json",
    ]
