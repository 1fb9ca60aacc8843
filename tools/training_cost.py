"""What it costs a board to train an adaptive stage: multiply-accumulates, memory, instructions, time and energy.

Examples:
  python tools/training_cost.py runs/glyphs-qlr-quick/model.tfodcl
  python tools/training_cost.py --network mobilenet --split 23 --input 128x128x3 --kernel-costs runs/kernel_costs.json

Of a package with a network, or of one that is not trained. Memory is what the C++ runtime counts. Instructions follow
from those that tools/kernel_costs.py counts on emulated cores; it runs first where its file is not given. Time, energy
and battery life are estimated from published constants (tfodcl/cost/devices.py), also where a chip's memory is too
small. The frozen stage is not counted. Needs what tools/export_micro.py needs.
"""

import argparse
import dataclasses
import json
import subprocess
import tempfile
from pathlib import Path

import export_micro
import kernel_costs
import numpy as np

from tfodcl import boards, files, native_log
from tfodcl import package as packages
from tfodcl.command import Parser, parse_count, run
from tfodcl.compress.record import MAX_LABEL, RECORD_HEADER_BYTES, Codec
from tfodcl.compress.uniform import MAX_BITS, UniformCodec
from tfodcl.cost.devices import DEVICES, INTERVAL_SECONDS, estimate
from tfodcl.cost.instructions import KernelCosts, read_kernel_costs, step_instructions
from tfodcl.cost.macs import add, step_macs
from tfodcl.device.status import Status, name_of
from tfodcl.errors import InputError
from tfodcl.replay.policy import RandomReplacementMemory
from tfodcl.stages import network_section
from tfodcl.stages.network import Network, Training

SCHEMA = 1
MAX_BATCH = 65_535
SCRATCH_BYTES = 32 * 1024  # most that convolutions copy at once, as in kernel_costs.cc
# Of a network without a package: QLR-CL's (arXiv 2110.10486), at one of its latent-replay layers.
DEFAULTS = {"split": "23", "input": "128x128x3", "classes": "50", "replays": "1500", "bits": "8"}
BATCH_SIZE = "128"
PUBLISHED = "published for QLR-CL (arXiv 2110.10486): VEGA 65x as fast as an STM32L4, at 1/37 of the energy; 535 h"


@dataclasses.dataclass(frozen=True)
class Subject:
    """What costs are of.

    Attributes:
      name: for people.
      section: *network* of a package.
      flash: bytes by part.
      batch_size: samples of a mini-batch.
      memory: of replays, empty.
    """

    name: str
    network: Network
    section: bytes
    flash: dict[str, int]
    batch_size: int
    memory: RandomReplacementMemory


def main() -> None:
    options = parse()
    subject = of_package(options) if options.package else of_network(options)
    export_micro.check_tools()
    if options.json:
        files.make_folder(options.json.parent)
    ram_bytes = memory_parts(subject)
    costs = read_kernel_costs(options.kernel_costs, kernel_costs.EMULATED) if options.kernel_costs else measure()
    content = figures(subject, ram_bytes, costs)
    show(content)
    if options.json:
        files.write(options.json, (json.dumps(content, indent=1) + "\n").encode())


