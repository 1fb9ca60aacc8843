"""The sizes of a run: `quick` for minutes on two cores, `paper` for LifeLearner's protocol, `best` for what we know to
give the highest accuracy on a board; of QLR-CL `board` for what an STM32H747 trains."""

import dataclasses
from dataclasses import dataclass
from typing import Any

from tfodcl.data import Dataset
from tfodcl.errors import InputError


@dataclass(frozen=True)
class Whitening:
    """How an encoder's latent is whitened, see meta/whitening.py.

    Attributes:
      shrinkage: variance added to every direction, as a share of their mean: what hardly varies among the meta-train
        classes is noise that would be blown up.
      inner_layers: names of layers whose outputs, averaged over all positions, are whitened together with the latent,
        each divided by the root of its channels' mean variance.
      dim: of the whitened latent, the directions of greatest variance; 0: all.
    """

    shrinkage: float = 0.1
    inner_layers: tuple[str, ...] = ()
    dim: int = 0


@dataclass(frozen=True)
class Preset:
    """See meta/training.py and quantize/qat.py for the trainings, continual.py for the runs.

    Attributes:
      encoder: a key of backbones.FAMILIES.
      pretrain_steps: of supervised training, batch `pretrain_batch`; its rate falls from `pretrain_lr` as a cosine.
      pretrain_optimizer: "adam" or "sgd" (Nesterov's momentum, weight decay).
      augment: whether samples are changed at random in supervised training, see meta/augment.py.
      warm_start: whether meta-training begins with the supervised encoder; from scratch otherwise.
      meta_steps: episodes of `num_inner` inner steps, whose meta-loss has `num_random` random samples more.
      inner_lr, outer_lr: of meta-training; aim_inner_lr: the inner one with AIM.
      precision: a key of backbones.PRECISIONS, of the encoder's activations and products while it is trained.
      whitening: of the encoder's latent; None: it stays as it is.
      aim_pretrain_steps: of supervised training of a network with AIM, from the supervised encoder, if `warm_start`.
      aim_width, aim_mechanisms, aim_active, aim_attention_dim: sizes of AIM.
      qat_steps: of quantize-aware fine-tuning, batch `qat_batch`.
      codec: of LifeLearner's records, as compress/setting.py names it.
      replay_batch, replay_epochs: of the outer loop on the device.
      num_classes, samples_per_class, eval_every: of the stream that is learnt.
    """

    encoder: str
    pretrain_steps: int
    meta_steps: int
    num_classes: int
    samples_per_class: int
    eval_every: int
    warm_start: bool = True
    pretrain_batch: int = 128
    pretrain_lr: float = 1e-3
    pretrain_optimizer: str = "adam"
    augment: bool = False
    num_inner: int = 20
    num_random: int = 64
    inner_lr: float = 1e-3
    outer_lr: float = 3e-4
    precision: str = "float32"
    whitening: Whitening | None = None
    aim_inner_lr: float = 1e-3
    aim_width: int = 256
    aim_pretrain_steps: int = 200
    aim_mechanisms: int = 16
    aim_active: int = 4
    aim_attention_dim: int = 32
    qat_steps: int = 100
    qat_batch: int = 32
    qat_lr: float = 1e-4
    codec: str = "bitmap_pq:auto:8"
    replay_batch: int = 8
    replay_epochs: int = 1


@dataclass(frozen=True)
class SplitPreset:
    """The sizes of a run of QLR-CL (methods/qlr.py), which learns training batches.

    Attributes:
      training: of the whole network, an encoder that can be cut; and of learning on the device. Its `replay_batch` is a
        mini-batch with new and replayed samples, `replay_epochs` are passes over the new ones. Of the stream,
        `num_classes` are its classes in all, `samples_per_class` those that a training batch brings of a class (unless
        the data set has recordings), and `eval_every` counts training batches.
      split: the latent-replay layer, the last one that is frozen.
      num_replays: most records kept.
      first_classes: of the first training batch.
      groups_per_batch: of each other one; a group is of one class (streams.nicv2).
    """

    training: Preset
    split: int
    num_replays: int
    first_classes: int
    groups_per_batch: int = 1


