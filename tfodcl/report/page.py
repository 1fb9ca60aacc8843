"""The page: chapters of sections, in one file that needs nothing else."""

import os
from collections.abc import Sequence
from html import escape

from tfodcl import files
from tfodcl.errors import InputError
from tfodcl.report import (
    ablations,
    bars,
    curves,
    layers,
    matrices,
    memory_sizes,
    onboard,
    summary,
    tables,
    training_cost,
)
from tfodcl.report.appearance import look
from tfodcl.report.chapters import Chapter, merge
from tfodcl.report.published import Published, published
from tfodcl.report.quantities import (
    byte_size,
    duration,
    exact_bytes,
    points_deviation,
)
from tfodcl.report.results import CLASSES, LATENT_REPLAY, check_results, unit_of
from tfodcl.report.style import style_sheet
from tfodcl.report.task_fields import FIGURES, tasks_told

# The browser is told to load nothing: a reference that slipped in would not be followed.
POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
# Usual parts of a learner's memory, in order of display; others follow by name.
MEMORY_PARTS = ("replay", "codec", "stage")
CLASS_INCREMENTAL, TASK_INCREMENTAL = "Class-incremental", "Task-incremental"


def write_report(results: Sequence[dict], path: str | os.PathLike) -> None:
    """Writes one self-contained HTML page about `results` (as read by `load_results`), whole or not at all.

    The same results give the same bytes.

    Raises:
      InputError: no results, results that are not as the schema says or cannot be merged, or `path` cannot be
        written.
    """
    if not results:
        raise InputError("results must hold at least one results.json. Received: results=[].")
    for i, result in enumerate(results):
        check_results(result, f"results[{i}]")
    page = _page(merge(results))
    files.write(path, page.encode(errors="replace"))  # JSON may hold half a surrogate pair


def _page(chapters: list[Chapter]) -> str:
    name = ", ".join(dict.fromkeys(chapter.dataset for chapter in chapters))
    body = "".join(_chapter(chapter, i + 1) for i, chapter in enumerate(chapters))
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark"><link rel="icon" href="data:,">'
        f"<title>Continual learning report: {escape(name)}</title><style>\n{style_sheet()}</style></head>\n"
        f"<body><main><h1>Continual learning report</h1>{summary.overview(chapters)}{body}"
        "</main></body></html>\n"
    )


def _chapter(chapter: Chapter, number: int) -> str:
    paper = published(chapter.dataset, chapter.encoder.get("name"), chapter.methods)
    sections = [
        _summary(chapter),
        _curves(chapter, paper),
        _finals(chapter, paper),
        _each_method(chapter, paper),
        _forgetting(chapter),
        _layers(chapter),
        _records(chapter),
        _codecs(chapter),
        _latent_replays(chapter),
        _passes(chapter),
        _memory(chapter),
        _training_cost(chapter, paper),
        _over_memory(chapter),
        _over_energy(chapter),
        _over_ratio(chapter),
        _time(chapter),
        _boards(chapter),
        _tables(chapter, paper),
        _setting(chapter),
    ]
    return f'<article id="chapter-{number}">{"".join(sections)}</article>\n'


def _section(title: str, note: str, content: str) -> str:
    text = f'<p class="note">{note}</p>' if note else ""
    return f"<section><h3>{title}</h3>{text}{content}</section>\n"


def _summary(chapter: Chapter) -> str:
    encoder = f" · encoder {escape(str(chapter.encoder['name']))}" if chapter.encoder.get("name") else ""
    size = chapter.encoder["tflite_bytes"]
    size_text = f" · {byte_size(size)} in int8" if size is not None else ""
    seeds = ", ".join(str(seed) for seed in chapter.seeds)
    return (
        f"<section><h2>{escape(chapter.dataset)}</h2>"
        f'<p class="note">preset {escape(chapter.preset)}{encoder}{size_text} · '
        f"seed{'s' if len(chapter.seeds) > 1 else ''} {seeds}</p>"
        f"{summary.headline(chapter)}{summary.tiles(chapter)}</section>\n"
    )


def _curves(chapter: Chapter, paper: Published) -> str:
    if not _has_curves(chapter):
        return ""
    classes, guessing = "learnt so far", "; dotted: guessing"
    if unit_of(chapter.methods) != CLASSES:
        classes, guessing = "of the stream, those to come included", ""
    note = (
        f"Share of test samples, of all classes {classes}, that are recognised. Line: mean over runs; "
        f"band: ± one standard deviation{guessing}."
    )
    if paper.accuracy:
        note += f" Hollow diamonds: the paper's accuracy after {paper.num_classes} classes, {paper.origin}."
    charts = "".join(curves.chart(chapter.methods, paper, wide) for wide in (True, False))
    return _section("Accuracy while learning", note, charts)


def _has_curves(chapter: Chapter) -> bool:
    return any(len(method["num_classes"]) > 1 for method in chapter.methods.values())


