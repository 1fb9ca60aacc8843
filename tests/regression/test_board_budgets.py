"""Encoder, codebook, records and learning together stay within the boards' flash and RAM.

The arena is what the TensorFlow Lite Micro interpreter needs; firmware, stack and static data are allowances until
firmware exists.
"""

import numpy as np
import pytest
from tflite_micro.python.tflite_micro import runtime

from tfodcl import package as packages
from tfodcl.backbones import build
from tfodcl.compress.bitmap_pq import BitmapPqCodec
from tfodcl.compress.record import RECORD_HEADER_BYTES
from tfodcl.package import Learning, Package
from tfodcl.quantize import qat, tflite
from tfodcl.stages.tflite import TfliteEncoder

KB = 1024
FIRMWARE_BYTES = 128 * KB
STACK_AND_STATIC_BYTES = 32 * KB
NANO_FLASH_BYTES, NANO_RAM_BYTES = (1024 - 64) * KB, 256 * KB  # its bootloader has the first 64 KB
H747_FLASH_BYTES, H747_RAM_BYTES = 2048 * KB, 1024 * KB


def assembled(name: str, input_shape: tuple[int, int, int], num_kept: int, capacity: int) -> Package:
    model = build(name, input_shape, modulated=True)
    samples = np.random.default_rng(0).random((32, *input_shape), np.float32)
    encoder = tflite.convert(qat.quantize(model, samples), samples)
    runner = TfliteEncoder(encoder)
    codec = BitmapPqCodec.fit(runner.encode(samples), runner.latent_zero_point, num_kept)
    return Package(
        encoder=encoder,
        latent_dim=runner.latent_dim,
        latent_scale=runner.latent_scale,
        latent_zero_point=runner.latent_zero_point,
        codec=codec,
        learning=Learning(capacity, 0.01, 0.01, replay_batch=8, replay_epochs=1, replay_budget_bytes=1 << 20),
    )


@pytest.mark.parametrize(
    ("name", "input_shape", "num_kept", "capacity", "num_records", "arena_bytes", "flash_bytes", "ram_bytes"),
    [
        ("anml_tiny", (28, 28, 1), 128, 40, 40 * 15, 64 * KB, NANO_FLASH_BYTES, NANO_RAM_BYTES),
        ("dscnn_tiny", (49, 10, 1), 128, 20, 20 * 30, 64 * KB, NANO_FLASH_BYTES, NANO_RAM_BYTES),
        ("residual", (32, 32, 3), 768, 30, 30 * 30, 192 * KB, H747_FLASH_BYTES, H747_RAM_BYTES),
    ],
)
def test_encoder_and_learning_fit_the_board(
    name, input_shape, num_kept, capacity, num_records, arena_bytes, flash_bytes, ram_bytes
):
    package = assembled(name, input_shape, num_kept, capacity)
    record_bytes = RECORD_HEADER_BYTES + package.codec.payload_bytes

    # Allocation fails where the arena is too small.
    interpreter = runtime.Interpreter.from_bytes(package.encoder, arena_size=arena_bytes)
    interpreter.set_input(np.zeros((1, *input_shape), np.int8), 0)
    interpreter.invoke()

    assert FIRMWARE_BYTES + len(packages.to_bytes(package)) + num_records * record_bytes <= flash_bytes
    head_bytes = (capacity + 1) * package.latent_dim * 4
    batch_bytes = package.learning.replay_batch * package.latent_dim * 4
    assert arena_bytes + head_bytes + batch_bytes + STACK_AND_STATIC_BYTES <= ram_bytes
