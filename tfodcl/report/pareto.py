"""Accuracy over bytes or energy, as SVG: every setting or method, and the front of those that no other dominates.

Bytes are on a logarithmic axis, joules on a linear one. The accuracy axis begins below the front by its height, so that
settings are told apart; a mark of less accuracy stands at the foot. Over memory of training it begins at 0.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

from tfodcl import metrics
from tfodcl.report.appearance import look
from tfodcl.report.curves import Frame, accuracy_axis, accuracy_frame, axis_names, marker, svg, tick, whisker
from tfodcl.report.quantities import byte_size, energy, exact_bytes, nice_ceiling, percent_deviation

LABEL_HEIGHT, CHARACTER_WIDTH = 14, 6.4  # of the labels' font, in CSS pixels


def family(setting: str) -> str:
    """The codec's name without its numbers."""
    return setting.partition(":")[0]


def layer(entry: dict) -> str:
    """The latent-replay layer as LAYER_LOOKS names it."""
    return f"layer {entry['split']}"


def method_entry(name: str, method: dict) -> dict:
    """A method's final accuracies as those of an entry."""
    return {
        "method": name,
        "accuracy_mean": method["accuracy_mean"][-1],
        "accuracy_std": method["accuracy_std"][-1],
        "accuracy_runs": [run[-1] for run in method["accuracy_runs"]],
    }


@dataclass(frozen=True)
class View:
    """How entries are drawn.

    Attributes:
      size: the field with their bytes, at least 1, or what else they take.
      axis, description: of the x axis and of the picture in words.
      number, exact: a size as text, at a tick and in a title.
      look: the name of an entry's look.
      name: of an entry in its title.
      label: of an entry on the front, beside its mark.
      reference: what the accuracy is of that a chart may compare with.
      from_zero: whether the accuracy axis begins at 0.
      linear: whether the x axis is, from 0; else it is logarithmic.
    """

    size: str
    axis: str
    description: str
    number: Callable[[float], str]
    look: Callable[[dict], str]
    name: Callable[[dict], str]
    label: Callable[[dict], str]
    reference: str = ""
    from_zero: bool = False
    linear: bool = False
    exact: Callable[[float], str] = exact_bytes


CODECS = View(
    size="bytes_per_record",
    axis="bytes per record, label included",
    description="Accuracy over bytes per record of every codec setting",
    number=lambda num_bytes: f"{num_bytes:,}",
    look=lambda entry: family(entry["setting"]),
    name=lambda entry: entry["setting"],
    label=lambda entry: entry["setting"],
    reference="uncompressed",
)
LATENT_REPLAYS = View(
    size="replay_bytes",
    axis="replay memory",
    description="Accuracy over replay memory of every layer, codec and number of replays",
    number=byte_size,
    look=layer,
    name=lambda entry: f"{layer(entry)}, {entry['setting']}, {entry['num_replays']:,} replays",
    label=lambda entry: f"{entry['setting']} × {entry['num_replays']:,}",
)
TRAINING = View(
    size="memory_bytes",
    axis="modelled memory of training",
    description="Final accuracy over modelled memory of training of every method",
    number=byte_size,
    look=lambda entry: entry["method"],
    name=lambda entry: look(entry["method"]).label,
    label=lambda entry: look(entry["method"]).label,
    reference="all tasks at once",
    from_zero=True,
)
ENERGY = View(
    size="joules",
    axis="energy of learning the whole stream",
    description="Final accuracy over energy of every pair of sizes held fixed and of methods",
    number=energy,
    look=lambda entry: entry.get("method") or family(entry["records"]),
    name=lambda entry: look(entry["method"]).label if "method" in entry else f"{entry['setting']}, {entry['records']}",
    label=lambda entry: entry["setting"],
    linear=True,
    exact=energy,
)


def front(entries: list[dict], view: View = CODECS) -> list[dict]:
    """The settings that no other dominates in size and mean accuracy, by rising size."""
    sizes = [entry[view.size] for entry in entries]
    return [entries[i] for i in metrics.pareto_front(sizes, [entry["accuracy_mean"] for entry in entries])]


