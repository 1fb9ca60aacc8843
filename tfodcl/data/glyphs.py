"""The built-in data set: characters of invented scripts, drawn as if by many hands. Nothing to download.

A class is a skeleton of 2-4 strokes. A writer has a slant, a size, an aspect and a pen; each time a writer draws a
character its control points shake, the paper warps smoothly, and it lands a little elsewhere.

    skeleton -> control points + jitter -> spline -> warp -> writer's affine map -> Gaussian pen -> ink in [0, 255]

The pen is a Gaussian brush of deviation sigma moved along the stroke: its density is exp(-d^2 / 2 sigma^2) at distance
d from a long stroke, and density -> ink is a steep saturating curve, which gives an antialiased line of width
about 2.4 sigma. A Gaussian is separable, so an image is one matrix product of (28, points) and (points, 28).
"""

from dataclasses import dataclass

import numpy as np

NUM_CLASSES, NUM_WRITERS, NUM_TRAIN_WRITERS, IMAGE_SIZE = 300, 20, 15, 28

_MAX_STROKES = 4
_NUM_CONTROL = 7  # control points of a stroke
_NUM_POINTS = 40  # points at which a stroke is inked, less than a pen's width apart
_MARGIN_PX = 2  # between a stroke's centre line and the image's edge
_BATCH = 500  # images drawn at once
_SKELETONS, _WRITERS, _DRAWINGS = 0, 1, 2  # separate streams of random numbers


@dataclass(frozen=True)
class _Hand:
    """How much drawings differ. Lengths are shares of a character's size unless in pixels; angles in radians.

    A range is what writers are drawn from, evenly; a single number is a deviation over drawings.
    """

    size_px: tuple[float, float] = (15.0, 22.0)
    aspect: tuple[float, float] = (0.75, 1.33)  # width / height at equal area
    slant: tuple[float, float] = (-0.45, 0.45)  # to the right, per height
    pen_px: tuple[float, float] = (0.6, 1.0)  # sigma
    rotation: float = 0.14
    shift_px: float = 1.8
    jitter: float = 0.04  # of a stroke's beginning, middle and end
    warp: float = 0.03  # amplitude of each wave of the deformation
    ink: tuple[float, float] = (0.7, 1.0)  # darkness of a drawing


_HAND = _Hand()


