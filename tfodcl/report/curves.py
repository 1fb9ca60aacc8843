"""Accuracy against what was learnt, classes or training batches, as SVG: one chart of all methods, and a small one per
method.

A chart is drawn for the width it is shown at (a viewBox scaled down to a phone would shrink its text): the
page carries a wide and a narrow one and shows one of them. Units are CSS pixels, y downwards.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from tfodcl.report.appearance import DIAMOND, LOOKS, look
from tfodcl.report.published import Published
from tfodcl.report.quantities import nice_ceiling, nice_range, percent, percent_deviation, points
from tfodcl.report.results import CLASSES, unit_of

LABEL_GAP = 16  # between the baselines of two labels at the lines' ends


@dataclass(frozen=True)
class Frame:
    """A picture and its plot area, `left` to `right`, `top` to `bottom`; x in x_low..x_high, y in y_low..y_high."""

    width: float
    height: float
    left: float
    right: float
    top: float
    bottom: float
    x_low: float
    x_high: float
    y_high: float
    y_step: float
    y_low: float = 0.0

    def x(self, value: float) -> float:
        if self.x_low == self.x_high:
            return (self.left + self.right) / 2
        return self.left + (value - self.x_low) / (self.x_high - self.x_low) * (self.right - self.left)

    def y(self, accuracy: float) -> float:
        return self.bottom - (accuracy - self.y_low) / (self.y_high - self.y_low) * (self.bottom - self.top)


def chart(methods: dict[str, dict], paper: Published, wide: bool) -> str:
    """All methods: mean line, deviation band, name and final accuracy at the line's end; the paper's points.

    `paper` has methods of `methods` only.
    """
    frame = _frame(methods, paper.accuracy, wide)
    by_emphasis = sorted(methods, key=lambda name: look(name).emphasis)  # stable: the emphasised ones on top
    unit = unit_of(methods)
    parts = [_axes(frame, _all_points(methods), unit), _chance(frame, methods) if unit == CLASSES else ""]
    parts += [_band(frame, name, methods[name]) for name in by_emphasis]
    parts += [_line(frame, name, methods[name]) for name in by_emphasis]
    if paper.accuracy:
        parts.append(_paper_strip(frame, paper))
    parts.append(_end_labels(frame, methods, frame.right + (34 if paper.accuracy else 14)))
    return svg(frame, "wide" if wide else "narrow", f"Accuracy against the number of {unit} learnt", parts)


def small_chart(name: str, methods: dict[str, dict], paper: Published, told: dict[str, dict]) -> str:
    """One method's line, band and runs, the other methods in grey behind it, its line in `told` thin."""
    points_learnt = _all_points(methods)
    highest = max(_highest(methods, paper.accuracy), _highest(told, {}))
    y_high, _ = nice_ceiling(highest, 5)
    frame = Frame(176, 112, 26, 164, 8, 92, points_learnt[0], points_learnt[-1], y_high, y_high / 2)
    unit = unit_of(methods)
    parts = [_axes(frame, points_learnt[:: max(1, len(points_learnt) - 1)], unit)]
    parts += [_path(frame, other, "behind") for key, other in methods.items() if key != name]
    parts += [_band(frame, name, methods[name]), _line(frame, name, methods[name])]
    if name in told:
        parts.append(_path(frame, told[name], "line front", f"--c:var(--{look(name).colour})"))
    if name in paper.accuracy:
        parts.append(_paper_point(frame.right, frame, name, paper))
    return svg(frame, "small", f"Accuracy of {look(name).label} against {unit} learnt", parts)


def accuracy_frame(wide: bool, x_ends: tuple[float, float], y_ends: tuple[float, float], top: float = 26.0) -> Frame:
    """A picture with accuracies upwards, its axis from below the first of `y_ends` to beyond the other."""
    y_low, y_high, step = nice_range(*y_ends, 6)
    width, left, bottom = (920.0, 44.0, 400.0) if wide else (360.0, 32.0, 330.0)
    return Frame(width, bottom + 44, left, width - 20, top, bottom, *x_ends, y_high, step, y_low)


def marker(name: str, x: float, y: float) -> str:
    """The marker of a method or codec; its colour is that of the element's --c."""
    return f'<path class="mark" style="--c:var(--{look(name).colour})" d="{look(name).marker}" {_at(x, y)}/>'


def whisker(frame: Frame, name: str, x: float, entry: dict) -> str:
    """Plus and minus one standard deviation of an entry's accuracy, as far as it is in the plot area."""
    ends = [
        frame.y(min(max(entry["accuracy_mean"] + sign * entry["accuracy_std"], frame.y_low), frame.y_high))
        for sign in (-1, 1)
    ]
    return f'<path class="leader" style="--c:var(--{look(name).colour})" d="M{x:.1f},{ends[0]:.1f}V{ends[1]:.1f}"/>'