def _finals(chapter: Chapter, paper: Published) -> str:
    last = sorted({method["num_classes"][-1] for method in chapter.methods.values()})
    note = (
        f"Accuracy in % after {' or '.join(map(str, last))} {unit_of(chapter.methods)}. Marker: mean; "
        "line: ± one standard deviation; dots: runs."
    )
    told = tasks_told(chapter.methods)
    paper_told = paper.tasks_told(told)
    if paper.accuracy or paper_told.accuracy:
        note += f" Hollow diamond: {paper.name}, {paper.num_classes} classes{paper.precision}."
    end = max(bars.dots_end(chapter.methods, paper), bars.dots_end(told, paper_told))
    content = bars.dots(chapter.methods, paper, end)
    if told:
        content = f"<h4>{CLASS_INCREMENTAL}: among all classes learnt</h4>{content}"
        content += f"<h4>{TASK_INCREMENTAL}: among the classes of its task, which is told</h4>"
        content += bars.dots(told, paper_told, end)
    return _section("Final accuracy", note, content)


def _each_method(chapter: Chapter, paper: Published) -> str:
    highest, told = _highest_cell(chapter), tasks_told(chapter.methods)
    notes = []
    if _has_curves(chapter):
        notes.append(f"Curve: accuracy in % against {unit_of(chapter.methods)} learnt, the other methods in grey.")
        if told:
            notes.append("Thin: with the task told.")
    if highest is not None:
        notes.append(
            "Squares: the accuracy matrix. A row is a moment, after so many classes; a column a group of "
            "classes, named by its last. Down a column one sees a group being forgotten. Colour: "
            f"{matrices.scale(highest)}."
        )
    if not notes:
        return ""
    figures = []
    for name, method in chapter.methods.items():
        final = f'<span class="final">{summary.final_text(method)}</span> '
        if name in told:
            final += f'<br><span class="final">{summary.final_text(told[name])}</span> with the task told<br>'
        curve = curves.small_chart(name, chapter.methods, paper, told) if _has_curves(chapter) else ""
        heat = matrices.heat_map(name, method, highest or 0.0) if method.get("accuracy_matrix") else ""
        caption = final + escape(look(name).note)
        figures.append(f"<figure>{bars.method_name(name)}<figcaption>{caption}</figcaption>{curve}{heat}</figure>")
    return _section("Method by method", " ".join(notes), f'<div class="cards">{"".join(figures)}</div>')


def _highest_cell(chapter: Chapter) -> float | None:
    """The highest accuracy in any matrix of the chapter; None where there is no matrix."""
    known = [method.get("accuracy_matrix") or [] for method in chapter.methods.values()]
    return max((cell for matrix in known for row in matrix for cell in row if cell is not None), default=None)


def _forgetting(chapter: Chapter) -> str:
    known = {name: method for name, method in chapter.methods.items() if method.get("forgetting_mean") is not None}
    if not known:
        return ""
    lines = []
    for name, method in known.items():
        num_runs = len(method["accuracy_runs"]) if method.get("forgetting_std") is not None else 1
        mean, deviation = method["forgetting_mean"], method.get("forgetting_std") or 0.0
        lines.append(bars.method_bar(name, max(0.0, mean), points_deviation(mean, deviation, num_runs)))
    note = (
        "Mean over groups of classes of the best earlier accuracy minus the final one, in % "
        "(Chaudhry et al., 2018). "
        "Shorter is better; a negative value is an old group that improved."
    )
    return _section("Forgetting", note, bars.rows(lines))


def _layers(chapter: Chapter) -> str:
    if chapter.layers is None:
        return ""
    return _section("Which layers generalise", layers.note(chapter.layers), layers.content(chapter.layers))


def _records(chapter: Chapter) -> str:
    storing = {name: method for name, method in chapter.methods.items() if method["bytes_per_record"]}
    if not storing:
        return ""
    lines = [
        bars.method_bar(name, method["bytes_per_record"], exact_bytes(method["bytes_per_record"]))
        for name, method in storing.items()
    ]
    note = "What one sample costs in the replay memory, its label included."
    silent = [look(name).label for name, method in chapter.methods.items() if not method["replay_bytes"]]
    if silent:
        note += f" {escape(', '.join(silent))}: no records."
    return _section("Bytes per record", note, bars.rows(lines))


def _codecs(chapter: Chapter) -> str:
    entries = [entry for entry in chapter.ablations if entry["kind"] == "codec"]
    if not entries:
        return ""
    uncompressed = any(entry["setting"] == ablations.UNCOMPRESSED for entry in entries)
    note = (
        "LifeLearner's final accuracy with every codec that was tried. Line: the best mean for so many bytes a record "
        "(Pareto front), its settings with ± one standard deviation. Pale: no better than another setting of no more "
        f"bytes. {'Dotted: latents as they are, one byte a value. ' if uncompressed else ''}All have the learning "
        "rates of the package's own codec. The accuracy axis does not begin at 0; marks at its foot lie below."
    )
    return _section("Accuracy over bytes per record", note, ablations.codecs(entries))