_QUICK = {
    "glyphs": Preset("anml_small", 300, 150, num_classes=30, samples_per_class=15, eval_every=5),
    "omniglot": Preset(
        "anml_small", 1500, 500, num_classes=100, samples_per_class=15, eval_every=10, aim_pretrain_steps=1000
    ),
    "cifar100": Preset(
        "residual",
        3000,
        300,
        num_classes=30,
        samples_per_class=30,
        eval_every=5,
        aim_pretrain_steps=500,
        augment=True,
    ),
    "arabic_speech_commands": Preset("dscnn", 1000, 300, num_classes=10, samples_per_class=30, eval_every=2),
}
# LifeLearner's (arXiv 2311.11420): 30 samples a class, 30 inner steps, 20,000 meta steps from scratch.
_PAPER = Preset(
    "anml",
    pretrain_steps=0,  # 100 epochs, see below
    meta_steps=20_000,
    num_classes=30,
    samples_per_class=30,
    eval_every=5,
    warm_start=False,
    num_inner=30,
    outer_lr=1e-3,
    precision="bfloat16",
    aim_inner_lr=1e-2,
    aim_width=1024,
    aim_mechanisms=64,
    aim_active=8,
    aim_attention_dim=128,
    qat_steps=300,
    codec="bitmap_pq:256:8",
)
_PAPER_EPOCHS = 100
# Supervised training alone, longer and with augmentation: in `quick` episodes after it did not help, here they have not
# been tried. Encoders fit the STM32H747 (photographs) and the Nano 33 BLE (drawings, speech); their latents are dense.
_BEST = {
    "photographs": Preset(
        "residual_pooled",
        pretrain_steps=8600,
        meta_steps=0,
        num_classes=30,
        samples_per_class=30,
        eval_every=5,
        pretrain_lr=0.1,
        pretrain_optimizer="sgd",
        augment=True,
        # Of the last stage's three blocks. Shrinkage, layers and dim were chosen on validation classes.
        whitening=Whitening(1.0, ("block_6_relu", "block_7_relu"), dim=192),
        precision="bfloat16",
        qat_steps=300,
        codec="pq:4",
    ),
    "drawings": Preset(
        "residual_tiny",
        pretrain_steps=6000,
        meta_steps=0,
        num_classes=600,
        samples_per_class=15,
        eval_every=100,
        pretrain_lr=0.1,
        pretrain_optimizer="sgd",
        augment=True,
        whitening=Whitening(),
        precision="bfloat16",
        qat_steps=300,
        codec="pq:4",
    ),
    "speech": Preset(
        "dscnn",
        pretrain_steps=1500,
        meta_steps=0,
        num_classes=10,
        samples_per_class=30,
        eval_every=2,
        augment=True,
        whitening=Whitening(),
        qat_steps=300,
        codec="pq:8",
    ),
}
PRESETS = ("quick", "paper", "best")
SPLIT_PRESETS = ("quick", "paper", "board")  # of QLR-CL


def _whole(encoder: str, pretrain_steps: int, precision: str = "bfloat16", **sizes: Any) -> Preset:
    """Of a MobileNet and QLR-CL: SGD, as its 27 layers without shortcuts hardly learn with Adam in so few steps."""
    return Preset(
        encoder,
        pretrain_steps,
        meta_steps=0,
        pretrain_lr=0.1,
        pretrain_optimizer="sgd",
        precision=precision,
        codec="uniform:8",
        replay_epochs=4,
        **sizes,
    )


_QUICK_SPLIT = {
    "glyphs": SplitPreset(
        _whole("mobilenet_quarter", 400, num_classes=30, samples_per_class=5, eval_every=20, replay_batch=64),
        split=23,
        num_replays=200,
        first_classes=10,
    ),
    "omniglot": SplitPreset(
        _whole(
            "mobilenet_quarter",
            4000,
            num_classes=100,
            samples_per_class=5,
            eval_every=40,
            replay_batch=128,
            augment=True,
        ),
        split=23,
        num_replays=500,
        first_classes=20,
    ),
    "photographs": SplitPreset(
        _whole(
            "mobilenet_quarter",
            6000,
            precision="float32",  # depthwise layers are slower in bfloat16: 0.47 s a step against 0.29
            num_classes=30,
            samples_per_class=100,
            eval_every=20,
            replay_batch=128,
            augment=True,
            qat_steps=300,
        ),
        split=23,
        num_replays=500,
        first_classes=10,
    ),
}
# For the STM32H747, whose RAM holds the last block's weights and velocities and mini-batches of 16, and whose log two
# checkpoints and these records.
_BOARD_SPLIT = SplitPreset(
    _whole("mobilenet_eighth", 1000, num_classes=30, samples_per_class=5, eval_every=20, replay_batch=16),
    split=24,
    num_replays=70,
    first_classes=10,
)
# QLR-CL's (arXiv 2110.10486): MobileNet-V1 of width 1, 1500 replays, mini-batches of 128 and 4 epochs as in `quick`.
_PAPER_REPLAYS = 1500


