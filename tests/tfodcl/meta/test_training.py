"""Both trainings learn, log what they say, and repeat bit by bit from a seed."""

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras
from tensorflow.python.summary.summary_iterator import summary_iterator

from tfodcl.data import ClassSplit, Dataset
from tfodcl.meta.linear import LinearStage
from tfodcl.meta.loop import make_deterministic
from tfodcl.meta.training import meta_train, pretrain


@pytest.fixture(scope="module")
def dataset() -> Dataset:
    """Six classes of one pattern each, with noise."""
    rng = np.random.default_rng(0)
    y = np.repeat(np.arange(6), 10)
    x = np.clip(rng.integers(0, 256, (6, 8, 8, 1))[y] + rng.normal(0, 20, (60, 8, 8, 1)), 0, 255).astype(np.uint8)
    split = ClassSplit(np.arange(4), np.array([4]), np.array([5]))
    names = tuple(f"class {i}" for i in range(6))
    return Dataset("patterns", x, y, x, y, None, None, names, split, {"kind": "image", "scale": 1 / 255}, "none")


def train(kind: str, dataset: Dataset, folder, seed: int) -> tuple[list[np.ndarray], dict[str, list[float]]]:
    """Weights after some steps, and the scalars logged at every tenth."""
    make_deterministic(seed)
    x = keras.Input((8, 8, 1))
    z = keras.layers.Conv2D(6, 3, 2, use_bias=False)(x)
    z = keras.layers.ReLU()(keras.layers.BatchNormalization()(z))
    encoder = keras.Model(x, keras.layers.Flatten()(z))
    stage = LinearStage(encoder.output_shape[1], 4, np.random.default_rng(seed))
    rest = (seed, folder / "state.npz", folder / "logs", kind)
    if kind == "pretrain":
        rate = keras.optimizers.schedules.CosineDecay(1e-2, 40)
        pretrain(encoder, stage, dataset, 40, 8, keras.optimizers.Adam(rate), None, *rest)
    else:
        meta_train(encoder, stage, dataset, 150, 5, 16, 5e-2, 1e-2, True, *rest)
    logged: dict[str, list[float]] = {}
    (path,) = (folder / "logs").glob("events.out.tfevents.*")
    for event in summary_iterator(str(path)):
        for value in event.summary.value:
            logged.setdefault(value.tag, []).append(float(tf.make_ndarray(value.tensor)))
    return [*encoder.get_weights(), stage.kernel.numpy()], logged


# Share of the first loss that is left: episodes keep forgetting a class, whose column is drawn anew, so theirs falls
# less.
@pytest.mark.parametrize(("kind", "loss", "share"), [("pretrain", "loss", 0.5), ("meta_train", "meta_loss", 0.8)])
def test_training_learns_and_repeats_from_its_seed(kind, loss, share, dataset, tmp_path):
    weights, logged = train(kind, dataset, tmp_path / "one", 3)
    again, _ = train(kind, dataset, tmp_path / "two", 3)
    other, _ = train(kind, dataset, tmp_path / "other", 4)

    assert set(logged) == {loss, "accuracy"}
    assert np.mean(logged[loss][-3:]) < share * logged[loss][0]
    for one, two in zip(weights, again, strict=True):
        np.testing.assert_array_equal(one, two)
    assert any(not np.array_equal(one, two) for one, two in zip(weights, other, strict=True))
