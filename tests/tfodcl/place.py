"""A folder where commands run as a person types them: a package with a small real int8 encoder, 8x8 images."""

import dataclasses
import os
import subprocess
import sys
from pathlib import Path

import numpy as np

from tfodcl.compress.bitmap_pq import BitmapPqCodec
from tfodcl.compress.product_quantizer import ProductQuantizer
from tfodcl.package import Learning, Package
from tfodcl.stages.tflite import TfliteEncoder

ROOT = Path(__file__).parents[2]
LATENT_DIM, NUM_CLASSES, SAMPLES = 24, 4, 6
PROTOCOL = {"num_classes": NUM_CLASSES, "samples_per_class": SAMPLES, "eval_every": 2}


def write_dataset(path: Path, size: int, meta_test: int = 6) -> None:
    """Noisy prototypes: 3 classes for meta-training, 4 for validation, `meta_test` for the device."""
    rng = np.random.default_rng(0)
    num_classes = 7 + meta_test
    prototypes = rng.uniform(0, 255, (num_classes, size, size))
    arrays = {"class_names": np.array([f"class {i}" for i in range(num_classes)])}
    for part, count in (("train", 8), ("test", 5)):
        y = np.repeat(np.arange(num_classes), count)
        arrays[f"x_{part}"] = np.clip(prototypes[y] + rng.normal(0, 40, (len(y), size, size)), 0, 255).astype(np.uint8)
        arrays[f"y_{part}"] = y
    ids = np.split(np.arange(num_classes), [3, 7])
    np.savez(
        path,
        **arrays,
        **dict(zip(("split_meta_train", "split_validation", "split_meta_test"), ids, strict=True)),
    )


def convert(samples: np.ndarray) -> bytes:
    """An int8 encoder with random weights: (8, 8, 1) -> LATENT_DIM values after a ReLU."""
    import tensorflow as tf
    import tf_keras as keras
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    keras.utils.set_random_seed(0)
    source = keras.Input((8, 8, 1))
    hidden = keras.layers.Flatten()(keras.layers.Conv2D(4, 3, activation="relu")(source))
    model = keras.Model(source, keras.layers.Dense(LATENT_DIM, activation="relu")(hidden))
    function = tf.function(lambda x: model(x)).get_concrete_function(tf.TensorSpec((1, 8, 8, 1), tf.float32))
    frozen = convert_variables_to_constants_v2(function)
    converter = tf.lite.TFLiteConverter.from_concrete_functions([frozen], tf.Module())
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: ([x[None].astype(np.float32) / 255] for x in samples[:16])
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = tf.int8
    return converter.convert()


def build(samples: np.ndarray) -> Package:
    model = convert(samples)
    encoder = TfliteEncoder(model)
    latents = encoder.encode(samples)
    return Package(
        encoder=model,
        latent_dim=LATENT_DIM,
        latent_scale=encoder.latent_scale,
        latent_zero_point=encoder.latent_zero_point,
        codec=BitmapPqCodec.fit(latents, encoder.latent_zero_point, 16, 4, num_centroids=32),
        other_codecs={"pq": ProductQuantizer.fit(latents, 4, num_centroids=32)},
        learning=Learning(6, 0.01, 0.01, replay_batch=4, replay_epochs=1, replay_budget_bytes=1 << 20),
        info={
            "front_end": {"kind": "image", "scale": 1 / 255},
            "recipe": "anml",
            "dataset": "tiny",
            "preset": "quick",
            "seed": 0,
            "input_shape": [8, 8, 1],
            "protocol": PROTOCOL,
            "learning_rates": {"anml": {"inner": 0.01}, "lifelearner": {"inner": 0.01, "outer": 0.02}},
            "encoder": {
                "tflite_bytes": len(model),
                "macs": 1,
                "latent_dim": LATENT_DIM,
                "int8_agreement": 0.99,
            },
            "stages": [{"name": "meta-training", "seconds": 1.0, "steps": 2}],
        },
    )


@dataclasses.dataclass(frozen=True)
class Place:
    """A folder with data sets, packages and files that are not, where a command of ours is run."""

    folder: Path
    package: Package
    command: str

    def run(self, *arguments: object) -> subprocess.CompletedProcess:
        environment = {**os.environ, "TFODCL_DATA": str(self.folder / "data"), "PYTHONPATH": str(ROOT)}
        command = [sys.executable, "-m", self.command, *map(str, arguments)]
        return subprocess.run(command, cwd=self.folder, env=environment, capture_output=True, text=True, timeout=300)

    def refuse(self, *arguments: object) -> str:
        """Runs the command, which must fail: its one line. Nothing is written."""
        before = self.files()
        done = self.run(*arguments)
        assert done.returncode == 2 and done.stdout == ""
        (line,) = done.stderr.splitlines()  # no progress bar: nothing had begun
        assert line.startswith(f"{self.command}: error: ")
        assert self.files() == before
        return line

    def files(self) -> set[str]:
        return {str(path.relative_to(self.folder)) for path in self.folder.rglob("*")}
