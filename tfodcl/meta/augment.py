"""Random changes of training samples that keep their class, by kind of data: (n, h, w, c) float32 -> the same."""

from collections.abc import Callable

import numpy as np
from scipy import ndimage

from tfodcl.data import Dataset
from tfodcl.data.shift import shift_at_random

Augmentation = Callable[[np.ndarray, np.random.Generator], np.ndarray]


def augmentation(dataset: Dataset) -> Augmentation:
    """What is usual for the data set: of photographs (three channels), drawings (one), speech, or sensors' windows."""
    kind = dataset.front_end["kind"]
    if kind != "image":
        return scale if kind == "windows" else shift_and_mask
    return mirror_and_shift if dataset.input_shape[2] == 3 else distort


def mirror_and_shift(x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Random mirror image and a shift of up to 4 pixels, zero-padded, as is usual for 32x32 photographs."""
    x = np.where(rng.random((len(x), 1, 1, 1)) < 0.5, x[:, :, ::-1], x)
    return shift_at_random(x, 4, rng)


def distort(x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Each pixel is read at its place turned about the centre by up to 15 degrees, sheared by up to 0.2, scaled by 0.85
    to 1.15 along each axis, and shifted by up to 2 pixels. A drawing mirrored is another character, so none is."""
    n, height, width, _ = x.shape
    angles, shears = rng.uniform(-np.pi / 12, np.pi / 12, n), rng.uniform(-0.2, 0.2, n)
    scales, shifts = rng.uniform(0.85, 1.15, (n, 2)), rng.uniform(-2, 2, (n, 2))
    centre = np.array([(height - 1) / 2, (width - 1) / 2])
    changed = np.empty_like(x)
    for i in range(n):
        turn = np.array([[np.cos(angles[i]), -np.sin(angles[i])], [np.sin(angles[i]), np.cos(angles[i])]])
        matrix = turn @ np.array([[1, shears[i]], [0, 1]]) @ np.diag(scales[i])
        offset = centre - matrix @ centre + shifts[i]
        for channel in range(x.shape[3]):
            ndimage.affine_transform(
                x[i, :, :, channel], matrix, offset, output=changed[i, :, :, channel], order=1, mode="nearest"
            )
    return changed


def shift_and_mask(x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A shift in time of up to 5 frames (100 ms, as is usual for keywords), the first or last frame repeated, and up to
    5 frames in a row put to zero, which is the mean of standardised coefficients (Park et al. 2019)."""
    n, frames, _, _ = x.shape
    shifted = np.arange(frames) + rng.integers(-5, 6, (n, 1))
    x = x[np.arange(n)[:, None], np.clip(shifted, 0, frames - 1)]
    first = rng.integers(0, frames, (n, 1))
    length = rng.integers(0, 6, (n, 1))
    time = np.arange(frames)
    return np.where(((time >= first) & (time < first + length))[:, :, None, None], np.float32(0), x)


def scale(x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Each sample times a factor drawn from a normal distribution of mean 1 and deviation 0.1, as people move more or
    less (Um et al. 2017)."""
    return x * rng.normal(1, 0.1, (len(x), 1, 1, 1)).astype(x.dtype)