def _latent_replays(chapter: Chapter) -> str:
    entries = [entry for entry in chapter.ablations if entry["kind"] == LATENT_REPLAY]
    if not entries:
        return ""
    note = (
        "QLR-CL's final accuracy with every latent-replay layer, codec and number of replays that was tried. Line: the "
        "best mean for so much memory (Pareto front), its settings with ± one standard deviation and emphasised in the "
        "table. Pale: no better than another setting of no more bytes. The accuracy axis does not begin at 0; marks at "
        "its foot lie below."
    )
    return _section("Accuracy over replay memory", note, ablations.latent_replays(entries))


def _passes(chapter: Chapter) -> str:
    content = ablations.passes(chapter.ablations)
    note = "LifeLearner's final accuracy with one number varied; learning rates searched anew for each."
    return _section("Samples and epochs", note, content) if content else ""


def _memory(chapter: Chapter) -> str:
    known = {name: method["memory_bytes"] for name, method in chapter.methods.items() if method.get("memory_bytes")}
    if not known:
        return ""
    order = bars.part_order(MEMORY_PARTS, known.values())
    lines = [bars.parts_bar(name, parts, order, byte_size) for name, parts in known.items()]
    return _section("Memory by part", "What a learner keeps at the end, the encoder not counted.", bars.rows(lines))


def _training_cost(chapter: Chapter, paper: Published) -> str:
    costs = training_cost.known(chapter.methods)
    if not costs:
        return ""
    return _section("Cost of training", training_cost.note(costs, paper), training_cost.content(costs, paper))


def _over_memory(chapter: Chapter) -> str:
    content = training_cost.over_memory(chapter.methods)
    note = training_cost.note_over_memory(chapter.methods)
    return _section("Accuracy over memory of training", note, content) if content else ""


def _over_energy(chapter: Chapter) -> str:
    pairs, known = memory_sizes.held_fixed(chapter.ablations), memory_sizes.with_energy(chapter.methods)
    content = memory_sizes.over_energy(pairs, known)
    return _section("Accuracy over energy", memory_sizes.note_over_energy(pairs, known), content) if content else ""


def _over_ratio(chapter: Chapter) -> str:
    entries = memory_sizes.swap_ratios(chapter.ablations)
    if not entries:
        return ""
    return _section("Accuracy over swap ratio", memory_sizes.note_over_ratio(entries), memory_sizes.over_ratio(entries))


def _time(chapter: Chapter) -> str:
    lines = [
        bars.method_bar(name, method["learn_seconds"], duration(method["learn_seconds"]))
        for name, method in chapter.methods.items()
    ]
    content = bars.rows(lines)
    if chapter.stages:
        total = sum(stage["seconds"] for stage in chapter.stages)
        content += f'<p class="note next">Stages of training, {duration(total)} in all:</p>'
        content += bars.rows([_stage_bar(stage) for stage in chapter.stages])
    return _section("Time", "Learning the whole stream once, evaluation not counted.", content)


def _boards(chapter: Chapter) -> str:
    if not chapter.boards:
        return ""
    note = "Taught and tested over a serial line, and the same stream learnt by the board's twin in Python."
    return _section("On the board", note, onboard.sections(chapter.boards))


def _stage_bar(stage: dict) -> bars.Bar:
    text = duration(stage["seconds"])
    name = f'<span class="method">{escape(stage["name"])}</span>'
    steps = f"{stage['steps']:,} steps" if stage.get("steps") is not None else ""
    return bars.Bar(name, (("grey", stage["seconds"], f"{stage['name']}: {text}"),), text, steps)


def _tables(chapter: Chapter, paper: Published) -> str:
    content = tables.accuracy_table(chapter.methods, paper)
    note = (
        "Accuracy, forgetting and transfer in %; mean ± standard deviation over runs. Backward transfer: "
        "mean over groups of the final accuracy minus the one right after learning the group (Lopez-Paz and "
        "Ranzato, 2017)."
    )
    told = tasks_told(chapter.methods)
    if told:
        content = f"<h4>{CLASS_INCREMENTAL} accuracy</h4>{content}<h4>{TASK_INCREMENTAL} accuracy</h4>"
        content += tables.accuracy_table(told, paper.tasks_told(told)) + "<h4>Other figures</h4>"
    if any(method.get(figure) is not None for method in chapter.methods.values() for figure in FIGURES):
        note += (
            " Average incremental: mean over points of the mean over groups learnt by then (Rebuffi et al., 2017). "
            "Learning accuracy: mean over groups of the accuracy right after learning the group (Riemer et al., 2019)."
        )
    return _section("All numbers", note, content + tables.cost_table(chapter))


def _setting(chapter: Chapter) -> str:
    commands = "".join(f"<pre>{escape(command)}</pre>" for command in chapter.commands)
    groups = [("Encoder", tables.encoder_facts(chapter.encoder))]
    if chapter.protocol:
        groups.append(("Protocol", tables.fact_table(chapter.protocol)))
    if chapter.versions:
        groups.append(("Versions", tables.fact_table(chapter.versions)))
    columns = "".join(f"<div><h3>{title}</h3>{content}</div>" for title, content in groups)
    again = "This command repeats it." if len(chapter.commands) == 1 else "These commands repeat it."
    return _section("To reproduce", again, f'{commands}<div class="columns">{columns}</div>')
