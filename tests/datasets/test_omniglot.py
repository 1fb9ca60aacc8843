"""Omniglot zips with the official folders: 1-bit PNGs of 105 x 105."""

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

# (set, alphabet): characters. Alphabets of the two sets mix when sorted, as in the official archives.
ALPHABETS = {
    ("background", "Alphabet_of_the_Magi"): ["character01", "character02"],
    ("evaluation", "Angelic"): ["character01"],
    ("background", "Blackfoot_(Canadian_Aboriginal_Syllabics)"): ["character01"],
}


def drawing(number: int) -> np.ndarray:
    """(105, 105) bool, True = paper."""
    return np.random.default_rng(number).random((105, 105)) < 0.9


def png(pixels: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def official_files() -> dict[str, dict[str, bytes]]:
    """{set: {member: content}}; by alphabet, character and drawer the n-th member shows drawing(n)."""
    files: dict[str, dict[str, bytes]] = {"background": {}, "evaluation": {}}
    number = 0
    for (part, alphabet), characters in ALPHABETS.items():
        for character in characters:
            for drawer in range(1, 21):
                name = f"images_{part}/{alphabet}/{character}/{700 + number // 20:04d}_{drawer:02d}.png"
                files[part][name] = png(drawing(number))
                number += 1
    return files


def write_zip(path: Path, files: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("images_background/", b"")  # a folder's own entry
        for name in sorted(files, reverse=True):
            archive.writestr(name, files[name])
        archive.writestr("__MACOSX/._images_background", b"\0")
    return path


@pytest.fixture
def zips(tmp_path):
    files = official_files()
    return [write_zip(tmp_path / f"images_{part}.zip", files[part]) for part in ("background", "evaluation")]


def test_drawings_come_out_sorted_named_and_shrunk_by_area(prepare, zips):
    arrays = prepare("omniglot", "--no-verify", "--source", *zips)
    assert arrays["x"].shape == (80, 28, 28) and arrays["x"].dtype == np.uint8
    for number in range(80):
        # 105 / 28 = 15 / 4: each pixel as 4 x 4, then the mean of 15 x 15
        fine = np.repeat(np.repeat(drawing(number), 4, axis=0), 4, axis=1) * 255.0
        expected = np.rint(fine.reshape(28, 15, 28, 15).mean(axis=(1, 3)))
        np.testing.assert_array_equal(arrays["x"][number], expected)
    assert arrays["alphabet"].tolist() == [0] * 40 + [1] * 20 + [2] * 20
    assert arrays["character"].tolist() == [0] * 20 + [1] * 20 + [2] * 20 + [3] * 20
    assert arrays["drawer"].tolist() == list(range(1, 21)) * 4
    assert arrays["original_char_id"].tolist() == [700] * 20 + [701] * 20 + [702] * 20 + [703] * 20
    assert arrays["background"].tolist() == [True] * 40 + [False] * 20 + [True] * 20
    assert arrays["alphabet_names"].tolist() == sorted(alphabet for _, alphabet in ALPHABETS)
    assert arrays["character_names"].tolist() == [
        "Alphabet_of_the_Magi/character01",
        "Alphabet_of_the_Magi/character02",
        "Angelic/character01",
        "Blackfoot_(Canadian_Aboriginal_Syllabics)/character01",
    ]
    assert {arrays[name].dtype for name in ("alphabet", "character", "drawer", "original_char_id")} == {
        np.dtype(np.int64)
    }
    assert arrays["licence"].item().endswith("MIT")


def test_the_order_of_the_sources_does_not_matter(prepare, zips, tmp_path):
    renamed = zips[0].rename(tmp_path / "one.zip")
    arrays = prepare("omniglot", "--no-verify", "--source", zips[1], renamed)
    assert arrays["background"].tolist() == [True] * 40 + [False] * 20 + [True] * 20


def test_one_set_alone_is_refused(refuse, zips):
    line = refuse("omniglot", "--no-verify", "--source", zips[0], zips[0])
    assert line.endswith("Received: background only.")
    line = refuse("omniglot", "--no-verify", "--source", zips[0])
    assert line == "source must be 2 file(s): images_background.zip, images_evaluation.zip. Received: 1."


@pytest.mark.parametrize(
    ("content", "rule"),
    [
        (
            png(np.ones((104, 105), bool)),
            "must be 105 x 105 pixels of 1 bit. Received: 105 x 104, Pillow mode 1.",
        ),
        (png(np.ones((105, 105), np.uint8)), "of 1 bit. Received: 105 x 105, Pillow mode L."),
        (png(drawing(0))[:-40], "must be a whole image."),
        (b"<html>", "must be an image"),
        (b"\0" * 70000, "must have at most 65536 bytes. Received: 70000 bytes."),
    ],
)
def test_a_wrong_drawing_is_named(refuse, zips, tmp_path, content, rule):
    name = "images_evaluation/Angelic/character01/0702_07.png"
    files = official_files()["evaluation"] | {name: content}
    line = refuse("omniglot", "--no-verify", "--source", zips[0], write_zip(tmp_path / "e.zip", files))
    assert name in line and rule in line


def test_a_missing_drawing_is_refused(refuse, zips, tmp_path):
    files = official_files()["evaluation"]
    del files["images_evaluation/Angelic/character01/0702_20.png"]
    line = refuse("omniglot", "--no-verify", "--source", zips[0], write_zip(tmp_path / "e.zip", files))
    assert line.startswith("Angelic/character01 must have one drawing by each of the drawers 1 to 20. Received: ")
