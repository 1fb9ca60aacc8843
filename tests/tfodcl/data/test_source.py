"""Loading <name>.npz: every layout, the front ends, and one line for everything that can be wrong."""

import os
from pathlib import Path

import numpy as np
import pytest

from tfodcl import data
from tfodcl.data import as_float, load
from tfodcl.data.mfcc import Mfcc
from tfodcl.errors import InputError

DELETE = object()


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("TFODCL_DATA", str(tmp_path))
    return tmp_path


def images(num_classes: int = 10, per_class: int = 3, shape: tuple[int, ...] = (5, 4, 3)) -> dict:
    """The arrays of a small data set in the standard layout."""
    rng = np.random.default_rng(0)
    y = np.repeat(np.arange(num_classes), per_class)
    return {
        "x_train": rng.integers(0, 256, (len(y), *shape), np.uint8),
        "y_train": y,
        "x_test": rng.integers(0, 256, (len(y), *shape), np.uint8),
        "y_test": y.astype(np.uint8),
        "class_names": np.array([f"class {index}" for index in range(num_classes)]),
    }


def windows() -> dict:
    rng = np.random.default_rng(1)
    arrays = images(shape=(2,))
    for part in ("train", "test"):
        x = rng.normal([5, -2, 0], [3, 0.1, 1], (len(arrays[f"y_{part}"]), 20, 3))
        arrays[f"x_{part}"] = x.astype(np.float32)
    return arrays


def speech() -> dict:
    rng = np.random.default_rng(2)
    arrays = images(shape=(2,))
    for part in ("train", "test", "val"):
        clips = rng.normal(0, 3000, (len(arrays["y_train"]), 16000))
        arrays |= {f"x_{part}": clips.astype(np.int16), f"y_{part}": arrays["y_train"]}
    return arrays | {"sample_rate": np.array(16000)}


def omniglot(num_background: int = 6, num_evaluation: int = 3) -> dict:
    """Drawers are in another order than their numbers, to show that rank decides."""
    num_classes = num_background + num_evaluation
    character, drawer = np.divmod(np.arange(num_classes * 20), 20)
    x = np.full((len(character), 7, 7), 255, np.uint8)
    x[:, 0, 0], x[:, 0, 1] = character, 19 - drawer
    return {
        "x": x,
        "character": character,
        "drawer": 20 - drawer,
        "background": character % 3 != 2,
        "character_names": np.array([f"alphabet/{index}" for index in range(num_classes)]),
    }


def save(folder: Path, name: str, arrays: dict) -> None:
    np.savez(folder / f"{name}.npz", **arrays)


def assert_rejected(folder: Path, arrays: dict, *words: str, name: str = "mine") -> None:
    """The error is one line which holds all the words."""
    save(folder, name, arrays)
    with pytest.raises(InputError) as caught:
        load(name)
    message = str(caught.value)
    assert "\n" not in message
    assert "Received: " in message
    for word in words:
        assert word in message


def test_images_stay_uint8_and_have_a_channel_axis(folder):
    colour, grey = images(), images(shape=(5, 4))
    save(folder, "colour", colour)
    save(folder, "grey", grey)

    np.testing.assert_array_equal(load("colour").x_test, colour["x_test"])
    np.testing.assert_array_equal(load("grey").x_train, grey["x_train"][..., None])
    assert load("colour").input_shape == (5, 4, 3)
    assert load("grey").front_end == {"kind": "image", "scale": 1 / 255}
    assert load("grey").y_test.dtype == np.int64
    assert load("grey").class_names[3] == "class 3"
    assert load("grey").name == "grey"


def test_classes_are_split_60_10_30_with_at_least_2_each(folder):
    for num_classes, sizes in {6: (2, 2, 2), 10: (5, 2, 3), 35: (21, 4, 10), 100: (60, 10, 30)}.items():
        save(folder, "mine", images(num_classes, 1))
        split = load("mine").split
        assert (len(split.meta_train), len(split.validation), len(split.meta_test)) == sizes
        together = np.concatenate([split.meta_train, split.validation, split.meta_test])
        np.testing.assert_array_equal(together, np.arange(num_classes))


