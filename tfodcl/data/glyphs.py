"""The built-in data set: characters of invented scripts, drawn as if by many hands. Nothing to download.

A class is a skeleton of 2-4 strokes. A writer has a slant, a size, an aspect and a pen. Each time a writer
draws a character the strokes bend a little, the paper warps smoothly, and it lands a little elsewhere.

    skeleton -> strokes + jitter -> spline -> warp -> writer's affine map -> Gaussian pen -> ink in [0, 255]

The pen is a Gaussian brush of deviation sigma moved along the stroke: its density is exp(-d^2 / 2 sigma^2) at
distance d from a long stroke, and density -> ink is a steep saturating curve, which gives an antialiased line
of width about 2.4 sigma. A Gaussian is separable: an image is one product of (28, points) and (points, 28).

How hard it is (seeds 0, 1, 2; the 40 meta-test classes, 15 drawings of each to learn from, 5 other writers to
test): logistic regression on pixels gets 42, 49, 59 %; on the features of a small convolutional net trained
on the 240 meta-training classes 94, 93, 97 %. tests/tfodcl/data/test_glyphs.py repeats it for seed 0 with
less training.
"""

from dataclasses import dataclass

import numpy as np

NUM_CLASSES, NUM_WRITERS, NUM_TRAIN_WRITERS, IMAGE_SIZE = 300, 20, 15, 28

