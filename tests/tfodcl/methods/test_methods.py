"""On a package whose encoder is the identity: what a method sees as latents is what the test made."""

import dataclasses

import numpy as np
import pytest

from tfodcl.compress.bitmap_pq import BitmapPqCodec
from tfodcl.compress.product_quantizer import ProductQuantizer
from tfodcl.continual import MemoizedEncoder, run_stream
from tfodcl.errors import InputError
from tfodcl.methods import BATCH_METHODS, METHODS
from tfodcl.methods.anml import Anml
from tfodcl.methods.latent_replay import LatentReplay
from tfodcl.methods.lifelearner import LifeLearner
from tfodcl.methods.oracle import Oracle
from tfodcl.methods.pq_replay import PqReplay
from tfodcl.methods.raw_replay import RawReplay
from tfodcl.metrics import forgetting
from tfodcl.package import Learning, Package
from tfodcl.streams import Stream, Task

LATENT_DIM, NUM_CLASSES, SAMPLES, ZERO_POINT, SCALE = 32, 5, 12, -128, 1 / 64
SUBVECTOR_DIM, NUM_KEPT = 4, 16
LEARNING = Learning(8, inner_lr=0.01, outer_lr=0.03, replay_batch=8, replay_epochs=1, replay_budget_bytes=1 << 20)


class IdentityEncoder:
    """(n, 4, 8, 1) uint8 -> int8 less 128 -> the same values as latents."""

    def quantize(self, x: np.ndarray) -> np.ndarray:
        return (x.astype(np.int16) - 128).astype(np.int8)

    def encode_quantized(self, q: np.ndarray) -> np.ndarray:
        return q.reshape(len(q), -1)


def draw_stream(seed: int = 0) -> Stream:
    """Overlapping Gaussians about sparse means with a direction in common, as latents after a ReLU."""
    rng = np.random.default_rng(seed)
    means = rng.uniform(0, 60, (NUM_CLASSES, LATENT_DIM)) * (rng.random((NUM_CLASSES, LATENT_DIM)) < 0.5) + 25

    def draw(label: int, count: int) -> np.ndarray:
        values = rng.normal(means[label], 30, (count, LATENT_DIM))
        return np.clip(values, 0, 255).astype(np.uint8).reshape(count, 4, 8, 1)

    tasks = tuple(Task(label, 50 + label, f"class {label}", draw(label, SAMPLES)) for label in range(NUM_CLASSES))
    x_test = np.concatenate([draw(label, 40) for label in range(NUM_CLASSES)])
    return Stream(tasks, x_test, np.repeat(np.arange(NUM_CLASSES), 40), tuple(range(1, NUM_CLASSES + 1)))


def latents_of(stream: Stream) -> np.ndarray:
    x = np.concatenate([task.x for task in stream.tasks])
    return IdentityEncoder().encode_quantized(IdentityEncoder().quantize(x))


def lossless_quantizer() -> ProductQuantizer:
    """Every int8 value is a centroid of each position."""
    return ProductQuantizer(np.tile(np.arange(-128, 128, dtype=np.int8)[:, None], (LATENT_DIM, 1, 1)))


@pytest.fixture(scope="module")
def package() -> Package:
    latents = latents_of(draw_stream(seed=99))
    rng = np.random.default_rng(1)
    return Package(
        encoder=b"\x1c\0\0\0TFL3",
        latent_dim=LATENT_DIM,
        latent_scale=SCALE,
        latent_zero_point=ZERO_POINT,
        codec=BitmapPqCodec.fit(latents, ZERO_POINT, NUM_KEPT, SUBVECTOR_DIM, num_centroids=32),
        other_codecs={"pq": ProductQuantizer.fit(latents, SUBVECTOR_DIM, num_centroids=32)},
        learning=LEARNING,
        adaptive={
            "key": rng.normal(0, LATENT_DIM**-0.5, (LATENT_DIM, 6)).astype(np.float32),
            "query": rng.normal(0, 1, (7, 6)).astype(np.float32),
            "mechanisms": rng.normal(0, LATENT_DIM**-0.5, (7, LATENT_DIM, LATENT_DIM)).astype(np.float32),
            "num_active": np.array([2], np.float32),
        },
        info={"input_shape": [4, 8, 1]},
    )


def make(name: str, package: Package, learning: Learning = LEARNING, seed: int = 0):
    """A method on its kind of package: AIM's weights are there for AIM's methods alone."""
    adaptive = package.adaptive if name.endswith("_aim") else {}
    return METHODS[name](dataclasses.replace(package, adaptive=adaptive), IdentityEncoder(), learning, seed)


def plain(package: Package, **changes) -> Package:
    return dataclasses.replace(package, adaptive={}, **changes)


def teach(method, stream: Stream):
    for task in stream.tasks:
        method.learn(task)
    return method


