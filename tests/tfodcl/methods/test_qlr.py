"""On an identity encoder and, where the layers before the head do not matter, on a recorder instead of a network."""

import dataclasses

import numpy as np
import pytest

from tfodcl.agreement import FloatCodec, FloatEncoder
from tfodcl.compress.uniform import UniformCodec
from tfodcl.errors import InputError
from tfodcl.methods.qlr import Qlr
from tfodcl.replay.mixing import Mixing
from tfodcl.stages.classifier import FrozenStage
from tfodcl.stages.keras import KerasStage
from tfodcl.stages.network import Network, Training, convolution, head
from tfodcl.streams import TrainingBatch

SHAPE, NUM_CLASSES, SCALE, ZERO_POINT = (4, 4, 3), 4, 1 / 64, -128
LATENT_DIM = 48


class IdentityEncoder:
    """(n, 4, 4, 3) uint8 -> int8 less 128 -> the same values as latents."""

    def quantize(self, x: np.ndarray) -> np.ndarray:
        return (x.astype(np.int16) - 128).astype(np.int8)

    def encode_quantized(self, q: np.ndarray) -> np.ndarray:
        return q.reshape(len(q), -1)


class Recorder:
    """A stage that learns nothing but notes what it is given. Its trained head counts the steps in its first row."""

    def __init__(self, num_classes: int = NUM_CLASSES) -> None:
        self.network = Network(SHAPE, (head(SHAPE, num_classes),))
        self.head = np.zeros((num_classes, LATENT_DIM), np.float32)
        self.steps: list[tuple[np.ndarray, np.ndarray]] = []
        self.heads: list[tuple[np.ndarray, np.ndarray]] = []

    def set_head(self, rows: np.ndarray, known: np.ndarray) -> None:
        self.heads.append((rows.copy(), known.copy()))
        self.head = rows.copy()

    def logits(self, z: np.ndarray) -> np.ndarray:
        return z @ self.head.T

    def step(self, z: np.ndarray, labels: np.ndarray) -> float:
        self.steps.append((z, labels))
        self.head[0] += 1
        return 0.0


def frozen() -> FrozenStage:
    return FrozenStage(IdentityEncoder(), SCALE, ZERO_POINT)


def draw_batch(labels: list[int] | np.ndarray, seed: int = 0) -> TrainingBatch:
    """Overlapping Gaussians about means of their classes."""
    means = np.random.default_rng(99).uniform(0, 160, (NUM_CLASSES, *SHAPE))
    labels = np.asarray(labels, np.int64)
    x = np.random.default_rng([seed, 1]).normal(means[labels] + 40, 60)
    return TrainingBatch(1, np.clip(x, 0, 255).astype(np.uint8), labels)


def make(mixing: Mixing, num_bits: int = 8, seed: int = 0) -> tuple[Qlr, Recorder]:
    stage = Recorder()
    return Qlr(frozen(), stage, UniformCodec(LATENT_DIM, num_bits), mixing, seed), stage


def values(x: np.ndarray) -> np.ndarray:
    """What the frozen stage gives for x, as rows that can be looked up."""
    return x.reshape(len(x), -1).astype(np.float32) * np.float32(SCALE)


def times_seen(z: np.ndarray, x: np.ndarray) -> np.ndarray:
    """How often each of x is among the rows of z."""
    return np.array([np.sum((z == sample).all(axis=1)) for sample in values(x)])


def test_an_epoch_brings_every_new_sample_once_and_replays_in_turn():
    qlr, stage = make(Mixing(num_replays=40, batch_size=12, epochs=3))
    first = draw_batch(np.repeat([0, 1], 20))
    qlr.learn(first)
    assert [len(labels) for _, labels in stage.steps] == [12] * 3 * 3  # 36 of 40 in each epoch
    epoch = np.concatenate([z for z, _ in stage.steps[:3]])
    assert times_seen(epoch, first.x).max() == 1

    stage.steps.clear()
    second = draw_batch(np.full(20, 2), seed=1)
    qlr.learn(second)
    # 12 x 20 / (20 + 40) = 4 new and 8 replayed, 5 steps an epoch.
    assert [len(labels) for _, labels in stage.steps] == [12] * 3 * 5
    for epoch in range(3):
        z = np.concatenate([z for z, _ in stage.steps[epoch * 5 : (epoch + 1) * 5]])
        assert times_seen(z, second.x).tolist() == [1] * 20
        assert times_seen(z, first.x).tolist() == [1] * 40
    for _, labels in stage.steps:
        assert (labels[:4] == 2).all() and set(labels[4:]) <= {0, 1}
    assert (stage.steps[0][0] != stage.steps[5][0]).any()  # epochs differ in order


