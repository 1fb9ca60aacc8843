"""Which layers generalise: LightCL's two measures of each layer as SVG and as a table, and what is frozen."""

import math
from collections.abc import Sequence
from html import escape
from itertools import groupby

from tfodcl.report import tables
from tfodcl.report.appearance import look
from tfodcl.report.bars import method_name
from tfodcl.report.curves import Frame, cut, level, marker, shade, svg, tick
from tfodcl.report.quantities import MINUS, nice_range, points_deviation
from tfodcl.report.task_fields import MEASURES

NAME_LENGTH, CHARACTER_WIDTH, NAME_HEIGHT = 18, 6.4, 13  # of layers' names below the axis; in CSS pixels
CUT_ROOM = 100  # of the name of the paper's cut


def note(layers: dict) -> str:
    """What is drawn."""
    num_runs = layers["memory_stability"]["runs"]
    deviation = f" Upright lines: ± one standard deviation of {num_runs} runs." if num_runs > 1 else ""
    frozen = " Shaded: frozen." if layers.get("frozen") else ""
    published = " Dashed: where the paper ends what it freezes." if layers.get("published") else ""
    return (
        "One layer at a time is put back to what it was before the last task. Memory stability: points of accuracy "
        "that the task before gains by it. Learning plasticity: points that the last task gains; below zero it loses. "
        "A layer generalises where both are near zero: neither of the two tasks needs one of its own."
        f"{deviation}{frozen}{published}"
    )


def content(layers: dict) -> str:
    """The chart, wide and narrow, and the table."""
    legend = "".join(method_name(measure) for measure in MEASURES)
    charts = "".join(chart(layers, wide) for wide in (True, False))
    head = [look(measure).label for measure in MEASURES]
    choices = {
        choice: title
        for choice, title in (("frozen", "frozen"), ("published", "frozen in the paper"))
        if layers.get(choice)
    }
    rows = [
        (
            escape(name),
            [_points(layers[measure], i) for measure in MEASURES]
            + ["yes" if name in layers[choice] else tables.MISSING for choice in choices],
            False,
        )
        for i, name in enumerate(layers["names"])
    ]
    table = tables.table("layer", [*head, *choices.values()], rows, "layers")
    return f'<p class="legend">{legend}</p>{charts}{table}'


def chart(layers: dict, wide: bool) -> str:
    """Both measures of each layer from the input to the head, the line of zero, what is frozen, the paper's cut."""
    names = layers["names"]
    frame = _frame(layers, wide)
    parts = [
        shade(frame, first - 0.5, last + 0.5, "frozen") for first, last in _stretches(names, layers.get("frozen") or [])
    ]
    parts += [_axis(frame), _names(frame, names)]
    parts += [_cut_line(frame, last) for _, last in _stretches(names, layers.get("published") or [])]
    for measure, side in zip(MEASURES, (-1, 1), strict=True):
        parts.append(_measure(frame, layers, measure, side))
    return svg(frame, "wide" if wide else "narrow", "Memory stability and learning plasticity of every layer", parts)


def _frame(layers: dict, wide: bool) -> Frame:
    ends = [
        mean + sign * deviation
        for measure in MEASURES
        for mean, deviation in zip(layers[measure]["mean"], layers[measure]["std"], strict=True)
        for sign in (-1, 1)
    ]
    low, high = min(0.0, *ends), max(0.0, *ends)
    y_low, y_high, step = nice_range(low, high, 6)
    width, left, bottom = (920.0, 44.0, 340.0) if wide else (360.0, 36.0, 300.0)
    below = 14 + CHARACTER_WIDTH * max(len(cut(name, NAME_LENGTH)) for name in layers["names"])
    x_high = len(layers["names"]) - 0.5
    return Frame(width, bottom + below, left, width - 8, 46, bottom, -0.5, x_high, y_high, step, y_low)


def _axis(frame: Frame) -> str:
    first, last = (round(end / frame.y_step) for end in (frame.y_low, frame.y_high))
    parts = [f'<text class="name" x="{frame.left - 6:.1f}" y="12" text-anchor="start">points of accuracy</text>']
    for i in range(first, last + 1):
        text = f"{100 * i * frame.y_step:.3g}".replace("-", MINUS)
        parts.append(level(frame, i * frame.y_step, text, "grid" if i else "axis"))
    return "".join(parts)


def _names(frame: Frame, names: Sequence[str]) -> str:
    """As many names as there is room for, upright, the last one always."""
    stride = math.ceil(NAME_HEIGHT * len(names) / (frame.right - frame.left))
    parts = []
    for i, name in enumerate(names):
        x = frame.x(i)
        parts.append(tick(frame, x))
        if (len(names) - 1 - i) % stride == 0:
            place = f'transform="translate({x + 4:.1f},{frame.bottom + 8:.1f}) rotate(-90)"'
            parts.append(f'<text class="tick" text-anchor="end" {place}>{escape(cut(name, NAME_LENGTH))}</text>')
    return "".join(parts)


def _stretches(names: Sequence[str], chosen: Sequence[str]) -> list[tuple[int, int]]:
    """(first, last) layer of each row of neighbours that are chosen."""
    groups = groupby(range(len(names)), key=lambda i: names[i] in chosen)
    stretches = [list(group) for is_chosen, group in groups if is_chosen]
    return [(stretch[0], stretch[-1]) for stretch in stretches]


def _cut_line(frame: Frame, last: int) -> str:
    """Behind the last layer of what the paper freezes."""
    x = frame.x(last + 0.5)
    start, anchor = (x - 4, "end") if x - frame.left > CUT_ROOM else (x + 4, "start")
    return (
        f'<path class="axis" style="stroke-dasharray:6 3" d="M{x:.1f},{frame.top - 16:.1f}V{frame.bottom:.1f}"/>'
        f'<text class="name" x="{start:.1f}" y="{frame.top - 20:.1f}" text-anchor="{anchor}">the paper\'s cut</text>'
    )


def _measure(frame: Frame, layers: dict, measure: str, side: int) -> str:
    """Marks, their deviations and a line through them, a little aside so that two measures do not hide one another."""
    entry, style = layers[measure], f'style="--c:var(--{look(measure).colour})"'
    aside = side * min(0.2, 5 / (frame.x(1) - frame.x(0)))
    places = [(frame.x(i + aside), frame.y(mean)) for i, mean in enumerate(entry["mean"])]
    parts = [f'<path class="line front" {style} d="M{"L".join(f"{x:.1f},{y:.1f}" for x, y in places)}"/>']
    for i, (x, y) in enumerate(places):
        mean, deviation = entry["mean"][i], entry["std"][i]
        if deviation:
            ends = f"M{x:.1f},{frame.y(mean - deviation):.1f}V{frame.y(mean + deviation):.1f}"
            parts.append(f'<path class="whisker" {style} d="{ends}"/>')
        title = escape(f"{layers['names'][i]}, {look(measure).label}: {_points(entry, i)} points")
        parts.append(f"<g><title>{title}</title>{marker(measure, x, y)}</g>")
    return "".join(parts)


def _points(entry: dict, i: int) -> str:
    return points_deviation(entry["mean"][i], entry["std"][i], entry["runs"])