def accuracy_axis(frame: Frame) -> str:
    """Grid lines and their numbers in per cent."""
    parts = []
    for i in range(round((frame.y_high - frame.y_low) / frame.y_step) + 1):
        value = frame.y_low + i * frame.y_step
        parts.append(level(frame, value, f"{100 * value:.3g}", "grid" if i else "axis"))
    return "".join(parts)


def level(frame: Frame, value: float, text: str, css_class: str) -> str:
    """A line across the plot area at a value of the y axis, and what is written left of it."""
    y = frame.y(value)
    return (
        f'<path class="{css_class}" d="M{frame.left:.1f},{y:.1f}H{frame.right:.1f}"/>'
        f'<text class="tick" x="{frame.left - 6:.1f}" y="{y + 4:.1f}" text-anchor="end">{text}</text>'
    )


def tick(frame: Frame, x: float, text: str = "") -> str:
    """A tick of the x axis at `x` pixels, and what is written below it."""
    label = f'<text class="tick" x="{x:.1f}" y="{frame.bottom + 17:.1f}" text-anchor="middle">{text}</text>'
    return f'<path class="axis" d="M{x:.1f},{frame.bottom:.1f}v4"/>{label if text else ""}'


def axis_names(frame: Frame, below: str) -> str:
    """ "accuracy, %" above the plot area, and the x axis' name below it."""
    middle = (frame.left + frame.right) / 2
    return (
        f'<text class="name" x="{frame.left - 6:.1f}" y="12" text-anchor="start">accuracy, %</text>'
        f'<text class="name" x="{middle:.1f}" y="{frame.bottom + 36:.1f}" text-anchor="middle">{below}</text>'
    )


def joined(frame: Frame, learnt: Sequence[float], values: Sequence[float]) -> str:
    """A line through these, without its "M"."""
    return "L".join(f"{frame.x(n):.1f},{frame.y(v):.1f}" for n, v in zip(learnt, values, strict=True))


def shade(frame: Frame, first: float, last: float, name: str) -> str:
    """The plot area from `first` to `last` of the x axis, named above."""
    left, right = frame.x(first), frame.x(last)
    return (
        f'<rect x="{left:.1f}" y="{frame.top:.1f}" width="{right - left:.1f}" height="{frame.bottom - frame.top:.1f}" '
        f'style="fill:var(--muted);fill-opacity:.13"><title>{name}</title></rect>'
        f'<text class="name" x="{left + 4:.1f}" y="{frame.top - 6:.1f}">{name}</text>'
    )


def svg(frame: Frame, css_class: str, label: str, parts: list[str]) -> str:
    """The picture, `label` for those who do not see it."""
    return (
        f'<svg class="{css_class}" viewBox="0 0 {frame.width:.0f} {frame.height:.0f}" role="img" '
        f'aria-label="{escape(label)}">{"".join(parts)}</svg>'
    )


