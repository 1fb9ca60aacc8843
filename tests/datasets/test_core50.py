"""A CORe50 zip with the official folders: 128 x 128 RGB PNGs of 50 objects in eleven sessions."""

import functools
import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tfodcl import data
from tfodcl.streams import nicv2

SESSIONS, OBJECTS = range(1, 12), range(1, 51)
TRAIN_SESSIONS, TEST_SESSIONS = (1, 2, 4, 5, 6, 8, 9, 11), (3, 7, 10)
NUMBERS = (0, 2, 10, 299)  # of a recording's frames: with gaps, and written with three digits or more


def pixels(session: int, thing: int, number: int) -> np.ndarray:
    """(128, 128, 3): flat enough to be written fast, and different in every frame."""
    x = np.zeros((128, 128, 3), np.uint8)
    x[0, 0], x[127, 0], x[0, 127, 2] = (session, thing, number % 256), (9, 5, 1), 200
    return x


def png(x: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(x).save(file, "PNG", compress_level=1)
    return file.getvalue()


def name_of(session: int, thing: int, number: int) -> str:
    return f"core50_128x128/s{session}/o{thing}/C_{session:02d}_{thing:02d}_{number:03d}.png"


def numbers_of(session: int, thing: int) -> tuple[int, ...]:
    """One frame of most recordings, four of those of object 7 and of session 10 with object 50."""
    return NUMBERS if thing == 7 or (session, thing) == (10, 50) else NUMBERS[-1:]


@functools.cache
def official_files() -> dict[str, bytes]:
    return {
        name_of(session, thing, number): png(pixels(session, thing, number))
        for session in SESSIONS
        for thing in OBJECTS
        for number in numbers_of(session, thing)
    }


def write_zip(path: Path, files: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("core50_128x128/", b"")  # a folder's own entry
        for name in sorted(files, reverse=True):  # s9 before s11
            archive.writestr(name, files[name])
    return path


def test_frames_come_out_by_session_object_and_time(prepare, tmp_path):
    source = write_zip(tmp_path / "core50_128x128.zip", official_files())
    arrays = prepare("core50", "--no-verify", "--source", source)

    for part, sessions in (("train", TRAIN_SESSIONS), ("test", TEST_SESSIONS)):
        keys = [(s, o, number) for s in sessions for o in OBJECTS for number in numbers_of(s, o)]
        np.testing.assert_array_equal(arrays[f"x_{part}"], [pixels(*key) for key in keys])
        assert arrays[f"y_{part}"].tolist() == [thing - 1 for _, thing, _ in keys]
        assert (arrays[f"x_{part}"].dtype, arrays[f"y_{part}"].dtype) == (np.uint8, np.int64)
        if part == "train":
            assert arrays["group_train"].tolist() == [50 * s + o - 51 for s, o, _ in keys]
            assert len(set(arrays["group_train"].tolist())) == 400
    names = arrays["class_names"].tolist()
    assert names[:6] == [*(f"plug_adapter{i}" for i in range(1, 6)), "mobile_phone1"]
    assert names[-1] == "remote_control5" and len(set(names)) == 50
    assert arrays["licence"].item().endswith("CC BY 4.0")


def test_the_data_set_gives_the_stream_of_391_training_batches(prepare, out, tmp_path, monkeypatch):
    prepare("core50", "--no-verify", "--source", write_zip(tmp_path / "core50_128x128.zip", official_files()))
    monkeypatch.setenv("TFODCL_DATA", str(out))
    stream = nicv2(data.load("core50"), range(50), 10, None, groups_per_batch=1, eval_every=100, seed=0, run=0)

    assert stream.num_batches == 391
    for batch in list(stream.batches)[1:]:
        session_and_object = batch.x[:, 0, 0, :2]  # as drawn
        assert (session_and_object == session_and_object[0]).all()
        assert (stream.class_ids[batch.labels] == session_and_object[0, 1] - 1).all()


def test_another_archive_is_refused_without_no_verify(refuse, tmp_path):
    source = write_zip(tmp_path / "core50_128x128.zip", {})
    assert "must have the 5892103007 bytes of the official core50_128x128.zip" in refuse("core50", "--source", source)


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({name_of(11, 50, 299): None}, "Received: no frame of object 50 in session 11."),
        ({name_of(12, 1, 0): b""}, "sessions 1 to 11. Received: a frame of object 1 in session 12."),
        ({name_of(1, 51, 0): b""}, "objects 1 to 50 in sessions 1 to 11. Received: a frame of object 51"),
        ({"s1/o2/C_01_03_000.png": b""}, "in the folder of its session and object. Received: s1/o2/C_01_03_000.png."),
        ({"copy/s1/o1/C_01_01_299.png": b""}, "each frame once. Received: 587 files of 586 frames."),
        ({name_of(4, 4, 299): png(np.zeros((128, 127, 3), np.uint8))}, "in RGB. Received: 127 x 128, Pillow mode RGB."),
        ({name_of(4, 4, 299): png(np.zeros((128, 128), np.uint8))}, "Received: 128 x 128, Pillow mode L."),
        ({name_of(4, 4, 299): png(pixels(4, 4, 299))[:-30]}, "core50_128x128.zip must be a whole image."),
        ({name_of(4, 4, 299): b"\0" * (1 << 20 | 1)}, "must have at most 1048576 bytes. Received: 1048577 bytes."),
    ],
)
def test_an_archive_in_another_format_is_refused(refuse, tmp_path, changes, rule):
    files = {name: content for name, content in (official_files() | changes).items() if content is not None}
    source = write_zip(tmp_path / "core50_128x128.zip", files)
    assert rule in refuse("core50", "--no-verify", "--source", source)
