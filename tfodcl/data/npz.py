"""Reads and checks <name>.npz: arrays in, arrays out, before any front end.

Standard layout:
  x_train, x_test, optionally x_val: (n, h, w) or (n, h, w, c) uint8 images, (n, num_samples) int16 waveforms
    (then `sample_rate` is there), or (n, time, channels) float32 sensor windows
  y_train, y_test, y_val: (n,) integers in [0, len(class_names))
  class_names: (num_classes,) strings
  optionally licence: a string; split_meta_train, split_validation, split_meta_test: (k,) class ids;
    group_train: (n,) integers, equal for the training samples of one recording, which are of one class
  Other arrays are ignored.
Omniglot layout:
  x: (n, h, w) uint8, 0 = ink; character, drawer: (n,) integers; background: (n,) bool
  character_names: (num_classes,) strings
"""

import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tfodcl.data.dataset import ClassSplit
from tfodcl.data.splits import check_split, split_classes
from tfodcl.errors import InputError
from tfodcl.files import NPZ_ERRORS

_OMNIGLOT_TRAIN_DRAWERS = 15  # of 20, for the classes that a device learns
_OMNIGLOT_VALIDATION_CLASSES = 64  # the last of the 964 background classes
_SPLIT_KEYS = ("split_meta_train", "split_validation", "split_meta_test")


@dataclass(frozen=True, eq=False)
class Samples:
    """Checked arrays.

    Attributes:
      parts: maps "train", "test" and perhaps "val" to (x, y): x as stored, y int64.
      group_train: (n,) int64, see above, or None.
    """

    parts: dict[str, tuple[np.ndarray, np.ndarray]]
    class_names: tuple[str, ...]
    split: ClassSplit
    sample_rate_hz: int | None
    licence: str | None
    group_train: np.ndarray | None


def read(name: str, path: Path) -> Samples:
    """Reads the file of data set `name` in either layout.

    Raises:
      InputError: the file is unreadable or any rule of the layout is broken; the line names rule and value.
    """
    arrays = _read_arrays(path)
    if "x" in arrays and "character" in arrays:
        samples = _from_omniglot(name, arrays)
    else:
        samples = _from_standard(name, arrays)
    _check_samples(name, samples)
    return samples


def _read_arrays(path: Path) -> dict[str, np.ndarray]:
    try:
        with zipfile.ZipFile(path):  # np.load also takes a single array
            archive = np.load(path, allow_pickle=False)
        with archive:
            arrays = {key: archive[key] for key in archive.files}
    except NPZ_ERRORS as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise InputError(f"{path} must be a whole .npz file without pickled objects. Received: {reason}.") from error
    return {key: array for key, array in arrays.items() if isinstance(array, np.ndarray)}


def _require(name: str, arrays: dict[str, np.ndarray], keys: tuple[str, ...]) -> None:
    missing = [key for key in keys if key not in arrays]
    if missing:
        raise InputError(f"{name}.npz must have the arrays {', '.join(keys)}. Received: no {', no '.join(missing)}.")


def _from_standard(name: str, arrays: dict[str, np.ndarray]) -> Samples:
    _require(name, arrays, ("x_train", "y_train", "x_test", "y_test", "class_names"))
    class_names = _names(name, "class_names", arrays)
    part_names = ["train", "test"]
    if "x_val" in arrays or "y_val" in arrays:
        _require(name, arrays, ("x_val", "y_val"))
        part_names.append("val")
    rate = _sample_rate(name, arrays)
    parts = {}
    for part in part_names:
        x, y = arrays[f"x_{part}"], arrays[f"y_{part}"]
        _check_x(name, f"x_{part}", x, is_sound=rate is not None)
        if x.shape[1:] != arrays["x_train"].shape[1:] or x.dtype != arrays["x_train"].dtype:
            raise InputError(
                f"x_{part} of {name} must have the shape and dtype of x_train, {arrays['x_train'].shape[1:]} "
                f"{arrays['x_train'].dtype}. Received: {x.shape[1:]} {x.dtype}."
            )
        _check_integers(name, f"y_{part}", y, len(x))
        parts[part] = (x, y.astype(np.int64))
    has_split = any(key in arrays for key in _SPLIT_KEYS)
    split = _own_split(name, arrays) if has_split else split_classes(name, len(class_names))
    return Samples(parts, class_names, split, rate, _licence(name, arrays), _groups(name, arrays))


