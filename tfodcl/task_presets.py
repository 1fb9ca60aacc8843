"""The sizes of a run of the methods that learn tasks with a whole network: `quick` for two cores, `paper` for LightCL's
protocol (arXiv 2407.10545)."""

import dataclasses
from dataclasses import dataclass
from typing import Any

from tfodcl.data import Dataset
from tfodcl.errors import InputError

# Of each stage's channels, what LightCL keeps at a sparsity of 0.9: of ResNet-18, 0.908 of the weights are gone.
SPARSE_KEPT = (0.8, 0.8, 0.3, 0.2)
SPARSE = ("lightcl_sparse",)  # methods with such a network
STORING = ("miro", "miro_latent")  # methods that need a plan of their memory
LATENT_CODEC = "uniform:4"  # of miro_latent


@dataclass(frozen=True)
class TaskPreset:
    """See task_methods/learning.py and resnets.py.

    Attributes:
      depth, width: of the network (stages/resnet.py).
      num_tasks: of the stream, of two classes or more, perhaps the last ones of fewer.
      epochs, batch_size, buffer_size: of learning.
      cache_bytes: most that LightCL keeps of its frozen stage's outputs, which changes its memory and time alone.
      rates: learning rates, of which each method takes the best on held-out training samples.
      held_out: share of the training samples that are tested in that search.
      pretrain_steps: of supervised training on another data set, where there is one, with batch `pretrain_batch`; its
        rate falls from `pretrain_lr` as a cosine.
      precision: of that training, a key of backbones.PRECISIONS.
      rate_falls: whether learning rates fall while a task is learnt; for all methods where Miro is to be compared with.
      cutline: of Miro, see replay/hierarchy/sizing.choose.
    """

    depth: int
    width: int
    num_tasks: int
    epochs: int
    rates: tuple[float, ...]
    batch_size: int = 32
    buffer_size: int = 15
    cache_bytes: int = 2 * 2**20
    held_out: float = 0.1
    pretrain_steps: int = 4000
    pretrain_batch: int = 128
    pretrain_lr: float = 0.1
    precision: str = "bfloat16"
    rate_falls: bool = False
    cutline: float = 0.5


def kept_channels(sparse: bool) -> tuple[float, float, float, float]:
    """Of each stage's channels, the share that a network has."""
    return SPARSE_KEPT if sparse else (1.0, 1.0, 1.0, 1.0)


TASK_PRESETS = ("quick", "paper")
_QUICK = TaskPreset(depth=18, width=16, num_tasks=5, epochs=5, rates=(0.01, 0.003, 0.03))
# 50 epochs of ImageNet in 32x32 (1.28 M samples) with batch 256 came before; here as many steps as that data set has
# cannot be assumed, and 50 epochs of CIFAR-100 are taken.
_PAPER = TaskPreset(depth=18, width=64, num_tasks=5, epochs=50, rates=(0.01,), pretrain_steps=19_500, pretrain_lr=0.01)
_GREATER_RATES = (0.03, 0.01, 0.1)  # for Miro's data, on which networks mostly begin untrained
# Of many classes, and of recordings as Miro's (arXiv 2308.06053); 100 epochs are LightCL's for Tiny-ImageNet.
_IN_TEN_TASKS: dict[str, dict[str, Any]] = {"quick": {"rates": _GREATER_RATES}, "paper": {"epochs": 100}}
# Miro's for activities, in both presets; its network and rates are not known.
_WINDOWS: dict[str, Any] = {"width": 16, "num_tasks": 10, "epochs": 10, "batch_size": 16, "cutline": 0.4}


def choose_tasks(name: str, dataset: Dataset) -> TaskPreset:
    """The preset `name`, one of TASK_PRESETS, for a data set loaded `as_maps`. Raises InputError for another name."""
    if name not in TASK_PRESETS:
        raise InputError(f"methods that learn tasks have the presets {', '.join(TASK_PRESETS)}. Received: {name}.")
    preset = _QUICK if name == "quick" else _PAPER
    num_classes, kind = len(dataset.class_names), dataset.front_end["kind"]
    if kind == "windows":
        preset = dataclasses.replace(preset, rates=_GREATER_RATES, **_WINDOWS)
    elif num_classes >= 100 or kind == "log_mel":
        preset = dataclasses.replace(preset, num_tasks=10, **_IN_TEN_TASKS[name])
    return dataclasses.replace(preset, num_tasks=min(preset.num_tasks, -(-num_classes // 2)))
