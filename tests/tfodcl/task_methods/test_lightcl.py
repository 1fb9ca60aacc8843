"""LightCL against descent on its formula, and on a residual network whose frozen stage is int8."""

import dataclasses
import itertools

import numpy as np
import pytest

from tests.tfodcl.task_methods.tiny import (
    ANY_NETWORK,
    FRONT,
    LAST,
    MIDDLE,
    NORM_MOMENTUM,
    NUM_CLASSES,
    Arrays,
    StagedNetworks,
    assert_close,
    cross_entropy,
    descend,
    draw_tasks,
    softplus,
    values,
)
from tfodcl.meta.augment import distort, mirror_and_shift
from tfodcl.resnets import ResNets
from tfodcl.stages.resnet import resnet
from tfodcl.streams import SplitTask
from tfodcl.task_methods import lightcl
from tfodcl.task_methods.learning import MiniBatches, TaskLearning
from tfodcl.task_methods.lightcl import Latents, LightCl
from tfodcl.task_methods.lightcl_freezing import LightClFreezing
from tfodcl.task_methods.naive import Naive

STRENGTH, BUFFER = 0.002, 5
LEARNING = TaskLearning(0.2, batch_size=10, epochs=2, buffer_size=BUFFER, strength=STRENGTH)
LATENT_BYTES = 4 * 4 * FRONT


def outputs(z: np.ndarray, w: Arrays) -> Arrays:
    """Logits and maps of the part that is trained, weights [middle, last, head]."""
    middle = z @ w[0]
    last = softplus(middle) @ w[1]
    return [softplus(last).mean(axis=(1, 2)) @ w[2], middle, last]


def latents(method: LightCl, x: np.ndarray) -> np.ndarray:
    return method.frozen.dequantize(method.frozen.encode(x)).reshape(-1, 4, 4, FRONT).astype(np.float64)


def weights_of(method: LightCl) -> Arrays:
    return [array.reshape(array.shape[-2:]).astype(np.float64) for array in values(method.network.variables)]


def most_active(maps: np.ndarray, count: int) -> set[int]:
    return set(np.argsort(-np.abs(maps).sum(axis=(0, 1, 2)))[:count])


def learnt(
    w: Arrays, method: LightCl, task: SplitTask, batches: MiniBatches, important: list[set[int]] | None = None
) -> Arrays:
    """By LightCL's formula; without `important` by its cross-entropy alone."""
    first, stop = task.classes.start, task.classes.stop
    held_z = latents(method, task.x[:BUFFER])
    held = outputs(held_z, w)

    def loss(w: Arrays, z: np.ndarray, labels: np.ndarray) -> float:
        of_new = cross_entropy(outputs(z, w)[0][:, first:stop], labels - first)
        if important is None:
            return of_new
        logits, *maps = (now - then for now, then in zip(outputs(held_z, w), held, strict=True))
        pairs = zip(maps, important, strict=True)
        return of_new + STRENGTH * (
            np.sum(logits[:, :first] ** 2) + sum(np.sum(m[..., sorted(i)] ** 2) for m, i in pairs)
        )

    for chosen in batches.all(len(task.x), ANY_NETWORK):
        z, labels = latents(method, task.x[chosen]), task.labels[chosen]
        w = descend(lambda w, z=z, labels=labels: loss(w, z, labels), w, LEARNING.learning_rate)
    return w


def test_a_step_descends_the_tasks_cross_entropy_and_the_distances_to_patterns_and_earlier_logits(monkeypatch):
    monkeypatch.setattr(lightcl, "NUM_RANKED_SAMPLES", 12)
    networks, tasks = StagedNetworks(), draw_tasks()
    method, batches = LightCl(networks, LEARNING, seed=3), MiniBatches(LEARNING, seed=3)

    method.learn(tasks[0])
    w = learnt([*map(np.float64, networks.kernels[1:]), np.float64(networks.head)], method, tasks[0], batches)
    assert_close(method.network.variables, w)
    maps = outputs(latents(method, tasks[0].x[:12]), w)[1:]
    important = [most_active(maps[0], 3), most_active(maps[1], 2)]  # 0.15 of 20 and of 14
    assert [set(np.flatnonzero(one.numpy())) for one in method.important] == important

    method.learn(tasks[1])
    w = learnt(w, method, tasks[1], batches, important)
    assert_close(method.network.variables, w)
    maps = outputs(latents(method, tasks[1].x[:12]), w)[1:]
    now = [most_active(maps[0], 3), most_active(maps[1], 2)]
    assert [set(np.flatnonzero(one.numpy())) for one in method.important] == [
        then | new for then, new in zip(important, now, strict=True)
    ]
    np.testing.assert_allclose(method.scores(tasks[1].x), outputs(latents(method, tasks[1].x), w)[0], atol=1e-4)
    assert method.state_bytes == 4 * (sum(array.size for array in w) + MIDDLE + LAST) and method.buffer_bytes == 0


