"""What python -m tfodcl.train does for the methods that learn tasks with a whole network: pre-training, learning rates,
runs, report. Everything that takes long is kept in the folder as it is done, so that the same command resumes.
"""

import dataclasses
import functools
import json
import shutil
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar

import numpy as np

from tfodcl import files
from tfodcl.command import command_line
from tfodcl.cost.training import FLOPS_PER_MAC, Workload, memory, stream_flops
from tfodcl.data import Dataset
from tfodcl.energy import JETSON_TX2, EnergyMeter, EnergyModel, choose_meter
from tfodcl.errors import InputError
from tfodcl.layer_metrics import LayerMetrics, choose_frozen_blocks, measure_layers
from tfodcl.meta.augment import augmentation
from tfodcl.metrics import mean_and_deviation
from tfodcl.progress import progress
from tfodcl.replay.hierarchy import MemoryPlan, Sizes
from tfodcl.resnets import ResNets, Weights, pretrain_resnet
from tfodcl.run_folder import contents, write_results
from tfodcl.stages.resnet import ResNet, num_parameters, resnet
from tfodcl.streams import SplitStream, split_stream
from tfodcl.task_methods import CLASSES
from tfodcl.task_methods.learning import TaskLearning
from tfodcl.task_methods.sparcl import DENSITY, GRADIENT_DENSITY
from tfodcl.task_presets import SPARSE, SPARSE_KEPT, TaskPreset, kept_channels
from tfodcl.task_runs import TaskRun, run_split, summarize_runs

NUM_CALIBRATION_SAMPLES = 256
AUTO = "auto"
CONSTANTS = JETSON_TX2  # of the model of energy
BACKWARD_AND_FORWARD = 3  # passes in training, a backward one being two
LIGHTCL = ("lightcl_freezing", "lightcl", "lightcl_sparse")
STORING = ("miro",)  # methods that need a plan of their memory
SEARCH_TASKS = 3  # tasks that learning rates are chosen by: more cost more, and forgetting shows in these


