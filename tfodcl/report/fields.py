"""Checks of single fields of results.json. An error names the field, the rule and what was received, on one line."""

import json

from tfodcl.errors import InputError

NUMBER = (int, float)
LARGEST = 1e18  # of any count, size or time; what is above is a mistake


def check_row(
    row: object, length: int, origin: str, num_known: int | None = None, low: float = 0, high: float = 1
) -> None:
    """A row of accuracies; the first `num_known` (default all) must be numbers, the others may be null."""
    row = list_of(row, origin)
    if len(row) != length:
        raise InputError(f"{origin} must have {length} values in a row. Received: {len(row)} values.")
    for i, value in enumerate(row):
        check_number(value, origin, low, high, null=num_known is not None and i >= num_known)


def check_runs(runs: object, length: int, origin: str) -> None:
    """A row of accuracies for each run."""
    rows = list_of(runs, origin)
    if not rows:
        raise InputError(f"{origin} must hold at least one run. Received: {origin.rpartition('.')[2]}=[].")
    for row in rows:
        check_row(row, length, origin)


def check_count(value: object, origin: str, least: int) -> None:
    if type(value) is not int or not least <= value <= LARGEST:
        raise InputError(f"{origin} must be a whole number in {least}..{LARGEST:g}. Received: {shown(value)}.")


def check_number(value: object, origin: str, low: float = 0, high: float = LARGEST, null: bool = False) -> None:
    if value is None and null:
        return
    if not isinstance(value, NUMBER) or isinstance(value, bool) or not low <= value <= high:
        raise InputError(f"{origin} must be a number in {low}..{high:g}. Received: {shown(value)}.")


def check_text(value: object, origin: str) -> None:
    if not isinstance(value, str):
        raise InputError(f"{origin} must be a text. Received: {shown(value)}.")


def object_of(value: object, origin: str) -> dict:
    if not isinstance(value, dict):
        raise InputError(f"{origin} must be an object. Received: {shown(value)}.")
    return value


def list_of(value: object, origin: str) -> list:
    if not isinstance(value, list):
        raise InputError(f"{origin} must be a list. Received: {shown(value)}.")
    return value


def field_of(container: dict, name: str, origin: str) -> object:
    if name not in container:
        received = ", ".join(word(key) for key in container)
        raise InputError(f"{origin} must have the field {name}. Received: {received or 'no field'}.")
    return container[name]


def word(name: str) -> str:
    """A name from the file on one line."""
    return json.dumps(name)[1:-1]


def shown(value: object) -> str:
    """The value as JSON on one line, cut at 60 characters."""
    text = json.dumps(value, default=str)
    return text if len(text) <= 60 else text[:57] + "..."