def test_channels_that_were_important_stay_so():
    method, tasks = LightCl(StagedNetworks(), LEARNING, seed=0), draw_tasks()
    method.learn(tasks[0])
    maps = outputs(latents(method, tasks[0].x), weights_of(method))[1:]
    least = [set(np.abs(one).sum(axis=(0, 1, 2)).argsort()[:4]) for one in maps]
    for important, channels in zip(method.important, least, strict=True):
        important.assign([float(channel in channels) for channel in range(len(important.numpy()))])
    method.learn(tasks[1])
    maps = outputs(latents(method, tasks[1].x), weights_of(method))[1:]
    for important, channels, one, count in zip(method.important, least, maps, (3, 2), strict=True):
        most = most_active(one, count)
        assert set(np.flatnonzero(important.numpy())) == channels | most and most - channels


def test_references_are_held_as_the_moving_moments_make_them_and_do_not_move_these():
    learning, tasks = dataclasses.replace(LEARNING, batch_size=20, epochs=1), draw_tasks()
    held = LightCl(StagedNetworks(norm=True), learning, seed=0)
    free = LightCl(StagedNetworks(norm=True), dataclasses.replace(learning, strength=0.0), seed=0)
    for method in (held, free):
        method.learn(tasks[0])
    norm, kernel = held._model.get_layer("middle_norm"), held._model.get_layer("middle").kernel.numpy()[0, 0]
    expected = NORM_MOMENTUM * norm.moving_mean.numpy()
    expected += (1 - NORM_MOMENTUM) * (latents(held, tasks[1].x) @ kernel).mean(axis=(0, 1, 2))
    for method in (held, free):
        method.learn(tasks[1])
    np.testing.assert_allclose(norm.moving_mean, expected, rtol=1e-4, atol=1e-6)
    # In a first step nothing has moved away from its reference yet.
    assert_close(held.network.variables, values(free.network.variables))


def test_freezing_alone_is_lightcl_of_strength_0():
    published = dataclasses.replace(LEARNING, strength=None)
    frozen = LightClFreezing(StagedNetworks(), published, seed=0)
    without = LightCl(StagedNetworks(), dataclasses.replace(LEARNING, strength=0.0), seed=0)
    held = LightCl(StagedNetworks(), LEARNING, seed=0)
    for task in draw_tasks():
        for method in (frozen, without, held):
            method.learn(task)
    for one, other, third in zip(
        *(values(method.network.variables) for method in (frozen, without, held)), strict=True
    ):
        np.testing.assert_array_equal(one, other)
        assert (one != third).any()


@pytest.mark.parametrize("pretrained", [True, False])
def test_the_frozen_stage_with_its_moments_is_the_pretrained_one_or_what_the_first_task_makes_it(pretrained):
    networks, tasks = StagedNetworks(pretrained, norm=True), draw_tasks()
    expected = networks.whole()
    if not pretrained:
        naive = Naive(networks, LEARNING, seed=0)
        naive.learn(tasks[0])
        expected = naive.model
    method = LightCl(networks, LEARNING, seed=0)
    moments = None
    for task in tasks:
        method.learn(task)
        front = method.frozen.encoder.model
        for name in ("front", "front_norm"):
            kept = expected.get_layer(name).get_weights()
            for array, one in zip(front.get_layer(name).get_weights(), kept, strict=True):
                np.testing.assert_array_equal(array, one)
        last, moments = moments, method._model.get_layer("middle_norm").get_weights()[2:]
        assert last is None or (moments[0] != last[0]).all()  # those of what is trained move
    if not pretrained:
        assert (expected.get_layer("front_norm").moving_mean != 0).numpy().all()


def test_a_first_task_that_serves_as_pretraining_is_learnt_once_by_the_whole_network():
    networks, task = StagedNetworks(pretrained=False), draw_tasks()[0]
    naive, method = Naive(networks, LEARNING, seed=3), LightCl(networks, LEARNING, seed=3)
    naive.learn(task)
    method.learn(task)
    for name in ("middle", "last", "head"):
        expected = naive.model.get_layer(name).get_weights()
        np.testing.assert_array_equal(method._model.get_layer(name).get_weights()[0], expected[0])
    assert sum(one.numpy().sum() for one in method.important) == 3 + 2


