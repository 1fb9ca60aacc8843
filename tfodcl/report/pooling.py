"""Figures of one method, setting or network over the runs of several results."""

import math
from collections.abc import Sequence

from tfodcl import metrics
from tfodcl.errors import InputError
from tfodcl.report.task_fields import FIGURES, MEASURES, TASK_ACCURACY

ACCURACY = ("accuracy_mean", "accuracy_std", "accuracy_runs")
AVERAGED = ("bytes_per_record", "replay_bytes", "state_bytes", "bytes_written", "learn_seconds")


def pool_setting(entries: list[dict]) -> dict:
    """One setting's figures over the runs of all entries. One entry stays as it was measured."""
    if len(entries) == 1:
        return entries[0]
    runs = [run for entry in entries for run in entry["accuracy_runs"]]
    weights = [len(entry["accuracy_runs"]) / len(runs) for entry in entries]
    mean, deviation = metrics.mean_and_deviation(runs)
    names = [name for name in ("bytes_per_record", "codebook_bytes", "replay_bytes") if name in entries[0]]
    sizes = {name: max(entry[name] for entry in entries) for name in names}
    figures = {"accuracy_mean": float(mean), "accuracy_std": float(deviation), "accuracy_runs": runs}
    if "joules" in entries[0]:
        figures["joules"] = _mean([entry["joules"] for entry in entries], weights)
        figures["energy_source"] = _sources([entry["energy_source"] for entry in entries])
    return first_known(entries) | sizes | figures


def first_known(parts: list[dict]) -> dict:
    """Every field of any part, from the first part that knows it (is not null there)."""
    known: dict = {}
    for part in parts:
        known.update({name: value for name, value in part.items() if known.get(name) is None})
    return known


def pool_method(name: str, entries: list[dict]) -> dict:
    """One method's figures over the runs of all entries. One entry stays as it was measured."""
    if len(entries) == 1:
        return entries[0]
    points = [entry["num_classes"] for entry in entries]
    if any(other != points[0] for other in points):
        raise InputError(
            f"runs of {name} must have the same num_classes to be merged. Received: "
            f"num_classes={points[0]} and {next(other for other in points if other != points[0])}."
        )
    runs = [run for entry in entries for run in entry["accuracy_runs"]]
    weights = [len(entry["accuracy_runs"]) / len(runs) for entry in entries]
    pooled = first_known(entries) | dict(zip(ACCURACY, _mean_deviation_runs(runs), strict=True))
    for field in AVERAGED:
        pooled[field] = _mean([entry[field] for entry in entries], weights)
    # A mean over a part of the runs only would not be what the page says it is.
    matrices, costs, energies = (_of_all(entries, field) for field in ("accuracy_matrix", "cost", "energy"))
    pooled["accuracy_matrix"] = _mean_matrix(matrices, weights) if matrices else None
    pooled["cost"] = _pool_cost(costs, weights) if costs else None
    pooled["energy"] = _pool_energy(energies, weights) if energies else None
    for field in FIGURES:
        figures = _of_all(entries, field)
        pooled[field] = _mean(figures, weights) if figures else None
    known = _of_all(entries, "forgetting_mean")
    pooled["forgetting_mean"], pooled["forgetting_std"] = _pooled_forgetting(entries) if known else (None, None)
    told = [run for runs_told in _of_all(entries, "task_accuracy_runs") for run in runs_told]
    pooled |= dict(zip(TASK_ACCURACY, _mean_deviation_runs(told) if told else (None,) * 3, strict=True))
    return pooled


def pool_layers(entries: list[dict]) -> dict:
    """The measures of the same layers over the runs of all entries. One entry stays as it was measured."""
    if len(entries) == 1:
        return entries[0]
    pooled = dict(entries[0])
    for measure in MEASURES:
        parts = [entry[measure] for entry in entries]
        counts = [part["runs"] for part in parts]
        rows = [zip(*(part[name] for part in parts), strict=True) for name in ("mean", "std")]
        by_layer = [_pooled_moments(counts, *moments) for moments in zip(*rows, strict=True)]
        mean, deviation = (list(column) for column in zip(*by_layer, strict=True))
        pooled[measure] = {"mean": mean, "std": deviation, "runs": sum(counts)}
    return pooled


def _of_all(entries: list[dict], field: str) -> list:
    """The field of every entry; nothing where one does not know it."""
    known = [entry[field] for entry in entries if entry.get(field) is not None]
    return known if len(known) == len(entries) else []


def _mean(values: Sequence[float], weights: Sequence[float]) -> float:
    return sum(weight * value for weight, value in zip(weights, values, strict=True))


def _mean_deviation_runs(runs: list[list[float]]) -> tuple[list, list, list]:
    mean, deviation = metrics.mean_and_deviation(runs)
    return mean.tolist(), deviation.tolist(), runs


def _pool_cost(costs: list[dict], weights: list[float]) -> dict:
    """Means over runs; of the memory that was measured the highest peak."""
    parts = dict.fromkeys(part for cost in costs for part in cost["memory_bytes"])
    measured = _of_all(costs, "measured")
    return {
        "memory_bytes": {part: _mean([cost["memory_bytes"].get(part, 0) for cost in costs], weights) for part in parts},
        "flops": {
            direction: _mean([cost["flops"][direction] for cost in costs], weights)
            for direction in ("forward", "backward")
        },
        "measured": {
            "peak_bytes": max(entry["peak_bytes"] for entry in measured),
            "seconds": _mean([entry["seconds"] for entry in measured], weights),
        }
        if measured
        else None,
    }


def _pool_energy(energies: list[dict], weights: list[float]) -> dict:
    return {
        "joules": _mean([energy["joules"] for energy in energies], weights),
        "source": _sources([energy["source"] for energy in energies]),
    }


def _sources(several: list[str]) -> str:
    """Each once."""
    return "; ".join(dict.fromkeys(several))


def _mean_matrix(matrices: Sequence[list[list]], weights: list[float]) -> list[list]:
    return [
        [None if None in cells else _mean(cells, weights) for cells in zip(*rows, strict=True)]
        for rows in zip(*matrices, strict=True)
    ]


def _pooled_forgetting(entries: list[dict]) -> tuple[float, float]:
    counts = [len(entry["accuracy_runs"]) for entry in entries]
    deviations = [entry.get("forgetting_std") or 0.0 for entry in entries]
    return _pooled_moments(counts, [entry["forgetting_mean"] for entry in entries], deviations)


def _pooled_moments(counts: Sequence[int], means: Sequence[float], deviations: Sequence[float]) -> tuple[float, float]:
    """Mean and sample deviation of all runs from those of the parts (sums of squares within and between)."""
    mean = sum(count * value for count, value in zip(counts, means, strict=True)) / sum(counts)
    within = sum((count - 1) * value**2 for count, value in zip(counts, deviations, strict=True))
    between = sum(count * (value - mean) ** 2 for count, value in zip(counts, means, strict=True))
    return mean, math.sqrt((within + between) / (sum(counts) - 1))