@pytest.mark.parametrize(
    ("name", "sizes"),
    [("cifar100", (60, 10, 30)), ("speech_commands", (20, 5, 10)), ("miniimagenet", (64, 16, 20))],
)
def test_known_sets_have_their_own_split(folder, name, sizes):
    save(folder, name, images(sum(sizes), 1))

    split = load(name).split
    assert (len(split.meta_train), len(split.validation), len(split.meta_test)) == sizes


def test_a_licence_is_known_or_said_to_be_unknown(folder):
    save(folder, "speech_commands", images(35, 1))
    save(folder, "tinyimagenet", images())
    save(folder, "mine", images())

    assert load("tinyimagenet").licence.endswith("from ImageNet; for non-commercial research")
    assert load("speech_commands").licence == "Speech Commands v2: P. Warden, 2018; CC BY 4.0"
    assert "not stated" in load("mine").licence


def test_the_files_own_split_and_licence_come_first(folder):
    own = {
        "split_meta_train": np.array([9, 3]),
        "split_validation": np.array([0]),
        "split_meta_test": np.array([4, 5, 6], np.int32),
        "licence": np.array("CC0,\nby me"),
    }
    save(folder, "miniimagenet", images() | own)

    dataset = load("miniimagenet")
    np.testing.assert_array_equal(dataset.split.meta_train, [9, 3])
    np.testing.assert_array_equal(dataset.split.meta_test, [4, 5, 6])
    assert dataset.split.meta_test.dtype == np.int64
    assert dataset.licence == "CC0, by me"


def test_recordings_are_known_where_the_file_has_groups(folder):
    groups = 7 + np.repeat(np.arange(15), 2)[::-1]
    save(folder, "recorded", images(num_classes=15, per_class=2) | {"group_train": groups.astype(np.uint8)})
    save(folder, "unrelated", images())

    dataset = load("recorded")
    np.testing.assert_array_equal(dataset.group_train, groups)
    assert dataset.group_train.dtype == np.int64
    assert load("unrelated").group_train is None


def test_windows_are_standardised_by_the_meta_training_classes(folder):
    arrays = windows()
    save(folder, "mine", arrays)
    dataset = load("mine")

    known = arrays["x_train"][arrays["y_train"] < 5].astype(np.float64)  # 5 of 10 classes
    mean, std = known.mean((0, 1)), known.std((0, 1))
    np.testing.assert_allclose(dataset.x_test[..., 0], (arrays["x_test"] - mean) / std, atol=1e-4)
    np.testing.assert_allclose(dataset.front_end["mean"], mean, rtol=1e-5)
    np.testing.assert_allclose(dataset.front_end["std"], std, rtol=1e-5)
    assert dataset.x_train.shape == (30, 20, 3, 1)
    assert dataset.x_train.dtype == np.float32
    assert dataset.front_end["kind"] == "windows"


def test_a_constant_channel_becomes_zero(folder):
    arrays = windows()
    for part in ("x_train", "x_test"):
        arrays[part][..., 1] = 4
    save(folder, "mine", arrays)

    np.testing.assert_array_equal(load("mine").x_train[:, :, 1], 0)


def test_speech_becomes_standardised_mfcc(folder):
    arrays = speech()
    save(folder, "mine", arrays)
    dataset = load("mine")

    mfcc = Mfcc()
    known = mfcc.transform(arrays["x_train"][arrays["y_train"] < 5])
    expected = (mfcc.transform(arrays["x_val"]) - known.mean((0, 1))) / known.std((0, 1))
    np.testing.assert_allclose(dataset.x_val[..., 0], expected, atol=1e-3)
    np.testing.assert_array_equal(dataset.y_val, arrays["y_val"])
    assert dataset.input_shape == (49, 10, 1)
    assert dataset.front_end["kind"] == "mfcc"
    assert {name: dataset.front_end[name] for name in mfcc.describe()} == mfcc.describe()
    assert len(dataset.front_end["mean"]) == len(dataset.front_end["std"]) == 10