def test_the_cache_changes_what_is_encoded_again_and_nothing_that_is_learnt():
    weights, encoded = [], []
    for num_cached in (0, 7, 20):
        networks = StagedNetworks()
        learning = dataclasses.replace(
            LEARNING, batch_size=20, augment=mirror_and_shift, cache_bytes=2 * LATENT_BYTES * num_cached
        )
        method = LightCl(networks, learning, seed=0)
        for task in draw_tasks():
            networks.encoded.clear()
            method.learn(task)
        weights.append(values(method.network.variables))
        encoded.append([count for count in networks.encoded if count])
    for others in weights[1:]:
        for one, other in zip(weights[0], others, strict=True):
            np.testing.assert_array_equal(one, other)
    # A first sample for its shape, the cache, the references, what is not cached in each epoch, those that are ranked.
    assert encoded == [[1, BUFFER, 20, 20, 20], [1, 7, 7, BUFFER, 13, 13, 20], [1, 20, 20, BUFFER, 20]]


def frozen_stage():
    """Front of tiny networks, and a sample for each of 9 places."""
    networks = StagedNetworks()
    return networks.cut(networks.whole())[0], draw_tasks(num_samples=9)[0].x


@pytest.mark.parametrize(("cache_bytes", "num_cached"), [(0, 0), (4 * 2 * LATENT_BYTES - 1, 3), (10**6, 9)])
def test_latents_are_those_of_samples_and_of_mirrored_samples_cached_or_not(cache_bytes, num_cached):
    frozen, x = frozen_stage()
    found = Latents(frozen, x, cache_bytes)
    assert found.num_cached == num_cached
    chosen, as_mirror = np.array([8, 0, 3, 2, 0, 5]), np.array([True, False, True, True, True, False])
    expected = frozen.encode(
        np.stack([x[i, :, ::-1] if mirror else x[i] for i, mirror in zip(chosen, as_mirror, strict=True)])
    )
    latents = found.mirrored(chosen, as_mirror)
    assert latents.dtype == np.int8
    np.testing.assert_array_equal(latents, expected)
    np.testing.assert_array_equal(found.plain(chosen), frozen.encode(x[chosen]))
    assert (expected != frozen.encode(x[chosen])).any(axis=1).tolist() == as_mirror.tolist()


def seen(method: LightCl, task: SplitTask, monkeypatch) -> tuple[np.ndarray, np.ndarray]:
    """All that the steps of a task are given, maps and labels."""
    given = []
    monkeypatch.setattr(method, "_plain_step", lambda z, labels: given.append((z, labels)))
    method.learn(task)
    return tuple(map(np.concatenate, zip(*given, strict=True)))


def changes(maps: np.ndarray, most: int, mirrored: np.ndarray | None) -> dict[bytes, tuple]:
    """One sample's maps (h, w, c) shifted by up to `most` positions, and its mirror image's: bytes -> change."""
    found = {}
    height, width, _ = maps.shape
    for number, one in enumerate((maps, mirrored)):
        if one is None:
            continue
        padded = np.pad(one, ((most, most), (most, most), (0, 0)))
        for row, column in itertools.product(range(2 * most + 1), repeat=2):
            found[padded[row : row + height, column : column + width].tobytes()] = (number, row - most, column - most)
    return found


@pytest.mark.parametrize(("channels", "augment", "num_images"), [(3, mirror_and_shift, 2), (1, distort, 1)])
def test_photographs_are_mirrored_and_shifted_at_random_and_drawings_shifted(
    channels, augment, num_images, monkeypatch
):
    monkeypatch.setattr(lightcl, "MOST_SHIFT", 1)
    task = draw_tasks(channels=channels)[0]
    learning = dataclasses.replace(LEARNING, epochs=15, augment=augment)
    method = LightCl(StagedNetworks(channels=channels), learning, seed=0)
    z, labels = seen(method, task, monkeypatch)
    plain, mirrored = (latents(method, x).astype(np.float32) for x in (task.x, task.x[:, :, ::-1]))
    made, numbers = [], []
    for maps, label in zip(z, labels, strict=True):
        for number, (one, image) in enumerate(zip(plain, mirrored, strict=True)):
            change = changes(one, 1, image if num_images == 2 else None).get(maps.tobytes())
            if change is not None and task.labels[number] == label:
                made.append(change)
                numbers.append(number)
                break
    assert len(made) == 15 * 20 and sorted(numbers) == sorted([*range(20)] * 15)
    assert set(made) == set(itertools.product(range(num_images), (-1, 0, 1), (-1, 0, 1)))


