"""Folders as tfodcl.train leaves them, without a training: an int8 encoder with random weights, and a few glyphs."""

import dataclasses
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tfodcl import package as packages
from tfodcl import plan
from tfodcl.compress.bitmap_pq import BitmapPqCodec
from tfodcl.data import load
from tfodcl.package import Learning, Package
from tfodcl.stages.tflite import TfliteEncoder

ROOT = Path(__file__).parents[2]
LATENT_DIM, SAMPLES_PER_CLASS = 32, 5
PROTOCOL = {"num_classes": 4, "samples_per_class": SAMPLES_PER_CLASS, "eval_every": 2}
RATE = 100.0


def convert(samples: np.ndarray, num_filters: int, pool: int) -> bytes:
    """An int8 encoder: convolution, means of `pool` x `pool` places, LATENT_DIM values after a ReLU.

    The last layer is a convolution over all places, since LiteRT's dense layers round otherwise than a board's.
    """
    import tensorflow as tf
    import tf_keras as keras
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    keras.utils.set_random_seed(0)
    source = keras.Input(samples.shape[1:])
    hidden = keras.layers.Conv2D(num_filters, 3, activation="relu")(source)
    hidden = keras.layers.AveragePooling2D(pool)(hidden)
    latent = keras.layers.Conv2D(LATENT_DIM, hidden.shape[1], activation="relu")(hidden)
    model = keras.Model(source, keras.layers.Flatten()(latent))
    shape = tf.TensorSpec((1, *samples.shape[1:]), tf.float32)
    frozen = convert_variables_to_constants_v2(tf.function(lambda x: model(x)).get_concrete_function(shape))
    converter = tf.lite.TFLiteConverter.from_concrete_functions([frozen], tf.Module())
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: ([x[None].astype(np.float32) / 255] for x in samples[:16])
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = tf.int8
    return converter.convert()


def with_encoder(package: Package, tflite: bytes) -> Package:
    return dataclasses.replace(package, encoder=tflite, plan=plan.build(tflite))


@pytest.fixture(scope="session")
def data(tmp_path_factory) -> Path:
    """$TFODCL_DATA with `few_glyphs`, which is read faster than glyphs are drawn: 9 classes, 6 of them to be learnt."""
    drawn = load("glyphs", seed=0)
    parts = [drawn.split.meta_train[:2], drawn.split.validation[:1], drawn.split.meta_test[:6]]
    ids = np.concatenate(parts)
    arrays = {"class_names": np.array([drawn.class_names[i] for i in ids])}
    for part, x, y in (("train", drawn.x_train, drawn.y_train), ("test", drawn.x_test, drawn.y_test)):
        chosen = np.isin(y, ids)
        arrays[f"x_{part}"] = x[chosen, ..., 0]
        arrays[f"y_{part}"] = np.argmax(y[chosen, None] == ids, axis=1)
    for name, new in zip(("meta_train", "validation", "meta_test"), np.split(np.arange(9), [2, 3]), strict=True):
        arrays[f"split_{name}"] = new
    folder = tmp_path_factory.mktemp("data")
    np.savez(folder / "few_glyphs.npz", **arrays)
    return folder


@pytest.fixture(scope="session")
def glyphs(data) -> np.ndarray:
    """(n, 28, 28, 1) uint8"""
    return np.load(data / "few_glyphs.npz")["x_train"][..., None]


@pytest.fixture(scope="session")
def package(glyphs) -> Package:
    """As tfodcl.train writes it for glyphs."""
    tflite = convert(glyphs, num_filters=4, pool=5)
    encoder = TfliteEncoder(tflite)
    codec = BitmapPqCodec.fit(encoder.encode(glyphs), encoder.latent_zero_point, 24, 4, num_centroids=32)
    return Package(
        encoder=tflite,
        latent_dim=LATENT_DIM,
        latent_scale=encoder.latent_scale,
        latent_zero_point=encoder.latent_zero_point,
        codec=codec,
        learning=Learning(6, RATE, RATE, replay_batch=4, replay_epochs=4, replay_budget_bytes=1 << 20),
        info={
            "front_end": {"kind": "image", "scale": 1 / 255},
            "recipe": "anml",
            "dataset": "few_glyphs",
            "preset": "quick",
            "seed": 0,
            "input_shape": [28, 28, 1],
            "protocol": PROTOCOL,
            "learning_rates": {},
            "encoder": {"tflite_bytes": len(tflite), "macs": 1, "latent_dim": LATENT_DIM, "int8_agreement": 0.99},
            "stages": [],
        },
        plan=plan.build(tflite),
    )


@pytest.fixture
def folder(package, tmp_path) -> Path:
    """With the package in it."""
    packages.write(tmp_path / "run" / "model.tfodcl", package)
    return tmp_path / "run"


@pytest.fixture
def command() -> Callable[..., list[str]]:
    """The command line of a tool, as a person types it."""
    return lambda tool, *arguments: [sys.executable, str(ROOT / "tools" / f"{tool}.py"), *map(str, arguments)]


@pytest.fixture
def environment(data) -> dict[str, str]:
    """Of a tool: the data set, and the package from this tree."""
    return {**os.environ, "PYTHONPATH": str(ROOT), "TFODCL_DATA": str(data)}


@pytest.fixture
def run_tool(command, environment, tmp_path) -> Callable[..., subprocess.CompletedProcess]:
    """Runs a tool to its end, in an empty folder, with `variables` besides."""

    def run(tool: str, *arguments: object, **variables: str) -> subprocess.CompletedProcess:
        return subprocess.run(
            command(tool, *arguments),
            cwd=tmp_path,
            env=environment | variables,
            capture_output=True,
            text=True,
            timeout=300,
        )

    return run


@pytest.fixture
def refuse(run_tool) -> Callable[..., str]:
    """Runs a tool that must fail: its one line."""

    def run(tool: str, *arguments: object, **variables: str) -> str:
        done = run_tool(tool, *arguments, **variables)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.startswith(f"{tool}: error: ") and done.stderr.count("\n") == 1
        return done.stderr

    return run