def assert_same_heads(first, second) -> None:
    np.testing.assert_array_equal(first.classifier.stage.weights, second.classifier.stage.weights)
    assert first.classifier.stage.weights.any()


@pytest.mark.parametrize("name", METHODS)
def test_every_method_learns_class_after_class_and_predicts_what_it_learnt(name, package):
    stream, method = draw_stream(), make(name, package)
    for task in stream.tasks:
        method.learn(task)
        predicted = method.predict(stream.x_test)
        assert predicted.dtype == np.int64 and predicted.shape == stream.y_test.shape
        assert set(predicted) <= set(range(task.label + 1))
    assert np.mean(predicted == stream.y_test) > 1.3 / NUM_CLASSES


def test_every_method_names_a_recipe_of_the_training_and_its_rates():
    from tfodcl.meta.recipes import RECIPES

    assert {method.RECIPE for method in (*METHODS.values(), *BATCH_METHODS.values())} == {*RECIPES, "anml_pq"}
    for method in METHODS.values():
        assert method.RATES in (("inner",), ("outer",), ("inner", "outer"))


@pytest.mark.parametrize("name", METHODS)
def test_the_seed_decides_everything(name, package):
    stream = draw_stream()
    first, second = (teach(make(name, package, seed=4), stream) for _ in range(2))
    for method in (first, second):
        arrays = vars(method.classifier.stage)
        assert any(isinstance(value, np.ndarray) and value.any() for value in arrays.values())
    for key, value in vars(first.classifier.stage).items():
        np.testing.assert_array_equal(value, vars(second.classifier.stage)[key])


@pytest.mark.parametrize("name", ["oracle", "raw_replay", "latent_replay", "pq_replay", "lifelearner"])
def test_another_seed_shuffles_the_replays_otherwise(name, package):
    first, second = (teach(make(name, package, seed=seed), draw_stream()) for seed in (4, 5))
    assert (first.classifier.stage.weights != second.classifier.stage.weights).any()