def parse() -> argparse.Namespace:
    summary, _, epilog = (__doc__ or "").partition("\n\n")
    parser = Parser(prog="training_cost", description=summary, epilog=epilog)
    parser.add_argument("package", type=Path, nargs="?", metavar="PACKAGE", help="with a network, such as qlr's")
    parser.add_argument(
        "--network", metavar="NAME", help="instead of PACKAGE: of tfodcl.backbones, one that can be cut"
    )
    parser.add_argument("--split", metavar="LAYER", help="of NAME, the last frozen layer (default: 23)")
    parser.add_argument("--input", metavar="HEIGHTxWIDTHxCHANNELS", help="of NAME (default: 128x128x3)")
    parser.add_argument("--classes", metavar="N", help="rows of NAME's head (default: 50)")
    parser.add_argument("--replays", metavar="N", help="records that NAME keeps (default: 1500)")
    parser.add_argument("--bits", metavar="N", help="of a value of such a record (default: 8)")
    parser.add_argument("--batch-size", metavar="N", help="samples of a mini-batch (default: PACKAGE's, of NAME 128)")
    parser.add_argument("--kernel-costs", type=Path, metavar="FILE", help="what tools/kernel_costs.py wrote")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    options = parser.parse_args()
    given = [f"--{name}" for name in ("network", *DEFAULTS) if getattr(options, name) is not None]
    if (options.package is None) != (options.network is not None) or (options.package and given):
        received = " ".join([str(options.package)] * (options.package is not None) + given) or "neither"
        raise InputError(f"there must be a package, or --network and what goes with it. Received: {received}.")
    return options


def of_package(options: argparse.Namespace) -> Subject:
    package = packages.read(options.package)
    if not package.network:
        raise InputError(f"{options.package} must have a network that a device trains. Received: a head alone.")
    learning = package.learning
    text = str(learning.replay_batch) if options.batch_size is None else options.batch_size
    flash = {"encoder": len(package.encoder), "plan": len(package.plan), "network": len(package.network)}
    flash["rest of the package"] = len(packages.to_bytes(package)) - sum(flash.values())
    return Subject(
        str(options.package),
        network_section.read(package).network,
        package.network,
        flash,
        parse_count("--batch-size", text, 1, MAX_BATCH),
        replay_memory(package.codec, learning.replay_budget_bytes, learning.capacity),
    )


def of_network(options: argparse.Namespace) -> Subject:
    """One with weights of zero: what it costs does not depend on them."""
    with native_log.quiet():
        from tfodcl.backbones import layers_of  # TensorFlow, which packages do not need
        from tfodcl.backbones.__main__ import parse_shape
        from tfodcl.backbones.split import adaptive_stage
    given = {name: getattr(options, name) or default for name, default in DEFAULTS.items()}
    num_classes = parse_count("--classes", given["classes"], 1, MAX_LABEL + 1)
    split = parse_count("--split", given["split"], 0)
    network = adaptive_stage(layers_of(options.network, parse_shape(given["input"])), split, num_classes)
    codec = UniformCodec(network.latent_dim, parse_count("--bits", given["bits"], 1, MAX_BITS))
    budget = parse_count("--replays", given["replays"], 1) * record_bytes(codec)
    weights = {name: np.zeros(shape, np.float32) for name, shape in network.array_shapes.items()}
    section = network_section.pack(network, weights, Training())
    return Subject(
        f"{options.network} {given['input']}, layers behind {split}",
        network,
        section,
        {"network": len(section)},
        parse_count("--batch-size", options.batch_size or BATCH_SIZE, 1, MAX_BATCH),
        replay_memory(codec, budget, num_classes),
    )


def record_bytes(codec: Codec) -> int:
    return RECORD_HEADER_BYTES + codec.payload_bytes


def replay_memory(codec: Codec, budget_bytes: int, num_classes: int) -> RandomReplacementMemory:
    """Raises InputError where it cannot hold a record of every class."""
    memory = RandomReplacementMemory(budget_bytes, record_bytes(codec), codec.payload_bytes, seed=0)
    memory.check_room(num_classes)
    return memory


def measure() -> dict[str, KernelCosts]:
    return {name: KernelCosts(kernel_costs.measure(boards.find(name))) for name in kernel_costs.EMULATED}