_MAX_STROKES = 4
_NUM_CONTROL = 7  # control points of a stroke
_NUM_POINTS = 40  # points at which a stroke is inked, less than a pen's width apart
_WAVE_NUMBER = 4.0  # of the warp, in radians per character
_MARGIN_PX = 2  # between a stroke's centre line and the image's edge
_MAX_LIKENESS = 0.7  # correlation of two classes' skeletons
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
      By the first 15 writers x_train (4500, 28, 28, 1) uint8, 0 = paper, 255 = ink, y_train (4500,) int64; by
      the other 5 x_test (1500, 28, 28, 1) and y_test (1500,). Sorted by class.
    """
    skeletons = _skeletons(np.random.default_rng([seed, _SKELETONS]), NUM_CLASSES)
    writers = _writers(np.random.default_rng([seed, _WRITERS]), NUM_WRITERS)
    rng = np.random.default_rng([seed, _DRAWINGS])
    classes = np.repeat(np.arange(NUM_CLASSES), NUM_WRITERS)
    hands = np.tile(np.arange(NUM_WRITERS), NUM_CLASSES)
    batches = [slice(start, start + _BATCH) for start in range(0, len(classes), _BATCH)]
    drawn = [_draw_batch(rng, skeletons[classes[batch]], writers[hands[batch]]) for batch in batches]
    images = np.concatenate(drawn)[..., None]
    is_train = hands < NUM_TRAIN_WRITERS
    return images[is_train], classes[is_train], images[~is_train], classes[~is_train]


def _skeletons(rng: np.random.Generator, num_classes: int) -> np.ndarray:
    """(num_classes, strokes, control points, 2) float32 in [-0.5, 0.5], NaN for strokes that are not there.

    No two are more alike than _MAX_LIKENESS: candidates that resemble an earlier one are passed over.
    """
    chosen = np.empty((0, _MAX_STROKES, _NUM_CONTROL, 2), np.float32)
    looks = np.empty((0, IMAGE_SIZE**2), np.float32)
    while len(chosen) < num_classes:
        candidates = np.stack([_skeleton(rng) for _ in range(_BATCH)]).astype(np.float32)
        candidate_looks = _looks(candidates)
        likeness = candidate_looks @ np.concatenate([looks, candidate_looks]).T
        accepted = list(range(len(looks)))  # columns of `likeness`
        for index in range(len(candidates)):
            if likeness[index, accepted].max(initial=-1) < _MAX_LIKENESS:
                accepted.append(len(looks) + index)
        new = [column - len(looks) for column in accepted[len(looks) :]]
        chosen = np.concatenate([chosen, candidates[new]])
        looks = np.concatenate([looks, candidate_looks[new]])
    return chosen[:num_classes]


def _looks(skeletons: np.ndarray) -> np.ndarray:
    """Plain drawings, (n, 28 * 28) float32 of mean 0 and length 1, so that products are correlations."""
    pens = np.full(len(skeletons), 1.5, np.float32)
    drawn = np.minimum(1, _ink_density(_interpolate(skeletons) * 20 + IMAGE_SIZE / 2, pens))
    looks = drawn.reshape(len(skeletons), -1)
    looks -= looks.mean(axis=1, keepdims=True)
    return looks / np.linalg.norm(looks, axis=1, keepdims=True)


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
    return np.stack([size * np.exp(log_aspect / 2), size * np.exp(-log_aspect / 2), slant, pen], axis=1).astype(
        np.float32
    )


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
    """Moves (n, strokes, points, 2) by (n, 1, 1, 2) pixels from the image's middle.

    It stays inside the image, as writers keep to their boxes: what is too large shrinks, what would leave it
    moves less.
    """
    low = np.nanmin(points, axis=(1, 2), keepdims=True)
    high = np.nanmax(points, axis=(1, 2), keepdims=True)
    room = np.float32(IMAGE_SIZE - 2 * _MARGIN_PX)
    shrink = np.minimum(1, room / (high - low).max(axis=-1, keepdims=True))
    free = (room - shrink * (high - low)) / 2
    return (points - (low + high) / 2) * shrink + np.clip(shift, -free, free) + np.float32(IMAGE_SIZE / 2)


def _interpolate(control: np.ndarray) -> np.ndarray:
    """(n, strokes, control points, 2) -> (n, strokes, points, 2): a Catmull-Rom spline through them."""
    return _SPLINE @ control


def _spline_matrix() -> np.ndarray:
    """(points, control points) float32; beyond the ends the control points continue straight."""
    position = np.linspace(0, _NUM_CONTROL - 1, _NUM_POINTS)
    segment = np.minimum(position.astype(int), _NUM_CONTROL - 2)
    t = position - segment
    weights = np.stack([-t + 2 * t**2 - t**3, 2 - 5 * t**2 + 3 * t**3, t + 4 * t**2 - 3 * t**3, t**3 - t**2], axis=1)
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
    """Moves points (n, strokes, points, 2) by a smooth random field: three waves about a character long."""
    num = len(points)
    for _ in range(3):
        direction = rng.normal(0, _WAVE_NUMBER, (num, 1, 2, 1)).astype(np.float32)
        phase = rng.uniform(0, 2 * np.pi, (num, 1, 1, 1)).astype(np.float32)
        amplitude = rng.normal(0, _HAND.warp, (num, 1, 1, 2)).astype(np.float32)
        points = points + amplitude * np.sin(points @ direction + phase)
    return points


def _ink_density(points: np.ndarray, pen: np.ndarray) -> np.ndarray:
    """Points (n, strokes, points, 2) in pixels, x right, y down, and pens (n,) sigma -> (n, 28, 28) >= 0."""
    step = np.linalg.norm(np.diff(points, axis=2), axis=-1)  # (n, strokes, points - 1)
    length = np.pad(step, ((0, 0), (0, 0), (0, 1))) + np.pad(step, ((0, 0), (0, 0), (1, 0)))
    num = len(points)
    area = pen[:, None, None] * np.float32(np.sqrt(2 * np.pi))
    weight = (np.nan_to_num(length) / 2).reshape(num, 1, -1) / area
    places = np.nan_to_num(points).reshape(num, -1, 2).transpose(0, 2, 1)  # (n, 2, strokes * points)
    grid = np.arange(IMAGE_SIZE, dtype=np.float32)[:, None] + np.float32(0.5)
    distance = (grid - places[:, :, None]) / pen[:, None, None, None]  # (n, 2, 28, strokes * points), in sigmas
    brush = np.exp(-0.5 * distance**2)
    return (brush[:, 1] * weight) @ brush[:, 0].transpose(0, 2, 1)