def test_as_maps_windows_have_their_channels_last_and_speech_is_its_standardised_log_mel_spectrum(folder):
    save(folder, "mine", windows())
    np.testing.assert_array_equal(load("mine", as_maps=True).x_test, load("mine").x_test.transpose(0, 1, 3, 2))
    assert load("mine", as_maps=True).front_end == load("mine").front_end

    arrays = speech()
    save(folder, "said", arrays)
    dataset, mfcc = load("said", as_maps=True), Mfcc()
    known = mfcc.log_mel(arrays["x_train"][arrays["y_train"] < 5])
    expected = (mfcc.log_mel(arrays["x_val"]) - known.mean((0, 1))) / known.std((0, 1))
    np.testing.assert_allclose(dataset.x_val[..., 0], expected, atol=1e-3)
    assert dataset.input_shape == (49, 40, 1) and dataset.front_end["kind"] == "log_mel"
    described = {name: value for name, value in mfcc.describe().items() if name != "num_coefficients"}
    assert {
        name: dataset.front_end[name] for name in dataset.front_end if name not in ("kind", "mean", "std")
    } == described
    assert len(dataset.front_end["mean"]) == len(dataset.front_end["std"]) == 40


def test_omniglot_is_split_by_alphabet_and_then_by_drawer(folder):
    save(folder, "omniglot", omniglot())
    dataset = load("omniglot")

    np.testing.assert_array_equal(dataset.split.meta_train, [0, 1, 3])
    np.testing.assert_array_equal(dataset.split.validation, [4, 6, 7])
    np.testing.assert_array_equal(dataset.split.meta_test, [2, 5, 8])
    np.testing.assert_array_equal(np.bincount(dataset.y_train), [20, 20, 15, 20, 15, 15, 15, 15, 15])
    np.testing.assert_array_equal(np.bincount(dataset.y_test), [0, 0, 5, 0, 5, 5, 5, 5, 5])
    assert dataset.x_train.shape == (150, 7, 7, 1)
    np.testing.assert_array_equal(255 - dataset.x_test[:, 0, 0, 0], dataset.y_test)
    ranks = 255 - dataset.x_test[:, 0, 1, 0]
    assert set(ranks.tolist()) == set(range(15, 20))
    assert dataset.x_train[0, 6, 6, 0] == 0  # paper


def test_as_float_scales_images_and_leaves_features():
    features = np.array([-3.5, 2], np.float32)

    np.testing.assert_allclose(as_float(np.array([0, 51, 255], np.uint8)), [0, 0.2, 1], rtol=1e-6)
    assert as_float(np.zeros(1, np.uint8)).dtype == np.float32
    np.testing.assert_array_equal(as_float(features), features)


def test_directory_is_configured_or_in_the_cache(monkeypatch):
    monkeypatch.setenv("TFODCL_DATA", "/somewhere")
    assert data.directory() == Path("/somewhere")
    monkeypatch.setenv("TFODCL_DATA", "")
    assert data.directory() == Path.home() / ".cache" / "tfodcl" / "data"


@pytest.mark.parametrize(
    "name",
    [
        *("cifar10", "cifar100", "core50", "daily_sports", "miniimagenet", "omniglot", "speech_commands"),
        *("tinyimagenet", "urbansound8k"),
    ],
)
def test_a_missing_known_set_names_the_command_that_prepares_it(folder, name):
    with pytest.raises(InputError) as caught:
        load(name)

    assert f"python datasets/prepare.py {name}" in str(caught.value)
    assert str(folder / f"{name}.npz") in str(caught.value)


def test_a_missing_unknown_set_lists_the_known_ones(folder):
    with pytest.raises(InputError) as caught:
        load("cifar1000")

    for word in (
        "glyphs, cifar10, cifar100",
        "$TFODCL_DATA/<name>.npz",
        "dataset='cifar1000'",
        "folder --source",
    ):
        assert word in str(caught.value)


@pytest.mark.parametrize("name", ["../mine", "a/b", "a\\b", "", "..", ".hidden", "a b", "a\n", "/etc/passwd"])
def test_rejects_names_that_are_paths(folder, name):
    with pytest.raises(InputError, match="dataset must be a name of letters"):
        load(name)


