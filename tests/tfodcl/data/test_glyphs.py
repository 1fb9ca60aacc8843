"""The drawn characters: repeatable, legible, mutually distinct, and not for a linear classifier."""

import numpy as np
import pytest
import tf_keras
from sklearn.linear_model import LogisticRegression

from tfodcl import data
from tfodcl.data import glyphs
from tfodcl.errors import InputError

GOLDEN = (  # image among the 4500 + 1500, sum of ink, row and column of its centre
    (0, 20092, 12.27, 11.32),
    (1234, 17375, 14.67, 9.59),
    (3905, 16754, 15.77, 12.69),
    (4499, 16430, 12.36, 13.95),
    (4500, 13678, 13.21, 10.84),
    (5999, 10877, 11.91, 13.86),
)


@pytest.fixture(scope="module")
def drawn():
    return glyphs.draw(0)


def test_has_300_classes_by_20_writers(drawn):
    x_train, y_train, x_test, y_test = drawn

    assert x_train.shape == (4500, 28, 28, 1)
    assert x_test.shape == (1500, 28, 28, 1)
    assert x_train.dtype == x_test.dtype == np.uint8
    assert y_train.dtype == y_test.dtype == np.int64
    np.testing.assert_array_equal(np.bincount(y_train), np.full(300, 15))
    np.testing.assert_array_equal(np.bincount(y_test), np.full(300, 5))


def test_is_repeatable(drawn):
    for once, again in zip(drawn, glyphs.draw(0), strict=True):
        np.testing.assert_array_equal(once, again)


def test_another_seed_draws_others(drawn):
    assert np.abs(drawn[0].astype(int) - glyphs.draw(1)[0]).mean() > 10


def test_draws_what_it_always_drew(drawn):
    # A change of these figures is a change of the data set. Rounding differs between machines by far less
    # than the tolerance.
    x_train, _, x_test, _ = drawn
    for image, ink, row, column in GOLDEN:
        picture = (x_train if image < 4500 else x_test)[image % 4500, ..., 0].astype(float)
        assert picture.sum() == pytest.approx(ink, rel=2e-3)
        assert (picture.sum(1) @ np.arange(28)) / picture.sum() == pytest.approx(row, abs=0.02)
        assert (picture.sum(0) @ np.arange(28)) / picture.sum() == pytest.approx(column, abs=0.02)


def test_ink_is_antialiased_inside_the_image_and_never_missing(drawn):
    x = drawn[0][..., 0]
    border = np.concatenate([x[:, 0], x[:, -1], x[:, :, 0], x[:, :, -1]], axis=1)
    greys = ((x > 32) & (x < 160)).mean() / (x > 32).mean()

    assert (x.max(axis=(1, 2)) > 140).all()
    assert ((x > 64).sum(axis=(1, 2)) > 20).all()
    assert border.mean() < 1
    assert 0.1 < greys < 0.7


def test_the_same_drawing_is_never_made_twice(drawn):
    x = np.concatenate([drawn[0], drawn[2]])

    assert len(np.unique(x.reshape(len(x), -1), axis=0)) == len(x)


def test_skeletons_are_mutually_distinct():
    skeletons = glyphs._skeletons(np.random.default_rng(7), 60)
    blurred = glyphs._ink_density(glyphs._interpolate(skeletons) * 20 + 14, np.full(60, 1.5, np.float32))

    likeness = np.corrcoef(np.minimum(blurred, 1).reshape(60, -1))
    assert likeness[np.triu_indices(60, 1)].max() < 0.7


def test_ink_density_is_that_of_a_gaussian_pen_moved_along_a_line():
    line = np.stack([np.linspace(4, 24, 200), np.full(200, 14.5)], axis=1).astype(np.float32)
    density = glyphs._ink_density(line[None, None], np.array([1.2], np.float32))[0]

    across = np.exp(-((np.arange(28) + 0.5 - 14.5) ** 2) / (2 * 1.2**2))  # far from the line's ends
    np.testing.assert_allclose(density[:, 13], across, atol=1e-3)


def test_the_spline_passes_through_its_control_points_and_keeps_straight_lines():
    control = np.random.default_rng(5).normal(size=(1, 1, 7, 2)).astype(np.float32)
    straight = np.linspace([0, 1], [3, -2], 7, dtype=np.float32)[None, None]

    curve = glyphs._interpolate(control)[0, 0]
    np.testing.assert_allclose(curve[[0, 13, 26, 39]], control[0, 0, [0, 2, 4, 6]], atol=1e-5)
    expected = np.linspace([0, 1], [3, -2], 40)
    np.testing.assert_allclose(glyphs._interpolate(straight)[0, 0], expected, atol=1e-5)


def _linear_accuracy(drawn, represent) -> float:
    """Of logistic regression that learns the 40 meta-test classes from 15 drawings of each."""
    x_train, y_train, x_test, y_test = drawn
    learnt, tested = y_train >= 260, y_test >= 260
    classifier = LogisticRegression(C=0.1, max_iter=200)
    classifier.fit(represent(x_train[learnt]), y_train[learnt])
    return classifier.score(represent(x_test[tested]), y_test[tested])


def test_a_linear_classifier_on_pixels_is_far_from_solving_it(drawn):
    assert 0.3 < _linear_accuracy(drawn, lambda x: x.reshape(-1, 784) / 255) < 0.6


def test_a_small_net_meta_trained_on_other_classes_solves_it(drawn):
    tf_keras.utils.set_random_seed(0)
    layers = tf_keras.layers
    features = tf_keras.Sequential([layers.Input((28, 28, 1)), layers.Rescaling(1 / 255)])
    for _ in range(3):
        features.add(layers.Conv2D(32, 3, padding="same", use_bias=False))
        features.add(layers.BatchNormalization())
        features.add(layers.ReLU())
        features.add(layers.MaxPool2D())
    features.add(layers.Flatten())
    classifier = tf_keras.Sequential([features, layers.Dense(240)])
    loss = tf_keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    classifier.compile(tf_keras.optimizers.Adam(2e-3), loss)
    x_train, y_train, _, _ = drawn
    others = y_train < 240
    classifier.fit(x_train[others], y_train[others], batch_size=64, epochs=8, verbose=0)

    assert _linear_accuracy(drawn, lambda x: features.predict(x, verbose=0)) > 0.85


def test_load_splits_the_classes_and_needs_no_file(tmp_path, monkeypatch, drawn):
    monkeypatch.setenv("TFODCL_DATA", str(tmp_path))
    dataset = data.load("glyphs")

    np.testing.assert_array_equal(dataset.x_train, drawn[0])
    assert [len(part) for part in (dataset.split.meta_train, dataset.split.validation)] == [240, 20]
    np.testing.assert_array_equal(dataset.split.meta_test, np.arange(260, 300))
    assert dataset.input_shape == (28, 28, 1)
    assert dataset.x_val is None
    assert dataset.front_end == {"kind": "image", "scale": 1 / 255}
    assert len(set(dataset.class_names)) == 300


def test_rejects_a_negative_seed():
    with pytest.raises(InputError, match=r"seed must be at least 0\. Received: seed=-1\."):
        data.load("glyphs", seed=-1)
