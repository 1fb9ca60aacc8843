"""CIFAR archives, built byte for byte as Python 2 and NumPy 1 pickled them."""

import io
import os
import pickle
import struct
import tarfile
from pathlib import Path

import numpy as np
import pytest

CIFAR10_NAMES = b"airplane automobile bird cat deer dog frog horse ship truck".split()
NUM_ROWS = 7


def dump(value) -> bytes:
    """Pickle protocol 2 as Python 2 writes it: str as (SHORT_)BINSTRING, arrays by numpy.core.multiarray."""
    return b"\x80\x02" + _opcodes(value) + b"."


def _opcodes(value) -> bytes:
    if isinstance(value, dict):
        return b"}(" + b"".join(_opcodes(key) + _opcodes(item) for key, item in value.items()) + b"u"
    if isinstance(value, list):
        return b"](" + b"".join(map(_opcodes, value)) + b"e"
    if isinstance(value, bytes):
        is_short = len(value) < 256
        return (b"U" + bytes([len(value)]) if is_short else b"T" + struct.pack("<i", len(value))) + value
    if isinstance(value, int):
        return b"J" + struct.pack("<i", value)
    return _array_opcodes(value)


def _array_opcodes(array: np.ndarray) -> bytes:
    made = b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\n" + _opcodes(0) + b"\x85U\x01b\x87R"
    code = array.dtype.str[1:].encode()
    dtype = (
        b"cnumpy\ndtype\n" + _opcodes(code) + b"K\x00K\x01\x87R(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
    )
    shape = b"(" + b"".join(map(_opcodes, array.shape)) + b"t"
    order = b"\x88" if array.flags.f_contiguous else b"\x89"
    return made + b"(K\x01" + shape + dtype + order + _opcodes(array.tobytes("A")) + b"tb"


def write_tar(path: Path, files: dict[str, bytes]) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return path


def rows(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (NUM_ROWS, 3072), np.uint8)


def cifar10_files() -> dict[str, bytes]:
    files = {}
    for number, name in enumerate(
        ["data_batch_1", "data_batch_2", "data_batch_3", "data_batch_4", "data_batch_5", "test_batch"]
    ):
        files[f"cifar-10-batches-py/{name}"] = dump(
            {
                b"batch_label": b"training batch 1 of 5",
                b"labels": [(number + row) % 10 for row in range(NUM_ROWS)],
                b"data": rows(number),
                b"filenames": [b"leptodactylus_pentadactylus_s_000004.png"] * NUM_ROWS,
            }
        )
    meta = {b"num_cases_per_batch": 10000, b"label_names": CIFAR10_NAMES, b"num_vis": 3072}
    files["cifar-10-batches-py/batches.meta"] = dump(meta)
    files["cifar-10-batches-py/readme.html"] = b'<meta HTTP-EQUIV="REFRESH">'
    return files


def cifar100_files() -> dict[str, bytes]:
    fine_names = [b"fine_%d" % number for number in range(100)]
    files = {
        "cifar-100-python/file.txt~": b"",
        "cifar-100-python/meta": dump({b"fine_label_names": fine_names, b"coarse_label_names": [b"fish"] * 20}),
    }
    for number, name in enumerate(["train", "test"]):
        files[f"cifar-100-python/{name}"] = dump(
            {
                b"filenames": [b"bos_taurus_s_000507.png"] * NUM_ROWS,
                b"batch_label": b"training batch 1 of 1",
                b"fine_labels": [90 + number + row for row in range(NUM_ROWS)],
                b"coarse_labels": [11] * NUM_ROWS,
                b"data": rows(number),
            }
        )
    return files


def images(flat: np.ndarray) -> np.ndarray:
    """Pixel by pixel, by the official description: 1024 red values, then green, then blue, row by row."""
    x = np.empty((len(flat), 32, 32, 3), np.uint8)
    for channel in range(3):
        for row in range(32):
            x[:, row, :, channel] = flat[:, 1024 * channel + 32 * row : 1024 * channel + 32 * (row + 1)]
    return x


def test_the_built_pickles_are_what_numpy_reads_from_the_official_ones():
    batch = pickle.loads(cifar10_files()["cifar-10-batches-py/data_batch_1"], encoding="bytes")
    assert list(batch) == [b"batch_label", b"labels", b"data", b"filenames"]
    assert batch[b"data"].dtype == np.uint8 and np.array_equal(batch[b"data"], rows(0))


