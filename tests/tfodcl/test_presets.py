"""A preset's sizes fit its data set."""

import dataclasses

import numpy as np
import pytest

from tfodcl.backbones import FAMILIES, build, check_fits, layers_of
from tfodcl.compress.setting import CodecSetting
from tfodcl.data import ClassSplit, Dataset
from tfodcl.data.splits import split_classes
from tfodcl.errors import InputError
from tfodcl.presets import PRESETS, SPLIT_PRESETS, choose, choose_split
from tfodcl.streams import nicv2

IMAGE, SPEECH = {"kind": "image", "scale": 1 / 255}, {"kind": "mfcc"}
KNOWN = {  # name: (shape, classes, training samples of a class, front end)
    "glyphs": ((28, 28, 1), 300, 15, IMAGE),
    "cifar100": ((32, 32, 3), 100, 500, IMAGE),
    "arabic_speech_commands": ((49, 10, 1), 40, 40, SPEECH),
    "miniimagenet": ((84, 84, 3), 100, 500, IMAGE),
    "speech_commands": ((49, 10, 1), 35, 1000, SPEECH),
}


def dataset(name: str, shape: tuple, num_classes: int, num_samples: int, front_end: dict, split=None) -> Dataset:
    y = np.repeat(np.arange(num_classes), num_samples)
    x = np.broadcast_to(np.zeros(1, np.uint8), (len(y), *shape))
    names = tuple(str(i) for i in range(num_classes))
    return Dataset(name, x, y, x, y, None, None, names, split or split_classes(name, num_classes), front_end, "none")


def check(preset, data: Dataset) -> None:
    check_fits(preset.encoder, data.input_shape)
    assert preset.num_classes <= len(data.split.meta_test)
    assert preset.samples_per_class <= min((data.y_train == label).sum() for label in data.split.meta_test)
    assert 1 <= preset.eval_every <= preset.num_classes


@pytest.mark.parametrize("name", KNOWN)
@pytest.mark.parametrize("preset", PRESETS)
def test_a_known_data_set_can_give_what_its_preset_takes(preset, name):
    data = dataset(name, *KNOWN[name])
    check(choose(preset, data, len(data.y_train)), data)


@pytest.mark.parametrize(
    ("shape", "num_classes", "num_samples", "front_end"),
    [
        ((32, 32, 3), 10, 20, IMAGE),
        ((28, 28, 1), 200, 100, IMAGE),
        ((20, 20, 1), 6, 3, IMAGE),
        ((49, 10, 1), 12, 40, SPEECH),
    ],
)
def test_an_unknown_data_set_gets_sizes_that_fit_it(shape, num_classes, num_samples, front_end):
    data = dataset("mine", shape, num_classes, num_samples, front_end)
    check(choose("quick", data, len(data.y_train)), data)


def test_the_paper_preset_is_lifelearners():
    data = dataset("cifar100", *KNOWN["cifar100"])
    chosen = choose("paper", data, 30_000)
    assert (chosen.encoder, chosen.meta_steps, chosen.num_inner, chosen.num_random) == (
        "anml",
        20_000,
        30,
        64,
    )
    assert (chosen.inner_lr, chosen.outer_lr, chosen.aim_inner_lr) == (1e-3, 1e-3, 1e-2)
    assert (chosen.num_classes, chosen.samples_per_class, chosen.eval_every) == (30, 30, 5)
    assert (chosen.replay_batch, chosen.replay_epochs, chosen.codec) == (8, 1, "bitmap_pq:256:8")
    assert chosen.pretrain_steps * chosen.pretrain_batch == pytest.approx(100 * 30_000, rel=1e-3)  # 100 epochs


def test_every_presets_encoder_is_a_family():
    for name, sizes in KNOWN.items():
        for preset in PRESETS:
            assert choose(preset, dataset(name, *sizes), 1000).encoder in FAMILIES


