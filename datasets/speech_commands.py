"""Speech Commands v0.02: a tar.gz of one-second WAV files `<word>/<speaker>_nohash_<take>.wav`.

P. Warden, "Speech Commands: a dataset for limited-vocabulary speech recognition", arXiv:1804.03209.
validation_list.txt and testing_list.txt name the files of the validation and the test speakers; all others
are for training. The folder _background_noise_ is left out. Checksum: SHA-256 and size as TensorFlow Datasets
publishes them (url_checksums/speech_commands.txt).
"""

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import recordings
from archive import members
from download import Archive
from scratch import Rows

from tfodcl.errors import InputError
from tfodcl.progress import progress

ARCHIVES = (
    Archive(
        "https://storage.googleapis.com/download.tensorflow.org/data/speech_commands_v0.02.tar.gz",
        2428923189,
        "af14739ee7dc311471de98f5f9d2c9191b18aedfe957f4a6ff791c709868ff58",
    ),
)
_LICENCE = "Speech Commands v2: P. Warden, 2018; CC BY 4.0"
_CLIP = re.compile(r"([^_/][^/]*)/([^/]+)_nohash_\d+\.wav")  # word, speaker
_LISTS = {"val": "validation_list.txt", "test": "testing_list.txt"}
_LIMIT_BYTES = 1 << 34  # unpacked; the official archive has 3.8 GB


def read(paths: Sequence[Path], scratch: Path) -> dict[str, np.ndarray]:
    """Arrays of speech_commands.npz, the rows of a part by word and file name.

    x_train, x_val, x_test (n, 16000) int16 at 16 kHz, shorter clips ending in zeros; y_* (n,) int64;
    speaker_* (n,) int64, indices into speaker_names; class_names in alphabetical order; sample_rate.
    """
    path = paths[0]
    parts = _split(path)  # {part: names of clips, sorted}
    names = [name for part in parts.values() for name in part]
    row_of = {name: row for row, name in enumerate(names)}
    with (
        Rows(scratch, len(names), (recordings.NUM_SAMPLES,), np.int16) as clips,
        progress(f"read {path.name}", len(names)) as bar,
    ):
        for member in members(path, _LIMIT_BYTES):
            if member.name in row_of:
                samples = recordings.decode_exact(member.read(recordings.LIMIT_BYTES), f"{member.name} in {path}")[
                    : recordings.NUM_SAMPLES
                ]
                clips.write(row_of[member.name], np.pad(samples, (0, recordings.NUM_SAMPLES - len(samples))))
                bar.update()
        return _arrays(parts, names, clips.array())


def _arrays(parts: dict[str, list[str]], names: list[str], x: np.ndarray) -> dict[str, np.ndarray]:
    words, y = np.unique([_parse(name)[0] for name in names], return_inverse=True)
    speakers, speaker = np.unique([_parse(name)[1] for name in names], return_inverse=True)
    arrays: dict[str, np.ndarray] = {
        "class_names": words,
        "speaker_names": speakers,
        "sample_rate": np.array(recordings.SAMPLE_RATE_HZ),
        "licence": np.array(_LICENCE),
    }
    start = 0
    for part, part_names in parts.items():
        rows = slice(start, start + len(part_names))
        arrays |= {f"x_{part}": x[rows], f"y_{part}": y[rows], f"speaker_{part}": speaker[rows]}
        start += len(part_names)
    return arrays


def _parse(name: str) -> tuple[str, str]:
    match = _CLIP.fullmatch(name)
    assert match is not None  # `_split` keeps no other names
    return match[1], match[2]


def _split(path: Path) -> dict[str, list[str]]:
    """{"train", "val", "test": names of clips}. Raises InputError unless all three have every word."""
    clips: set[str] = set()
    listed: dict[str, set[str]] = {}
    with progress(f"list {path.name}", 0) as bar:
        for member in members(path, _LIMIT_BYTES):
            if _CLIP.fullmatch(member.name):
                clips.add(member.name)
                bar.update()
            for part, list_name in _LISTS.items():
                if member.name == list_name:
                    text = member.read(recordings.LIMIT_BYTES).decode(errors="replace")
                    listed[part] = {line.strip() for line in text.splitlines()} - {""}
    for part, list_name in _LISTS.items():
        if part not in listed:
            raise InputError(f"{path} must contain {list_name}. Received: {len(clips)} clips without it.")
        absent = sorted(listed[part] - clips)
        if absent:
            raise InputError(f"{path} must contain every clip of {list_name}. Received: no {absent[0]}.")
    both = sorted(listed["val"] & listed["test"])
    if both:
        raise InputError(f"A clip must stand in one list of {path} only. Received: {both[0]} in both.")
    parts = {"train": clips - listed["val"] - listed["test"], **listed}
    _check_words(parts, path)
    return {part: sorted(names) for part, names in parts.items()}


def _check_words(parts: dict[str, set[str]], path: Path) -> None:
    words = {part: {_parse(name)[0] for name in names} for part, names in parts.items()}
    every = set().union(*words.values())
    if len(every) < 2:
        raise InputError(f"{path} must have clips of two or more words. Received: {len(every)} words.")
    for part, part_words in words.items():
        lacking = sorted(every - part_words)
        if lacking:
            raise InputError(f"{path} must have {part} clips of every word. Received: none of {lacking[0]!r}.")