def test_cifar10_comes_out_as_it_went_in(prepare, tmp_path):
    arrays = prepare("cifar10", "--no-verify", "--source", write_tar(tmp_path / "c.tar.gz", cifar10_files()))
    np.testing.assert_array_equal(arrays["x_train"], images(np.concatenate([rows(n) for n in range(5)])))
    np.testing.assert_array_equal(arrays["x_test"], images(rows(5)))
    assert arrays["y_train"].dtype == np.int64
    assert arrays["y_train"].tolist() == [(n + row) % 10 for n in range(5) for row in range(NUM_ROWS)]
    assert arrays["y_test"].tolist() == [(5 + row) % 10 for row in range(NUM_ROWS)]
    assert arrays["class_names"].tolist() == [name.decode() for name in CIFAR10_NAMES]
    assert arrays["licence"].item().startswith("CIFAR-10: A. Krizhevsky")


def test_cifar100_takes_the_fine_labels(prepare, tmp_path):
    source = write_tar(tmp_path / "c.tar.gz", cifar100_files())
    arrays = prepare("cifar100", "--no-verify", "--source", source)
    np.testing.assert_array_equal(arrays["x_train"], images(rows(0)))
    np.testing.assert_array_equal(arrays["x_test"], images(rows(1)))
    assert arrays["y_train"].tolist() == list(range(90, 97))
    assert arrays["y_test"].tolist() == list(range(91, 98))
    assert arrays["class_names"].tolist() == [f"fine_{number}" for number in range(100)]


@pytest.mark.parametrize("protocol", [2, 4])
def test_pickles_written_again_by_python_3_are_read(prepare, tmp_path, protocol):
    files = cifar100_files()
    data = np.asfortranarray(rows(0))
    batch = {b"fine_labels": [3] * NUM_ROWS, b"data": data}
    files["cifar-100-python/train"] = pickle.dumps(batch, protocol)
    arrays = prepare("cifar100", "--no-verify", "--source", write_tar(tmp_path / "c.tar.gz", files))
    np.testing.assert_array_equal(arrays["x_train"], images(rows(0)))


def _with_train(**entries) -> bytes:
    return dump({key.encode(): value for key, value in entries.items()})


@pytest.mark.parametrize(
    ("train", "rule"),
    [
        (_with_train(fine_labels=[1] * NUM_ROWS), "must have the entry 'data'. Received: none."),
        (_with_train(data=rows(0)), "must have the entry 'fine_labels'. Received: none."),
        (_with_train(data=rows(0), fine_labels=[1]), "a label for each image. Received: 1 labels, 7 images."),
        (_with_train(data=rows(0), fine_labels=[100] * NUM_ROWS), "integers in [0, 100). Received: 100."),
        (_with_train(data=rows(0), fine_labels=[-1] * NUM_ROWS), "integers in [0, 100). Received: -1."),
        (
            _with_train(data=rows(0)[:, :10].copy(), fine_labels=[1] * 7),
            "uint8 of shape (n, 3072). Received: 'u1' (7, 10).",
        ),
        (
            _with_train(data=rows(0).astype("<u2"), fine_labels=[1] * 7),
            "uint8 of shape (n, 3072). Received: 'u2' (7, 3072).",
        ),
        (dump([1, 2]), "must be a pickled dictionary of lists and arrays."),
        (b"\x80\x02}(U\x04da", "must be a pickled dictionary of lists and arrays."),
    ],
)
def test_a_wrong_batch_is_refused(refuse, tmp_path, train, rule):
    files = cifar100_files() | {"cifar-100-python/train": train}
    line = refuse("cifar100", "--no-verify", "--source", write_tar(tmp_path / "c.tar.gz", files))
    assert rule in line and "cifar-100-python/train in " in line


def test_a_pickle_cannot_call_anything(refuse, tmp_path):
    class Attack:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "made"),)

    files = cifar100_files() | {"cifar-100-python/train": pickle.dumps({"data": Attack()}, 2)}
    line = refuse("cifar100", "--no-verify", "--source", write_tar(tmp_path / "c.tar.gz", files))
    assert f"a reference to {os.mkdir.__module__}.mkdir." in line
    assert not (tmp_path / "made").exists()


def test_a_missing_member_is_named(refuse, tmp_path):
    files = cifar10_files()
    del files["cifar-10-batches-py/data_batch_3"]
    line = refuse("cifar10", "--no-verify", "--source", write_tar(tmp_path / "c.tar.gz", files))
    assert line.endswith("Received: no cifar-10-batches-py/data_batch_3.")


def test_the_other_cifar_is_refused(refuse, tmp_path):
    line = refuse("cifar10", "--no-verify", "--source", write_tar(tmp_path / "c.tar.gz", cifar100_files()))
    assert "Received: no cifar-10-batches-py/data_batch_1" in line
