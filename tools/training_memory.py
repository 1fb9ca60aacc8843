"""What memory the process really takes that learns tasks, method by method, beside the cost model's.

Example:
  python tools/training_memory.py runs/cifar10_subset-tasks-quick

Every method of the run learns the first two tasks for one epoch in a process of its own: with replays, references and
cached outputs as in the run, but from random weights. Printed are the modelled memory, by how much the process grew
from before the method was made to its peak, that peak, libraries and data included, and the time of a new sample. The
peaks, and the times that the run took, become part of its results.json and report. Linux only. Times depend on what
else the machine does.
"""

import argparse
import json
import re
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from tfodcl import native_log
from tfodcl.command import Parser, run
from tfodcl.data import load
from tfodcl.errors import InputError
from tfodcl.report.results import load_results
from tfodcl.run_folder import write_results

MIB = 2**20
NUM_TASKS = 2  # replays and references begin with the second
NUM_CALIBRATION_SAMPLES = 64


def main() -> None:
    options = parse()
    results = load_results(options.folder)
    methods = results["methods"]
    if not all(method.get("cost") for method in methods.values()):
        raise InputError(f"{options.folder} must be a run of methods that learn tasks. Received: {', '.join(methods)}.")
    if options.method is not None:
        print(json.dumps(measure(results, options.method)))
        return
    print(f"{'method':<18}{'model, MiB':>12}{'growth, MiB':>12}{'peak, MiB':>12}{'ms a sample':>13}")
    for name, method in methods.items():
        found = in_process(options.folder, name)
        modelled = sum(method["cost"]["memory_bytes"].values())
        sizes = (modelled / MIB, found["growth_bytes"] / MIB, found["peak_bytes"] / MIB)
        print(f"{name:<18}" + "".join(f"{size:>12,.1f}" for size in sizes) + f"{found['sample_ms']:>13.2f}", flush=True)
        method["cost"]["measured"] = {"peak_bytes": found["peak_bytes"], "seconds": method["learn_seconds"]}
    write_results(options.folder, results)


def in_process(folder: Path, name: str) -> dict[str, float]:
    """`measure` in a process of its own. Raises InputError where that fails, with its last line."""
    done = subprocess.run(
        [sys.executable, __file__, str(folder), "--method", name], capture_output=True, text=True, check=False
    )
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["nothing"])[-1].rstrip(".")
        raise InputError(f"{name} must be measurable. Received: exit code {done.returncode}, {last}.")
    return json.loads(done.stdout.strip().splitlines()[-1])


def measure(results: dict, name: str) -> dict[str, float]:
    """Of this process: growth and peak in bytes, and milliseconds of a sample."""
    with native_log.quiet():
        from tfodcl.meta.augment import augmentation
        from tfodcl.resnets import ResNets, weights_of
        from tfodcl.stages.resnet import resnet
        from tfodcl.streams import split_stream
        from tfodcl.task_methods import CLASSES
        from tfodcl.task_methods.learning import TaskLearning
        from tfodcl.task_presets import SPARSE, kept_channels
    protocol = results["protocol"]
    dataset = load(results["dataset"], seed=results["seed"], as_maps=True)
    depth, width = map(int, re.findall(r"\d+", results["encoder"]["name"]))
    network = resnet(depth, dataset.input_shape, len(dataset.class_names), width, kept_channels(name in SPARSE))
    blocks = protocol["frozen_blocks"]
    drawn = ResNets(network, None, blocks, None, seed=0).whole()
    networks = ResNets(network, weights_of(drawn), blocks, dataset.x_train[:NUM_CALIBRATION_SAMPLES], seed=0)
    drawn.predict(np.zeros((1, *dataset.input_shape), np.float32), verbose=0)  # what is loaded once is not the method's
    learning = TaskLearning(
        batch_size=protocol["batch_size"],
        epochs=1,
        buffer_size=protocol["buffer_size"],
        cache_bytes=protocol["cache_bytes"],
        augment=augmentation(dataset),
    )
    tasks = split_stream(dataset, protocol["num_tasks"], 0.0, results["seed"], 0).tasks[:NUM_TASKS]
    before = status_bytes("VmRSS")
    method = CLASSES[name](networks, learning, seed=0)
    begin = time.perf_counter()
    for task in tasks:
        method.learn(task)
    seconds = time.perf_counter() - begin
    peak = status_bytes("VmHWM")
    return {
        "growth_bytes": peak - before,
        "peak_bytes": peak,
        "sample_ms": 1e3 * seconds / sum(len(task.x) for task in tasks),
    }


def status_bytes(field: str) -> int:
    """A figure of /proc/self/status, such as VmRSS, what is resident, or VmHWM, its peak."""
    try:
        found = re.search(rf"{field}:\s+(\d+) kB", Path("/proc/self/status").read_text())
    except OSError as error:
        raise InputError(f"memory is measured on Linux. Received: {error}.") from error
    if found is None:
        raise InputError(f"/proc/self/status must hold {field}. Received: none.")
    return 1024 * int(found[1])


def parse() -> argparse.Namespace:
    parser = Parser(prog="training_memory.py", description=__doc__)
    parser.add_argument("folder", type=Path, help="of a run of python -m tfodcl.train, with its data set at hand")
    parser.add_argument("--method", help=argparse.SUPPRESS)  # the process of one method
    return parser.parse_args()


if __name__ == "__main__":
    run(main, "training_memory.py")
