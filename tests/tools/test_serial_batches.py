"""tools/serial_eval.py with a package that learns training batches, on the host program."""

import dataclasses
import subprocess

import numpy as np
import pytest

from tests.tools.conftest import LATENT_DIM
from tfodcl import package as packages
from tfodcl.compress.uniform import UniformCodec
from tfodcl.report import load_results
from tfodcl.stages import network_section
from tfodcl.stages.network import Network, Training, convolution, head

PROTOCOL = {"num_classes": 5, "first_classes": 2, "samples_per_class": 5, "groups_per_batch": 2, "eval_every": 3}


@pytest.fixture
def batch_folder(package, tmp_path):
    """With a package whose device trains a pointwise layer and the head, with room for 10 new samples."""
    pointwise = convolution("layer_1", "pointwise", (1, 1, LATENT_DIM), 24, 1, 1)
    network = Network((1, 1, LATENT_DIM), (pointwise, head(pointwise.output_shape, 5)))
    rng = np.random.default_rng(0)
    weights = {name: rng.normal(0, 0.2, shape).astype(np.float32) for name, shape in network.array_shapes.items()}
    weights["layer_1/gamma"][:] = weights["layer_1/moving_variance"][:] = 1
    codec = UniformCodec(LATENT_DIM, 8)
    learnt = dataclasses.replace(
        package,
        codec=codec,
        learning=packages.Learning(5, 0.01, 0.01, 8, 4, 20 * (2 + codec.payload_bytes)),
        network=network_section.pack(network, weights, Training(norm_momentum=0.75), max_new=10),
        info={**package.info, "recipe": "qlr", "protocol": PROTOCOL, "learning_rates": {"qlr": {"outer": 0.01}}},
    )
    packages.write(tmp_path / "batches" / "model.tfodcl", learnt)
    return tmp_path / "batches"


def test_a_board_learns_the_stream_as_python_does_and_goes_on_where_it_stopped(run_tool, start_host, batch_folder):
    options = ("--package", batch_folder / "model.tfodcl", "--flash", batch_folder / "flash")
    url, process = start_host(*options)
    short = run_tool("serial_eval", batch_folder, "--port", url, "--batches", 2, "--tests", 2)
    assert short.returncode == 0, short.stderr
    assert "2 training batches: " in short.stdout
    process.kill()
    process.wait()
    done = run_tool("serial_eval", batch_folder, "--port", start_host(*options)[0], "--tests", 2)
    assert done.returncode == 0, done.stderr
    results = load_results(batch_folder / "serial_results.json")
    assert results["methods"]["qlr"]["num_classes"] == [1, 3, 6, 8]
    assert results["board"]["twin_differences"] == [0] * 4
    assert results["board"]["commands"]["END_BATCH"]["count"] == 6  # the first two were durable
    assert "8 training batches: " in done.stdout
    assert (batch_folder / "report.html").stat().st_size > 10_000


def test_options_of_the_other_kind_of_package_are_refused(refuse, batch_folder, folder):
    port = "socket://127.0.0.1:1"
    assert "takes --batches, no --classes" in refuse("serial_eval", batch_folder, "--port", port, "--classes", 3)
    assert "--batches is for a package that learns" in refuse("serial_eval", folder, "--port", port, "--batches", 3)


def test_export_refuses_a_network_without_room_for_a_record_of_every_class(refuse, batch_folder, tmp_path):
    options = ("--board", "mps2-an386", "--out", tmp_path / "elsewhere" / "firmware.elf", "--replay-bytes", 4 * 34)
    error = refuse("export_micro", batch_folder, *options)
    assert "--replay-bytes must hold a record of 34 bytes of each of 5 classes. Received: room for 4." in error


def test_export_refuses_a_network_with_a_layer_that_the_firmware_has_no_kernel_for(refuse, batch_folder):
    path = batch_folder / "model.tfodcl"
    package = packages.read(path)
    kind = package.network.index(bytes([3, 1, 1]))  # pointwise, size 1, stride 1
    other = package.network[:kind] + b"\x63" + package.network[kind + 1 :]
    packages.write(path, dataclasses.replace(package, network=other))
    error = refuse("export_micro", batch_folder, "--board", "mps2-an386")
    assert "the kind of a layer must be in 1..5. Received: kind=99." in error


def test_export_names_what_a_network_needs(run_tool, refuse, batch_folder):
    error = refuse("export_micro", batch_folder, "--board", "mps2-an386", "--capacity", 3)
    assert "--capacity is for a package whose head alone is trained" in error
    done: subprocess.CompletedProcess = run_tool("export_micro", batch_folder, "--board", "mps2-an386")
    assert done.returncode == 0, done.stderr
    for part in ("velocities", "activations and errors", "new samples", "network"):
        assert part in done.stdout
    assert "records: 20, of 34 bytes" in done.stdout
