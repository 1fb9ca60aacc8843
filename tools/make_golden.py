"""Writes the golden files of every byte format, tests/golden/, from formulas; those of the plan, which need a network,
are frozen by tests/tfodcl/plan/test_golden.py.

A golden file is never changed: files that exist are left alone, and a new format version gets new files.

Example:
  python -m tools.make_golden --check
"""

import dataclasses
import math
from pathlib import Path

import numpy as np

from tfodcl import command, files, package
from tfodcl.compress import record
from tfodcl.compress.bitmap_pq import BitmapPqCodec
from tfodcl.compress.elias_fano_pq import EliasFanoPqCodec
from tfodcl.compress.product_quantizer import ProductQuantizer
from tfodcl.compress.record import Codec
from tfodcl.compress.uniform import UniformCodec
from tfodcl.device import frame
from tfodcl.device.device import Command
from tfodcl.errors import InputError
from tfodcl.replay.log import Log
from tfodcl.replay.log_format import Geometry, Item
from tfodcl.stages import network_section
from tfodcl.stages.network import Network, Training, convolution, head, pool

LATENT_DIM = 44  # a multiple of the subvectors' 4 values, not of the bitmap's 8
ZERO_POINT = -128
_FOLDER = Path(__file__).parents[1] / "tests" / "golden"
_ENCODER = b"\x1c\x00\x00\x00TFL3" + bytes(range(37))  # begins like a .tflite file, and is none


def main() -> None:
    """Parses the command line and writes or compares."""
    parser = command.Parser(prog="make_golden", description=__doc__)
    parser.add_argument("--out", type=Path, default=_FOLDER, help="directory (default: tests/golden)")
    parser.add_argument("--check", action="store_true", help="write nothing; fail where a file differs")
    options = parser.parse_args()
    for name, content in golden_files().items():
        path = options.out / name
        if options.check:
            _check(path, content)
        elif path.exists():
            print(f"{path} exists and is left alone")
        else:
            files.write(path, content)
            print(f"{path}: {len(content)} bytes")


def golden_files() -> dict[str, bytes]:
    """File name -> content, the same on every machine."""
    latents = golden_latents()
    contents = {"latents.bin": latents.tobytes()}
    codecs = golden_codecs()
    for codec in codecs:
        payloads = codec.encode(latents)
        records = [record.pack(300 * row, payload) for row, payload in enumerate(payloads)]
        contents[f"{codec.NAME}_codec.bin"] = codec.to_bytes()
        contents[f"{codec.NAME}_records.bin"] = b"".join(records)
        contents[f"{codec.NAME}_decoded.bin"] = codec.decode(payloads).tobytes()
    contents["package_v1.bin"] = package.to_bytes(golden_package(codecs))
    with_network = dataclasses.replace(golden_package(codecs), network=golden_network())
    contents["package_with_network_v1.bin"] = package.to_bytes(with_network)
    contents["log_v1.bin"] = golden_log()
    contents["frames_v1.bin"] = golden_frames()
    return contents


