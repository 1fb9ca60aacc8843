"""MiniImageNet in the ways it is found: 100 classes of JPEGs and the three lists."""

import io
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

NUM_IMAGES = 6  # a class; the real set has 600
LABELS = [f"n{1532829 + 7 * number:08d}" for number in range(100)]
# The lists hold the classes in an order of their own.
LISTED = {"train.csv": LABELS[:64][::-1], "val.csv": LABELS[64:80], "test.csv": LABELS[80:]}
RANKS = [3, 1, 8, 4, 11, 6]  # which of ImageNet's images of a class are listed, in this order


def jpeg(label: int, image: int) -> bytes:
    """84 x 84, but the first image of class 0 is larger, grey and of one value; class 1 has PNGs inside."""
    if (label, image) == (0, 0):
        picture = Image.new("L", (500, 375), 77)
    else:
        low = np.random.default_rng([label, image]).integers(0, 256, (3, 3, 3), np.uint8)
        picture = Image.fromarray(low).resize((84, 84))
    file = io.BytesIO()
    picture.save(file, "PNG" if label == 1 else "JPEG", quality=90)
    return file.getvalue()


def pixels(label: int, image: int) -> np.ndarray:
    """What Pillow decodes; all but the first image need no scaling."""
    if (label, image) == (0, 0):
        return np.full((84, 84, 3), 77, np.uint8)
    return np.asarray(Image.open(io.BytesIO(jpeg(label, image))))


JPEGS = {(label, image): jpeg(label, image) for label in range(100) for image in range(NUM_IMAGES)}


def list_name(label: int, image: int) -> str:
    return f"{LABELS[label]}{RANKS[image]:08d}.jpg"


def lists() -> dict[str, bytes]:
    content = {}
    for name, labels in LISTED.items():
        lines = [f"{list_name(LABELS.index(label), image)},{label}" for image in range(NUM_IMAGES) for label in labels]
        content[name] = "\n".join(["filename,label", *lines, ""]).encode()
    return content


def write_zip(path: Path, files: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def flat_zip(folder: Path) -> list[Path]:
    """images/<list's name>, lists beside: one zip."""
    images = {f"mini/images/{list_name(*key)}": content for key, content in JPEGS.items()}
    return [write_zip(folder / "mini-imagenet.zip", {**lists(), **images})]


def class_folders(folder: Path) -> list[Path]:
    """<split>/<label>/<list's name> in a folder, lists as files of their own."""
    for (label, image), content in JPEGS.items():
        path = folder / "processed" / "any" / LABELS[label] / list_name(label, image)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    for name, content in lists().items():
        (folder / name).write_bytes(content)
    return [folder / "processed", *(folder / name for name in lists())]


def imagenet_tar(folder: Path) -> list[Path]:
    """ImageNet's own class folders with images that no list names, as tar.gz, and a zip of the lists."""
    with tarfile.open(folder / "train.tar.gz", "w:gz", compresslevel=1) as archive:
        for label in range(100):
            listed = {rank: JPEGS[label, image] for image, rank in enumerate(RANKS)}
            for rank in range(12, 0, -1):  # ranks count ImageNet's numbers, which have gaps
                content = listed.get(rank, b"never opened")
                info = tarfile.TarInfo(f"./train/{LABELS[label]}/{LABELS[label]}_{rank * 9}.JPEG")
                info.size = len(content)
                archive.addfile(info, io.BytesIO(content))
    return [write_zip(folder / "lists.zip", lists()), folder / "train.tar.gz"]


@pytest.mark.parametrize("layout", [flat_zip, class_folders, imagenet_tar])
def test_every_sixth_image_of_a_class_is_for_the_test(prepare, tmp_path, layout):
    arrays = prepare("miniimagenet", "--source", *layout(tmp_path))
    np.testing.assert_array_equal(arrays["x_train"], [pixels(n, i) for n in range(100) for i in range(5)])
    np.testing.assert_array_equal(arrays["x_test"], [pixels(n, 5) for n in range(100)])
    assert arrays["x_train"].dtype == arrays["x_test"].dtype == np.uint8
    assert arrays["y_train"].tolist() == [label for label in range(100) for _ in range(5)]
    assert arrays["y_test"].tolist() == list(range(100))
    assert arrays["class_names"].tolist() == LABELS
    assert arrays["split_meta_train"].tolist() == list(range(64))
    assert arrays["split_validation"].tolist() == list(range(64, 80))
    assert arrays["split_meta_test"].tolist() == list(range(80, 100))
    assert arrays["split_meta_test"].dtype == np.int64


def _changed(name: str, old: bytes, new: bytes) -> dict[str, bytes]:
    return {**lists(), name: lists()[name].replace(old, new)}


FIRST_VAL, FIRST_TEST = LISTED["val.csv"][0].encode(), LISTED["test.csv"][0].encode()


@pytest.mark.parametrize(
    ("content", "rule"),
    [
        (
            {"train.csv": lists()["train.csv"]},
            "must contain train.csv, val.csv, test.csv. Received: no val.csv, no test.csv.",
        ),
        (
            _changed("val.csv", b"filename,label", b"file,class"),
            "must start with the line filename,label. Received: 'file,class'.",
        ),
        (_changed("val.csv", b"," + FIRST_VAL, b""), "Lines of val.csv in "),
        ({**lists(), "test.csv": lists()["val.csv"]}, "test.csv must list 20 classes. Received: 16."),
        (
            _changed("val.csv", b"," + FIRST_VAL, b"," + FIRST_TEST),
            f"Received: {FIRST_TEST.decode()} in val.csv and test.csv.",
        ),
        (
            {**lists(), "test.csv": lists()["test.csv"].rpartition(b"n")[0].rpartition(b"n")[0]},
            f"test.csv must list at least 6 images of {LISTED['test.csv'][-1]}. Received: 5.",
        ),
        (lists(), f"must contain every image of the lists. Received: no {LABELS[0]}/{list_name(0, 0)}."),
    ],
)
def test_wrong_lists_are_refused(refuse, tmp_path, content, rule):
    assert rule in refuse("miniimagenet", "--source", write_zip(tmp_path / "lists.zip", content))


def test_a_damaged_image_is_named(refuse, tmp_path):
    source = class_folders(tmp_path)
    path = source[0] / "any" / LABELS[99] / list_name(99, 5)
    path.write_bytes(path.read_bytes()[:-200])
    line = refuse("miniimagenet", "--source", *source)
    assert line.startswith(f"any/{LABELS[99]}/{list_name(99, 5)} in ") and "must be a whole image." in line


def test_a_source_must_be_given(refuse):
    assert refuse("miniimagenet") == "the following arguments are required: --source"
