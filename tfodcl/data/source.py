"""From a data set's name to a Dataset: finds the file or draws the glyphs, and applies the front end."""

import os
import re
from pathlib import Path

import numpy as np

from tfodcl import files
from tfodcl.data import glyphs, npz
from tfodcl.data.dataset import Dataset
from tfodcl.data.mfcc import Mfcc
from tfodcl.data.splits import split_classes
from tfodcl.errors import InputError

_CIFAR = "A. Krizhevsky, Learning multiple layers of features from tiny images, 2009; no licence stated"
_COMMANDS = {  # what datasets/prepare.py makes, and how
    "cifar10": "cifar10",
    "cifar100": "cifar100",
    "core50": "core50",
    "daily_sports": "daily_sports",
    "miniimagenet": "miniimagenet --source images.zip train.csv val.csv test.csv",
    "omniglot": "omniglot",
    "speech_commands": "speech_commands",
    "tinyimagenet": "tinyimagenet",
    "urbansound8k": "urbansound8k",
}
_LICENCES = {  # source and licence of files that do not say it themselves
    "arabic_speech_commands": "Arabic speech commands: A. Ghandoura and others, 2021; CC BY 4.0",
    "cifar10": f"CIFAR-10: {_CIFAR}",
    "cifar100": f"CIFAR-100: {_CIFAR}",
    "core50": "CORe50: V. Lomonaco, D. Maltoni, 2017; CC BY 4.0",
    "daily_sports": "Daily and Sports Activities: B. Barshan, K. Altun, 2010; CC BY 4.0",
    "miniimagenet": "MiniImageNet: O. Vinyals and others, 2016, from ImageNet; for non-commercial research",
    "omniglot": "Omniglot: B. Lake, R. Salakhutdinov, J. Tenenbaum, 2015; MIT",
    "speech_commands": "Speech Commands v2: P. Warden, 2018; CC BY 4.0",
    "tinyimagenet": "Tiny ImageNet: Stanford CS231n, from ImageNet; for non-commercial research",
    "urbansound8k": "UrbanSound8K: J. Salamon, C. Jacoby, J. P. Bello, 2014; CC BY-NC 3.0",
    "cifar10_subset": f"CIFAR-10: {_CIFAR}",
    "har_sp_sw": "GEOTEC smartphone and smartwatch activities, 2022; CC BY 4.0",
}
_UNKNOWN_LICENCE = "source and licence not stated by the data set's file"
_GLYPHS_LICENCE = "glyphs: drawn by tfodcl; Apache-2.0"


def directory() -> Path:
    """Where <name>.npz files are: $TFODCL_DATA, else ~/.cache/tfodcl/data."""
    configured = os.environ.get("TFODCL_DATA")
    return Path(configured) if configured else Path.home() / ".cache" / "tfodcl" / "data"


def load(name: str, seed: int = 0, as_maps: bool = False) -> Dataset:
    """Loads a data set, ready for an encoder.

    Args:
      name: "glyphs", which is drawn, else that of a file <name>.npz in `directory()`.
      seed: of the glyphs; other sets do not depend on it.
      as_maps: whether samples are for a whole convolutional network rather than an encoder of a board: recordings as
        log mel spectra (frames, mel bins, 1) instead of MFCC, windows as (time, 1, channels) instead of (time,
        channels, 1).

    Raises:
      InputError: no such file (the line says which command prepares it), or its content is not usable.
    """
    if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]*", name):
        raise InputError(f"dataset must be a name of letters, digits, '_', '-' and '.'. Received: dataset={name!r}.")
    if name == "glyphs":
        return _draw(seed)
    path = directory() / f"{name}.npz"
    if not files.is_file(path):
        raise InputError(_explain_missing(name, path))
    samples = npz.read(name, path)
    parts, front_end = _apply_front_end(samples, as_maps)
    x_val, y_val = parts.get("val", (None, None))
    return Dataset(
        name,
        *parts["train"],
        *parts["test"],
        x_val,
        y_val,
        samples.class_names,
        samples.split,
        front_end,
        samples.licence or _LICENCES.get(name, _UNKNOWN_LICENCE),
        samples.group_train,
    )


def _explain_missing(name: str, path: Path) -> str:
    if name in _COMMANDS:
        return f"{name} must be prepared first: python datasets/prepare.py {_COMMANDS[name]}. Received: no file {path}."
    return (
        f"dataset must be glyphs, {', '.join(_COMMANDS)}, or one of your own, $TFODCL_DATA/<name>.npz, which "
        f"python datasets/prepare.py folder --source DIR --name NAME writes. "
        f"Received: dataset={name!r}, no file {path}."
    )


def _draw(seed: int) -> Dataset:
    if seed < 0:
        raise InputError(f"seed must be at least 0. Received: seed={seed}.")
    x_train, y_train, x_test, y_test = glyphs.draw(seed)
    names = tuple(f"glyph{index:03d}" for index in range(glyphs.NUM_CLASSES))
    split = split_classes("glyphs", len(names))
    return Dataset(
        "glyphs",
        x_train,
        y_train,
        x_test,
        y_test,
        None,
        None,
        names,
        split,
        _image_front_end(),
        _GLYPHS_LICENCE,
    )


def _image_front_end() -> dict:
    return {"kind": "image", "scale": 1 / 255}


def _apply_front_end(samples: npz.Samples, as_maps: bool) -> tuple[dict[str, tuple[np.ndarray, np.ndarray]], dict]:
    """The parts with x (n, h, w, c) uint8 or standardised float32, and the front end's description."""
    x_train = samples.parts["train"][0]
    if x_train.dtype == np.uint8:
        parts = {part: (x if x.ndim == 4 else x[..., None], y) for part, (x, y) in samples.parts.items()}
        return parts, _image_front_end()
    parts, description, new_axis = samples.parts, {"kind": "windows"}, 2 if as_maps else 3
    if samples.sample_rate_hz is not None:
        mfcc, new_axis = Mfcc(sample_rate_hz=samples.sample_rate_hz), 3
        kind, transform, described = (
            ("log_mel", mfcc.log_mel, mfcc.describe_log_mel) if as_maps else ("mfcc", mfcc.transform, mfcc.describe)
        )
        parts = {part: (transform(x), y) for part, (x, y) in parts.items()}
        description = {"kind": kind, **described()}
    mean, std = _statistics(*parts["train"], samples.split.meta_train)
    parts = {part: (np.expand_dims((x - mean) / std, new_axis), y) for part, (x, y) in parts.items()}
    return parts, {**description, "mean": mean.tolist(), "std": std.tolist()}


def _statistics(x: np.ndarray, y: np.ndarray, meta_train: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and deviation, (channels,) float32, over what is known before deployment: meta_train."""
    known = x[np.isin(y, meta_train)].astype(np.float64)
    std = known.std(axis=(0, 1))
    return known.mean(axis=(0, 1)).astype(np.float32), np.where(std > 0, std, 1).astype(np.float32)