def test_labels_stay_with_their_samples():
    qlr, stage = make(Mixing(num_replays=30, batch_size=16))
    batches = [draw_batch(np.repeat([0, 1], 15)), draw_batch(np.full(12, 2), 1), draw_batch([3, 1] * 6, 2)]
    for batch in batches:
        qlr.learn(batch)
    label_of = {sample.tobytes(): label for b in batches for sample, label in zip(values(b.x), b.labels, strict=True)}
    for z, labels in stage.steps:
        assert [label_of[sample.tobytes()] for sample in z] == labels.tolist()


@pytest.mark.parametrize("num_bits", [8, 6])
def test_replays_are_what_the_codec_kept_and_new_samples_are_exact(num_bits):
    qlr, stage = make(Mixing(num_replays=30, batch_size=16), num_bits)
    first, second = draw_batch(np.repeat([0, 1], 15)), draw_batch(np.full(12, 2), 1)
    qlr.learn(first)
    stage.steps.clear()
    qlr.learn(second)
    codec = UniformCodec(LATENT_DIM, num_bits)
    kept = codec.decode(codec.encode(IdentityEncoder().encode_quantized(IdentityEncoder().quantize(first.x))))
    decoded = ((kept.astype(np.float32) + 128) * np.float32(SCALE)).tolist()
    for z, _ in stage.steps:
        new, replayed = z[:4], z[4:]  # 16 x 12 / 42
        assert times_seen(new, second.x).sum() == 4
        assert all(sample.tolist() in decoded for sample in replayed)
    assert qlr.memory.record_bytes == 2 + LATENT_DIM * num_bits // 8


def test_the_head_starts_from_its_consolidated_rows_and_zeros_and_ends_consolidated():
    qlr, stage = make(Mixing(num_replays=8, batch_size=6, epochs=2))
    qlr.learn(draw_batch([0, 0, 1, 1, 1, 1]))
    assert len(stage.steps) == 2
    # Trained rows: 2 and 0, of which the mean is taken off.
    (start, known), (rows, kept) = stage.heads
    assert not start.any() and known.tolist() == kept.tolist() == [True, True, False, False]
    np.testing.assert_array_equal(rows[:, 0], [1, -1, 0, 0])

    stage.heads.clear(), stage.steps.clear()
    qlr.learn(draw_batch([2, 2, 2], seed=1))
    # 6 x 3 / 9 = 2 new and 4 replayed, one step an epoch: the trained rows are 1 + 2, -1 and 0.
    (start, known), (rows, kept) = stage.heads
    np.testing.assert_array_equal(start[:, 0], [1, -1, 0, 0])
    assert len(stage.steps) == 2 and known.tolist() == kept.tolist() == [True, True, True, False]
    mean, past = 2 / 3, [1.0, 1.0, 0.0]  # 2 / 2 and 4 / 4 samples before and now
    expected = [(c * p + t - mean) / (p + 1) for c, p, t in zip([1, -1, 0], past, [3, -1, 0], strict=True)]
    np.testing.assert_allclose(rows[:, 0], [*expected, 0], rtol=1e-6)


def test_memory_and_stage_are_unchanged_by_a_bad_batch():
    qlr, stage = make(Mixing(num_replays=8, batch_size=6))
    good = draw_batch([0, 1, 1])
    for bad, rule in (
        (dataclasses.replace(good, labels=np.array([0, 1, 4])), r"labels must be in 0\.\.3. Received: 0\.\.4"),
        (dataclasses.replace(good, labels=np.array([0, -1, 1])), r"Received: -1\.\.1"),
        (dataclasses.replace(good, labels=np.array([0, 1])), "Received: 3 samples, 2 labels"),
        (dataclasses.replace(good, x=good.x[:0], labels=good.labels[:0]), "Received: 0 samples, 0 labels"),
    ):
        with pytest.raises(InputError, match=rule):
            qlr.learn(bad)
    assert not stage.heads and not stage.steps and not len(qlr.memory)
    with pytest.raises(InputError, match="a class must be learnt before anything is classified"):
        qlr.predict(good.x)


