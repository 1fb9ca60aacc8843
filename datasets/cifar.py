"""CIFAR-10 and CIFAR-100, python version: a tar.gz of Python 2 pickles.

https://www.cs.toronto.edu/~kriz/cifar.html describes the format: each batch is a dictionary with `data`,
(n, 3072) uint8, a row being the red, the green and the blue plane of 32 x 32, and with a list of labels; a
further dictionary has the class names.

Checksums: SHA-256 as Keras publishes them (keras.datasets.cifar10 and cifar100). The MD5 sums of the same
files are, as torchvision publishes them, c58f30108f718f92721af3b95e74349a and
eb9058c3a382ffc7106e4002c42a8d85.
"""

import io
import pickle
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from archive import members
from download import Archive

from tfodcl.errors import InputError

_SIDE, _NUM_CHANNELS = 32, 3
_ROW_BYTES = _NUM_CHANNELS * _SIDE * _SIDE
_LIMIT_BYTES = 1 << 28  # unpacked; the official archives have 186 MB


@dataclass(frozen=True)
class Layout:
    """Where an archive keeps what."""

    folder: str
    train: tuple[str, ...]
    test: str
    meta: str
    labels_key: str
    names_key: str
    licence: str


_AUTHOR = "A. Krizhevsky, Learning multiple layers of features from tiny images, 2009; no licence stated"
_CIFAR10 = Layout(
    "cifar-10-batches-py",
    tuple(f"data_batch_{number}" for number in range(1, 6)),
    "test_batch",
    "batches.meta",
    "labels",
    "label_names",
    f"CIFAR-10: {_AUTHOR}",
)
_CIFAR100 = Layout(
    "cifar-100-python",
    ("train",),
    "test",
    "meta",
    "fine_labels",
    "fine_label_names",
    f"CIFAR-100: {_AUTHOR}",
)
CIFAR10_ARCHIVES = (
    Archive(
        "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz",
        170498071,
        "6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce",
    ),
)
CIFAR100_ARCHIVES = (
    Archive(
        "https://www.cs.toronto.edu/~kriz/cifar-100-python.tar.gz",
        169001437,
        "85cd44d02ba6437773c5bbd22e183051d648de2e7d6b014e1ef29b855ba677a7",
    ),
)


def read_cifar10(paths: Sequence[Path], scratch: Path) -> dict[str, np.ndarray]:
    """Arrays of cifar10.npz: x_* (n, 32, 32, 3) uint8, y_* (n,) int64, in the archive's order."""
    return _read(paths[0], _CIFAR10)


def read_cifar100(paths: Sequence[Path], scratch: Path) -> dict[str, np.ndarray]:
    """Arrays of cifar100.npz, the same with the 100 fine classes."""
    return _read(paths[0], _CIFAR100)


def _read(path: Path, layout: Layout) -> dict[str, np.ndarray]:
    wanted = [f"{layout.folder}/{name}" for name in (*layout.train, layout.test, layout.meta)]
    found = {
        member.name: _load(member.read(_LIMIT_BYTES), f"{member.name} in {path}")
        for member in members(path, _LIMIT_BYTES)
        if member.name in wanted
    }
    missing = [name for name in wanted if name not in found]
    if missing:
        raise InputError(f"{path} must contain {', '.join(wanted)}. Received: no {', no '.join(missing)}.")
    class_names = _class_names(found[wanted[-1]], layout.names_key, f"{wanted[-1]} in {path}")
    parts = [_batch(found[name], layout.labels_key, len(class_names), f"{name} in {path}") for name in wanted[:-1]]
    return {
        "x_train": np.concatenate([x for x, _ in parts[:-1]]),
        "y_train": np.concatenate([y for _, y in parts[:-1]]),
        "x_test": parts[-1][0],
        "y_test": parts[-1][1],
        "class_names": np.array(class_names),
        "licence": np.array(layout.licence),
    }


def _class_names(meta: dict, key: str, name: str) -> list[str]:
    names = [one.decode() if isinstance(one, bytes) else one for one in _get(meta, key, list, name)]
    if len(names) < 2 or not all(isinstance(one, str) for one in names):
        raise InputError(f"{key} of {name} must be two or more strings. Received: {names!r:.80}.")
    return names