def test_samples_stay_as_they_are_where_they_shall(monkeypatch):
    method, task = LightCl(StagedNetworks(), dataclasses.replace(LEARNING, epochs=1), seed=0), draw_tasks()[0]
    z, labels = seen(method, task, monkeypatch)
    order = np.concatenate(list(MiniBatches(LEARNING, seed=0).epoch(20)))
    np.testing.assert_array_equal(z, latents(method, task.x[order]))
    np.testing.assert_array_equal(labels, task.labels[order])


RESNET = resnet(18, (8, 8, 3), NUM_CLASSES, width=8)


def residual_tasks() -> list[SplitTask]:
    rng = np.random.default_rng(0)
    x = rng.integers(0, 256, (2, 12, 8, 8, 3)).astype(np.uint8)
    return [SplitTask(i, range(2 * i, 2 * i + 2), x[i], 2 * i + np.arange(12) % 2) for i in range(2)]


def test_behind_an_int8_residual_network_tasks_are_learnt_and_its_latents_stay(monkeypatch):
    tasks = residual_tasks()
    networks = ResNets(RESNET, None, RESNET.blocks_before_last_stage, tasks[0].x, seed=0)
    networks.pretrained = True
    learning = TaskLearning(0.05, batch_size=12, epochs=1, buffer_size=5, augment=mirror_and_shift, cache_bytes=1500)
    method = LightCl(networks, learning, seed=0)
    assert method.map_shape == (2, 2, 32)
    before = method.frozen.encode(tasks[0].x)
    scores = [method.scores(tasks[0].x)]
    for task in tasks:
        method.learn(task)
        scores.append(method.scores(tasks[0].x))
    np.testing.assert_array_equal(method.frozen.encode(tasks[0].x), before)
    assert before.dtype == np.int8 and np.std(before) > 20
    assert (scores[0] != scores[1]).any() and (scores[1] != scores[2]).any() and np.isfinite(scores).all()
    assert [one.shape[0] for one in method.important] == [64] * 4
    assert all(10 <= one.numpy().sum() <= 20 for one in method.important)

    found = Latents(method.frozen, tasks[0].x, learning.cache_bytes)
    assert found.num_cached == 1500 // (2 * 128)
    mirrored = found.mirrored(np.arange(12), np.ones(12, bool))
    np.testing.assert_array_equal(mirrored, method.frozen.encode(tasks[0].x[:, :, ::-1]))
    maps, images = (method.frozen.dequantize(one).reshape(12, 2, 2, 32) for one in (before, mirrored))
    assert (maps[:, :, ::-1] != images).any()  # strides: a mirror image's latents are not the latents mirrored
    z, _ = seen(method, tasks[0], monkeypatch)
    possible = {key for pair in zip(maps, images, strict=True) for key in changes(pair[0], 1, pair[1])}
    assert all(one.tobytes() in possible for one in z)  # 4 pixels of 8 are one position of 2


def test_with_all_blocks_frozen_the_head_alone_learns_whatever_the_cache():
    tasks = residual_tasks()
    networks = ResNets(RESNET, None, RESNET.num_blocks, None, seed=0)
    networks.pretrained = True
    method = LightCl(networks, TaskLearning(0.05, batch_size=12, epochs=1, cache_bytes=0), seed=0)
    before = method.network.variables[0].numpy()
    for task in tasks:
        method.learn(task)
    (head,) = values(method.network.variables)
    assert head.shape == (64, NUM_CLASSES) and (head != before).any(axis=0).all()
    assert method.scores(tasks[0].x).shape == (12, NUM_CLASSES) and method.important == []


def test_a_first_task_that_diverges_gives_a_learner_that_predicts_by_chance():
    """As others do that diverge, so that a search of learning rates can go on."""
    tasks = residual_tasks()
    networks = ResNets(RESNET, None, RESNET.blocks_before_last_stage, tasks[0].x, seed=0)
    method = LightCl(networks, TaskLearning(1e20, batch_size=4, epochs=2), seed=0)
    for task in tasks:
        method.learn(task)
    assert np.isnan(method.scores(tasks[0].x)).all()