def test_sizes_that_cannot_work_are_refused_before_anything_is_learnt():
    with pytest.raises(InputError, match="num_bits must be in 1..8. Received: num_bits=9"):
        make(Mixing(), num_bits=9)
    with pytest.raises(InputError, match="a record of every class. Received: 150 bytes for 4 classes of 50-byte"):
        make(Mixing(num_replays=3))
    with pytest.raises(InputError, match="for the same latents. Received: latent_dim=40 and latent_dim=48"):
        Qlr(frozen(), Recorder(), UniformCodec(40, 8), Mixing(), seed=0)


def small_stage(learning_rate: float = 0.02) -> KerasStage:
    """depthwise 3x3 -> pointwise to 12 -> classes, from all positions: the means of the maps tell little of a class."""
    depthwise = convolution("layer_1", "depthwise", SHAPE, 3, 3, 1)
    pointwise = convolution("layer_2", "pointwise", depthwise.output_shape, 12, 1, 1)
    network = Network(SHAPE, (depthwise, pointwise, head(pointwise.output_shape, NUM_CLASSES)))
    rng = np.random.default_rng(0)
    weights = {name: rng.normal(0, 0.5, shape).astype(np.float32) for name, shape in network.array_shapes.items()}
    for name in weights:
        if name.endswith(("gamma", "moving_variance")):
            weights[name][:] = 1
    weights["head/kernel"][:] = 0
    return KerasStage(network, weights, Training(learning_rate=learning_rate, norm_momentum=0.9))


def stream() -> list[TrainingBatch]:
    """Two classes first, then small batches of one class each, two new and the others again."""
    order = [2, 0, 3, 1, 2, 3, 0]
    return [draw_batch([0, 1] * 20, 10), *(draw_batch(np.full(12, label), 20 + i) for i, label in enumerate(order))]


def taught(codec, num_replays: int = 60, seed: int = 0, float_encoder: bool = False) -> Qlr:
    encoder = FloatEncoder(lambda x: values(255 * x)) if float_encoder else IdentityEncoder()
    qlr = Qlr(FrozenStage(encoder, SCALE, ZERO_POINT), small_stage(), codec, Mixing(num_replays, batch_size=24), seed)
    for batch in stream():
        qlr.learn(batch)
    return qlr


def accuracy(qlr: Qlr) -> float:
    test = draw_batch(np.repeat(np.arange(NUM_CLASSES), 40), seed=7)
    predicted = qlr.predict(test.x)
    assert predicted.dtype == np.int64
    return float(np.mean(predicted == test.labels))


@pytest.fixture(scope="module")
def with_8_bits() -> Qlr:
    return taught(UniformCodec(LATENT_DIM, 8))


def test_a_stream_of_single_classes_is_learnt_from_8_bits_as_from_floats_and_not_without_replays(with_8_bits):
    exact = taught(FloatCodec(LATENT_DIM), float_encoder=True)
    poor = taught(UniformCodec(LATENT_DIM, 8), num_replays=NUM_CLASSES)
    assert accuracy(with_8_bits) > 0.75
    assert accuracy(with_8_bits) > accuracy(poor) + 0.15
    np.testing.assert_allclose(with_8_bits.stage.head, exact.stage.head, rtol=1e-3, atol=1e-4)  # 8 bits lose nothing


def test_the_seed_decides_everything(with_8_bits):
    again, other = taught(UniformCodec(LATENT_DIM, 8)), taught(UniformCodec(LATENT_DIM, 8), seed=1)
    for name, array in with_8_bits.stage.weights.items():
        np.testing.assert_array_equal(array, again.stage.weights[name])
    np.testing.assert_array_equal(with_8_bits.memory.payloads, again.memory.payloads)
    assert (with_8_bits.stage.head != other.stage.head).any()