def memory_parts(subject: Subject) -> dict[str, int]:
    """Bytes of RAM by part: of a step, as the runtime counts them in a program for this computer, and its latents."""
    network, build = subject.network, export_micro.BUILD / "host"
    export_micro.make(build, ["-DTFODCL_BOARD=host"], "stage_memory")
    with tempfile.NamedTemporaryFile(suffix=".network") as copy:
        copy.write(subject.section)
        copy.flush()
        numbers = (network.latent_dim, network.num_classes, subject.batch_size, SCRATCH_BYTES)
        command = [str(build / "stage_memory"), copy.name, *map(str, numbers)]
        found = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    status = found.pop("status")
    if status != Status.OK:
        rule = f"a board must train the network with {SCRATCH_BYTES:,} bytes of scratch"
        raise InputError(f"{rule}. Received: {name_of(status)}.")
    return {**found, "latents": 4 * subject.batch_size * network.latent_dim}


def figures(subject: Subject, ram_bytes: dict[str, int], costs: dict[str, KernelCosts]) -> dict:
    """What --json writes."""
    network, size, memory = subject.network, subject.batch_size, subject.memory
    macs = step_macs(network, size)
    instructions = {board: step_instructions(network, size, one) for board, one in costs.items()}
    totals = {board: sum(by_layer.values()) for board, by_layer in instructions.items()}
    in_all = add(macs.values())
    return {
        "schema": SCHEMA,
        "name": subject.name,
        "batch_size": size,
        "layers": [
            {
                "name": layer.name,
                "output": "x".join(map(str, layer.output_shape)),
                "macs": macs[layer.name]._asdict(),
                "emulated_instructions": {board: round(found[layer.name]) for board, found in instructions.items()},
            }
            for layer in network.layers
        ],
        "macs": in_all._asdict(),
        "emulated_instructions": {board: round(total) for board, total in totals.items()},
        "ram_bytes": ram_bytes,
        "flash_bytes": subject.flash,
        "replay_bytes": memory.capacity * memory.record_bytes,
        "bytes_per_record": memory.record_bytes,
        "estimated": {
            device.name: {**dataclasses.asdict(estimate(device, in_all, totals)), "sources": device.sources}
            for device in DEVICES
        },
    }


def show(content: dict) -> None:
    cores = {name: boards.find(name).core for name in content["emulated_instructions"]}
    print(f"{content['name']}; a mini-batch of {content['batch_size']}, in millions")
    print(f"{'layer':10} {'output':>12} {'forward':>10} {'error':>10} {'weights':>10} MAC", end="")
    print("".join(f"{core:>12}" for core in cores.values()), "emulated instructions")
    for row in (*content["layers"], {**content, "name": "all", "output": ""}):
        macs = "".join(f"{count / 1e6:11,.2f}" for count in row["macs"].values())
        counts = "".join(f"{row['emulated_instructions'][name] / 1e6:12,.2f}" for name in cores)
        print(f"{row['name']:10} {row['output']:>12}{macs}    {counts}")
    for name, parts in (("RAM", content["ram_bytes"]), ("flash", content["flash_bytes"])):
        print(f"{name}: {sum(parts.values()):,} bytes; {', '.join(f'{part} {size:,}' for part, size in parts.items())}")
    record = content["bytes_per_record"]
    print(f"replays: {content['replay_bytes']:,} bytes, {content['replay_bytes'] // record:,} of {record:,}")
    show_estimates(content)


def show_estimates(content: dict) -> None:
    print(f"{'estimated':14} {'s':>9} {'J':>9} {'battery, h':>11} {'RAM needed':>11}   one mini-batch a minute")
    ram_bytes = sum(content["ram_bytes"].values())
    for device in DEVICES:
        found = content["estimated"][device.name]
        pace = "" if found["seconds"] <= INTERVAL_SECONDS else "takes longer: without a pause"
        share = f"{ram_bytes / device.ram_bytes:.2f}x"
        figures_of = f"{found['seconds']:9.3g} {found['joules']:9.3g} {found['battery_hours']:11,.0f} {share:>11}"
        print(f"{device.name:14} {figures_of}   {pace}".rstrip())
    for device in DEVICES:
        print(f"{device.name}: {device.sources}")
    print(PUBLISHED)


if __name__ == "__main__":
    run(main, "training_cost")
