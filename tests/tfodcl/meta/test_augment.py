"""Augmented samples are what their docstrings say, and repeat from a seed."""

import dataclasses

import numpy as np
import pytest

from tfodcl.data import load
from tfodcl.meta.augment import augmentation, distort, mirror_and_shift, scale, shift_and_mask


def test_photographs_are_shifted_by_up_to_4_or_mirrored_ones():
    x = np.random.default_rng(0).random((40, 6, 7, 3), np.float32) + 1
    found = mirror_and_shift(x, np.random.default_rng(1))
    seen = set()
    for image, result in zip(x, found, strict=True):
        for mirrored in (False, True):
            padded = np.pad(image[:, ::-1] if mirrored else image, ((4, 4), (4, 4), (0, 0)))
            seen |= {
                (mirrored, row, column)
                for row in range(9)
                for column in range(9)
                if np.array_equal(padded[row : row + 6, column : column + 7], result)
            }
    assert len(seen) > 20 and {mirrored for mirrored, _, _ in seen} == {False, True}
    assert found.shape == x.shape and found.dtype == x.dtype


def test_speech_is_shifted_by_up_to_5_frames_and_up_to_5_in_a_row_are_masked():
    frames = np.arange(1, 50, dtype=np.float32)  # every frame has its number, none is 0
    x = np.broadcast_to(frames[None, :, None, None], (200, 49, 10, 1))

    found = shift_and_mask(x, np.random.default_rng(0))

    assert found.shape == x.shape and found.dtype == x.dtype
    assert (found == found[:, :, :1]).all()  # whole frames
    shifts, lengths = set(), set()
    for sample in found[:, :, 0, 0]:
        masked = np.flatnonzero(sample == 0)
        assert (np.diff(masked) == 1).all()
        kept = np.flatnonzero(sample)
        shift = int(np.median(sample[kept] - frames[kept]))
        np.testing.assert_array_equal(sample[kept], np.clip(frames + shift, 1, 49)[kept])
        shifts.add(shift)
        lengths.add(len(masked))
    assert shifts == set(range(-5, 6)) and lengths == set(range(6))


def test_drawings_are_distorted_about_their_centre_by_no_more_than_stated():
    x = np.zeros((300, 29, 29, 1), np.float32)
    x[:, 14, 14] = 1.0  # the centre, which only the shift moves
    far = np.zeros_like(x)
    far[:, 14, 20] = 1.0  # 6 pixels to its right

    centres, ends = (centres_of_mass(distort(image, np.random.default_rng(2))) for image in (x, far))

    assert np.abs(centres - 14).max() < 2 / 0.85 / (1 - 0.2) + 0.5
    assert np.abs(centres - 14).max() > 1  # they do move
    length = np.linalg.norm(ends - centres, axis=1)
    assert 6 / 1.15 / 1.25 - 0.5 < length.min() < 6 < length.max() < 6 / 0.85 * 1.25 + 0.5
    angles = np.degrees(np.arctan2(*(ends - centres).T))
    assert 10 < np.abs(angles).max() < 15 + 12 + 5  # a turn of 15, a shear of 0.2, and half a pixel


def test_windows_are_scaled_by_a_tenth_more_or_less():
    x = np.random.default_rng(0).normal(size=(2000, 5, 1, 3)).astype(np.float32)
    found = scale(x, np.random.default_rng(1))
    factors = (found / x).reshape(len(x), -1)
    np.testing.assert_allclose(factors, np.broadcast_to(factors[:, :1], factors.shape), rtol=1e-5)
    assert found.dtype == np.float32
    assert factors.mean() == pytest.approx(1, abs=0.01) and factors[:, 0].std() == pytest.approx(0.1, abs=0.01)


def centres_of_mass(images: np.ndarray) -> np.ndarray:
    """(n, h, w, 1) -> (n, 2) row and column."""
    rows, columns = np.mgrid[: images.shape[1], : images.shape[2]]
    weights = images[..., 0] / images[..., 0].sum(axis=(1, 2), keepdims=True)
    return np.stack([(weights * rows).sum(axis=(1, 2)), (weights * columns).sum(axis=(1, 2))], axis=1)


@pytest.mark.parametrize("change", [mirror_and_shift, distort, shift_and_mask, scale])
def test_the_same_seed_changes_samples_in_the_same_way(change):
    x = np.random.default_rng(0).random((4, 12, 12, 1), np.float32)
    one, two, other = (change(x, np.random.default_rng(seed)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, two)
    assert not np.array_equal(one, other)


def test_every_kind_of_data_gets_its_own():
    glyphs = load("glyphs", seed=0)
    assert augmentation(glyphs) is distort
    for kind, expected in (("mfcc", shift_and_mask), ("log_mel", shift_and_mask), ("windows", scale)):
        assert augmentation(dataclasses.replace(glyphs, front_end={"kind": kind})) is expected
    photographs = dataclasses.replace(
        glyphs, x_train=np.repeat(glyphs.x_train, 3, axis=3), x_test=np.repeat(glyphs.x_test, 3, axis=3)
    )
    assert augmentation(photographs) is mirror_and_shift
