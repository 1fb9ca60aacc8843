"""What results.json has of methods that learn tasks of several classes with a whole network. All of it is optional.

Of a method:

  task_accuracy_mean, _std, _runs    as accuracy_*, when the task of a sample is told (task-incremental)
  average_incremental_mean           means over runs of metrics.average_incremental_accuracy
  learning_accuracy_mean             and metrics.learning_accuracy
  cost.memory_bytes                  {part: bytes}: modelled memory of training
  cost.flops                         {forward, backward}: modelled operations of the whole stream
  cost.measured                      {peak_bytes, seconds} of the process that learnt; may be absent
  energy                             {joules, source}: of learning the whole stream, mean over runs, and what tells it

Of the file, `layers`: LightCL's measures (arXiv 2407.10545) of each layer, put back to what it was before the last task
T, and what was frozen:

  names                              in order, from the input
  memory_stability                   {mean, std, runs}: what task T - 1 gains, in -1..1 for each layer
  learning_plasticity                {mean, std, runs}: what task T gains
  frozen, published                  names that are frozen, and that the paper's fixed choice freezes; may be absent
"""

from tfodcl.errors import InputError
from tfodcl.report.fields import (
    check_count,
    check_number,
    check_row,
    check_runs,
    check_text,
    field_of,
    list_of,
    object_of,
    shown,
    word,
)

TASK_ACCURACY = ("task_accuracy_mean", "task_accuracy_std", "task_accuracy_runs")
FIGURES = ("average_incremental_mean", "learning_accuracy_mean")
MEASURES = ("memory_stability", "learning_plasticity")
CHOICES = ("frozen", "published")
LARGEST_FLOPS = 1e24  # published streams take 1e18
LARGEST_DEVIATION = 2.0  # that of -1 and 1 is 1.41


def check_task_method(method: dict, num_points: int, origin: str) -> None:
    """Checks what is there of one method; `num_points` evaluation points."""
    if any(method.get(name) is not None for name in TASK_ACCURACY):
        mean, deviation, runs = (field_of(method, name, origin) for name in TASK_ACCURACY)
        check_row(mean, num_points, f"{origin}.task_accuracy_mean")
        check_row(deviation, num_points, f"{origin}.task_accuracy_std")
        check_runs(runs, num_points, f"{origin}.task_accuracy_runs")
        if len(method["task_accuracy_runs"]) != len(method["accuracy_runs"]):
            raise InputError(
                f"{origin}.task_accuracy_runs must be as many as accuracy_runs, {len(method['accuracy_runs'])}. "
                f"Received: {len(method['task_accuracy_runs'])}."
            )
    for name in FIGURES:
        check_number(method.get(name), f"{origin}.{name}", high=1, null=True)
    if method.get("cost") is not None:
        _check_cost(object_of(method["cost"], f"{origin}.cost"), f"{origin}.cost")
    if method.get("energy") is not None:
        energy = object_of(method["energy"], f"{origin}.energy")
        check_number(field_of(energy, "joules", f"{origin}.energy"), f"{origin}.energy.joules")
        check_text(field_of(energy, "source", f"{origin}.energy"), f"{origin}.energy.source")


def check_layers(layers: object, origin: str) -> None:
    """Checks the measures of layers."""
    layers = object_of(layers, origin)
    names = list_of(field_of(layers, "names", origin), f"{origin}.names")
    if not names or not all(isinstance(name, str) for name in names) or len(set(names)) < len(names):
        raise InputError(f"{origin}.names must hold texts, each once. Received: {shown(names)}.")
    for measure in MEASURES:
        where = f"{origin}.{measure}"
        entry = object_of(field_of(layers, measure, origin), where)
        check_row(field_of(entry, "mean", where), len(names), f"{where}.mean", low=-1)
        check_row(field_of(entry, "std", where), len(names), f"{where}.std", high=LARGEST_DEVIATION)
        check_count(field_of(entry, "runs", where), f"{where}.runs", least=1)
    for choice in CHOICES:
        if layers.get(choice) is not None:
            for name in list_of(layers[choice], f"{origin}.{choice}"):
                if name not in names:
                    raise InputError(f"{origin}.{choice} must hold names of layers. Received: {shown(name)}.")


def tasks_told(methods: dict[str, dict]) -> dict[str, dict]:
    """The checked methods whose task accuracies are known, with these in place of their accuracies."""
    return {
        name: method | {field.removeprefix("task_"): method[field] for field in TASK_ACCURACY}
        for name, method in methods.items()
        if method.get("task_accuracy_mean") is not None
    }


def _check_cost(cost: dict, origin: str) -> None:
    parts = object_of(field_of(cost, "memory_bytes", origin), f"{origin}.memory_bytes")
    for part, num_bytes in parts.items():
        check_number(num_bytes, f"{origin}.memory_bytes.{word(part)}")
    if sum(parts.values()) < 1:
        raise InputError(f"{origin}.memory_bytes must hold at least one byte. Received: {shown(parts)}.")
    flops = object_of(field_of(cost, "flops", origin), f"{origin}.flops")
    for name in ("forward", "backward"):
        check_number(field_of(flops, name, f"{origin}.flops"), f"{origin}.flops.{name}", high=LARGEST_FLOPS)
    if cost.get("measured") is not None:
        measured = object_of(cost["measured"], f"{origin}.measured")
        for name in ("peak_bytes", "seconds"):
            check_number(field_of(measured, name, f"{origin}.measured"), f"{origin}.measured.{name}")