def chart(
    entries: list[dict], reference: float | None, wide: bool, view: View = CODECS, beside: Sequence[dict] = ()
) -> str:
    """Entries as marks, their front as steps, entries `beside` that do not count for it, and a line at `reference`."""
    best = front(entries, view)
    ticks = _ticks([entry[view.size] for entry in (*entries, *beside)], wide, view)
    x_ends = _position(ticks[0], view), _position(ticks[-1], view)
    frame = accuracy_frame(wide, x_ends, _reach(entries, [*best, *beside], reference, view))
    parts = [accuracy_axis(frame), axis_names(frame, view.axis)]
    parts += [tick(frame, frame.x(_position(size, view)), view.number(size)) for size in ticks]
    if reference is not None:
        y = frame.y(reference)
        parts.append(f'<path class="chance" d="M{frame.left:.1f},{y:.1f}H{frame.right:.1f}"/>')
        parts.append(f'<text class="name" x="{frame.left + 4:.1f}" y="{y - 5:.1f}">{view.reference}</text>')
    if best:
        parts.append(_steps(frame, best, view))
    parts += [f'<g class="dominated">{_mark(frame, entry, view)}</g>' for entry in entries if entry not in best]
    for entry in (*best, *beside):
        parts += [whisker(frame, view.look(entry), _place(frame, entry, view)[0], entry), _mark(frame, entry, view)]
    if wide:
        parts.append(_labels(frame, best, view))
    return svg(frame, "wide" if wide else "narrow", view.description, parts)


def _reach(entries: list[dict], whole: Sequence[dict], reference: float | None, view: View) -> tuple[float, float]:
    """The lowest and highest accuracy to be shown: all of `whole`, and of the others what is not far below."""
    means = [entry["accuracy_mean"] for entry in whole] + ([] if reference is None else [reference])
    every = [entry["accuracy_mean"] for entry in (*entries, *whole)]
    lowest = 0.0 if view.from_zero else max(2 * min(means) - max(means), min(every), 0.0)
    return lowest, max(means)


def _ticks(sizes: list[float], wide: bool, view: View) -> list[float]:
    """Sizes at the ticks of the x axis, from end to end."""
    if view.linear:
        end, step = nice_ceiling(max(sizes), 8 if wide else 4)
        return [i * step for i in range(round(end / step) + 1)]
    exponents = [math.log2(size) for size in sizes]
    first = math.floor(min(exponents))
    return [2**exponent for exponent in range(first, max(math.ceil(max(exponents)), first + 1) + 1)]


def _position(size: float, view: View) -> float:
    return size if view.linear else math.log2(size)


def _place(frame: Frame, entry: dict, view: View) -> tuple[float, float]:
    return frame.x(_position(entry[view.size], view)), frame.y(max(entry["accuracy_mean"], frame.y_low))


def _steps(frame: Frame, best: list[dict], view: View) -> str:
    """Up to such a size, no setting is better than the line."""
    places = [_place(frame, entry, view) for entry in best]
    line = f"M{places[0][0]:.1f},{places[0][1]:.1f}"
    line += "".join(f"H{x:.1f}V{y:.1f}" for x, y in places[1:])
    return f'<path class="line front" style="--c:var(--ink)" d="{line}H{frame.right:.1f}"/>'


def _mark(frame: Frame, entry: dict, view: View) -> str:
    accuracy = percent_deviation(entry["accuracy_mean"], entry["accuracy_std"], len(entry["accuracy_runs"]))
    title = escape(f"{view.name(entry)}, {view.exact(entry[view.size])}: {accuracy}")
    return f"<g><title>{title}</title>{marker(view.look(entry), *_place(frame, entry, view))}</g>"


def _labels(frame: Frame, best: list[dict], view: View) -> str:
    """Names of the front's settings to their upper left, where no mark is; those that would overlap are left out."""
    parts, above, left = [], -math.inf, math.inf  # baseline and left end of the label placed last
    for entry in reversed(best):
        (x, y), label = _place(frame, entry, view), view.label(entry)
        start = x - 8 - CHARACTER_WIDTH * len(label)
        if start < frame.left or (y - 7 - above < LABEL_HEIGHT and x - 8 > left):
            continue
        above, left = y - 7, start
        parts.append(f'<text class="name" x="{x - 8:.1f}" y="{above:.1f}" text-anchor="end">{escape(label)}</text>')
    return "".join(parts)
