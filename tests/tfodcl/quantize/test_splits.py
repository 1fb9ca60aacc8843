"""A package of two stages holds the trained network, cut, and what QLR-CL needs to learn."""

import dataclasses

import numpy as np
import pytest
import tf_keras as keras

from tests.tfodcl.quantize.conftest import draw_dataset
from tfodcl import package as packages
from tfodcl.backbones import build
from tfodcl.errors import InputError
from tfodcl.meta.linear import LinearStage
from tfodcl.meta.recipes import Trained
from tfodcl.presets import Preset, SplitPreset
from tfodcl.quantize.splits import assemble_split
from tfodcl.stages import network_section
from tfodcl.stages.keras import KerasStage
from tfodcl.stages.tflite import TfliteEncoder

SHAPE, SPLIT = (16, 16, 3), 23
PRESET = SplitPreset(
    Preset(
        "mobilenet_quarter",
        pretrain_steps=7,
        meta_steps=0,
        num_classes=3,
        samples_per_class=4,
        eval_every=2,
        qat_steps=1,
        qat_batch=4,
        codec="uniform:6",
        replay_batch=24,
        replay_epochs=3,
    ),
    split=SPLIT,
    num_replays=20,
    first_classes=2,
)


@pytest.fixture(scope="module")
def trained() -> Trained:
    keras.utils.set_random_seed(1)
    model = build("mobilenet_quarter", SHAPE, modulated=False)
    x = draw_dataset(SHAPE).x_train / np.float32(255)
    for _ in range(80):
        model(x, training=True)  # statistics of the data, or the deep layers would fade away
    return Trained(model, LinearStage(model.output_shape[1], 5, np.random.default_rng(0)), {"supervised training": 1.5})


@pytest.fixture(scope="module")
def package(trained, tmp_path_factory) -> packages.Package:
    folder = tmp_path_factory.mktemp("split")
    assembled = assemble_split(trained, draw_dataset(SHAPE), PRESET, SPLIT, 0, folder)
    packages.write(folder / "model.tfodcl", assembled)
    return packages.read(folder / "model.tfodcl")


def test_both_stages_of_the_package_together_are_the_trained_network(package, trained):
    network, weights, training, _ = network_section.read(package)
    rng, encoder = np.random.default_rng(2), TfliteEncoder(package.encoder)
    weights = weights | {"head/kernel": rng.normal(size=(network.num_features, 3)).astype(np.float32)}
    stage = KerasStage(network, weights, training)
    stage.set_head(weights["head/kernel"].T, np.full(3, True))
    x = draw_dataset(SHAPE).x_test

    z = (encoder.encode(x).astype(np.float32) - package.latent_zero_point) * np.float32(package.latent_scale)
    logits = stage.logits(z)

    cut = trained.encoder.get_layer(f"layer_{SPLIT}_relu").output
    front, back = keras.Model(trained.encoder.input, cut), keras.Model(cut, trained.encoder.output)
    real = front(x / np.float32(255)).numpy().reshape(z.shape)
    distances = np.linalg.norm(z[:, None] - real[None], axis=2)
    assert (distances.argmin(axis=1) == np.arange(len(x))).all()  # roughly: an untrained network amplifies rounding
    expected = back(z.reshape(-1, *network.latent_shape)).numpy() @ weights["head/kernel"]
    np.testing.assert_allclose(logits, expected, rtol=1e-3, atol=1e-3)
    assert np.ptp(expected, axis=0).min() > 0.1


def test_the_package_says_how_qlr_learns(package):
    learning = package.learning
    assert (learning.capacity, learning.replay_batch, learning.replay_epochs) == (3, 24, 3)
    assert package.latent_dim == 4 * 4 * 128 and package.codec.num_bits == 6
    assert learning.replay_budget_bytes == 20 * (2 + 4 * 4 * 128 * 6 // 8)
    assert (package.info["recipe"], package.info["split"]) == ("qlr", SPLIT)
    assert package.info["encoder"]["name"] == "mobilenet_quarter, layers 0 to 23"
    assert [stage["name"] for stage in package.info["stages"]] == ["supervised training", "quantize-aware fine-tuning"]
    assert package.plan
    assert network_section.read(package).max_new == 2 * 4  # the first training batch


def test_later_training_batches_may_be_greater_than_the_first(trained, tmp_path):
    preset = dataclasses.replace(PRESET, groups_per_batch=3)
    package = assemble_split(trained, draw_dataset(SHAPE), preset, 27, 0, tmp_path)
    assert network_section.read(package).max_new == 3 * 4


def test_a_recorded_data_set_s_first_training_batch_is_of_its_longest_recordings(trained, tmp_path):
    dataset = draw_dataset(SHAPE)
    recordings = np.where(np.arange(len(dataset.y_train)) % 5 == 0, 0, 1)
    recorded = dataclasses.replace(dataset, group_train=2 * dataset.y_train + recordings)
    longest = max(np.unique(recorded.group_train, return_counts=True)[1])
    assert network_section.read(assemble_split(trained, recorded, PRESET, 27, 0, tmp_path)).max_new == 2 * longest


@pytest.mark.parametrize(
    ("encoder", "split", "rule"),
    [
        ("mobilenet_quarter", 28, r"the latent-replay layer must be in 0\.\.27. Received: split=28."),
        ("residual", 3, "encoder must be one that can be cut, .* Received: residual."),
    ],
)
def test_what_cannot_be_cut_is_refused_before_anything_is_written(encoder, split, rule, trained, tmp_path):
    preset = dataclasses.replace(PRESET, training=dataclasses.replace(PRESET.training, encoder=encoder))
    with pytest.raises(InputError, match=rule):
        assemble_split(trained, draw_dataset(SHAPE), preset, split, 0, tmp_path)
    assert not list(tmp_path.iterdir())
