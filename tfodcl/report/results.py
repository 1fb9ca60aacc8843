"""results.json: read and checked. Required fields must be there; optional ones are checked where present."""

import json
import os
from pathlib import Path

from tfodcl.errors import InputError
from tfodcl.report.fields import (
    LARGEST,
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
from tfodcl.report.task_fields import check_layers, check_task_method

SCHEMA = 1
REQUIRED = {"command": str, "seed": int, "dataset": str, "preset": str, "encoder": dict, "methods": dict}
REQUIRED_ENCODER = ("tflite_bytes", "macs", "latent_dim", "int8_agreement")
REQUIRED_COSTS = ("bytes_per_record", "replay_bytes", "state_bytes", "bytes_written", "learn_seconds")
BOARD_TEXTS = ("name", "chip", "core", "encoder", "firmware", "package_identity", "tick_unit")
BOARD_COUNTS = {
    "memory": ("arena_used_bytes", "arena_bytes", "stack_used_bytes", "stack_bytes"),
    "flash": ("item_bytes", "programmed_bytes", "copied_bytes", "num_erases", "greatest_erase_count"),
}
# What tfodcl.ablate varies, one thing at a time, and tfodcl.train: of qlr layer, codec and number of replays, of miro
# the sizes of its memory, held fixed, and the swap ratio.
LATENT_REPLAY, MEMORY = "latent_replay", "memory"
ABLATIONS = ("samples_per_class", "replay_epochs", "codec", LATENT_REPLAY, MEMORY)
LEAST_COUNTS = {
    LATENT_REPLAY: {"split": 0, "num_replays": 1, "replay_bytes": 1},
    MEMORY: {"num_episodic": 0, "num_stream": 1},
}
CLASSES = "classes"  # what a method's num_classes counts unless its `unit` says otherwise
UNITS = (CLASSES, "training batches")
OPTIONAL_ENCODER = ("parameters", "float_accuracy", "int8_accuracy", "latent_density")


def load_results(path: str | os.PathLike) -> dict:
    """Reads and checks one results.json.

    Args:
      path: the file, or the directory that holds a file of that name.

    Raises:
      InputError: the file is missing, is not JSON, has another schema, or a field is missing or out of range.
    """
    path = Path(path)
    if path.is_dir():
        path = path / "results.json"
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(f"{path} must be the results.json of a run. Received: {error.strerror or error}.") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path} must be JSON in UTF-8. Received: {error.reason} at byte {error.start}.") from error
    try:
        results = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} must be JSON. Received: {error}.") from error
    check_results(results, str(path))
    return results


def check_results(results: object, origin: str) -> None:
    """Raises InputError, beginning with `origin`, where `results` is not as the schema says."""
    if not isinstance(results, dict):
        raise InputError(f"{origin}: results must be an object. Received: {type(results).__name__}.")
    schema = results.get("schema")
    if schema != SCHEMA or isinstance(schema, bool):
        raise InputError(f"{origin}: schema must be {SCHEMA}. Received: schema={shown(schema)}.")
    for name, kind in REQUIRED.items():
        value = field_of(results, name, origin)
        if not isinstance(value, kind) or isinstance(value, bool) or (kind is dict and not value):
            raise InputError(
                f"{origin}: {name} must be a{' non-empty' if kind is dict else ''} {_KIND_NAMES[kind]}. "
                f"Received: {name}={shown(value)}."
            )
    _check_encoder(results["encoder"], origin)
    for name, method in results["methods"].items():
        _check_method(method, f"{origin}: methods.{word(name)}")
    _check_units(results["methods"], f"{origin}: methods")
    _check_stages(results.get("stages") or [], origin)
    for i, entry in enumerate(list_of(results.get("ablations") or [], f"{origin}: ablations")):
        _check_ablation(entry, f"{origin}: ablations[{i}]")
    if results.get("layers") is not None:
        check_layers(results["layers"], f"{origin}: layers")
    if results.get("board") is not None:
        _check_board(results, f"{origin}: board")
    for name in ("protocol", "versions"):
        if not isinstance(results.get(name) or {}, dict):
            raise InputError(f"{origin}: {name} must be an object. Received: {name}={shown(results[name])}.")


