"""What the sizes of Miro's memory cost and bring: accuracy over energy, of pairs of sizes held fixed and of methods;
and accuracy over the swap ratio, the share of a mini-batch's old records that is replaced from storage.
"""

from collections import Counter
from html import escape

from tfodcl.report import pareto, tables
from tfodcl.report.appearance import look
from tfodcl.report.bars import labelled, method_name
from tfodcl.report.curves import accuracy_axis, accuracy_frame, axis_names, joined, marker, shade, svg, tick, whisker
from tfodcl.report.quantities import SPACE, energy, exact_bytes, percent, percent_deviation, points
from tfodcl.report.results import MEMORY

MIRO = ("miro", "miro_latent")  # the methods that choose their sizes
USUAL_RATIO = 0.2  # of Miro unless it is told another
KNEE = (0.15, 0.2)  # where accuracy stops rising with the swap ratio, as published (arXiv 2308.06053)


def held_fixed(ablations: list[dict]) -> list[dict]:
    """The pairs of sizes held fixed that have Miro's own swap ratio: the one that most pairs were measured with."""
    entries = [entry for entry in ablations if entry["kind"] == MEMORY]
    counts = Counter(entry["swap_ratio"] for entry in entries)
    own = max(counts, key=lambda ratio: (counts[ratio], -abs(ratio - USUAL_RATIO)), default=None)
    return [entry for entry in entries if entry["swap_ratio"] == own]


def with_energy(methods: dict[str, dict]) -> dict[str, dict]:
    """The methods whose energy is known, as entries."""
    return {
        name: pareto.method_entry(name, method)
        | {"joules": method["energy"]["joules"], "energy_source": method["energy"]["source"]}
        for name, method in methods.items()
        if method.get("energy")
    }


def note_over_energy(pairs: list[dict], known: dict[str, dict]) -> str:
    """What `over_energy` shows."""
    text = "Final class-incremental accuracy over the energy of learning the whole stream."
    if pairs:
        text += (
            " Held fixed: sizes of episodic memory and stream buffer, in records; swap ratio "
            f"{_ratio(pairs[0]['swap_ratio'])}. Line: the best mean of these pairs for so much energy (Pareto front), "
            "its pairs with ± one standard deviation and emphasised in the table. Pale: no better than another pair of "
            "no more energy. The accuracy axis need not begin at 0; marks at its foot may lie below."
        )
    sources = list(dict.fromkeys(entry["energy_source"] for entry in (*pairs, *known.values())))
    text += f" Energy by {escape('; by '.join(sources))}."
    if len(sources) > 1:
        text += " What different sources say does not compare."
    return text


def over_energy(pairs: list[dict], known: dict[str, dict]) -> str:
    """How Miro compares with pairs of sizes, a chart of these and of methods, and a table; empty where there is nothing
    to compare.
    """
    if not pairs and len(known) < 2:
        return ""
    view = pareto.ENERGY
    best = pareto.front(pairs, view)
    compared = "".join(f"<p>{_comparison(known[name], pairs)}</p>" for name in MIRO if pairs and name in known)
    looks = dict.fromkeys(view.look(entry) for entry in pairs)
    legend = "".join([*(labelled(name, f"held fixed, {name}") for name in looks), *map(method_name, known)])
    charts = "".join(pareto.chart(pairs, None, wide, view, list(known.values())) for wide in (True, False))
    rows = [
        (
            labelled(view.look(entry), entry.get("setting", view.name(entry))),
            [
                entry.get("records", tables.MISSING),
                exact_bytes(entry["bytes_per_record"]) if "bytes_per_record" in entry else tables.MISSING,
                energy(entry["joules"]),
                tables.accuracy(entry),
                "yes" if entry in best else tables.MISSING,
            ],
            entry in best,
        )
        for entry in sorted([*pairs, *known.values()], key=lambda entry: entry["joules"])
    ]
    head = ("records", "bytes per record", "energy", "accuracy, %", "on the front")
    return f'{compared}<p class="legend">{legend}</p>{charts}{tables.table("setting", head, rows, "front")}'


