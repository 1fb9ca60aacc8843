"""Encoder, codebook, records, head and firmware together stay within the flash and RAM of the boards they are for."""

import dataclasses
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tf_keras as keras

from tfodcl import package as packages
from tfodcl import plan
from tfodcl.backbones import build, layers_of
from tfodcl.backbones.split import adaptive_stage, frozen_stage, initial_weights
from tfodcl.compress.record import RECORD_HEADER_BYTES
from tfodcl.compress.setting import CodecSetting
from tfodcl.data import as_float, load
from tfodcl.meta.whitening import whiten
from tfodcl.package import Learning, Package
from tfodcl.presets import Whitening, choose_split
from tfodcl.quantize import qat, tflite
from tfodcl.quantize.splits import most_new
from tfodcl.stages import network_section
from tfodcl.stages.network import Training
from tfodcl.stages.tflite import TfliteEncoder

EXPORT = Path(__file__).parents[2] / "tools" / "export_micro.py"
JOINED = Whitening(1.0, ("block_6_relu", "block_7_relu"), dim=192)  # as in the preset `best`


def assembled(
    name: str,
    input_shape: tuple[int, int, int],
    whitening: Whitening | None,
    codec_setting: str,
    capacity: int,
    num_records: int,
) -> Package:
    samples = np.random.default_rng(0).random((32, *input_shape), np.float32)
    model = build(name, input_shape, modulated=True)
    if whitening is not None:
        model = whiten(model, samples, whitening)
    return packed(model, samples, codec_setting, capacity, num_records)


def packed(model: keras.Model, samples: np.ndarray, codec_setting: str, capacity: int, num_records: int) -> Package:
    """With the model, quantized."""
    encoder = tflite.convert(qat.quantize(model, samples), samples)
    runner = TfliteEncoder(encoder)
    codec = CodecSetting.parse(codec_setting).fit(runner.encode(samples), runner.latent_zero_point, seed=0)
    record_bytes = RECORD_HEADER_BYTES + codec.payload_bytes
    return Package(
        encoder=encoder,
        latent_dim=runner.latent_dim,
        latent_scale=runner.latent_scale,
        latent_zero_point=runner.latent_zero_point,
        codec=codec,
        learning=Learning(
            capacity, 0.01, 0.01, replay_batch=8, replay_epochs=1, replay_budget_bytes=num_records * record_bytes
        ),
        plan=plan.build(encoder),
    )


def assembled_split(split: int) -> Package:
    """What the preset `board` makes of glyphs, cut at a layer."""
    dataset = load("glyphs", seed=0)
    preset = choose_split("board", dataset, 0)
    training = preset.training
    samples = as_float(dataset.x_train[:32])
    model = build(training.encoder, dataset.input_shape, modulated=False)
    layers = layers_of(training.encoder, dataset.input_shape)
    package = packed(
        frozen_stage(model, layers, split), samples, training.codec, training.num_classes, preset.num_replays
    )
    network = adaptive_stage(layers, split, training.num_classes)
    section = network_section.pack(network, initial_weights(model, network), Training(), most_new(dataset, preset))
    learning = dataclasses.replace(
        package.learning, replay_batch=training.replay_batch, replay_epochs=training.replay_epochs
    )
    return dataclasses.replace(package, learning=learning, network=section)


@pytest.mark.parametrize(
    ("name", "input_shape", "whitening", "codec_setting", "capacity", "num_records", "board"),
    [
        ("anml_tiny", (28, 28, 1), None, "bitmap_pq:128:8", 40, 40 * 15, "mps2-an386"),
        ("residual_tiny", (28, 28, 1), Whitening(), "pq:4", 200, 200 * 15, "mps2-an386"),
        ("dscnn_tiny", (49, 10, 1), Whitening(), "bitmap_pq:128:8", 20, 20 * 30, "mps2-an386"),
        ("dscnn", (49, 10, 1), Whitening(), "pq:8", 10, 10 * 30, "mps2-an386"),
        ("residual_pooled", (32, 32, 3), JOINED, "pq:4", 30, 30 * 30, "mps2-an500"),
    ],
)
def test_firmware_and_learning_fit_the_board(
    name, input_shape, whitening, codec_setting, capacity, num_records, board, tmp_path
):
    package = assembled(name, input_shape, whitening, codec_setting, capacity, num_records)
    check_fits(package, board, num_records, tmp_path)


@pytest.mark.parametrize(("split", "board"), [(24, "mps2-an500"), (26, "mps2-an386")])
def test_firmware_and_learning_of_training_batches_fit_the_board(split, board, tmp_path):
    check_fits(assembled_split(split), board, 70, tmp_path)


def check_fits(package: Package, board: str, num_records: int, tmp_path: Path) -> None:
    packages.write(tmp_path / "model.tfodcl", package)

    command = [sys.executable, str(EXPORT), str(tmp_path), "--board", board]  # ends with 2 where it does not fit
    result = subprocess.run(command, capture_output=True, text=True)

    assert result.returncode == 0, result.stderr
    assert (tmp_path / f"{board}.elf").is_file()
    kept = re.search(r"^records: ([\d,]+),", result.stdout, re.MULTILINE)
    assert kept and int(kept[1].replace(",", "")) == num_records