def choose(name: str, dataset: Dataset, num_meta_train_samples: int) -> Preset:
    """The preset `name`, one of PRESETS, for a data set; one that is not known gets sizes that fit it."""
    if name not in PRESETS:
        raise InputError(f"preset {name} is qlr's; others have {', '.join(PRESETS)}. Received: {name}.")
    kind = _kind(dataset)
    if name == "best":
        if kind not in _BEST:
            raise InputError(f"preset best is for images and speech. Received: {dataset.name}, {kind}.")
        return _fit_stream(_BEST[kind], dataset)
    if name == "paper":
        steps = _PAPER_EPOCHS * num_meta_train_samples // _PAPER.pretrain_batch
        sizes = dataclasses.replace(_PAPER, pretrain_steps=steps, augment=kind == "photographs")
        if dataset.name == "miniimagenet":
            return dataclasses.replace(sizes, num_classes=20, outer_lr=5e-4)
        if dataset.name in ("omniglot", "glyphs"):
            # ANML has 600: with a head of 600 x 2,304 weights, outer loops after every class would take hours.
            num_classes = min(200, len(dataset.split.meta_test))
            return dataclasses.replace(
                sizes,
                samples_per_class=15,
                num_inner=20,
                num_classes=num_classes,
                eval_every=max(5, num_classes // 10),
            )
        if kind == "speech":
            return dataclasses.replace(sizes, encoder="dscnn", num_classes=10, eval_every=2)
        return sizes
    if dataset.name in _QUICK:
        return _QUICK[dataset.name]
    height, width, _ = dataset.input_shape
    if width < 16 or height < 16:
        encoder = "dscnn_tiny"
    else:
        encoder = "residual" if kind == "photographs" or min(height, width) < 26 else "anml_small"
    num_random = min(64, num_meta_train_samples)
    preset = Preset(encoder, 1000, 300, 30, 30, 5, num_random=num_random, augment=kind == "photographs")
    return _fit_stream(preset, dataset)


def choose_split(name: str, dataset: Dataset, num_meta_train_samples: int) -> SplitPreset:
    """The preset `name`, one of SPLIT_PRESETS, for a data set, with no more classes and samples than this has."""
    if name not in SPLIT_PRESETS:
        raise InputError(f"qlr has the presets {', '.join(SPLIT_PRESETS)}. Received: {name}.")
    if name == "board":
        return _fit_batches(_BOARD_SPLIT, dataset)
    kind = _kind(dataset)
    fallback = _QUICK_SPLIT["photographs" if kind == "photographs" else "glyphs"]
    sizes = _fit_batches(_QUICK_SPLIT.get(dataset.name, fallback), dataset)
    if name == "quick":
        return sizes
    training = dataclasses.replace(
        sizes.training,
        encoder="mobilenet",
        pretrain_steps=_PAPER_EPOCHS * num_meta_train_samples // sizes.training.pretrain_batch,
        precision="bfloat16",
        augment=True,
        qat_steps=300,
        replay_batch=128,
    )
    return dataclasses.replace(sizes, training=training, num_replays=_PAPER_REPLAYS)


def _fit_batches(preset: SplitPreset, dataset: Dataset) -> SplitPreset:
    training = preset.training
    num_classes, samples = _most(training, dataset)
    training = dataclasses.replace(training, num_classes=num_classes, samples_per_class=samples)
    return dataclasses.replace(
        preset,
        training=training,
        num_replays=max(preset.num_replays, num_classes),
        first_classes=min(preset.first_classes, num_classes),
    )


def _kind(dataset: Dataset) -> str:
    if dataset.front_end["kind"] != "image":
        return {"mfcc": "speech"}.get(dataset.front_end["kind"], dataset.front_end["kind"])
    return "photographs" if dataset.input_shape[2] == 3 else "drawings"


def _fit_stream(preset: Preset, dataset: Dataset) -> Preset:
    """The preset with no more classes and samples than the data set has, tested at six points or fewer."""
    num_classes, samples = _most(preset, dataset)
    return dataclasses.replace(
        preset, num_classes=num_classes, samples_per_class=samples, eval_every=-(-num_classes // 6)
    )


def _most(preset: Preset, dataset: Dataset) -> tuple[int, int]:
    """Classes and samples of a class, as many as the preset takes and the data set has."""
    smallest = min((dataset.y_train == label).sum() for label in dataset.split.meta_test)
    return min(preset.num_classes, len(dataset.split.meta_test)), min(preset.samples_per_class, int(smallest))
