"""What a run of the command is to do with the methods that learn tasks, and what keeps it from being done."""

import dataclasses
import json
import math
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tfodcl import files
from tfodcl.compress.record import Codec
from tfodcl.compress.setting import CodecSetting
from tfodcl.data import Dataset
from tfodcl.errors import InputError
from tfodcl.replay.hierarchy import MemoryPlan
from tfodcl.stages.resnet import ResNet, resnet
from tfodcl.streams import SplitStream, split_stream
from tfodcl.task_methods.learning import TaskLearning
from tfodcl.task_presets import LATENT_CODEC, STORING, TaskPreset, kept_channels

AUTO = "auto"
LIGHTCL = ("lightcl_freezing", "lightcl", "lightcl_sparse")


@dataclass(frozen=True, eq=False)
class TaskPlan:
    """What a run of the command is to do.

    Attributes:
      dataset: whose classes are learnt.
      pretraining: what the network is trained on before; None: nothing, LightCL's first task instead.
      preset, preset_name: sizes.
      names: of methods, keys of CLASSES.
      freeze: how many blocks LightCL and Miro over latents freeze with the stem, "" for LightCL's choice, or AUTO.
      seed: of everything.
      num_runs: class orders.
      folder: of results.
      memory: Miro's, of records of so many bytes; the folder of each run's storage is in its folder. None where there
        is no Miro.
      codec: of the latents that Miro keeps.
      static: whether each of its pairs of sizes is measured beside, held fixed.
      swap_ratios: with which its first pair is, too.
    """

    dataset: Dataset
    pretraining: Dataset | None
    preset: TaskPreset
    preset_name: str
    names: list[str]
    freeze: str
    seed: int
    num_runs: int
    folder: Path
    memory: Callable[[int], MemoryPlan] | None = None
    codec: CodecSetting = CodecSetting.parse(LATENT_CODEC)
    static: bool = False
    swap_ratios: Sequence[float] = ()

    @property
    def sample_bytes(self) -> int:
        return self.dataset.x_train[:1].nbytes

    def stream(self, run: int) -> SplitStream:
        return split_stream(self.dataset, self.preset.num_tasks, 0.0, self.seed, run)

    def validation_stream(self, run: int) -> SplitStream:
        return split_stream(self.dataset, self.preset.num_tasks, self.preset.held_out, self.seed, run)

    @property
    def frozen_blocks(self) -> int | None:
        """That are frozen with the stem; None: those that the layers' metrics choose."""
        if self.freeze == AUTO:
            return None
        return int(self.freeze) if self.freeze else self.network(sparse=False).blocks_before_last_stage

    def with_own_storage(self, learning: TaskLearning, name: str, key: str) -> TaskLearning:
        """Of one run of Miro, in a folder of its own. Raises InputError where that is of another run."""
        if learning.memory is None:
            return learning
        folder, codec = learning.memory.folder / name / key, learning.memory.codec
        settings = {
            "dataset": self.dataset.name,
            "num_tasks": self.preset.num_tasks,
            "samples": zlib.crc32(self.dataset.y_train.tobytes(), zlib.crc32(self.dataset.x_train.tobytes())),
            "seed": self.seed,
            "holds_out": len(learning.memory.grid) > 1,
        }
        claim_storage(folder, settings if codec is None else {**settings, "latents": self._latents(codec)})
        return dataclasses.replace(learning, memory=dataclasses.replace(learning.memory, folder=folder))

    def _latents(self, codec: Codec) -> list[Any]:
        """What records of them depend on."""
        preset, pretraining = self.preset, self.pretraining and self.pretraining.name
        network = [preset.depth, preset.width, pretraining, preset.pretrain_steps, self.freeze]
        return [*network, str(self.codec), zlib.crc32(codec.to_bytes())]

    def network(self, sparse: bool) -> ResNet:
        preset, num_classes = self.preset, len(self.dataset.class_names)
        return resnet(preset.depth, self.dataset.input_shape, num_classes, preset.width, kept_channels(sparse))


def check(plan: TaskPlan) -> None:
    """Raises InputError for what would fail after training."""
    stream = plan.stream(0)
    plan.validation_stream(0)
    alone = [name for name in plan.names if name in LIGHTCL and len(stream.tasks[-1].classes) < 2]
    if alone:  # their loss is over a task's classes alone
        raise InputError(
            f"each task must have 2 classes at least for {', '.join(alone)}. "
            f"Received: num_tasks={plan.preset.num_tasks} of {stream.num_classes} classes."
        )
    most = plan.network(sparse=False).num_blocks - 1
    if plan.freeze == AUTO and plan.preset.num_tasks < 2:
        raise InputError(f"--freeze {AUTO} needs 2 tasks at least. Received: num_tasks={plan.preset.num_tasks}.")
    if plan.freeze not in ("", AUTO) and int(plan.freeze) > most:
        raise InputError(f"--freeze must leave a block to train, 0..{most} or {AUTO}. Received: {plan.freeze}.")
    if plan.pretraining is not None:
        check_pretraining(plan.dataset, plan.pretraining)
    storing = [name for name in STORING if name in plan.names]
    if storing and plan.memory is None:
        raise InputError(f"{', '.join(storing)} needs --ram-budget. Received: none.")
    if plan.memory and "miro" in storing:
        plan.memory(plan.sample_bytes)
    if plan.memory and "miro_latent" in storing:
        if plan.pretraining is None:
            raise InputError("miro_latent needs --pretrain: latents of a random network mean nothing. Received: none.")
        for num_blocks in range(most + 1) if plan.frozen_blocks is None else [plan.frozen_blocks]:
            latent_dim = math.prod(plan.network(sparse=False).cut(num_blocks)[1][0].input_shape)
            codec = plan.codec.fit(np.zeros((1, latent_dim), np.int8), zero_point=0, seed=0)
            plan.memory(codec.payload_bytes)


def check_pretraining(dataset: Dataset, pretraining: Dataset) -> None:
    """Raises InputError where the network cannot or should not be trained on it before."""
    if pretraining.name == dataset.name:
        raise InputError(f"--pretrain must be another data set than the one to learn. Received: {pretraining.name}.")
    expected, received = ((one.front_end["kind"], one.input_shape) for one in (dataset, pretraining))
    if received != expected:
        raise InputError(
            f"--pretrain must be of samples like those of {dataset.name}, {' '.join(map(str, expected))}. "
            f"Received: {pretraining.name}, {' '.join(map(str, received))}."
        )


def claim_storage(folder: Path, settings: Mapping[str, Any]) -> None:
    """Makes `folder` the storage of a run with these settings, or raises InputError where it is another one's."""
    path = folder / "settings.json"
    if not files.is_file(path):
        files.write(path, (json.dumps(settings) + "\n").encode())
    elif (earlier := path.read_text(errors="replace").strip()) != json.dumps(settings):
        raise InputError(
            f"storage must be new or of the same run; delete {folder} to start anew. Received: {earlier[:200]}."
        )
