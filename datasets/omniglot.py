"""Omniglot: zip files of 105 x 105 black-and-white PNGs, `<set>/<alphabet>/<character>/<id>_<drawer>.png`.

https://github.com/brendenlake/omniglot (MIT). Checksums: SHA-256 and sizes as TensorFlow Datasets publishes
them (url_checksums/omniglot.txt).
"""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pictures
from archive import members
from download import Archive

from tfodcl.errors import InputError
from tfodcl.progress import progress

_SITE = "https://github.com/brendenlake/omniglot/raw/master/python"
ARCHIVES = (
    Archive(
        f"{_SITE}/images_background.zip",
        9464212,
        "ad41ab679c8b5d90b271ef46be6987cc81211774a695c29dcc5367b2b26ee640",
    ),
    Archive(
        f"{_SITE}/images_evaluation.zip",
        6462886,
        "1f61a8f3366785b057fc117d9228e78a16e3d976c8953b2a10fcc74cf0609cee",
    ),
)
_LICENCE = "Omniglot: B. Lake, R. Salakhutdinov, J. Tenenbaum, 2015; MIT"
_MEMBER = re.compile(r"images_(background|evaluation)/([^/]+)/(character\d+)/(\d+)_(\d+)\.png")
_ARCHIVE_LIMIT_BYTES = 1 << 28
_LIMIT_BYTES = 1 << 16  # of a drawing; the largest have a few hundred
_SIDE, _SMALL_SIDE, _NUM_DRAWERS = 105, 28, 20


class _Drawing(NamedTuple):
    """Sorts by alphabet, character and drawer."""

    alphabet: str
    character: str
    drawer: int
    original_char_id: int
    is_background: bool
    x: np.ndarray  # (28, 28) uint8, 0 = ink


def read(paths: Sequence[Path], scratch: Path) -> dict[str, np.ndarray]:
    """Arrays of omniglot.npz, one row per drawing, by alphabet, character and drawer.

    x (n, 28, 28) uint8, the mean over each pixel's area, 0 = ink, 255 = paper; alphabet, character,
    drawer (1..20) and original_char_id (n,) int64; background (n,) bool; alphabet_names; character_names.
    """
    drawings = [drawing for path in paths for drawing in _drawings(path)]
    sets = {drawing.is_background for drawing in drawings}
    if sets != {True, False}:
        received = "neither" if not sets else "background only" if True in sets else "evaluation only"
        raise InputError(
            f"Omniglot must come as images_background.zip and images_evaluation.zip. Received: {received}."
        )
    drawings.sort(key=lambda drawing: drawing[:3])
    alphabets = sorted({drawing.alphabet for drawing in drawings})
    characters = sorted({(drawing.alphabet, drawing.character) for drawing in drawings})
    _check_drawers(drawings)
    alphabet_id = {name: number for number, name in enumerate(alphabets)}
    character_id = {name: number for number, name in enumerate(characters)}
    return {
        "x": np.stack([drawing.x for drawing in drawings]),
        "alphabet": np.array([alphabet_id[drawing.alphabet] for drawing in drawings], np.int64),
        "character": np.array([character_id[drawing[:2]] for drawing in drawings], np.int64),
        "drawer": np.array([drawing.drawer for drawing in drawings], np.int64),
        "original_char_id": np.array([drawing.original_char_id for drawing in drawings], np.int64),
        "background": np.array([drawing.is_background for drawing in drawings]),
        "alphabet_names": np.array(alphabets),
        "character_names": np.array(["/".join(names) for names in characters]),
        "licence": np.array(_LICENCE),
    }


def _drawings(path: Path) -> list[_Drawing]:
    found = [member for member in members(path, _ARCHIVE_LIMIT_BYTES) if _MEMBER.fullmatch(member.name)]
    drawings = []
    with progress(f"read {path.name}", len(found)) as bar:
        for member in members(path, _ARCHIVE_LIMIT_BYTES):
            match = _MEMBER.fullmatch(member.name)
            if match is None:
                continue
            drawings.append(
                _Drawing(
                    match[2],
                    match[3],
                    int(match[5]),
                    int(match[4]),
                    match[1] == "background",
                    _shrink(_pixels(member.read(_LIMIT_BYTES), f"{member.name} in {path}")),
                )
            )
            bar.update()
    return drawings


def _pixels(content: bytes, name: str) -> np.ndarray:
    """(105, 105) bool, True = paper."""
    return np.asarray(pictures.decode_square(content, name, _SIDE, "1", "of 1 bit"))


def _check_drawers(drawings: Sequence[_Drawing]) -> None:
    """Every character once by every drawer: the split into training and test drawers relies on it."""
    drawers: dict[tuple, list[int]] = {}
    for drawing in drawings:
        drawers.setdefault(drawing[:2], []).append(drawing.drawer)
    for (alphabet, character), numbers in drawers.items():
        if numbers != list(range(1, _NUM_DRAWERS + 1)):
            raise InputError(
                f"{alphabet}/{character} must have one drawing by each of the drawers 1 to {_NUM_DRAWERS}. "
                f"Received: drawers {', '.join(map(str, numbers))}."
            )


def _overlap() -> np.ndarray:
    """(28, 105): the share of each small pixel's side, 105 / 28 = 3.75, that lies in each pixel."""
    edges = np.arange(_SMALL_SIDE + 1) * (_SIDE / _SMALL_SIDE)
    pixel = np.arange(_SIDE)
    overlap = np.minimum(edges[1:, None], pixel + 1) - np.maximum(edges[:-1, None], pixel)
    return np.clip(overlap, 0, None) * (_SMALL_SIDE / _SIDE)


_OVERLAP = _overlap()


def _shrink(paper: np.ndarray) -> np.ndarray:
    """(105, 105) bool -> (28, 28) uint8 in [0, 255]: the mean over each small pixel's area."""
    return np.rint(255 * (_OVERLAP @ paper @ _OVERLAP.T)).astype(np.uint8)
