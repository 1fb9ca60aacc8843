"""MiniImageNet: JPEGs of 100 ImageNet classes, and the split of S. Ravi and H. Larochelle as three lists.

There is no official archive: the images are ImageNet's (https://image-net.org, ILSVRC 2012), to be had under
its terms, and the lists train.csv, val.csv and test.csv (64, 16 and 20 classes of 600 images, columns
`filename,label`) are those of "Optimization as a model for few-shot learning", ICLR 2017
(https://github.com/twitter-research/meta-learning-lstm). So nothing is downloaded, and no checksum can be
verified. Where the images are in class folders under ImageNet's own names, n01532829_<number>.JPEG, a list's
n0153282900000005.jpg is the 5th image of n01532829 by that number.
"""

import csv
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import numpy as np
import pictures
from archive import Member, members, single
from scratch import Rows

from tfodcl.errors import InputError
from tfodcl.progress import progress

_LICENCE = "MiniImageNet: O. Vinyals and others, 2016, images of ImageNet; for non-commercial research"
_NUM_CLASSES = {"train.csv": 64, "val.csv": 16, "test.csv": 20}
_SPLITS = {"train.csv": "split_meta_train", "val.csv": "split_validation", "test.csv": "split_meta_test"}
_IMAGENET_NAME = re.compile(r"n\d{8}_(\d+)\.JPEG")
_LIST_NAME = re.compile(r"n\d{8}(\d+)\.jpg")
_SIDE = 84
_TEST_EVERY = 6  # every 6th image of a class: 500 train and 100 test of the 600
_LIST_LIMIT_BYTES = 1 << 24
_LIMIT_BYTES = 1 << 38  # unpacked; the whole of ILSVRC 2012 has 150 GB


class _Listed(NamedTuple):
    """A line of a list."""

    label: str
    file_name: str


class _Files:
    """The images of all sources by name. A key is (number of the source, member name)."""

    def __init__(self) -> None:
        self._by_name: dict[str, list[tuple[int, str]]] = {}
        self._by_folder: dict[tuple[str, str], tuple[int, str]] = {}
        self._numbered: dict[str, list[tuple[int, tuple[int, str]]]] = {}

    def add(self, source: int, name: str) -> None:
        path, key = PurePosixPath(name), (source, name)
        self._by_name.setdefault(path.name, []).append(key)
        self._by_folder[path.parent.name, path.name] = key
        number = _IMAGENET_NAME.fullmatch(path.name)
        if number:
            self._numbered.setdefault(path.parent.name, []).append((int(number[1]), key))

    def sort(self) -> None:
        for keys in self._numbered.values():
            keys.sort()

    def find(self, listed: _Listed) -> tuple[int, str] | None:
        """<label>/<name>, else the only file of that name, else the one of that rank in ImageNet's folder."""
        name = PurePosixPath(listed.file_name).name
        if (listed.label, name) in self._by_folder:
            return self._by_folder[listed.label, name]
        if len(self._by_name.get(name, ())) == 1:
            return self._by_name[name][0]
        rank, keys = _LIST_NAME.fullmatch(name), self._numbered.get(listed.label, [])
        return keys[int(rank[1]) - 1][1] if rank and 1 <= int(rank[1]) <= len(keys) else None


def read(paths: Sequence[Path], scratch: Path) -> dict[str, np.ndarray]:
    """Arrays of miniimagenet.npz from folders, zip, tar and .csv files that together hold lists and images.

    x_train, x_test (n, 84, 84, 3) uint8; y_train, y_test (n,) int64; class_names: the labels, in alphabetical
    order within train, val and test; split_meta_train, split_validation, split_meta_test: class ids. Of each
    class, in the order of its list, every sixth image is for x_test (100 of 600), the others are for x_train.
    """
    lists, files = _survey(paths)
    classes = [label for listed in lists.values() for label in sorted({line.label for line in listed})]
    lines: dict[str, list[_Listed]] = {label: [] for label in classes}
    for listed in lists.values():
        for line in listed:
            lines[line.label].append(line)
    train = [line for label in classes for rank, line in enumerate(lines[label], 1) if rank % _TEST_EVERY]
    test = [line for label in classes for line in lines[label][_TEST_EVERY - 1 :: _TEST_EVERY]]
    x = _pictures(paths, [_locate(files, line) for line in train + test], scratch)
    class_id = {label: number for number, label in enumerate(classes)}
    y = np.array([class_id[line.label] for line in train + test], np.int64)
    splits = np.split(np.arange(len(classes), dtype=np.int64), np.cumsum(list(_NUM_CLASSES.values()))[:-1])
    return {
        "x_train": x[: len(train)],
        "y_train": y[: len(train)],
        "x_test": x[len(train) :],
        "y_test": y[len(train) :],
        "class_names": np.array(classes),
        "licence": np.array(_LICENCE),
        **dict(zip(_SPLITS.values(), splits, strict=True)),
    }