def golden_latents() -> np.ndarray:
    """(6, LATENT_DIM) int8: nothing, sparse, just full, overfull, overfull with ties, the whole range."""
    position = np.arange(LATENT_DIM)
    values = (position * position * 7 + position * 31) % 251 - 127  # -127..123, never the zero point
    rows = [
        np.full(LATENT_DIM, ZERO_POINT),
        np.where(position % 5 == 0, values, ZERO_POINT),
        np.where(position < 12, values, ZERO_POINT),
        np.where(position % 2 == 1, values, ZERO_POINT),
        np.where(position % 3 == 1, -100 + position % 4 // 2, ZERO_POINT),
        (position * 6) % 256 - 128,
    ]
    return np.stack(rows).astype(np.int8)


def golden_codecs() -> tuple[Codec, ...]:
    """One codec of each kind, with codebooks from a formula: 5 centroids of 4 values."""
    return (
        UniformCodec(LATENT_DIM, num_bits=6, low=-120, high=100),
        ProductQuantizer(_codebook(LATENT_DIM // 4)),
        BitmapPqCodec(LATENT_DIM, ZERO_POINT, num_kept=12, quantizer=ProductQuantizer(_codebook(3))),
        EliasFanoPqCodec(LATENT_DIM, ZERO_POINT, num_kept=12, quantizer=ProductQuantizer(_codebook(3))),
    )


def golden_package(codecs: tuple[Codec, ...]) -> package.Package:
    """A package with a section of every kind but *network*, of the codecs that came first."""
    uniform, pq, bitmap_pq, _ = codecs
    return package.Package(
        encoder=_ENCODER,
        latent_dim=LATENT_DIM,
        latent_scale=0.0625,
        latent_zero_point=ZERO_POINT,
        codec=bitmap_pq,
        learning=package.Learning(
            capacity=30,
            inner_lr=0.001,
            outer_lr=0.0001,
            replay_batch=8,
            replay_epochs=1,
            replay_budget_bytes=65_536,
        ),
        labels=("ka", "ñ", ""),
        other_codecs={uniform.NAME: uniform, pq.NAME: pq},
        adaptive={
            "query": np.arange(6, dtype=np.float32).reshape(2, 3) / 4 - 1,
            "scale": np.float32(1.5).reshape(()),
        },
        info={"dataset": "glyphs", "seed": 0},
        plan=bytes(range(200, 240)),
    )


def golden_network() -> bytes:
    """The section of an adaptive stage with a layer of every kind, for latents (2, 2, 11) and 30 classes."""
    depthwise = convolution("layer_1", "depthwise", (2, 2, 11), 11, 3, 1)
    pointwise = convolution("layer_2", "pointwise", depthwise.output_shape, 6, 1, 1)
    conv = convolution("layer_3", "conv", pointwise.output_shape, 5, 3, 2)
    last = pool("layer_4", conv.output_shape)
    network = Network((2, 2, 11), (depthwise, pointwise, conv, last, head(last.output_shape, 30)))
    weights = {}
    for number, (name, shape) in enumerate(network.array_shapes.items()):
        index = np.arange(math.prod(shape), dtype=np.int64)
        values = (index * index * 7 + index * 31 + number * 11) % 251 / 128 - 1  # exact, within -1 and 1
        if name.endswith(("gamma", "moving_variance")):
            values = abs(values) + 0.5
        weights[name] = values.reshape(shape).astype(np.float32)
    return network_section.pack(network, weights, Training(learning_rate=0.0001))


class LogOwner:
    """Needs the items of kinds 1 and 2, and the two latest of the others."""

    def __init__(self) -> None:
        self.needed: list[int] = []  # addresses
        self.latest: list[int] = []

    def on_item(self, item: Item) -> None:
        """Nothing: what is needed is known."""

    def is_needed(self, item: Item) -> bool:
        """See tfodcl.replay.log.Owner."""
        return item.address in self.needed or item.address in self.latest[-2:]

    def on_moved(self, item: Item, to: int) -> None:
        """See tfodcl.replay.log.Owner."""
        addresses = self.needed if item.address in self.needed else self.latest
        addresses[addresses.index(item.address)] = to


def golden_log() -> bytes:
    """A flash of 4 blocks of 256 bytes: the example of micro/SPEC.md 5.6, then laps of collecting, a mount, a purge."""
    owner = LogOwner()
    flash = bytearray(b"\xff" * 1024)
    geometry = Geometry(program_unit_bytes=16, erase_block_bytes=256, num_blocks=4)
    log = Log(flash, geometry, 48, owner)
    log.mount(0x01020304)
    owner.needed = [log.append(1, b"\x10\x11\x12\x13\x14"), log.append(1, b"\x20\x21\x22\x23\x24")]
    owner.needed.append(log.append(2, bytes(range(0x30, 0x44))))
    log.flush()
    for number in range(24):
        owner.latest.append(log.append_now(3 + number % 2, bytes((number + i) % 256 for i in range(30 + number))))
    log.append(5, b"never committed")
    log = Log(flash, geometry, 48, owner)
    log.mount(0x01020304)
    log.purge()
    owner.needed.append(log.append(1, b"\xfe\xfd\xfc\xfb\xfa"))
    log.flush()
    return bytes(flash)


def golden_frames() -> bytes:
    """A request for every command of the first boards, with payloads of many lengths, and with blocks of COBS as long
    as they get."""
    commands = [*(int(one) for one in Command if one not in (Command.END_BATCH, Command.BATCH)), 0xFF]
    payloads = [bytes((7 * i + command) % 256 for i in range(5 * command)) for command in commands]
    return b"".join(
        frame.encode_request(command, 1000 + command, payload)
        for command, payload in zip(commands, payloads, strict=True)
    )


def _codebook(num_subvectors: int) -> np.ndarray:
    """(num_subvectors, 5, 4) int8."""
    index = np.arange(num_subvectors * 5 * 4)
    return ((index * index * 13 + index * 57) % 256 - 128).astype(np.int8).reshape(num_subvectors, 5, 4)


def _check(path: Path, content: bytes) -> None:
    try:
        found = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path} must be readable. Received: {error.strerror}.") from error
    if found != content:
        raise InputError(f"{path} must be what this version writes, {len(content)} bytes. Received: others.")


if __name__ == "__main__":
    command.run(main, "make_golden")