def spread(wanted: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """Positions at least `gap` apart, in the order of `wanted`, each as near to its wish as the others allow.

    Least squares by pooling neighbours that violate the gap; then shifted into [low, high] where they fit.
    """
    order = sorted(range(len(wanted)), key=lambda i: wanted[i])
    blocks: list[list[float]] = []  # [mean of (wish - rank * gap), count]
    for rank, i in enumerate(order):
        blocks.append([wanted[i] - rank * gap, 1])
        while len(blocks) > 1 and blocks[-2][0] > blocks[-1][0]:
            mean, size = blocks.pop()
            blocks[-1] = [
                (blocks[-1][0] * blocks[-1][1] + mean * size) / (blocks[-1][1] + size),
                blocks[-1][1] + size,
            ]
    starts = [mean for mean, size in blocks for _ in range(int(size))]
    highest = high - (len(wanted) - 1) * gap
    placed = [0.0] * len(wanted)
    for rank, i in enumerate(order):
        placed[i] = max(low, min(starts[rank], highest)) + rank * gap
    return placed


def _frame(methods: dict, paper_finals: dict, wide: bool) -> Frame:
    learnt = _all_points(methods)
    y_high, y_step = nice_ceiling(_highest(methods, paper_finals), 6)
    width, left, labels = (920.0, 44.0, 172.0) if wide else (360.0, 32.0, 124.0)
    bottom = max(372.0 if wide else 330.0, 30 + LABEL_GAP * (len(methods) + 1))
    right = width - labels - (26 if paper_finals else 0)
    return Frame(width, bottom + 44, left, right, 26, bottom, learnt[0], learnt[-1], y_high, y_step)


def _highest(methods: dict, paper_finals: dict) -> float:
    tops = [
        mean + deviation
        for method in methods.values()
        for mean, deviation in zip(method["accuracy_mean"], method["accuracy_std"], strict=True)
    ]
    return min(1.0, max([*tops, *paper_finals.values(), 0.01]))


def _all_points(methods: dict) -> list[int]:
    return sorted({point for method in methods.values() for point in method["num_classes"]})


def _axes(frame: Frame, learnt: Sequence[int], unit: str) -> str:
    parts = [accuracy_axis(frame)]
    room = (frame.right - frame.left) / 34
    stride = max(1, -(-len(learnt) // max(1, int(room))))
    for i, point in enumerate(learnt):
        named = (len(learnt) - 1 - i) % stride == 0  # counted from the end: the last one always has its number
        parts.append(tick(frame, frame.x(point), str(point) if named else ""))
    if frame.height - frame.bottom > 40:
        parts.append(axis_names(frame, f"{unit} learnt"))
    return "".join(parts)


def _chance(frame: Frame, methods: dict) -> str:
    """Guessing among n classes: 1 / n."""
    learnt = [point for point in _all_points(methods) if 1 / point <= frame.y_high]
    if len(learnt) < 2:
        return ""
    return f'<path class="chance" d="M{joined(frame, learnt, [1 / point for point in learnt])}"/>'


def _band(frame: Frame, name: str, method: dict) -> str:
    mean, deviation, learnt = method["accuracy_mean"], method["accuracy_std"], method["num_classes"]
    if not any(deviation) or len(learnt) < 2:
        return ""
    upper = [min(m + d, frame.y_high) for m, d in zip(mean, deviation, strict=True)]
    lower = [max(m - d, 0.0) for m, d in zip(mean, deviation, strict=True)]
    outline = joined(frame, learnt, upper) + "L" + joined(frame, learnt[::-1], lower[::-1])
    return f'<path class="band{_strong(name)}" style="--c:var(--{look(name).colour})" d="M{outline}Z"/>'


def _line(frame: Frame, name: str, method: dict) -> str:
    dash = f";stroke-dasharray:{look(name).dash}" if look(name).dash else ""
    parts = [_path(frame, method, f"line{_strong(name)}", f"--c:var(--{look(name).colour}){dash}")]
    for num_learnt, mean, deviation in zip(
        method["num_classes"], method["accuracy_mean"], method["accuracy_std"], strict=True
    ):
        value = percent_deviation(mean, deviation, len(method["accuracy_runs"]))
        title = escape(f"{look(name).label}, {num_learnt} {method.get('unit', CLASSES)}: {value}")
        parts.append(f"<g><title>{title}</title>{marker(name, frame.x(num_learnt), frame.y(mean))}</g>")
    return "".join(parts)


def _path(frame: Frame, method: dict, css_class: str, style: str = "") -> str:
    style = f' style="{style}"' if style else ""
    points_of_line = joined(frame, method["num_classes"], method["accuracy_mean"])
    return f'<path class="{css_class}"{style} d="M{points_of_line}"/>'


def _paper_strip(frame: Frame, paper: Published) -> str:
    x = frame.right + 18
    parts = [
        f'<path class="grid" d="M{x:.1f},{frame.top:.1f}V{frame.bottom:.1f}"/>',
        f'<text class="name" x="{x:.1f}" y="12" text-anchor="middle">{paper.name}</text>',
    ]
    return "".join(parts) + "".join(_paper_point(x, frame, name, paper) for name in paper.accuracy)


def _paper_point(x: float, frame: Frame, name: str, paper: Published) -> str:
    value = paper.accuracy[name]
    title = escape(f"{look(name).label}, {paper.name}: {percent(value)}")
    style = f"--c:var(--{look(name).colour})"
    return f'<g><title>{title}</title><path class="paper" style="{style}" d="{DIAMOND}" {_at(x, frame.y(value))}/></g>'


def _end_labels(frame: Frame, methods: dict, x: float) -> str:
    ends = [(frame.x(method["num_classes"][-1]), frame.y(method["accuracy_mean"][-1])) for method in methods.values()]
    heights = spread([y for _, y in ends], LABEL_GAP, frame.top, frame.bottom - 2)
    parts = []
    for (name, method), (end_x, end_y), y in zip(methods.items(), ends, heights, strict=True):
        style = f"--c:var(--{look(name).colour})"
        label = look(name).label if name in LOOKS else cut(look(name).label)
        text = f"{escape(label)} <tspan>{points(method['accuracy_mean'][-1])}</tspan>"
        leader = f"M{end_x + 5:.1f},{end_y:.1f}L{x:.1f},{y:.1f}"
        parts.append(f'<path class="leader" style="{style}" d="{leader}"/>')
        parts.append(marker(name, x + 6, y))
        parts.append(f'<text class="label{_strong(name)}" x="{x + 14:.1f}" y="{y + 4:.1f}">{text}</text>')
    return "".join(parts)


def cut(label: str, length: int = 14) -> str:
    return label if len(label) <= length else label[: length - 1] + "…"


def _strong(name: str) -> str:
    return " strong" if look(name).emphasis else ""


def _at(x: float, y: float) -> str:
    return f'transform="translate({x:.1f},{y:.1f})"'