@pytest.mark.parametrize("name", ["glyphs", "cifar100", "arabic_speech_commands"])
@pytest.mark.parametrize("preset", PRESETS)
def test_the_codec_of_a_preset_fits_the_latent_of_its_encoder(preset, name):
    data = dataset(name, *KNOWN[name])
    chosen = choose(preset, data, 1000)
    latent_dim = build(chosen.encoder, data.input_shape, modulated=True).output_shape[1]
    CodecSetting.parse(chosen.codec).check(latent_dim)  # raises where it does not


def test_an_input_too_small_for_any_encoder_is_one_line():
    split = ClassSplit(np.arange(2), np.array([2]), np.arange(3, 5))
    chosen = choose("quick", dataset("mine", (8, 8, 1), 5, 3, IMAGE, split), 6)
    with pytest.raises(InputError, match="Received: 8x8"):
        check_fits(chosen.encoder, (8, 8, 1))


def test_a_preset_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        choose("quick", dataset("glyphs", *KNOWN["glyphs"]), 1).meta_steps = 1


def test_best_knows_no_sizes_for_other_data_than_images_and_speech():
    split = ClassSplit(np.arange(2), np.array([2]), np.arange(3, 5))
    windows = dataset("mine", (32, 9, 1), 5, 3, {"kind": "windows"}, split)
    with pytest.raises(InputError, match="preset best is for images and speech. Received: mine, windows."):
        choose("best", windows, 6)


@pytest.mark.parametrize("preset", SPLIT_PRESETS)
@pytest.mark.parametrize(
    ("name", "shape", "num_classes", "num_samples"),
    [
        ("glyphs", (28, 28, 1), 300, 15),
        ("omniglot", (28, 28, 1), 1600, 15),
        ("cifar100", (32, 32, 3), 100, 500),
        ("mine", (28, 28, 1), 6, 3),
        ("mine", (64, 64, 3), 20, 50),
    ],
)
def test_qlrs_stream_and_network_are_what_the_data_set_can_give(name, shape, num_classes, num_samples, preset):
    data = dataset(name, shape, num_classes, num_samples, IMAGE)
    chosen = choose_split(preset, data, len(data.y_train))
    training, classes = chosen.training, data.split.meta_test[: chosen.training.num_classes]
    stream = nicv2(
        data,
        classes,
        chosen.first_classes,
        training.samples_per_class,
        chosen.groups_per_batch,
        training.eval_every,
        seed=0,
        run=0,
    )
    assert chosen.groups_per_batch == 1
    assert len(classes) == training.num_classes <= chosen.num_replays
    assert len(stream.indices[0]) == chosen.first_classes * training.samples_per_class
    layer = layers_of(training.encoder, shape)[chosen.split]
    CodecSetting.parse(training.codec).check(layer.num_outputs)


def test_the_paper_preset_of_qlr_is_qlr_cls():
    chosen = choose_split("paper", dataset("cifar100", *KNOWN["cifar100"]), 30_000)
    training = chosen.training
    assert (training.encoder, training.codec, chosen.num_replays) == ("mobilenet", "uniform:8", 1500)
    assert (training.replay_batch, training.replay_epochs) == (128, 4)


def test_qlr_has_no_preset_best_and_no_network_for_speech():
    with pytest.raises(InputError, match="qlr has the presets quick, paper, board. Received: best."):
        choose_split("best", dataset("cifar100", *KNOWN["cifar100"]), 30_000)
    with pytest.raises(InputError, match="preset board is qlr's; others have quick, paper, best. Received: board."):
        choose("board", dataset("cifar100", *KNOWN["cifar100"]), 30_000)
    speech = dataset("speech_commands", *KNOWN["speech_commands"])
    with pytest.raises(InputError, match="encoder mobilenet_quarter needs inputs of at least 16x16. Received: 49x10."):
        check_fits(choose_split("quick", speech, 20_000).training.encoder, speech.input_shape)
