"""What learning a stream of tasks takes: energy, measured or modelled, and what the cost model is told of it."""

import dataclasses
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from tfodcl.cost.training import FLOPS_PER_MAC, Workload, cut_units, num_macs, stream_flops
from tfodcl.energy import JETSON_TX2, EnergyMeter, EnergyModel, choose_meter
from tfodcl.replay.hierarchy import MemoryPlan, ram_bytes
from tfodcl.stages.resnet import ResNet
from tfodcl.task_methods.sparcl import DENSITY, GRADIENT_DENSITY
from tfodcl.task_plan import TaskPlan
from tfodcl.task_presets import SPARSE_KEPT, STORING
from tfodcl.task_runs import TaskRun

CONSTANTS = JETSON_TX2  # of the model of energy
BACKWARD_AND_FORWARD = 3  # passes in training, a backward one being two


def energy_of(name: str, runs: Sequence[TaskRun], workload: Workload) -> dict[str, Any]:
    """Joules of learning a stream, the mean over runs: by the sensor that was there, else by a model of constants."""
    measured = [run.joules for run in runs if run.joules is not None]
    if len(measured) == len(runs):
        return {"joules": float(np.mean(measured)), "source": runs[0].energy_source}
    frozen, trained = (num_macs(units) for units in cut_units(name, workload))
    model = EnergyModel(CONSTANTS)
    for run in runs:
        if name in STORING:
            num_records = run.facts["num_trained"] + run.facts["num_profiled"]
            macs = BACKWARD_AND_FORWARD * trained * num_records + frozen * workload.num_samples
            model.add(macs, run.facts["bytes_read"], run.facts["bytes_written"])
        else:
            model.add(round(sum(stream_flops(name, workload).values()) / FLOPS_PER_MAC))
    return {"joules": model.joules() / len(runs), "source": model.source}


@contextmanager
def sensor() -> Iterator[EnergyMeter | None]:
    """What measures energy on this machine, counting; None where nothing does."""
    model = EnergyModel(CONSTANTS)
    with choose_meter(model).meter as meter:
        yield None if meter is model else meter


def workload_of(plan: TaskPlan, network: ResNet, frozen_blocks: int, memory: MemoryPlan | None) -> Workload:
    """What the cost model is told; `memory`: Miro's."""
    preset = plan.preset
    workload = Workload(
        network,
        preset.num_tasks,
        len(plan.dataset.x_train),
        preset.epochs,
        preset.batch_size,
        preset.buffer_size,
        sparsity=1 - DENSITY,
        gradient_sparsity=1 - GRADIENT_DENSITY,
        kept=SPARSE_KEPT,
        cache_bytes=preset.cache_bytes,
        frozen_blocks=frozen_blocks,
    )
    if memory is None:
        return workload
    record_bytes = memory.codec.payload_bytes if memory.codec else plan.sample_bytes
    fitting = [sizes for sizes in memory.grid if ram_bytes(sizes, record_bytes) <= memory.budget(0)]
    largest = max(fitting or memory.grid, key=lambda sizes: sizes.num_records)
    return dataclasses.replace(workload, sizes=largest, codec=memory.codec)