@dataclass(frozen=True, eq=False)
class TaskPlan:
    """What a run of the command is to do.

    Attributes:
      dataset: whose classes are learnt.
      pretraining: what the network is trained on before; None: nothing, LightCL's first task instead.
      preset, preset_name: sizes.
      names: of methods, keys of CLASSES.
      freeze: how many blocks LightCL freezes with the stem, "" for the paper's choice, or AUTO.
      seed: of everything.
      num_runs: class orders.
      folder: of results.
      memory: Miro's, of a run; the folder of each run's storage is in its folder. None where there is no Miro.
      static: sizes and swap ratios that Miro is measured with beside, held fixed.
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
    memory: MemoryPlan | None = None
    static: Sequence[tuple[Sizes, float]] = ()

    def stream(self, run: int) -> SplitStream:
        return split_stream(self.dataset, self.preset.num_tasks, 0.0, self.seed, run)

    def validation_stream(self, run: int) -> SplitStream:
        return split_stream(self.dataset, self.preset.num_tasks, self.preset.held_out, self.seed, run)

    def memory_of(self, name: str, key: str) -> MemoryPlan | None:
        """Of one run of Miro, in the folder `key` of its own. Raises InputError where that is of another run."""
        if name not in STORING or self.memory is None:
            return None
        folder = self.memory.folder / key
        claim_storage(
            folder,
            {
                "dataset": self.dataset.name,
                "num_tasks": self.preset.num_tasks,
                "samples": zlib.crc32(self.dataset.y_train.tobytes(), zlib.crc32(self.dataset.x_train.tobytes())),
                "seed": self.seed,
                "holds_out": len(self.memory.grid) > 1,
            },
        )
        return dataclasses.replace(self.memory, folder=folder)

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
    if not set(STORING).isdisjoint(plan.names) and plan.memory is None:
        raise InputError(f"{', '.join(STORING)} needs --ram-budget. Received: none.")


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


def learn(plan: TaskPlan) -> None:
    """Does it, and writes results.json and the report."""
    forms = {name in SPARSE for name in plan.names} | ({False} if plan.freeze == AUTO else set())
    trainings = {sparse: Training(plan, sparse) for sparse in sorted(forms)}
    network, layers = plan.network(sparse=False), None
    frozen_blocks = network.blocks_before_last_stage
    if plan.freeze == AUTO:
        layers = measured_layers(plan, trainings[False])
        frozen_blocks = choose_frozen_blocks(network, layers)
    elif plan.freeze:
        frozen_blocks = int(plan.freeze)
    workload = workload_of(plan, network, frozen_blocks)
    methods: dict[str, dict[str, Any]] = {}
    compared: dict[str, float] = {}
    static: list[dict[str, Any]] = []
    for name in plan.names:
        training = trainings[name in SPARSE]
        learning = chosen_learning(plan, name, training, frozen_blocks)
        runs = measured_runs(plan, name, training, frozen_blocks, learning)
        cost = {"memory_bytes": memory(name, workload), "flops": stream_flops(name, workload)}
        of_runs = summarize_runs(runs, plan.stream(0).eval_points, learning)
        methods[name] = {**of_runs, "cost": cost, "energy": energy_of(name, runs, workload)}
        if name in STORING:
            static += static_entries(plan, name, training, frozen_blocks, learning, workload)
        if name == "lightcl":
            in_float = measured_runs(plan, name, training, frozen_blocks, learning, int8=False)
            compared = {"float_accuracy": mean_final(in_float), "int8_accuracy": mean_final(runs)}
            if plan.pretraining is not None:  # else every run freezes what its own first task taught
                model = training.networks(frozen_blocks, 0, plan.stream(0)).frozen_model()
                files.write(plan.folder / "encoder.tflite", model)
    protocol: dict[str, int | str] = {
        "num_tasks": plan.preset.num_tasks,
        "epochs": plan.preset.epochs,
        "batch_size": plan.preset.batch_size,
        "buffer_size": plan.preset.buffer_size,
        "cache_bytes": plan.preset.cache_bytes,
        "frozen_blocks": frozen_blocks,
        "pretraining": plan.pretraining.name if plan.pretraining else "first task of LightCL",
    }
    encoder = {
        "name": f"resnet{plan.preset.depth}_{plan.preset.width}",
        "parameters": num_parameters(network.units),
        "macs": sum(layer.macs for layer in network.layers),
        **dict.fromkeys(("tflite_bytes", "latent_dim", "int8_agreement")),
        **compared,
    }
    stages = [stage for training in trainings.values() for stage in training.stages]
    command, dataset = command_line("tfodcl.train"), plan.dataset.name
    content = contents(command, plan.seed, plan.num_runs, dataset, plan.preset_name, protocol, encoder, stages, methods)
    if static:
        content["ablations"] = static
    if layers is not None:
        content["layers"] = describe_layers(network, layers, frozen_blocks)
    write_results(plan.folder, content)


def mean_final(runs: Sequence[TaskRun]) -> float:
    """Of class-incremental accuracies."""
    return float(np.mean([run.accuracy[-1] for run in runs]))


def energy_of(name: str, runs: Sequence[TaskRun], workload: Workload) -> dict[str, Any]:
    """Joules of learning a stream, the mean over runs: by the sensor that was there, else by a model of constants."""
    measured = [run.joules for run in runs if run.joules is not None]
    if len(measured) == len(runs):
        return {"joules": float(np.mean(measured)), "source": runs[0].energy_source}
    macs_of_record = BACKWARD_AND_FORWARD * sum(layer.macs for layer in workload.network.layers)
    model = EnergyModel(CONSTANTS)
    for run in runs:
        if name in STORING:
            num_records = run.facts["num_trained"] + run.facts["num_profiled"]
            model.add(macs_of_record * num_records, run.facts["bytes_read"], run.facts["bytes_written"])
        else:
            model.add(round(sum(stream_flops(name, workload).values()) / FLOPS_PER_MAC))
    return {"joules": model.joules() / len(runs), "source": model.source}


@contextmanager
def sensor() -> Iterator[EnergyMeter | None]:
    """What measures energy on this machine, counting; None where nothing does."""
    model = EnergyModel(CONSTANTS)
    with choose_meter(model).meter as meter:
        yield None if meter is model else meter


def workload_of(plan: TaskPlan, network: ResNet, frozen_blocks: int) -> Workload:
    """What the cost model is told."""
    preset = plan.preset
    return Workload(
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
        **({"sizes": plan.memory.grid[0]} if plan.memory else {}),
    )


class Training:
    """The network before the stream, dense or sparse, trained where there is a data set for that."""

    def __init__(self, plan: TaskPlan, sparse: bool) -> None:
        self._plan, self.network = plan, plan.network(sparse)
        self._weights: Weights | None = None
        self._calibration: np.ndarray | None = None
        self.stages: list[dict[str, Any]] = []
        if plan.pretraining is None:
            return
        x = plan.pretraining.x_train
        self._calibration = x[np.random.default_rng([plan.seed, 15]).permutation(len(x))[:NUM_CALIBRATION_SAMPLES]]
        name = "pretrained_sparse" if sparse else "pretrained"
        self._weights, seconds = pretrain_resnet(
            self.network, plan.pretraining, plan.preset, plan.seed, plan.folder, name
        )
        steps = plan.preset.pretrain_steps
        self.stages = [{"name": f"supervised training ({name})", "seconds": seconds, "steps": steps}]

    def networks(self, frozen_blocks: int, run: int, stream: SplitStream, int8: bool = True) -> ResNets:
        """Those of a run: what is not trained before, the head at least, is drawn for it. The frozen stage is int8, its
        ranges told by samples that come first, of the training before or of the first task; or float32."""
        first = stream.tasks[0].x[:NUM_CALIBRATION_SAMPLES] if self._calibration is None else self._calibration
        return ResNets(self.network, self._weights, frozen_blocks, first if int8 else None, self._plan.seed + run)


def measured_runs(
    plan: TaskPlan,
    name: str,
    training: Training,
    frozen_blocks: int,
    learning: TaskLearning,
    int8: bool = True,
    label: str = "",
) -> list[TaskRun]:
    """All runs of a method, with the frozen stage in int8 or in float32, kept under `label`, by default its name."""
    label = label or name

    def make(run: int) -> TaskRun:
        stream, key = plan.stream(run), f"{label}/run_{run}"
        own = dataclasses.replace(learning, memory=plan.memory_of(name, key))
        method = CLASSES[name](training.networks(frozen_blocks, run, stream, int8), own, plan.seed + run)
        with sensor() as meter:
            return run_split(method, stream, plan.folder / "methods" / f"{key}.npz", meter)

    runs, kind = [], "" if int8 else ", float"
    with progress(f"{label}{kind}: continual runs", plan.num_runs) as bar:
        for run in range(plan.num_runs):
            path = plan.folder / "methods" / label / f"run{'' if int8 else '_float'}_{run}.json"
            runs.append(kept_run(path, plan.preset.num_tasks, functools.partial(make, run)))
            bar.update()
    return runs


def chosen_learning(plan: TaskPlan, name: str, training: Training, frozen_blocks: int) -> TaskLearning:
    """The learning rate, and then the strength of the method's own term, with the highest mean of class- and
    task-incremental accuracy on held-out training samples, after SEARCH_TASKS tasks."""
    preset = plan.preset
    base = TaskLearning(
        preset.rates[0],
        preset.batch_size,
        preset.epochs,
        preset.buffer_size,
        cache_bytes=preset.cache_bytes,
        augment=augmentation(plan.dataset),
    )
    strengths = CLASSES[name].STRENGTHS
    num_others = max(0, len(strengths) - 1)
    if len(preset.rates) + num_others < 2:
        return base
    stream = plan.validation_stream(0).first(SEARCH_TASKS)
    found: dict[TaskLearning, float] = {}
    with progress(f"{name}: learning rates", len(preset.rates) + num_others) as bar:

        def best_of(candidates: list[TaskLearning]) -> TaskLearning:
            for learning in candidates:
                if learning not in found:
                    found[learning] = score(learning)
                    bar.update()
            return max(candidates, key=lambda learning: found[learning])

        def score(learning: TaskLearning) -> float:
            strength = learning.strength_of(CLASSES[name]) if strengths else 0
            key = f"{name}/search_{learning.learning_rate:g}_{strength:g}"

            def make() -> TaskRun:
                own = dataclasses.replace(learning, memory=plan.memory_of(name, key))
                networks = training.networks(frozen_blocks, 0, stream)
                run = run_split(CLASSES[name](networks, own, plan.seed), stream)
                if own.memory:
                    shutil.rmtree(own.memory.folder)
                return run

            run = kept_run(plan.folder / "methods" / f"{key}.json", len(stream.tasks), make)
            return float(run.accuracy[-1] + run.task_accuracy[-1]) / 2

        first = [
            dataclasses.replace(base, learning_rate=rate, strength=strengths[0] if strengths else None)
            for rate in preset.rates
        ]
        learning = best_of(first)
        return best_of([dataclasses.replace(learning, strength=one) for one in strengths]) if strengths else learning


def static_entries(
    plan: TaskPlan, name: str, training: Training, frozen_blocks: int, learning: TaskLearning, workload: Workload
) -> Iterator[dict[str, Any]]:
    """What results.json holds of a method with its memory held at each of the static sizes, at its own rate."""
    if plan.memory is None:
        return
    for sizes, swap_ratio in plan.static:
        memory = dataclasses.replace(plan.memory, grid=[sizes], swap_ratio=swap_ratio)
        held = dataclasses.replace(plan, memory=memory)
        label = f"{name}_static_{sizes.num_episodic}_{sizes.num_stream}_{swap_ratio:g}"
        runs = measured_runs(held, name, training, frozen_blocks, learning, label=label)
        shutil.rmtree(memory.folder / label, ignore_errors=True)
        final = [float(run.accuracy[-1]) for run in runs]
        mean, deviation = mean_and_deviation(final)
        energy = energy_of(name, runs, workload)
        yield {
            "kind": "memory",
            "setting": f"{sizes.num_episodic}:{sizes.num_stream}",
            "num_episodic": sizes.num_episodic,
            "num_stream": sizes.num_stream,
            "swap_ratio": swap_ratio,
            "records": "raw",
            "bytes_per_record": plan.dataset.x_train[:1].nbytes,
            "joules": energy["joules"],
            "energy_source": energy["source"],
            "accuracy_mean": float(mean),
            "accuracy_std": float(deviation),
            "accuracy_runs": final,
            "learning_rate": {"sgd": learning.learning_rate},
        }


def claim_storage(folder: Path, settings: Mapping[str, Any]) -> None:
    """Makes `folder` the storage of a run with these settings, or raises InputError where it is another one's."""
    path = folder / "settings.json"
    if not files.is_file(path):
        files.write(path, (json.dumps(settings) + "\n").encode())
    elif (earlier := path.read_text(errors="replace").strip()) != json.dumps(settings):
        raise InputError(
            f"storage must be new or of the same run; delete {folder} to start anew. Received: {earlier[:200]}."
        )