@pytest.mark.parametrize(
    ("name", "payload_bytes"),
    [
        ("lifelearner", LATENT_DIM // 8 + NUM_KEPT // SUBVECTOR_DIM),
        ("pq_replay", LATENT_DIM // SUBVECTOR_DIM),
        ("latent_replay", LATENT_DIM),
        ("raw_replay", 4 * 8 * 1),
        ("oracle", LATENT_DIM),
    ],
)
def test_a_record_is_a_label_of_two_bytes_and_a_payload(name, payload_bytes, package):
    method = teach(make(name, package), draw_stream())
    memory = method.memory
    assert memory.record_bytes == 2 + payload_bytes
    assert memory.payloads.shape == (NUM_CLASSES * SAMPLES, payload_bytes)
    assert memory.used_bytes == memory.bytes_written == NUM_CLASSES * SAMPLES * (2 + payload_bytes)
    assert memory.labels.tolist() == np.repeat(np.arange(NUM_CLASSES), SAMPLES).tolist()


@pytest.mark.parametrize("name", ["pretrained", "oml", "anml", "oml_aim", "anml_aim"])
def test_methods_without_replay_keep_nothing(name, package):
    method = teach(make(name, package), draw_stream())
    assert method.memory is None and method.codec is None


@pytest.mark.parametrize("name", ["lifelearner", "pq_replay", "latent_replay", "raw_replay"])
def test_replays_stay_within_the_budget_and_in_balance(name, package):
    method = make(name, package, dataclasses.replace(LEARNING, replay_budget_bytes=500))
    for task in draw_stream().tasks:
        method.learn(task)
        assert method.memory.used_bytes <= 500
        counts = np.bincount(method.memory.labels)
        assert len(counts) == task.label + 1 and counts.max() - counts.min() <= 1


@pytest.mark.parametrize("epochs", [1, 3])
@pytest.mark.parametrize("budget", [1 << 20, 20 * (2 + LATENT_DIM)])
def test_lifelearner_with_a_lossless_codec_is_latent_replay(budget, epochs, package):
    learning = dataclasses.replace(LEARNING, replay_epochs=epochs, replay_budget_bytes=budget)
    lossless = BitmapPqCodec(LATENT_DIM, ZERO_POINT, LATENT_DIM, lossless_quantizer())
    num_records = budget // (2 + LATENT_DIM)
    same_number = dataclasses.replace(learning, replay_budget_bytes=num_records * (2 + lossless.payload_bytes))
    stream = draw_stream()
    ours = LifeLearner(plain(package, codec=lossless), IdentityEncoder(), same_number, seed=3)
    theirs = LatentReplay(plain(package), IdentityEncoder(), learning, seed=3)
    assert_same_heads(teach(ours, stream), teach(theirs, stream))


def test_lifelearner_replays_what_its_codec_kept(package):
    lossy = LifeLearner(plain(package), IdentityEncoder(), LEARNING, seed=3)
    exact = LatentReplay(plain(package), IdentityEncoder(), LEARNING, seed=3)
    stream = draw_stream()
    teach(lossy, stream)
    teach(exact, stream)
    assert (lossy.classifier.stage.weights != exact.classifier.stage.weights).any()
    np.testing.assert_array_equal(
        lossy.codec.decode(lossy.memory.payloads),
        package.codec.decode(package.codec.encode(latents_of(stream))),
    )


@pytest.mark.parametrize("budget", [1 << 20, 20 * (2 + LATENT_DIM)])
def test_raw_replay_is_latent_replay_where_the_latents_are_the_same(budget, package):
    learning = dataclasses.replace(LEARNING, replay_epochs=2, replay_budget_bytes=budget)
    raw = RawReplay(plain(package), IdentityEncoder(), learning, seed=3)
    latent = LatentReplay(plain(package), IdentityEncoder(), learning, seed=3)
    stream = draw_stream()
    assert_same_heads(teach(raw, stream), teach(latent, stream))


def test_raw_replay_encodes_its_memory_again_in_every_epoch(package):
    encoder = MemoizedEncoder(IdentityEncoder())
    method = RawReplay(plain(package), encoder, dataclasses.replace(LEARNING, replay_epochs=3), seed=0)
    stream, expected = draw_stream(), 0
    for number, task in enumerate(stream.tasks, start=1):
        method.learn(task)
        expected += SAMPLES + 3 * number * SAMPLES
        assert encoder.num_inferences == expected


def test_lifelearner_without_replay_epochs_is_anml(package):
    learning = dataclasses.replace(LEARNING, replay_epochs=0)
    ours = LifeLearner(plain(package), IdentityEncoder(), learning, seed=3)
    theirs = Anml(plain(package), IdentityEncoder(), learning, seed=3)
    assert_same_heads(teach(ours, draw_stream()), teach(theirs, draw_stream()))


def test_lifelearner_is_more_accurate_than_anml_and_forgets_less(package):
    unit = 1 / np.mean(np.sum(((latents_of(draw_stream(99)).astype(float) + 128) * SCALE) ** 2, axis=1))
    learning = dataclasses.replace(LEARNING, inner_lr=0.3 * unit, outer_lr=0.3 * unit)
    accuracy, lost = {}, {}
    for name in ("anml", "lifelearner", "oracle"):
        runs = []
        for seed in range(3):
            encoder = MemoizedEncoder(IdentityEncoder())
            method = METHODS[name](plain(package), encoder, learning, seed)
            runs.append(run_stream(method, encoder, draw_stream(seed)))
        accuracy[name] = np.mean([run.accuracy[-1] for run in runs])
        lost[name] = np.mean([forgetting(run.matrix) for run in runs])
    assert accuracy["lifelearner"] > accuracy["anml"] + 0.1
    assert lost["lifelearner"] < lost["anml"] - 0.1
    assert accuracy["oracle"] >= accuracy["lifelearner"] - 0.05


def test_oracle_does_not_depend_on_the_order_of_classes_but_for_its_shuffles(package):
    everything_at_once = dataclasses.replace(LEARNING, replay_batch=NUM_CLASSES * SAMPLES)  # shuffles change nothing
    stream = draw_stream()
    backwards = [dataclasses.replace(task, label=NUM_CLASSES - 1 - task.label) for task in reversed(stream.tasks)]
    first = Oracle(plain(package), IdentityEncoder(), everything_at_once, seed=0)
    second = Oracle(plain(package), IdentityEncoder(), everything_at_once, seed=1)
    teach(first, stream)
    for task in backwards:
        second.learn(task)
    ours, theirs = (method.classifier.stage.weights[:NUM_CLASSES] for method in (first, second))
    np.testing.assert_allclose(ours, theirs[::-1], rtol=1e-4, atol=1e-6)
    assert ours.any()


def test_oracle_keeps_every_sample_whatever_the_budget(package):
    method = make("oracle", package, dataclasses.replace(LEARNING, replay_budget_bytes=0))
    assert len(teach(method, draw_stream()).memory) == NUM_CLASSES * SAMPLES


def test_pq_replay_needs_its_codec(package):
    with pytest.raises(InputError, match="pq_replay needs a package with the codec pq. Received: no other codecs"):
        PqReplay(plain(package, other_codecs={}), IdentityEncoder(), LEARNING, seed=0)


@pytest.mark.parametrize("name", METHODS)
def test_more_classes_than_the_capacity_are_refused(name, package):
    tasks = draw_stream().tasks
    bounded = dataclasses.replace(package, learning=dataclasses.replace(LEARNING, capacity=2))
    method = make(name, bounded)
    method.learn(tasks[0])
    method.learn(tasks[1])
    with pytest.raises(InputError, match="capacity must hold every class"):
        method.learn(tasks[2])