def _check_encoder(encoder: dict, origin: str) -> None:
    for name in REQUIRED_ENCODER:
        check_number(field_of(encoder, name, f"{origin}: encoder"), f"{origin}: encoder.{name}", null=True)
    for name in OPTIONAL_ENCODER:
        check_number(encoder.get(name), f"{origin}: encoder.{name}", null=True)
    codec = encoder.get("codec") or {}
    if not isinstance(codec, dict):
        raise InputError(f"{origin}: encoder.codec must be an object. Received: codec={shown(codec)}.")
    for name in ("payload_bytes", "reconstruction_error"):
        check_number(codec.get(name), f"{origin}: encoder.codec.{name}", null=True)


def _check_method(method: object, origin: str) -> None:
    method = object_of(method, origin)
    points = list_of(field_of(method, "num_classes", origin), f"{origin}.num_classes")
    if not points or any(type(point) is not int or point > LARGEST for point in points):
        raise InputError(f"{origin}.num_classes must hold integers. Received: num_classes={shown(points)}.")
    if any(low >= high for low, high in zip([0, *points], points, strict=False)):
        raise InputError(f"{origin}.num_classes must increase from at least 1. Received: {shown(points)}.")
    check_row(field_of(method, "accuracy_mean", origin), len(points), f"{origin}.accuracy_mean")
    check_row(field_of(method, "accuracy_std", origin), len(points), f"{origin}.accuracy_std")
    check_runs(field_of(method, "accuracy_runs", origin), len(points), f"{origin}.accuracy_runs")
    for name in REQUIRED_COSTS:
        check_number(field_of(method, name, origin), f"{origin}.{name}")
    _check_optional(method, len(points), origin)


def _check_optional(method: dict, num_points: int, origin: str) -> None:
    matrix = method.get("accuracy_matrix")
    if matrix is not None:
        if len(list_of(matrix, f"{origin}.accuracy_matrix")) != num_points:
            raise InputError(
                f"{origin}.accuracy_matrix must have a row for each of {num_points} evaluation points. "
                f"Received: {len(matrix)} rows."
            )
        for i, row in enumerate(matrix):
            check_row(row, num_points, f"{origin}.accuracy_matrix", num_known=i + 1)
    check_number(method.get("forgetting_mean"), f"{origin}.forgetting_mean", low=-1, high=1, null=True)
    check_number(method.get("forgetting_std"), f"{origin}.forgetting_std", null=True)
    _check_rates(method.get("learning_rate"), f"{origin}.learning_rate")
    parts = method.get("memory_bytes") or {}
    if not isinstance(parts, dict):
        raise InputError(f"{origin}.memory_bytes must be an object. Received: memory_bytes={shown(parts)}.")
    for name, num_bytes in parts.items():
        check_number(num_bytes, f"{origin}.memory_bytes.{word(name)}")
    check_task_method(method, num_points, origin)


def _check_rates(rates: object, origin: str) -> None:
    for name, rate in rates.items() if isinstance(rates, dict) else [("", rates)]:
        check_number(rate, f"{origin}{'.' if name else ''}{word(name)}", null=True)


def unit_of(methods: dict[str, dict]) -> str:
    """What the numbers of classes of checked methods count."""
    return next(iter(methods.values())).get("unit", CLASSES)


def _check_units(methods: dict[str, dict], origin: str) -> None:
    for name, method in methods.items():
        unit = method.get("unit", CLASSES)
        if unit not in UNITS:
            raise InputError(f"{origin}.{word(name)}.unit must be of {', '.join(UNITS)}. Received: {shown(unit)}.")
    if len({method.get("unit", CLASSES) for method in methods.values()}) > 1:
        raise InputError(f"{origin} must have one unit. Received: {', '.join(UNITS)}.")