class Kept(Protocol):
    """What can be left in the folder."""

    def to_json(self) -> dict[str, Any]: ...


Found = TypeVar("Found", bound=Kept)


def kept(path: Path, read: Callable[[Any], Found], make: Callable[[], Found]) -> Found:
    """What an earlier call left at `path`, else what `make` gives, left there.

    Raises:
      InputError: `read` finds that the content is not of `to_json`.
    """
    if files.is_file(path):
        try:
            return read(json.loads(path.read_text()))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise InputError(
                f"{path} must be of an earlier run; delete it to repeat that. Received: {error!r}."
            ) from error
    found = make()
    files.write(path, (json.dumps(found.to_json()) + "\n").encode())
    return found


def kept_run(path: Path, num_tasks: int, make: Callable[[], TaskRun]) -> TaskRun:
    return kept(path, functools.partial(TaskRun.from_json, num_tasks=num_tasks), make)


def measured_layers(plan: TaskPlan, training: Training) -> LayerMetrics:
    """Of all class orders, on held-out training samples, since they choose what is frozen."""
    preset, network = plan.preset, training.network
    learning = TaskLearning(preset.rates[0], preset.batch_size, preset.epochs, augment=augmentation(plan.dataset))

    def make() -> LayerMetrics:
        found = []
        with progress("layers: continual runs", plan.num_runs) as bar:
            for run in range(plan.num_runs):
                stream = plan.validation_stream(run)
                networks = training.networks(0, run, stream)
                found.append(measure_layers(network, networks, learning, stream, plan.seed + run))
                bar.update()
        return LayerMetrics.joined(found)

    return kept(plan.folder / "layers.json", functools.partial(LayerMetrics.from_json, network=network), make)


def describe_layers(network: ResNet, layers: LayerMetrics, frozen_blocks: int) -> dict[str, Any]:
    """What results.json holds of them."""

    def of(values: np.ndarray) -> dict[str, Any]:
        mean, deviation = mean_and_deviation(values)
        return {"mean": mean.tolist(), "std": deviation.tolist(), "runs": len(values)}

    def names(num_blocks: int) -> list[str]:
        return [layer.name for unit in network.cut(num_blocks)[0] for layer in unit.trained_layers]

    return {
        "names": list(layers.names),
        "memory_stability": of(layers.memory_stability),
        "learning_plasticity": of(layers.learning_plasticity),
        "frozen": names(frozen_blocks),
        "published": names(network.blocks_before_last_stage),
    }
