"""The report's tables: every number of a chapter."""

from collections.abc import Callable, Iterable, Sequence
from html import escape

import numpy as np

from tfodcl import metrics
from tfodcl.report.appearance import look
from tfodcl.report.bars import method_name
from tfodcl.report.chapters import Chapter
from tfodcl.report.published import Published
from tfodcl.report.quantities import SPACE, byte_size, count, duration, percent, points, points_deviation
from tfodcl.report.results import unit_of
from tfodcl.report.task_fields import FIGURES

MISSING = "–"


def accuracy_table(methods: dict[str, dict], paper: Published) -> str:
    """Mean and deviation at every evaluation point, in per cent, and the paper's final accuracy."""
    learnt = sorted({point for method in methods.values() for point in method["num_classes"]})
    head = [str(point) for point in learnt] + ([paper.name] if paper.accuracy else [])
    rows = {}
    for name, method in methods.items():
        by_point = {
            point: points_deviation(mean, deviation, len(method["accuracy_runs"]))
            for point, mean, deviation in zip(
                method["num_classes"], method["accuracy_mean"], method["accuracy_std"], strict=True
            )
        }
        rows[name] = [by_point.get(point, MISSING) for point in learnt]
        if paper.accuracy:
            rows[name].append(points(paper.accuracy[name]) if name in paper.accuracy else MISSING)
    return method_table(f"{unit_of(methods)} learnt", head, rows, "accuracies")


def cost_table(chapter: Chapter) -> str:
    """Forgetting, transfer, other means where they are known, bytes, time and learning rates of every method."""
    means = [name for name in FIGURES if any(method.get(name) is not None for method in chapter.methods.values())]
    head = [
        "runs",
        "forgetting",
        "backward transfer",
        *(name.removesuffix("_mean").replace("_", " ") for name in means),
        "bytes per record",
        "replay memory",
        "other state",
        "bytes written",
        "learning time",
        "learning rate",
    ]
    rows = {}
    for name, method in chapter.methods.items():
        rows[name] = [
            str(len(method["accuracy_runs"])),
            _forgetting(method),
            _transfer(method),
            *(points(method[name]) if method.get(name) is not None else MISSING for name in means),
            f"{method['bytes_per_record']:,.0f}",
            byte_size(method["replay_bytes"]),
            byte_size(method["state_bytes"]),
            byte_size(method["bytes_written"]),
            duration(method["learn_seconds"]),
            rates(method.get("learning_rate")),
        ]
    return method_table("method", head, rows, "costs")


def encoder_facts(encoder: dict) -> str:
    """What is known of the encoder and its codec."""
    codec = encoder.get("codec") or {}
    facts: list[tuple[str, object, Callable[..., str]]] = [
        ("name", encoder.get("name"), str),
        ("int8 size", encoder.get("tflite_bytes"), byte_size),
        ("multiply-accumulates", encoder.get("macs"), count),
        ("parameters", encoder.get("parameters"), count),
        ("latent values", encoder.get("latent_dim"), count),
        ("latent values that are not zero", encoder.get("latent_density"), percent),
        ("accuracy, float", encoder.get("float_accuracy"), percent),
        ("accuracy, int8", encoder.get("int8_accuracy"), percent),
        ("int8 agrees with float on", encoder.get("int8_agreement"), percent),
        ("codec", codec.get("setting", codec.get("name")), str),
        ("codec's payload", codec.get("payload_bytes"), byte_size),
        ("codec's reconstruction error", codec.get("reconstruction_error"), percent),
    ]
    return fact_table({name: text(value) for name, value, text in facts if value is not None})


def fact_table(facts: dict[str, object]) -> str:
    """Names and values, one a line."""
    lines = "".join(
        f'<tr><th scope="row">{escape(str(name).replace("_", " "))}</th><td>{escape(_plain(value))}</td></tr>'
        for name, value in facts.items()
    )
    return f'<table class="facts"><tbody>{lines}</tbody></table>'


def table(corner: str, head: Sequence[str], rows: Iterable[tuple[str, Sequence[str], bool]], css_class: str) -> str:
    """A table that scrolls where it is wider than the page.

    Args:
      corner, head: titles of the columns.
      rows: (its name as HTML, its cells as text, whether it is emphasised) of each.
      css_class: of the style sheet.
    """
    head_cells = "".join(f'<th scope="col">{escape(cell)}</th>' for cell in head)
    lines = []
    for name_html, cells, emphasised in rows:
        strong = ' class="strong"' if emphasised else ""
        body = "".join(f"<td>{_cell(cell)}</td>" for cell in cells)
        lines.append(f'<tr{strong}><th scope="row">{name_html}</th>{body}</tr>')
    return (
        f'<div class="scroll {css_class}"><table><thead><tr><th scope="col">{corner}</th>{head_cells}</tr>'
        f"</thead><tbody>{''.join(lines)}</tbody></table></div>"
    )


def accuracy(entry: dict) -> str:
    """Mean and deviation of an entry's accuracy, in per cent."""
    return points_deviation(entry["accuracy_mean"], entry["accuracy_std"], len(entry["accuracy_runs"]))


def rates(rate: object) -> str:
    """Learning rates, one or by name."""
    if isinstance(rate, dict):
        return ", ".join(f"{name}{SPACE}{value:g}" for name, value in rate.items() if value is not None) or MISSING
    return MISSING if rate is None else f"{rate:g}"


def _plain(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {_plain(part)}" for name, part in value.items())
    if isinstance(value, list):
        return ", ".join(_plain(part) for part in value)
    return str(value)


def method_table(corner: str, head: list[str], rows: dict[str, list[str]], css_class: str) -> str:
    lines = [(method_name(name), cells, look(name).emphasis) for name, cells in rows.items()]
    return table(corner, head, lines, css_class)


def _cell(text: str) -> str:
    """The text as HTML, a deviation on a line of its own: many narrow columns fit a page."""
    mean, sign, deviation = text.partition(f"{SPACE}±{SPACE}")
    return f"{escape(mean)}<small>±{SPACE}{escape(deviation)}</small>" if sign else escape(text)


def _forgetting(method: dict) -> str:
    if method.get("forgetting_mean") is None:
        return MISSING
    deviation = method.get("forgetting_std")
    num_runs = len(method["accuracy_runs"]) if deviation is not None else 1
    return points_deviation(method["forgetting_mean"], deviation or 0.0, num_runs)


def _transfer(method: dict) -> str:
    """Backward transfer is linear in the matrix, so that of the mean matrix is the mean over runs."""
    if not method.get("accuracy_matrix"):
        return MISSING
    return points(metrics.backward_transfer(np.array(method["accuracy_matrix"], dtype=np.float64)))
