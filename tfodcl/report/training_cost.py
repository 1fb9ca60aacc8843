"""What training takes: modelled memory and operations, beside what was measured and published; accuracy over memory."""

from collections.abc import Callable
from functools import partial

from tfodcl.report import bars, pareto, tables
from tfodcl.report.appearance import look
from tfodcl.report.published import Published
from tfodcl.report.quantities import byte_size, duration, operations

# Usual parts of the memory of training, in order of display; others follow by name.
MEMORY_PARTS = ("parameters", "gradients", "feature maps", "buffer")
DIRECTIONS = ("forward", "backward")
# Learns no task after another: a line to compare with, not one of the methods that are compared.
REFERENCE = "joint"


def known(methods: dict[str, dict]) -> dict[str, dict]:
    """The costs of the methods that know them."""
    return {name: method["cost"] for name, method in methods.items() if method.get("cost")}


def memory_bytes(cost: dict) -> float:
    return sum(cost["memory_bytes"].values())


def flops(cost: dict) -> float:
    return sum(cost["flops"].values())


def note(costs: dict[str, dict], paper: Published) -> str:
    """What `content` shows of the costs of methods."""
    text = "What training takes by a model: memory at once, part by part, and operations of the whole stream."
    if any(cost.get("measured") for cost in costs.values()):
        text += " Small: the peak of the process that learnt here, libraries included, and its time."
    if paper.megabytes:
        text += f" {paper.name}: as published."
    return text


def content(costs: dict[str, dict], paper: Published) -> str:
    """Bars of memory by part and of operations by direction, and a table of all."""
    parts = {name: _named(cost["memory_bytes"]) for name, cost in costs.items()}
    order = bars.part_order(MEMORY_PARTS, parts.values())
    memory, work = [], []
    for name, cost in costs.items():
        peak = _small("measured", _measured(cost, "peak_bytes", byte_size))
        time = _small("took", _measured(cost, "seconds", duration))
        memory.append(bars.parts_bar(name, parts[name], order, byte_size, peak))
        work.append(bars.parts_bar(name, cost["flops"], DIRECTIONS, operations, time))
    return (
        f'{bars.rows(memory)}<p class="note next">Operations of the whole stream, by direction:</p>{bars.rows(work)}'
        f"{_table(costs, paper)}"
    )


def note_over_memory(methods: dict[str, dict]) -> str:
    """What `over_memory` shows."""
    text = (
        "Final class-incremental accuracy over the modelled memory of training. Line: the best mean for so much memory "
        "(Pareto front), its methods with ± one standard deviation and emphasised in the table. Pale: no better than "
        "another method of no more memory."
    )
    if REFERENCE in methods:
        text += f" Dotted: {look(REFERENCE).label}, which does not learn task after task."
    return text


def over_memory(methods: dict[str, dict]) -> str:
    """The chart of final accuracies over modelled memory, and a table, the front emphasised; empty without methods."""
    entries = [
        pareto.method_entry(name, methods[name]) | {"memory_bytes": memory_bytes(cost)}
        for name, cost in known(methods).items()
        if name != REFERENCE
    ]
    if not entries:
        return ""
    view = pareto.TRAINING
    best = pareto.front(entries, view)
    reference = methods[REFERENCE]["accuracy_mean"][-1] if REFERENCE in methods else None
    legend = "".join(bars.method_name(entry["method"]) for entry in entries)
    charts = "".join(pareto.chart(entries, reference, wide, view) for wide in (True, False))
    rows = [
        (
            bars.method_name(entry["method"]),
            [
                byte_size(entry["memory_bytes"]),
                tables.accuracy(entry),
            ],
            entry in best,
        )
        for entry in sorted(entries, key=lambda entry: entry["memory_bytes"])
    ]
    head = ("memory", "accuracy, %")
    return f'<p class="legend">{legend}</p>{charts}{tables.table("method", head, rows, "front")}'


def _named(parts: dict[str, float]) -> dict[str, float]:
    """Parts by their names for people."""
    named: dict[str, float] = {}
    for part, num_bytes in parts.items():
        name = part.replace("_", " ")
        named[name] = named.get(name, 0) + num_bytes
    return named


def _small(before: str, measured: str) -> str:
    return f"<small>{before} {measured}</small>" if measured else ""


def _measured(cost: dict, figure: str, text: Callable[[float], str]) -> str:
    measured = cost.get("measured")
    return text(measured[figure]) if measured else ""


def _table(costs: dict[str, dict], paper: Published) -> str:
    """One line a method; columns of which nothing is known are left out."""
    columns: list[tuple[str, Callable[[str, dict], str]]] = [
        ("memory", lambda name, cost: byte_size(memory_bytes(cost))),
        ("measured peak", lambda name, cost: _measured(cost, "peak_bytes", byte_size)),
        (f"{paper.name}, MB", lambda name, cost: f"{paper.megabytes[name]:.1f}" if name in paper.megabytes else ""),
        *((direction, partial(_direction, direction)) for direction in DIRECTIONS),
        ("operations", lambda name, cost: operations(flops(cost))),
        (paper.name, lambda name, cost: operations(paper.flops[name]) if name in paper.flops else ""),
        ("measured time", lambda name, cost: _measured(cost, "seconds", duration)),
    ]
    table = {title: [text(name, cost) for name, cost in costs.items()] for title, text in columns}
    shown = {title: cells for title, cells in table.items() if any(cells)}
    rows = {
        name: [cell or tables.MISSING for cell in cells]
        for name, cells in zip(costs, zip(*shown.values(), strict=True), strict=True)
    }
    return tables.method_table("method", list(shown), rows, "costs")


def _direction(direction: str, name: str, cost: dict) -> str:
    return operations(cost["flops"][direction])
