"""What python -m tfodcl.train does for the methods that learn tasks with a whole network: pre-training, learning rates,
runs, report. Everything that takes long is kept in the folder as it is done, so that the same command resumes.
"""

import dataclasses
import functools
import json
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol, TypeVar

import numpy as np

from tfodcl import files
from tfodcl.command import command_line
from tfodcl.compress.record import Codec
from tfodcl.cost.training import Workload, memory, stream_flops
from tfodcl.errors import InputError
from tfodcl.layer_metrics import LayerMetrics, choose_frozen_blocks, measure_layers
from tfodcl.meta.augment import augmentation
from tfodcl.metrics import mean_and_deviation
from tfodcl.progress import progress
from tfodcl.replay.hierarchy import MemoryPlan
from tfodcl.report.results import MEMORY
from tfodcl.resnets import ResNets, Weights, pretrain_resnet
from tfodcl.run_folder import contents, write_results
from tfodcl.stages.keras_network import in_chunks
from tfodcl.stages.resnet import ResNet, num_parameters
from tfodcl.streams import SplitStream
from tfodcl.task_costs import energy_of, sensor, workload_of
from tfodcl.task_methods import CLASSES
from tfodcl.task_methods.learning import TaskLearning
from tfodcl.task_plan import AUTO, TaskPlan
from tfodcl.task_presets import SPARSE, STORING
from tfodcl.task_runs import TaskRun, run_split, summarize_runs

NUM_CALIBRATION_SAMPLES = 256
# Of the training before, that a codec is fitted on: 16 for each of a codebook's 256 codewords. k-means of 4,096 takes
# about 0.1 s for a subvector, two minutes for the 1,024 of pq:8 on maps of 16x16x32.
NUM_CODEC_SAMPLES = 4096
SEARCH_TASKS = 3  # tasks that learning rates are chosen by: more cost more, and forgetting shows in these


def learn(plan: TaskPlan) -> None:
    """Does it, and writes results.json and the report."""
    forms = {name in SPARSE for name in plan.names} | ({False} if plan.freeze == AUTO else set())
    trainings = {sparse: Training(plan, sparse) for sparse in sorted(forms)}
    network, layers, frozen_blocks = plan.network(sparse=False), None, plan.frozen_blocks
    if frozen_blocks is None:
        layers = measured_layers(plan, trainings[False])
        frozen_blocks = choose_frozen_blocks(network, layers)
    methods: dict[str, dict[str, Any]] = {}
    compared: dict[str, float] = {}
    static: list[dict[str, Any]] = []
    for name in plan.names:
        training = trainings[name in SPARSE]
        learning = chosen_learning(plan, name, training, frozen_blocks)
        runs = measured_runs(plan, name, training, frozen_blocks, learning)
        say_if_nothing_was_tried(name, runs, learning.memory)
        workload = workload_of(plan, network, frozen_blocks, learning.memory)
        cost = {"memory_bytes": memory(name, workload), "flops": stream_flops(name, workload)}
        of_runs = summarize_runs(runs, plan.stream(0).eval_points, learning)
        methods[name] = {**of_runs, "cost": cost, "energy": energy_of(name, runs, workload)}
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
        "rate_falls": plan.preset.rate_falls,
        "frozen_blocks": frozen_blocks,
        "pretraining": plan.pretraining.name if plan.pretraining else "first task of LightCL",
        **({"codec": str(plan.codec)} if "miro_latent" in plan.names else {}),
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


def say_if_nothing_was_tried(name: str, runs: Sequence[TaskRun], memory: MemoryPlan | None) -> None:
    """Memory of other sizes might have been better then."""
    if memory is not None and len(memory.grid) > 1 and not any(run.facts["trials"] for run in runs):
        stayed = f"memory stayed {memory.grid[0].text} (see --sizes, --epochs)"
        print(f"{name}: note: so short a training pays for no trial of sizes; {stayed}", file=sys.stderr)


