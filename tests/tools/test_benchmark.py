"""The benchmark's tables, not its figures."""

import importlib.util
import json

import pytest

PEERS = {"PyTorch": "torch", "scikit-learn": "sklearn", "faiss": "faiss"}
TITLES = ["meta step", "forward pass", "class", "vectors encoded", "vectors decoded", "vectors fitted"]


def is_installed(contender: str) -> bool:
    name = contender.split(",")[0]
    return name not in PEERS or importlib.util.find_spec(PEERS[name]) is not None


def test_every_contender_that_is_installed_is_measured_beside_the_reference(run_tool, tmp_path):
    done = run_tool("benchmark", "--quick", "--json", tmp_path / "figures.json")
    assert done.returncode == 0, done.stderr
    report = json.loads((tmp_path / "figures.json").read_text())
    assert report["schema"] == 1 and report["cores"] >= 1
    assert [table["title"].split(":")[0] for table in report["tables"]] == TITLES
    for table in report["tables"]:
        measured = {row["name"]: row for row in table["rows"]}
        assert any(name.startswith("tfodcl") for name in measured)
        for name, row in measured.items():
            assert (row["median"] is not None) == is_installed(name)
            if not is_installed(name):
                assert f"{name} not installed" in " ".join(done.stdout.split())
                continue
            best, median = sorted([row["best"], row["median"]], reverse=table["unit"] == "1/s")
            assert (best, median) == (row["best"], row["median"]) and min(best, median) > 0
            if is_installed(table["reference"]):
                assert row["ratio"] == pytest.approx(row["median"] / measured[table["reference"]]["median"])
            else:
                assert row["ratio"] is None


def test_gflops_are_of_the_encoder_s_multiplications(run_tool, tmp_path):
    from tfodcl.backbones import build, count_macs

    done = run_tool("benchmark", "--quick", "--only", "meta", "--json", tmp_path / "figures.json")
    assert done.returncode == 0, done.stderr
    report = json.loads((tmp_path / "figures.json").read_text())
    (table,), sizes = report["tables"], report["sizes"]
    num_samples = sizes["num_inner"] + sizes["num_random"]
    gflop = 2 * 3 * num_samples * count_macs(build(sizes["encoder"], tuple(sizes["input_shape"]), True)) / 1e9
    for row in table["rows"][:2]:  # ours
        assert row["gflop_per_s"] * row["median"] / 1000 == pytest.approx(gflop)


def test_one_part_needs_no_other(run_tool, tmp_path):
    done = run_tool("benchmark", "--quick", "--only", "codec")
    assert done.returncode == 0, done.stderr
    assert "vectors encoded" in done.stdout and "meta step" not in done.stdout


def test_an_unknown_part_is_named(refuse):
    assert "invalid choice: 'speed'" in refuse("benchmark", "--only", "speed")


def test_a_place_where_figures_cannot_be_written_is_named_before_anything_is_measured(refuse, tmp_path):
    (tmp_path / "file").write_text("")
    assert "file must be a folder" in refuse("benchmark", "--quick", "--json", tmp_path / "file" / "figures.json")