def test_rejects_truncated_files_at_every_length(folder):
    save(folder, "mine", images())
    whole = (folder / "mine.npz").read_bytes()

    for length in range(0, len(whole), 97):
        (folder / "mine.npz").write_bytes(whole[:length])
        with pytest.raises(InputError, match=r"must be a whole \.npz file"):
            load("mine")


def test_damaged_bytes_give_the_data_or_one_clear_line(folder):
    save(folder, "mine", images())
    whole = (folder / "mine.npz").read_bytes()
    rng = np.random.default_rng(4)
    outcomes = {"loaded": 0, "rejected": 0}

    for _ in range(300):
        damaged = bytearray(whole)
        for position in rng.integers(0, len(whole), 3):
            damaged[position] = rng.integers(256)
        (folder / "mine.npz").write_bytes(damaged)
        try:
            load("mine")
            outcomes["loaded"] += 1
        except InputError as error:
            assert "\n" not in str(error)
            outcomes["rejected"] += 1
    assert outcomes["rejected"] > 250


def test_rejects_single_arrays_pickles_and_files_of_other_kinds(folder):
    np.save(folder / "array.npy", np.zeros(3))
    (folder / "array.npy").rename(folder / "array.npz")
    (folder / "text.npz").write_text("x_train")
    save(folder, "pickled", images() | {"class_names": np.array([{}, []], object)})

    for name in ("array", "text", "pickled"):
        with pytest.raises(InputError, match="must be a whole .npz file without pickled objects"):
            load(name)


NAN = np.full((30, 20, 3), 0, np.float32)
NAN[7, 2, 1] = np.nan
INFINITE = np.where(np.isnan(NAN), -np.inf, NAN).astype(np.float32)
LABELS = np.repeat(np.arange(10), 3)


@pytest.mark.parametrize(
    ("make", "change", "words"),
    [
        (images, {"y_test": DELETE}, ["mine.npz must have the arrays", "no y_test"]),
        (images, {"class_names": DELETE, "x_test": DELETE}, ["no x_test, no class_names"]),
        (images, {"x_val": np.zeros((1, 5, 4, 3), np.uint8)}, ["x_val, y_val", "no y_val"]),
        (images, {"x_train": np.zeros((30, 5, 4, 3))}, ["x_train", "uint8 images", "float64 (30, 5, 4, 3)"]),
        (images, {"x_train": np.zeros((30, 5, 4, 2), np.uint8)}, ["x_train", "uint8 (30, 5, 4, 2)"]),
        (images, {"x_train": np.zeros((30, 5), np.uint8)}, ["x_train", "(30, 5)"]),
        (images, {"x_train": np.zeros((0, 5, 4, 3), np.uint8)}, ["must have samples", "(0, 5, 4, 3)"]),
        (images, {"x_test": np.zeros((30, 5, 5, 3), np.uint8)}, ["shape and dtype of x_train", "(5, 5, 3)"]),
        (images, {"y_train": LABELS[:-1]}, ["y_train", "shape (30,)", "(29,)"]),
        (images, {"y_train": LABELS + 0.5}, ["y_train", "integers", "float64"]),
        (images, {"y_train": LABELS + 1}, ["y_train", "[0, 10)", "Received: 10 at sample 27"]),
        (images, {"y_test": LABELS - 1}, ["y_test", "[0, 10)", "Received: -1 at sample 0"]),
        (images, {"y_train": np.minimum(LABELS, 8)}, ["y_train", "none of class 9 (class 9)"]),
        (images, {"y_test": np.maximum(LABELS - 1, 0)}, ["y_test", "none of class 9"]),
        (images, {"class_names": np.arange(10)}, ["class_names", "strings", "int64 (10,)"]),
        (images, {"sample_rate": np.array(16000)}, ["int16 waveforms", "uint8 (30, 5, 4, 3)"]),
        (images, {"licence": np.arange(2)}, ["licence", "one string"]),
        (images, {"split_validation": np.array([1])}, ["no split_meta_train, no split_meta_test"]),
        (images, {"group_train": np.zeros(29, int)}, ["group_train of mine", "shape (30,)", "(29,)"]),
        (images, {"group_train": np.zeros(30)}, ["group_train of mine", "integers", "float64"]),
        (images, {"group_train": np.arange(30) // 2}, ["of one class", "classes 0 and 1 in group 1"]),
        (windows, {"x_train": NAN}, ["x_train of mine must be finite", "nan in sample 7"]),
        (windows, {"x_test": INFINITE}, ["x_test of mine must be finite", "-inf in sample 7"]),
        (speech, {"sample_rate": np.array(8000)}, ["sample_rate must be at least 15200 Hz", "8000"]),
        (speech, {"sample_rate": np.array(-1)}, ["sample_rate", "positive integer", "-1"]),
        (speech, {"sample_rate": DELETE}, ["x_train", "int16 (30, 16000)"]),
        (omniglot, {"drawer": DELETE}, ["no drawer"]),
        (omniglot, {"drawer": np.zeros(3, int)}, ["drawer", "shape (180,)", "(3,)"]),
        (omniglot, {"background": np.zeros(180, int)}, ["background", "bool", "int64"]),
        (omniglot, {"background": np.zeros(180, bool)}, ["split_meta_train", "shape (0,)"]),
        (omniglot, {"x": np.zeros((180, 7, 7), np.float32)}, ["x of mine must be uint8", "float32"]),
        (omniglot, {"character": np.full(180, 9)}, ["character", "[0, 9)", "Received: 9 at sample 0"]),
    ],
)
def test_rejects_wrong_arrays_naming_rule_and_value(folder, make, change, words):
    arrays = {key: value for key, value in (make() | change).items() if value is not DELETE}

    assert_rejected(folder, arrays, *words)


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        (([0, 1], [1], [2]), ["each class once", "class 1 twice"]),
        (([0, 1], [10], [2]), ["split_validation", "[0, 10)", "Received: 10"]),
        (([0, -1], [3], [2]), ["split_meta_train", "Received: -1"]),
        (([0], [], [2]), ["split_validation", "(0,)"]),
        (([[0, 1]], [3], [2]), ["split_meta_train", "(1, 2)"]),
        (([0.5], [3], [2]), ["split_meta_train", "float64"]),
    ],
)
def test_rejects_wrong_splits(folder, parts, words):
    names = ("split_meta_train", "split_validation", "split_meta_test")
    own = {name: np.array(part, None if part else np.int64) for name, part in zip(names, parts, strict=True)}

    assert_rejected(folder, images() | own, *words)