def swap_ratios(ablations: list[dict]) -> list[dict]:
    """The entries of the pair that was measured with most swap ratios, by these; none where all have one."""
    by_pair: dict[tuple[str, str], list[dict]] = {}
    for entry in ablations:
        if entry["kind"] == MEMORY:
            by_pair.setdefault((entry["setting"], entry["records"]), []).append(entry)
    most = max(by_pair.values(), key=len, default=[])
    return sorted(most, key=lambda entry: entry["swap_ratio"]) if len(most) > 1 else []


def note_over_ratio(entries: list[dict]) -> str:
    """What `over_ratio` shows."""
    name = escape(pareto.ENERGY.name(entries[0]))
    return (
        f"Final class-incremental accuracy with sizes held at {name}, over the share of a mini-batch's old records "
        "that is replaced by others from storage. Upright lines: ± one standard deviation. Shaded: the published knee, "
        f"{_ratio(KNEE[0])} to {_ratio(KNEE[1])}. The accuracy axis need not begin at 0."
    )


def over_ratio(entries: list[dict]) -> str:
    """The chart of entries by rising swap ratio, and a table."""
    charts = "".join(_ratio_chart(entries, wide) for wide in (True, False))
    rows = [
        (_ratio(entry["swap_ratio"]), [tables.accuracy(entry), energy(entry["joules"])], False) for entry in entries
    ]
    return charts + tables.table("swap ratio", ("accuracy, %", "energy"), rows, "front")


def _comparison(miro: dict, pairs: list[dict]) -> str:
    """A sentence: Miro's distance to the front at its energy, and what it saves at its accuracy."""
    name = pareto.ENERGY.name
    affordable = [entry for entry in pairs if entry["joules"] <= miro["joules"]]
    as_good = [entry for entry in pairs if entry["accuracy_mean"] >= miro["accuracy_mean"]]
    if affordable:
        best = max(affordable, key=lambda entry: entry["accuracy_mean"])
        ahead = miro["accuracy_mean"] - best["accuracy_mean"]
        side = "above" if ahead >= 0 else "below"
        text = f"{name(miro)} is {points(abs(ahead))} points {side} the front at its energy ({name(best)})"
    else:
        text = f"No pair held fixed takes as little energy as {name(miro)}"
    if as_good:
        cheapest = min(as_good, key=lambda entry: entry["joules"])
        saved = cheapest["joules"] - miro["joules"]
        share = f" ({percent(saved / cheapest['joules'])})" if saved > 0 else ""
        takes = f"saves {energy(saved)}{share} against" if saved >= 0 else f"takes {energy(-saved)} more than"
        text += f"; {name(miro)} {takes} the cheapest pair of at least its accuracy ({name(cheapest)})."
    else:
        text += "; no pair is as accurate."
    return escape(text)


def _ratio_chart(entries: list[dict], wide: bool) -> str:
    """Marks with their deviations and a line through them, the published knee behind."""
    ends = [entry["accuracy_mean"] + sign * entry["accuracy_std"] for entry in entries for sign in (-1, 1)]
    frame = accuracy_frame(wide, (0, 1), (max(min(ends), 0.0), min(max(ends), 1.0)), top=42)
    ratios, style = [entry["swap_ratio"] for entry in entries], pareto.ENERGY.look(entries[0])
    line = joined(frame, ratios, [entry["accuracy_mean"] for entry in entries])
    parts = [shade(frame, *KNEE, "published knee"), accuracy_axis(frame), axis_names(frame, "swap ratio, %")]
    parts += [tick(frame, frame.x(share / 100), str(share)) for share in range(0, 101, 10 if wide else 20)]
    parts.append(f'<path class="line front" style="--c:var(--{look(style).colour})" d="M{line}"/>')
    for entry in entries:
        x, y = frame.x(entry["swap_ratio"]), frame.y(entry["accuracy_mean"])
        accuracy = percent_deviation(entry["accuracy_mean"], entry["accuracy_std"], len(entry["accuracy_runs"]))
        title = f"{_ratio(entry['swap_ratio'])} swapped, {energy(entry['joules'])}: {accuracy}"
        parts.append(whisker(frame, style, x, entry))
        parts.append(f"<g><title>{title}</title>{marker(style, x, y)}</g>")
    return svg(frame, "wide" if wide else "narrow", "Final accuracy over the swap ratio", parts)


def _ratio(share: float) -> str:
    """0.2 -> "20 %"."""
    return f"{100 * share:g}{SPACE}%"
