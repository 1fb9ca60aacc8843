"""What was varied: LifeLearner's codec, samples of a class and epochs of replay; QLR-CL's layer, codec and replays."""

from tfodcl.metrics import mean_and_deviation
from tfodcl.report import pareto, tables
from tfodcl.report.appearance import CODEC_LOOKS
from tfodcl.report.bars import labelled, method_name
from tfodcl.report.quantities import byte_size, exact_bytes, points_deviation

UNCOMPRESSED, UNQUANTIZED = "uniform:8", "float32"
PASSES = {"samples_per_class": "samples of a class", "replay_epochs": "epochs of replay"}


def codecs(entries: list[dict]) -> str:
    """The chart of all settings, and a table of those that no other dominates."""
    reference = next((entry["accuracy_mean"] for entry in entries if entry["setting"] == UNCOMPRESSED), None)
    used = {pareto.family(entry["setting"]) for entry in entries}
    families = [name for name in CODEC_LOOKS if name in used] + sorted(used - set(CODEC_LOOKS))
    legend = "".join(method_name(name) for name in families)
    charts = "".join(pareto.chart(entries, reference, wide) for wide in (True, False))
    rows = [
        (
            labelled(pareto.family(entry["setting"]), entry["setting"]),
            [exact_bytes(entry["bytes_per_record"]), tables.accuracy(entry), byte_size(entry["codebook_bytes"])],
            False,
        )
        for entry in pareto.front(entries)
    ]
    head = ("bytes per record", "accuracy, %", "codec in flash")
    return f'<p class="legend">{legend}</p>{charts}' + tables.table("setting", head, rows, "front")


def latent_replays(entries: list[dict]) -> str:
    """The chart of all settings, and a table of them, those that no other dominates emphasised.

    Beside accuracies stand the mean and deviation, over runs of the same streams, of what the codec gains against
    UNQUANTIZED with the same layer and number of replays, where that was measured too.
    """
    view = pareto.LATENT_REPLAYS
    best = pareto.front(entries, view)
    by_size = sorted(entries, key=lambda entry: (entry["split"], entry["replay_bytes"]))
    unquantized = {
        (entry["split"], entry["num_replays"]): entry for entry in entries if entry["setting"] == UNQUANTIZED
    }
    legend = "".join(method_name(name) for name in dict.fromkeys(pareto.layer(entry) for entry in by_size))
    charts = "".join(pareto.chart(entries, None, wide, view) for wide in (True, False))
    rows = [
        (
            labelled(pareto.layer(entry), f"{pareto.layer(entry)}, {entry['setting']}"),
            [
                f"{entry['num_replays']:,}",
                exact_bytes(entry["bytes_per_record"]),
                byte_size(entry["replay_bytes"]),
                tables.accuracy(entry),
                _gain(entry, unquantized.get((entry["split"], entry["num_replays"]))),
                tables.rates(entry.get("learning_rate")),
            ],
            entry in best,
        )
        for entry in by_size
    ]
    against = f"points against {UNQUANTIZED}"
    head = ("replays", "bytes per record", "replay memory", "accuracy, %", against, "learning rate")
    return f'<p class="legend">{legend}</p>{charts}' + tables.table("setting", head, rows, "front")


def passes(entries: list[dict]) -> str:
    """A table for each kind of entry that is there."""
    return "".join(
        _table(title, sorted((entry for entry in entries if entry["kind"] == kind), key=lambda entry: entry["setting"]))
        for kind, title in PASSES.items()
        if any(entry["kind"] == kind for entry in entries)
    )


def _table(title: str, entries: list[dict]) -> str:
    rows = [
        (str(entry["setting"]), [tables.accuracy(entry), tables.rates(entry.get("learning_rate"))], False)
        for entry in entries
    ]
    return tables.table(title, ("accuracy, %", "learning rate"), rows, "passes")


def _gain(entry: dict, reference: dict | None) -> str:
    if reference is None or entry is reference or len(entry["accuracy_runs"]) != len(reference["accuracy_runs"]):
        return tables.MISSING
    pairs = zip(entry["accuracy_runs"], reference["accuracy_runs"], strict=True)
    gains = [accuracy - other for accuracy, other in pairs]
    mean, deviation = mean_and_deviation(gains)
    return points_deviation(float(mean), float(deviation), len(gains), decimals=2)