def test_rejects_too_few_classes(folder):
    assert_rejected(folder, images(5), "at least 6 classes", "Received: 5 classes")


def test_rejects_a_known_set_with_another_number_of_classes(folder):
    assert_rejected(folder, images(10), "cifar100 must have 100 classes", "10 classes", name="cifar100")


@pytest.mark.parametrize(
    ("name", "shape", "num_train", "num_test", "parts"),
    [
        ("cifar100", (32, 32, 3), 50000, 10000, (60, 10, 30)),
        ("cifar10_subset", (32, 32, 3), 15000, 5000, (5, 2, 3)),
        ("omniglot", (28, 28, 1), 28845, 3615, (900, 64, 659)),
        ("tinyimagenet", (64, 64, 3), 100000, 10000, (120, 20, 60)),
        ("har_sp_sw", (100, 6, 1), 4250, 1240, (2, 1, 2)),
        ("arabic_speech_commands", (49, 10, 1), 7200, 2400, (25, 5, 10)),
    ],
)
def test_real_sets_load(name, shape, num_train, num_test, parts):
    if not (data.directory() / f"{name}.npz").is_file():
        pytest.skip(f"needs the real data: {name}.npz in {os.environ.get('TFODCL_DATA', 'the cache')}")
    dataset = load(name)

    assert dataset.input_shape == shape
    assert (len(dataset.x_train), len(dataset.x_test)) == (num_train, num_test)
    split = dataset.split
    assert (len(split.meta_train), len(split.validation), len(split.meta_test)) == parts
    if dataset.x_train.dtype == np.float32:
        known = dataset.x_train[np.isin(dataset.y_train, split.meta_train)].astype(np.float64)
        np.testing.assert_allclose(known.mean((0, 1)), 0, atol=1e-3)
        np.testing.assert_allclose(known.std((0, 1)), 1, atol=1e-3)
    else:
        assert dataset.x_train.dtype == np.uint8
