"""A folder of one's own: one sub-folder per class, with images or with WAV files in it."""

import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pictures
import recordings

from tfodcl.errors import InputError
from tfodcl.progress import progress

_TEST_SHARE = 0.2
_IGNORED = ("desktop.ini", "thumbs.db")  # besides names that start with "."


class _Sample(NamedTuple):
    path: Path
    label: int


def read(folder: Path, side: int, seed: int, licence: str) -> dict[str, np.ndarray]:
    """Arrays of <name>.npz.

    x_train, x_test: of images (n, side, side, 3) uint8, the largest centred square of each, or
    (n, side, side, 1) where all are grey; of WAV files (n, 16000) int16 at 16 kHz, the loudest second of
    each, and sample_rate. y_* (n,) int64. A fifth of each class, at least one sample, is for the test, drawn
    from the seed and the class's name: a further class leaves the split of the others as it is.

    Raises:
      InputError: fewer than two classes, a class of fewer than two files, images and WAV files together, or a
        file that cannot be read.
    """
    classes = _classes(folder)
    suffixes = {path.suffix.lower() == ".wav" for paths in classes.values() for path in paths}
    if len(suffixes) > 1:
        raise InputError(f"{folder} must hold images or WAV files. Received: both.")
    train, test = _split(classes, seed)
    paths = [sample.path for sample in train + test]
    x = _read_recordings(paths) if suffixes == {True} else _read_images(paths, side)
    y = np.array([sample.label for sample in train + test], np.int64)
    return {
        "x_train": x[: len(train)],
        "y_train": y[: len(train)],
        "x_test": x[len(train) :],
        "y_test": y[len(train) :],
        "class_names": np.array(list(classes)),
        "licence": np.array(licence),
        **({"sample_rate": np.array(recordings.SAMPLE_RATE_HZ)} if suffixes == {True} else {}),
    }


def _classes(folder: Path) -> dict[str, list[Path]]:
    """{class name: its files}, both in alphabetical order."""
    if not folder.is_dir():
        raise InputError(f"The source must be a folder with one sub-folder per class. Received: {folder}.")
    try:
        names = sorted(path.name for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
        classes = {name: _files(folder / name) for name in names}
    except OSError as error:
        raise InputError(f"{folder} must be readable. Received: {error.strerror or error}.") from error
    if len(classes) < 2:
        raise InputError(f"{folder} must have at least 2 sub-folders, one per class. Received: {len(classes)}.")
    return classes


def _files(folder: Path) -> list[Path]:
    paths = sorted(
        path
        for path in folder.iterdir()
        if path.is_file() and not path.name.startswith(".") and path.name.lower() not in _IGNORED
    )
    for path in paths:
        if path.suffix.lower() not in (".wav", *pictures.SUFFIXES):
            raise InputError(
                f"Files of a class must be .wav or images ({', '.join(pictures.SUFFIXES)}). Received: {path}."
            )
    if len(paths) < 2:
        raise InputError(f"{folder} must have at least 2 files, to train and to test with. Received: {len(paths)}.")
    return paths


def _split(classes: dict[str, list[Path]], seed: int) -> tuple[list[_Sample], list[_Sample]]:
    train: list[_Sample] = []
    test: list[_Sample] = []
    for label, (name, paths) in enumerate(classes.items()):
        generator = np.random.default_rng([seed, zlib.crc32(name.encode())])
        num_test = max(1, round(_TEST_SHARE * len(paths)))
        chosen = set(generator.permutation(len(paths))[:num_test].tolist())
        for index, path in enumerate(paths):
            (test if index in chosen else train).append(_Sample(path, label))
    return train, test


def _content(path: Path, limit_bytes: int) -> bytes:
    try:
        with open(path, "rb") as file:
            content = file.read(limit_bytes + 1)
    except OSError as error:
        raise InputError(f"{path} must be a readable file. Received: {error.strerror or error}.") from error
    if len(content) > limit_bytes:
        raise InputError(f"{path} must have at most {limit_bytes} bytes. Received: more.")
    return content


def _read_images(paths: Sequence[Path], side: int) -> np.ndarray:
    """(n, side, side, 3) uint8, or (n, side, side, 1)."""
    x = np.empty((len(paths), side, side, 3), np.uint8)
    all_grey = True
    with progress("read images", len(paths)) as bar:
        for row, path in enumerate(paths):
            picture = pictures.decode(_content(path, pictures.LIMIT_BYTES), str(path))
            x[row] = pictures.crop_square(pictures.to_rgb(picture, str(path)), side)
            all_grey &= pictures.is_grey(picture)
            bar.update()
    return x[..., :1] if all_grey else x


def _read_recordings(paths: Sequence[Path]) -> np.ndarray:
    """(n, 16000) int16."""
    x = np.empty((len(paths), recordings.NUM_SAMPLES), np.int16)
    with progress("read recordings", len(paths)) as bar:
        for row, path in enumerate(paths):
            samples, rate_hz = recordings.decode(_content(path, recordings.LIMIT_BYTES), str(path))
            x[row] = recordings.to_int16(recordings.loudest_second(recordings.resample(samples, rate_hz)))
            bar.update()
    return x
