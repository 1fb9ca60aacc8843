"""Costs of a package and of a network that is not trained, in the command's table and its JSON."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from tests.tfodcl.cost.test_instructions import EACH, rows
from tfodcl import package as packages
from tfodcl.compress.uniform import UniformCodec
from tfodcl.stages import network_section
from tfodcl.stages.network import Network, Training, convolution, head

ROOT = Path(__file__).parents[2]
GOLDEN = ROOT / "tests" / "golden" / "package_with_network_v1.bin"  # a layer of every kind
BOARDS = ("mps2-an386", "mps2-an500")
NOTHING_BUILDS = {"PATH": "/nonexistent"}


@pytest.fixture
def costs(tmp_path) -> Path:
    """As tools/kernel_costs.py writes it, with round numbers."""
    each = EACH | {("conv_3x3_4x4x128_to_128", part): 1 for part in ("forward", "error", "weight_gradient")}
    each |= {("depthwise_3x3_8x8x128", "error"): 1}
    path = tmp_path / "costs.json"
    path.write_text(json.dumps({"schema": 1, "boards": {board: rows(each) for board in BOARDS}}))
    return path


@pytest.fixture
def find(run_tool, costs, tmp_path):
    """The figures that the command writes, and what it prints."""

    def run(*arguments: object) -> tuple[dict, str]:
        done = run_tool("training_cost", *arguments, "--kernel-costs", costs, "--json", tmp_path / "out" / "found.json")
        assert done.returncode == 0, done.stderr
        assert done.stderr == ""
        return json.loads((tmp_path / "out" / "found.json").read_text()), done.stdout

    return run


def test_a_packages_costs_add_up_and_are_marked_by_where_they_come_from(find):
    found, printed = find(GOLDEN)
    package = packages.read(GOLDEN)
    assert found["batch_size"] == package.learning.replay_batch == 8
    for part in ("forward", "error", "weight_gradient"):
        assert sum(layer["macs"][part] for layer in found["layers"]) == found["macs"][part] > 0
    for board in BOARDS:
        by_layer = sum(layer["emulated_instructions"][board] for layer in found["layers"])
        assert by_layer == pytest.approx(found["emulated_instructions"][board], abs=len(found["layers"]))
    assert sum(found["flash_bytes"].values()) == GOLDEN.stat().st_size
    record = 2 + package.codec.payload_bytes
    assert found["bytes_per_record"] == record
    assert found["replay_bytes"] == package.learning.replay_budget_bytes // record * record
    assert set(found["estimated"]) == {"STM32H747", "nRF52840", "STM32L4", "VEGA", "VEGA, at best"}
    for words in ("emulated instructions", "estimated", "published for QLR-CL", "data sheet of the STM32L476"):
        assert words in printed
    for layer in found["layers"]:
        assert f"\n{layer['name']} " in printed


def test_memory_is_what_the_runtime_counts_and_grows_with_the_mini_batch(find):
    """Per sample: outputs of 44, 24, 5, 5 and 30 values are kept, the largest but the head's twice, and a latent of 44.
    Whatever its size: 3 values for each of 22 channels, and 3 for the most of one layer; parts at multiples of 16."""
    found = {size: find(GOLDEN, "--batch-size", size)[0]["ram_bytes"] for size in (8, 16)}
    assert found[8]["activations"] == 4 * (8 * (108 + 44) + 3 * 22 + 3 * 11) + 8 + 12
    assert found[16]["activations"] - found[8]["activations"] == 4 * 8 * (108 + 44)
    assert found[16]["latents"] == 2 * found[8]["latents"] == 4 * 16 * 44
    assert found[16]["weights"] == found[8]["weights"]


def test_qlr_cls_own_setting_takes_the_published_bytes_of_replays(find):
    """1,500 replays of 8 bits, layer 19: 49.2 MB, layer 27: 1.5 MB; a label is 2 bytes more. Of a step, DESIGN.md's
    table for the layers behind 21, in units of 1,024 bytes."""
    for split, megabytes in ((19, 49.2), (27, 1.5)):
        found, _ = find("--network", "mobilenet", "--split", split)
        assert round((found["replay_bytes"] - 3000) / 1e6, 1) == megabytes
        assert found["batch_size"] == 128
    found, printed = find("--network", "mobilenet", "--split", 21, "--replays", 3000, "--bits", 7)
    assert (
        found["bytes_per_record"] == 2 + 32_768 * 7 // 8 and found["replay_bytes"] == 3000 * found["bytes_per_record"]
    )
    kept = {part: found["ram_bytes"][part] // 1024 for part in ("weights", "velocities", "activations")}
    assert kept == {"weights": 7_486, "velocities": 7_454, "activations": 62_037}
    assert "mobilenet 128x128x3, layers behind 21; a mini-batch of 128" in printed


NETWORK = ["--network", "mobilenet_quarter"]
BAD = {
    "nothing": ([], "there must be a package, or --network and what goes with it. Received: neither."),
    "both": ([GOLDEN, *NETWORK], "Received: "),
    "a layer of a package": ([GOLDEN, "--split", "3"], f"Received: {GOLDEN} --split."),
    "options without a network": (["--split", "3"], "Received: --split."),
    "no such layer": ([*NETWORK, "--split", "28"], "the latent-replay layer must be in 0..27. Received: split=28."),
    "nine bits": ([*NETWORK, "--bits", "9"], "--bits must be a whole number in 1..8. Received: 9."),
    "no bits": ([*NETWORK, "--bits", "0"], "--bits must be a whole number in 1..8. Received: 0."),
    "fewer replays than classes": (
        [*NETWORK, "--replays", "49"],
        "the replay budget must hold a record of every class.",
    ),
    "no mini-batch": ([*NETWORK, "--batch-size", "0"], "--batch-size must be a whole number in 1..65535. Received: 0."),
    "a network that cannot be cut": (["--network", "residual"], "Received: residual."),
    "no shape": ([*NETWORK, "--input", "128"], "Received: 128."),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_one_line_before_anything_is_built(name, refuse):
    arguments, received = BAD[name]
    assert received in refuse("training_cost", *arguments, **NOTHING_BUILDS)


def test_a_package_that_trains_a_head_alone_is_refused(folder, refuse):
    error = refuse("training_cost", folder / "model.tfodcl", **NOTHING_BUILDS)
    assert "must have a network that a device trains. Received: a head alone." in error


def test_a_budget_below_a_record_of_every_class_is_refused(refuse, tmp_path):
    package = packages.read(GOLDEN)
    codec = UniformCodec(package.latent_dim, 8)
    learning = dataclasses.replace(package.learning, replay_budget_bytes=30 * 46 - 1)
    packages.write(tmp_path / "model.tfodcl", dataclasses.replace(package, codec=codec, learning=learning))
    error = refuse("training_cost", tmp_path / "model.tfodcl", **NOTHING_BUILDS)
    assert "Received: 1379 bytes for 30 classes of 46-byte records." in error


def test_a_layer_whose_pixel_is_larger_than_the_scratch_is_refused(refuse, costs, tmp_path):
    """A window's tap has 10,000 values, 40,000 bytes, of which 32,768 are copied at most."""
    first = convolution("first", "conv", (1, 1, 10_000), 1, 3, 1)
    network = Network((1, 1, 10_000), (first, head(first.output_shape, 30)))
    weights = {name: np.zeros(shape, np.float32) for name, shape in network.array_shapes.items()}
    sizes = {"latent_dim": 10_000, "codec": UniformCodec(10_000, 8), "other_codecs": {}}
    learning = dataclasses.replace(packages.read(GOLDEN).learning, replay_budget_bytes=1 << 20)
    section = network_section.pack(network, weights, Training())
    package = dataclasses.replace(packages.read(GOLDEN), **sizes, learning=learning, network=section)
    packages.write(tmp_path / "model.tfodcl", package)
    error = refuse("training_cost", tmp_path / "model.tfodcl", "--kernel-costs", costs)
    assert "a board must train the network with 32,768 bytes of scratch. Received: invalid argument." in error


def test_costs_of_other_boards_are_refused(refuse, tmp_path):
    (tmp_path / "costs.json").write_text('{"schema": 1, "boards": {}}')
    error = refuse("training_cost", GOLDEN, "--kernel-costs", tmp_path / "costs.json")
    assert "costs.json must be what tools/kernel_costs.py writes of mps2-an386, mps2-an500. Received: " in error