def _members(path: Path) -> Iterator[Member]:
    return iter([single(path)]) if path.suffix == ".csv" else members(path, _LIMIT_BYTES)


def _survey(paths: Sequence[Path]) -> tuple[dict[str, list[_Listed]], _Files]:
    """({list's name: its lines}, the images)."""
    lists: dict[str, list[_Listed]] = {}
    files = _Files()
    for source, path in enumerate(paths):
        for member in _members(path):
            name = PurePosixPath(member.name).name
            if name in _NUM_CLASSES:
                if name in lists:
                    raise InputError(f"There must be one {name}. Received: a second one, {member.name} in {path}.")
                lists[name] = _parse(member.read(_LIST_LIMIT_BYTES), f"{member.name} in {path}")
            elif name.lower().endswith((".jpg", ".jpeg")):
                files.add(source, member.name)
    missing = [name for name in _NUM_CLASSES if name not in lists]
    if missing:
        raise InputError(f"The sources must contain {', '.join(_NUM_CLASSES)}. Received: no {', no '.join(missing)}.")
    ordered = {name: lists[name] for name in _NUM_CLASSES}
    _check_lists(ordered)
    files.sort()
    return ordered, files


def _parse(content: bytes, name: str) -> list[_Listed]:
    rows = [row for row in csv.reader(content.decode("utf-8-sig", errors="replace").splitlines()) if row]
    if not rows or [cell.strip() for cell in rows[0]] != ["filename", "label"]:
        received = ",".join(rows[0]) if rows else ""
        raise InputError(f"{name} must start with the line filename,label. Received: {received!r:.80}.")
    for row in rows[1:]:
        if len(row) != 2:
            raise InputError(f"Lines of {name} must be filename,label. Received: {','.join(row)!r:.80}.")
    return [_Listed(label.strip(), file_name.strip()) for file_name, label in rows[1:]]


def _check_lists(lists: dict[str, list[_Listed]]) -> None:
    """64, 16 and 20 classes, none in two lists, each with enough images and none of them twice."""
    list_of: dict[str, str] = {}
    for name, listed in lists.items():
        counts = Counter(line.label for line in listed)
        if len(counts) != _NUM_CLASSES[name]:
            raise InputError(f"{name} must list {_NUM_CLASSES[name]} classes. Received: {len(counts)}.")
        for label, count in counts.items():
            if label in list_of:
                raise InputError(f"A class must be in one list. Received: {label} in {list_of[label]} and {name}.")
            if count < _TEST_EVERY:
                raise InputError(f"{name} must list at least {_TEST_EVERY} images of {label}. Received: {count}.")
            list_of[label] = name


def _locate(files: _Files, line: _Listed) -> tuple[int, str]:
    key = files.find(line)
    if key is None:
        raise InputError(
            f"The sources must contain every image of the lists. Received: no {line.label}/{line.file_name}."
        )
    return key


def _pictures(paths: Sequence[Path], keys: list[tuple[int, str]], scratch: Path) -> np.ndarray:
    """(len(keys), 84, 84, 3) uint8."""
    row_of = {key: row for row, key in enumerate(keys)}
    if len(row_of) != len(keys):
        raise InputError(f"The lists must name each image once. Received: {len(keys)} names of {len(row_of)} images.")
    with (
        Rows(scratch, len(keys), (_SIDE, _SIDE, 3), np.uint8) as rows,
        progress("read images", len(keys)) as bar,
    ):
        for source, path in enumerate(paths):
            for member in _members(path):
                row = row_of.get((source, member.name))
                if row is not None:
                    name = f"{member.name} in {path}"
                    picture = pictures.decode(member.read(pictures.LIMIT_BYTES), name)
                    rows.write(row, pictures.squeeze(pictures.to_rgb(picture, name), _SIDE))
                    bar.update()
        return rows.array()