def _check_ablation(entry: object, origin: str) -> None:
    """A method with something varied, as tfodcl.ablate and tfodcl.train write it."""
    entry = object_of(entry, origin)
    kind, setting = field_of(entry, "kind", origin), field_of(entry, "setting", origin)
    if kind not in ABLATIONS:
        raise InputError(f"{origin}.kind must be of {', '.join(ABLATIONS)}. Received: kind={shown(kind)}.")
    of_text = kind in ("codec", LATENT_REPLAY, MEMORY)
    if type(setting) is not (str if of_text else int):
        rule = "a text" if of_text else "a whole number"
        raise InputError(f"{origin}.setting must be {rule}. Received: setting={shown(setting)}.")
    check_number(field_of(entry, "bytes_per_record", origin), f"{origin}.bytes_per_record", low=1)
    for name, least in LEAST_COUNTS.get(kind, {}).items():
        check_count(field_of(entry, name, origin), f"{origin}.{name}", least)
    if kind == MEMORY:
        check_number(field_of(entry, "swap_ratio", origin), f"{origin}.swap_ratio", high=1)
        check_number(field_of(entry, "joules", origin), f"{origin}.joules")
        for name in ("records", "energy_source"):
            check_text(field_of(entry, name, origin), f"{origin}.{name}")
    elif kind != LATENT_REPLAY:
        check_number(field_of(entry, "codebook_bytes", origin), f"{origin}.codebook_bytes")
    check_number(field_of(entry, "accuracy_std", origin), f"{origin}.accuracy_std")
    runs = list_of(field_of(entry, "accuracy_runs", origin), f"{origin}.accuracy_runs")
    if not runs:
        raise InputError(f"{origin}.accuracy_runs must hold at least one run. Received: accuracy_runs=[].")
    check_row([field_of(entry, "accuracy_mean", origin), *runs], len(runs) + 1, f"{origin}.accuracy_mean and _runs")
    _check_rates(entry.get("learning_rate"), f"{origin}.learning_rate")
    if entry.get("command") is not None:
        check_text(entry["command"], f"{origin}.command")


def _check_stages(stages: object, origin: str) -> None:
    for i, stage in enumerate(list_of(stages, f"{origin}: stages")):
        if not isinstance(stage, dict) or not isinstance(stage.get("name"), str):
            raise InputError(f"{origin}: stages[{i}] must be an object with a name. Received: {shown(stage)}.")
        check_number(field_of(stage, "seconds", f"{origin}: stages[{i}]"), f"{origin}: stages[{i}].seconds")
        check_number(stage.get("steps"), f"{origin}: stages[{i}].steps", null=True)


def _check_board(results: dict, origin: str) -> None:
    """What tools/serial_eval.py writes of a board, beside its only method."""
    board = object_of(results["board"], origin)
    methods = list(results["methods"].values())
    if len(methods) != 1:
        raise InputError(f"{origin} must be of one method. Received: {len(methods)}.")
    points = len(methods[0]["num_classes"])
    for name in BOARD_TEXTS:
        check_text(field_of(board, name, origin), f"{origin}.{name}")
    if not isinstance(field_of(board, "emulated", origin), bool):
        raise InputError(f"{origin}.emulated must be true or false. Received: {shown(board['emulated'])}.")
    for name in ("accuracy", "twin_accuracy"):
        check_row(field_of(board, name, origin), points, f"{origin}.{name}")
    for value in list_of(field_of(board, "twin_differences", origin), f"{origin}.twin_differences"):
        check_number(value, f"{origin}.twin_differences")
    for name, fields in BOARD_COUNTS.items():
        part = object_of(field_of(board, name, origin), f"{origin}.{name}")
        for field in fields:
            check_number(field_of(part, field, f"{origin}.{name}"), f"{origin}.{name}.{field}")
    for name in ("parts", "commands"):
        for operation, entry in object_of(field_of(board, name, origin), f"{origin}.{name}").items():
            cost = object_of(entry, f"{origin}.{name}.{word(operation)}")
            for field in ("count", "total"):
                check_number(field_of(cost, field, f"{origin}.{name}"), f"{origin}.{name}.{field}")


def _refuse_constant(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")


_KIND_NAMES = {str: "text", int: "whole number", dict: "object"}