def draw(seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Draws all classes by all writers.

    Args:
      seed: >= 0; decides skeletons, writers and drawings.

    Returns:
      x_train (4500, 28, 28, 1) uint8, 0 = paper, 255 = ink, by the first 15 writers; y_train (4500,) int64, sorted;
      x_test (1500, 28, 28, 1), y_test (1500,) by the other 5.
    """
    skeletons = _skeletons(np.random.default_rng([seed, _SKELETONS]), NUM_CLASSES)
    writers = _writers(np.random.default_rng([seed, _WRITERS]), NUM_WRITERS)
    rng = np.random.default_rng([seed, _DRAWINGS])
    classes = np.repeat(np.arange(NUM_CLASSES), NUM_WRITERS)
    hands = np.tile(np.arange(NUM_WRITERS), NUM_CLASSES)
    images = np.concatenate(
        [
            _draw_batch(
                rng, skeletons[classes[start : start + _BATCH]], writers[hands[start : start + _BATCH]]
            )
            for start in range(0, len(classes), _BATCH)
        ]
    )[..., None]
    is_train = hands < NUM_TRAIN_WRITERS
    return images[is_train], classes[is_train], images[~is_train], classes[~is_train]


def _skeletons(rng: np.random.Generator, num_classes: int) -> np.ndarray:
    """(num_classes, strokes, control points, 2) float32 in [-0.5, 0.5], NaN for strokes that are not there.

    Candidates that look like an earlier one are passed over.
    """
    candidates = np.stack([_skeleton(rng) for _ in range(4 * num_classes)]).astype(np.float32)
    blurred = _ink_density(
        _interpolate(candidates) * 12 + IMAGE_SIZE / 2, np.full(len(candidates), 2.0, np.float32)
    )
    blurred = blurred.reshape(len(candidates), -1)
    blurred -= blurred.mean(axis=1, keepdims=True)
    blurred /= np.linalg.norm(blurred, axis=1, keepdims=True)
    likeness = blurred @ blurred.T
    chosen: list[int] = []
    for limit in (0.75, 1.0):
        for candidate in range(len(candidates)):
            is_new = candidate not in chosen and likeness[candidate, chosen].max(initial=-1) < limit
            if is_new and len(chosen) < num_classes:
                chosen.append(candidate)
    return candidates[chosen]


def _skeleton(rng: np.random.Generator) -> np.ndarray:
    """(strokes, control points, 2): later strokes mostly begin on an earlier one, as in letters."""
    while True:
        strokes = np.full((_MAX_STROKES, _NUM_CONTROL, 2), np.nan)
        num_strokes = rng.choice([2, 3, 4], p=[0.25, 0.5, 0.25])
        for index in range(num_strokes):
            start = None
            if index and rng.random() < 0.7:
                start = strokes[rng.integers(index), rng.choice([0, _NUM_CONTROL // 2, _NUM_CONTROL - 1])]
            strokes[index] = _stroke(rng, start, may_be_dot=index == num_strokes - 1 > 1)
        low, high = np.nanmin(strokes, axis=(0, 1)), np.nanmax(strokes, axis=(0, 1))
        extent = high - low
        if extent.min() > 0.5 * extent.max():
            return (strokes - (low + high) / 2) / extent.max()


def _stroke(rng: np.random.Generator, start: np.ndarray | None, may_be_dot: bool) -> np.ndarray:
    """(control points, 2): a line, bow, wave, corner, arc or dot."""
    t = np.linspace(0, 1, _NUM_CONTROL)[:, None]
    kind = rng.choice(["line", "bow", "wave", "corner", "arc", "dot"], p=[0.28, 0.22, 0.08, 0.14, 0.22, 0.06])
    if start is None:
        start = _anchor(rng)
    if kind == "dot" and may_be_dot:
        angle = 2 * np.pi * t
        return _anchor(rng) + 0.03 * np.hstack([np.cos(angle), np.sin(angle)])
    if kind == "arc":
        radius = rng.uniform(0.15, 0.42) * np.array([rng.uniform(0.7, 1.2), 1.0])
        angle = rng.uniform(0, 2 * np.pi) + rng.choice([-1, 1]) * rng.uniform(np.pi, 1.95 * np.pi) * t
        circle = radius * np.hstack([np.cos(angle), np.sin(angle)])
        return start + circle - circle[0]
    end = _anchor(rng)
    while np.linalg.norm(end - start) < 0.35:
        end = _anchor(rng)
    along = end - start
    across = np.array([-along[1], along[0]])
    bend = rng.choice([-1, 1]) * rng.uniform(0.2, 0.5)
    if kind == "bow":
        return start + along * t + across * bend * 4 * t * (1 - t)
    if kind == "wave":
        return start + along * t + across * bend * 0.6 * np.sin(2 * np.pi * t)
    if kind == "corner":
        corner = start + along * rng.uniform(0.2, 0.8) + across * bend * 1.4
        return np.where(t < 0.5, start + (corner - start) * 2 * t, corner + (end - corner) * (2 * t - 1))
    return start + along * t


def _anchor(rng: np.random.Generator) -> np.ndarray:
    """A point near one of 3 x 4 places, since writing has a top, a middle and a base line."""
    return np.array([rng.integers(3) / 2, rng.integers(4) / 3]) + rng.normal(0, 0.06, 2)


def _writers(rng: np.random.Generator, num_writers: int) -> np.ndarray:
    """(num_writers, 4) float32: width and height in pixels, slant, sigma of the pen in pixels."""
    ranges = (_HAND.size_px, np.log(_HAND.aspect), _HAND.slant, _HAND.pen_px)
    size, log_aspect, slant, pen = (rng.uniform(low, high, num_writers) for low, high in ranges)
    return np.stack(
        [size * np.exp(log_aspect / 2), size * np.exp(-log_aspect / 2), slant, pen], axis=1
    ).astype(np.float32)


def _draw_batch(rng: np.random.Generator, skeletons: np.ndarray, writers: np.ndarray) -> np.ndarray:
    """Skeletons (n, strokes, control points, 2), writers (n, 4) -> (n, 28, 28) uint8."""
    num = len(skeletons)
    width, height, slant, pen = writers.T
    jitter = np.float32(_HAND.jitter) * rng.standard_normal((num, _MAX_STROKES, 3, 2), np.float32)
    points = _warp(rng, _interpolate(skeletons + _JITTER @ jitter))
    angle = np.float32(_HAND.rotation) * rng.standard_normal(num, np.float32)
    shear = np.zeros((num, 2, 2), np.float32)
    shear[:, 0, 0], shear[:, 0, 1], shear[:, 1, 1] = width, -slant * height, height
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]).transpose(2, 0, 1)
    points = points @ (turn @ shear).transpose(0, 2, 1)[:, None]
    points = _place(points, np.float32(_HAND.shift_px) * rng.standard_normal((num, 1, 1, 2), np.float32))
    density = _ink_density(points, pen)
    darkness = rng.uniform(*_HAND.ink, (num, 1, 1)).astype(np.float32)
    return np.rint(255 * darkness * density**4 / (density**4 + np.float32(0.5**4))).astype(np.uint8)


def _place(points: np.ndarray, shift: np.ndarray) -> np.ndarray:
    """Moves (n, strokes, points, 2) by (n, 1, 1, 2) pixels from the middle, but keeps, as a writer does, inside the
    box of the image: what is too large shrinks, what would leave it moves less."""
    low = np.nanmin(points, axis=(1, 2), keepdims=True)
    high = np.nanmax(points, axis=(1, 2), keepdims=True)
    room = np.float32(IMAGE_SIZE - 2 * _MARGIN_PX)
    shrink = np.minimum(1, room / (high - low).max(axis=-1, keepdims=True))
    free = (room - shrink * (high - low)) / 2
    return (points - (low + high) / 2) * shrink + np.clip(shift, -free, free) + np.float32(IMAGE_SIZE / 2)


def _interpolate(control: np.ndarray) -> np.ndarray:
    """(n, strokes, control points, 2) -> (n, strokes, points, 2): a Catmull-Rom spline through the control points."""
    return _SPLINE @ control


def _spline_matrix() -> np.ndarray:
    """(points, control points) float32; beyond the ends the control points continue straight."""
    position = np.linspace(0, _NUM_CONTROL - 1, _NUM_POINTS)
    segment = np.minimum(position.astype(int), _NUM_CONTROL - 2)
    t = position - segment
    weights = np.stack(
        [-t + 2 * t**2 - t**3, 2 - 5 * t**2 + 3 * t**3, t + 4 * t**2 - 3 * t**3, t**3 - t**2], axis=1
    )
    padded = np.zeros((_NUM_POINTS, _NUM_CONTROL + 2))
    for offset in range(4):
        padded[np.arange(_NUM_POINTS), segment + offset] = weights[:, offset] / 2
    matrix = padded[:, 1:-1]
    matrix[:, :2] += padded[:, :1] * [2, -1]
    matrix[:, -2:] += padded[:, -1:] * [-1, 2]
    return matrix.astype(np.float32)


_SPLINE = _spline_matrix()
# (control points, 3): a stroke bends smoothly to where its beginning, middle and end moved, as a parabola.
_T = np.linspace(0, 1, _NUM_CONTROL)
_JITTER = np.stack([(1 - _T) * (1 - 2 * _T), 4 * _T * (1 - _T), _T * (2 * _T - 1)], axis=1).astype(np.float32)


def _warp(rng: np.random.Generator, points: np.ndarray) -> np.ndarray:
    """Moves points (n, strokes, points, 2) by a smooth random field: three plane waves of about a character's length."""
    num = len(points)
    for _ in range(3):
        direction = rng.normal(0, 4, (num, 1, 2, 1)).astype(np.float32)
        phase = rng.uniform(0, 2 * np.pi, (num, 1, 1, 1)).astype(np.float32)
        amplitude = rng.normal(0, _HAND.warp, (num, 1, 1, 2)).astype(np.float32)
        points = points + amplitude * np.sin(points @ direction + phase)
    return points


def _ink_density(points: np.ndarray, pen: np.ndarray) -> np.ndarray:
    """Points (n, strokes, points, 2) in pixels (x right, y down), pen (n,) sigma in pixels -> (n, 28, 28) >= 0."""
    step = np.linalg.norm(np.diff(points, axis=2), axis=-1)  # (n, strokes, points - 1)
    length = np.pad(step, ((0, 0), (0, 0), (0, 1))) + np.pad(step, ((0, 0), (0, 0), (1, 0)))
    num = len(points)
    weight = (np.nan_to_num(length) / 2).reshape(num, 1, -1) / (
        pen[:, None, None] * np.float32(np.sqrt(2 * np.pi))
    )
    places = np.nan_to_num(points).reshape(num, -1, 2).transpose(0, 2, 1)  # (n, 2, strokes * points)
    grid = np.arange(IMAGE_SIZE, dtype=np.float32)[:, None] + np.float32(0.5)
    brush = np.exp(
        -0.5 * ((grid - places[:, :, None]) / pen[:, None, None, None]) ** 2
    )  # (n, 2, 28, strokes * points)
    return (brush[:, 1] * weight) @ brush[:, 0].transpose(0, 2, 1)