def mean_final(runs: Sequence[TaskRun]) -> float:
    """Of class-incremental accuracies."""
    return float(np.mean([run.accuracy[-1] for run in runs]))


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

    def codec(self, frozen_blocks: int) -> Codec:
        """Of the int8 frozen stage's latents, fitted on samples of the training before.

        Raises:
          InputError: there was none.
        """
        if self._plan.pretraining is None:
            raise InputError("a codec must be fitted on latents of a pretrained network. Received: none.")
        networks = self.networks(frozen_blocks, 0, self._plan.stream(0))
        frozen, _ = networks.cut(networks.whole())
        x = self._plan.pretraining.x_train
        chosen = np.random.default_rng([self._plan.seed, 18]).permutation(len(x))[:NUM_CODEC_SAMPLES]
        latents = in_chunks(frozen.encode)(x[chosen])
        return self._plan.codec.fit(latents, frozen.zero_point, self._plan.seed)

    def memory(self, name: str, frozen_blocks: int) -> MemoryPlan | None:
        """Of a method; None where it needs no plan."""
        if name not in STORING or self._plan.memory is None:
            return None
        if name == "miro":
            return self._plan.memory(self._plan.sample_bytes)
        codec = self.codec(frozen_blocks)
        return dataclasses.replace(self._plan.memory(codec.payload_bytes), codec=codec)


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
        stream, key = plan.stream(run), f"run_{run}"
        own = plan.with_own_storage(learning, label, key)
        method = CLASSES[name](training.networks(frozen_blocks, run, stream, int8), own, plan.seed + run)
        with sensor() as meter:
            return run_split(method, stream, plan.folder / "methods" / label / f"{key}.npz", meter)

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
        rate_falls=preset.rate_falls,
        augment=augmentation(plan.dataset),
        memory=training.memory(name, frozen_blocks),
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
            key = f"search_{learning.learning_rate:g}_{strength:g}"

            def make() -> TaskRun:
                own = plan.with_own_storage(learning, name, key)
                networks = training.networks(frozen_blocks, 0, stream)
                run = run_split(CLASSES[name](networks, own, plan.seed), stream)
                if own.memory:
                    shutil.rmtree(own.memory.folder)
                return run

            run = kept_run(plan.folder / "methods" / name / f"{key}.json", len(stream.tasks), make)
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
    """What results.json holds of a method with its memory held at each of the static sizes, at its own rate; nothing of
    one without a plan of its memory."""
    memory = learning.memory
    if memory is None:
        return
    pairs = [(sizes, memory.swap_ratio) for sizes in memory.grid] if plan.static else []
    pairs += [(memory.grid[0], ratio) for ratio in plan.swap_ratios]
    for sizes, swap_ratio in dict.fromkeys(pairs):
        held = dataclasses.replace(learning, memory=dataclasses.replace(memory, grid=[sizes], swap_ratio=swap_ratio))
        label = f"{name}_static_{sizes.num_episodic}_{sizes.num_stream}_{swap_ratio:g}"
        runs = measured_runs(plan, name, training, frozen_blocks, held, label=label)
        shutil.rmtree(memory.folder / label, ignore_errors=True)
        final = [float(run.accuracy[-1]) for run in runs]
        mean, deviation = mean_and_deviation(final)
        energy = energy_of(name, runs, workload)
        yield {
            "kind": MEMORY,
            "setting": sizes.text,
            "num_episodic": sizes.num_episodic,
            "num_stream": sizes.num_stream,
            "swap_ratio": swap_ratio,
            "records": "raw" if memory.codec is None else str(plan.codec),
            "bytes_per_record": runs[0].facts["bytes_per_record"],
            "joules": energy["joules"],
            "energy_source": energy["source"],
            "accuracy_mean": float(mean),
            "accuracy_std": float(deviation),
            "accuracy_runs": final,
            "learning_rate": {"sgd": learning.learning_rate},
        }


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