def _batch(batch: dict, labels_key: str, num_classes: int, name: str) -> tuple[np.ndarray, np.ndarray]:
    """((n, 32, 32, 3) uint8, (n,) int64) of a batch."""
    rows = _get(batch, "data", _PickledArray, name).array(name)  # (n, 3072)
    labels = _get(batch, labels_key, list, name)
    if len(labels) != len(rows) or not labels:
        raise InputError(
            f"{name} must have a label for each image. Received: {len(labels)} labels, {len(rows)} images."
        )
    for label in labels:
        if type(label) is not int or not 0 <= label < num_classes:
            raise InputError(f"{labels_key} of {name} must be integers in [0, {num_classes}). Received: {label!r:.80}.")
    planes = rows.reshape(-1, _NUM_CHANNELS, _SIDE, _SIDE)
    return np.ascontiguousarray(planes.transpose(0, 2, 3, 1)), np.array(labels, np.int64)


def _get(dictionary: dict, key: str, kind: type, name: str) -> Any:
    value = dictionary.get(key)
    if not isinstance(value, kind):
        received = "none" if value is None else type(value).__name__
        raise InputError(f"{name} must have the entry {key!r}. Received: {received}.")
    return value


class _PickledDtype:
    """What a pickle says of a dtype: its code, such as "u1"."""

    def __init__(self, code: Any, *_flags: Any) -> None:
        self.code = code.decode() if isinstance(code, bytes) else code

    def __setstate__(self, state: Any) -> None:
        pass  # byte order and fields, of which "u1" has none


class _PickledArray:
    """What a pickle says of an array. NumPy's classes take no part, so a crafted pickle cannot abuse them."""

    def __init__(self, *_arguments: Any) -> None:
        self._state: Any = None

    def __setstate__(self, state: Any) -> None:
        self._state = state

    def array(self, name: str) -> np.ndarray:
        """(n, 3072) uint8. Raises InputError if the pickle's array is another."""
        try:
            _, shape, dtype, is_fortran, content = self._state
            if isinstance(dtype, _PickledDtype) and dtype.code == "u1" and shape[1:] == (_ROW_BYTES,):
                return np.frombuffer(content, np.uint8).reshape(shape, order="F" if is_fortran else "C")
            received = f"{getattr(dtype, 'code', dtype)!r} {shape!r}"
        except (TypeError, ValueError) as error:
            received = str(error)
        raise InputError(f"data of {name} must be uint8 of shape (n, {_ROW_BYTES}). Received: {received:.80}.")


def _encode(text: str, encoding: str) -> bytes:
    """`_codecs.encode`, by which Python 3 writes bytes into a pickle that Python 2 can read."""
    if encoding != "latin1":
        raise pickle.UnpicklingError(f"encoding {encoding!r}")
    return text.encode("latin1")


_ALLOWED = {
    ("numpy.core.multiarray", "_reconstruct"): _PickledArray,
    ("numpy._core.multiarray", "_reconstruct"): _PickledArray,
    ("numpy", "ndarray"): _PickledArray,
    ("numpy", "dtype"): _PickledDtype,
    ("_codecs", "encode"): _encode,
}


class _Unpickler(pickle.Unpickler):
    """Builds dictionaries, lists, numbers, strings and the stand-ins above, and calls nothing else."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _ALLOWED:
            raise pickle.UnpicklingError(f"a reference to {module}.{name}")
        return _ALLOWED[module, name]


def _load(content: bytes, name: str) -> dict[str, Any]:
    try:
        loaded = _Unpickler(io.BytesIO(content), encoding="bytes").load()
        return {key.decode() if isinstance(key, bytes) else key: value for key, value in loaded.items()}
    except Exception as error:  # a damaged pickle raises almost any of them
        reason = " ".join(str(error).split()) or type(error).__name__
        raise InputError(
            f"{name} must be a pickled dictionary of lists and arrays. Received: {reason:.120}."
        ) from error