def _from_omniglot(name: str, arrays: dict[str, np.ndarray]) -> Samples:
    """Meta-training classes: all drawers train. Others: drawers of rank 0..14 train, the rest are tested."""
    _require(name, arrays, ("x", "character", "drawer", "background", "character_names"))
    class_names = _names(name, "character_names", arrays)
    x, character, drawer, background = (arrays[key] for key in ("x", "character", "drawer", "background"))
    _check_x(name, "x", x, is_sound=False)
    if x.dtype != np.uint8:
        raise InputError(f"x of {name} must be uint8. Received: {x.dtype}.")
    for key in ("character", "drawer"):
        _check_integers(name, key, arrays[key], len(x))
    if background.dtype != bool or background.shape != (len(x),):
        raise InputError(
            f"background of {name} must be bool of shape ({len(x)},). Received: {background.dtype} {background.shape}."
        )
    _check_labels(name, "character", character, len(class_names))
    is_background = np.zeros(len(class_names), bool)
    is_background[character[background]] = True
    ids = np.flatnonzero(is_background).astype(np.int64)
    num_validation = min(_OMNIGLOT_VALIDATION_CLASSES, len(ids) // 2)
    split = ClassSplit(
        ids[: len(ids) - num_validation],
        ids[len(ids) - num_validation :],
        np.flatnonzero(~is_background).astype(np.int64),
    )
    order = np.lexsort((drawer, character))
    starts = np.searchsorted(character[order], np.arange(len(class_names)))
    rank = np.empty(len(x), np.int64)
    rank[order] = np.arange(len(x)) - starts[character[order]]
    is_train = np.isin(character, split.meta_train) | (rank < _OMNIGLOT_TRAIN_DRAWERS)
    ink = 255 - x
    labels = character.astype(np.int64)
    parts = {"train": (ink[is_train], labels[is_train]), "test": (ink[~is_train], labels[~is_train])}
    return Samples(parts, class_names, split, None, _licence(name, arrays), None)


def _names(name: str, key: str, arrays: dict[str, np.ndarray]) -> tuple[str, ...]:
    names = arrays[key]
    if names.ndim != 1 or names.dtype.kind != "U":
        raise InputError(
            f"{key} of {name} must be strings of shape (num_classes,). Received: {names.dtype} {names.shape}."
        )
    return tuple(str(one) for one in names)


def _sample_rate(name: str, arrays: dict[str, np.ndarray]) -> int | None:
    if "sample_rate" not in arrays:
        return None
    rate = arrays["sample_rate"]
    if rate.size != 1 or rate.dtype.kind not in "iu" or rate.item() <= 0:
        raise InputError(f"sample_rate of {name} must be one positive integer in Hz. Received: {rate.tolist()}.")
    return int(rate.item())


def _licence(name: str, arrays: dict[str, np.ndarray]) -> str | None:
    if "licence" not in arrays:
        return None
    licence = arrays["licence"]
    if licence.size != 1 or licence.dtype.kind != "U":
        raise InputError(f"licence of {name} must be one string. Received: {licence.dtype} of shape {licence.shape}.")
    return " ".join(licence.item().split())


def _groups(name: str, arrays: dict[str, np.ndarray]) -> np.ndarray | None:
    if "group_train" not in arrays:
        return None
    groups, y = arrays["group_train"], arrays["y_train"]
    _check_integers(name, "group_train", groups, len(y))
    _, first, group_of = np.unique(groups, return_index=True, return_inverse=True)
    wrong = np.flatnonzero(y != y[first][group_of])
    if wrong.size:
        raise InputError(
            f"Samples of one group_train of {name} must be of one class. Received: "
            f"classes {y[first][group_of][wrong[0]]} and {y[wrong[0]]} in group {groups[wrong[0]]}."
        )
    return groups.astype(np.int64)


def _own_split(name: str, arrays: dict[str, np.ndarray]) -> ClassSplit:
    _require(name, arrays, _SPLIT_KEYS)
    for key in _SPLIT_KEYS:
        if arrays[key].dtype.kind not in "iu":
            raise InputError(f"{key} of {name} must be integers. Received: {arrays[key].dtype}.")
    return ClassSplit(*(arrays[key].astype(np.int64) for key in _SPLIT_KEYS))


def _check_x(name: str, key: str, x: np.ndarray, is_sound: bool) -> None:
    if is_sound:
        if x.dtype != np.int16 or x.ndim != 2:
            raise InputError(
                f"{key} of {name} must be int16 waveforms (n, num_samples), as sample_rate is given. "
                f"Received: {x.dtype} {x.shape}."
            )
    elif not (
        (x.dtype == np.uint8 and (x.ndim == 3 or (x.ndim == 4 and x.shape[-1] in (1, 3))))
        or (x.dtype == np.float32 and x.ndim == 3)
    ):
        raise InputError(
            f"{key} of {name} must be uint8 images (n, h, w), (n, h, w, 1) or (n, h, w, 3), float32 windows "
            f"(n, time, channels), or int16 waveforms with sample_rate. Received: {x.dtype} {x.shape}."
        )
    if 0 in x.shape:
        raise InputError(f"{key} of {name} must have samples. Received: shape {x.shape}.")
    if x.dtype == np.float32 and not np.isfinite(x).all():
        index = int(np.flatnonzero(~np.isfinite(x).all(axis=tuple(range(1, x.ndim))))[0])
        value = x[index][~np.isfinite(x[index])][0]
        raise InputError(f"{key} of {name} must be finite. Received: {value} in sample {index}.")


def _check_integers(name: str, key: str, values: np.ndarray, length: int) -> None:
    if values.dtype.kind not in "iu" or values.shape != (length,):
        raise InputError(
            f"{key} of {name} must be integers of shape ({length},). Received: {values.dtype} {values.shape}."
        )


def _check_labels(name: str, key: str, labels: np.ndarray, num_classes: int) -> None:
    wrong = np.flatnonzero((labels < 0) | (labels >= num_classes))
    if wrong.size:
        raise InputError(
            f"{key} of {name} must be in [0, {num_classes}). Received: {labels[wrong[0]]} at sample {wrong[0]}."
        )


def _check_samples(name: str, samples: Samples) -> None:
    """Labels in range; every class can be learnt, every class that a device learns can be tested."""
    num_classes = len(samples.class_names)
    check_split(name, samples.split, num_classes)
    for part, (_, y) in samples.parts.items():
        _check_labels(name, f"y_{part}", y, num_classes)
    split = samples.split
    on_device = np.concatenate([split.validation, split.meta_test])
    required = {
        "train": np.concatenate([split.meta_train, on_device]),
        "test": on_device,
        "val": split.validation,
    }
    for part, (_, y) in samples.parts.items():
        absent = np.setdiff1d(required[part], y)
        if absent.size:
            raise InputError(
                f"Each class of {name} must have samples in y_{part}. Received: none of class {absent[0]} "
                f"({samples.class_names[absent[0]]})."
            )
