"""Results put together: one chapter per data set, preset and encoder, with the methods of all its runs."""

from collections.abc import Sequence
from dataclasses import dataclass

from tfodcl.report.appearance import display_order
from tfodcl.report.pooling import first_known, pool_layers, pool_method, pool_setting
from tfodcl.report.results import MEMORY, unit_of
from tfodcl.report.task_fields import CHOICES

# What identifies an encoder; the other fields are measurements of it.
ENCODER_IDENTITY = ("tflite_bytes", "macs", "latent_dim")
# Two runs of one chapter may differ in these fields of the protocol.
PER_RUN_PROTOCOL = ("runs", "seed")
# What identifies a setting.
VARIED = ("kind", "setting", "split", "num_replays", "swap_ratio", "records")


@dataclass(frozen=True)
class Chapter:
    """What the report says about one data set, preset and encoder.

    `methods` is in order of display. `ablations` are entries of results.json. `boards` are the results of boards.
    Methods and layers come from results with neither, or with memory sizes alone, which stand beside methods; where
    there are none, from ablations, else from boards. `layers` is None where none were measured.
    """

    dataset: str
    preset: str
    encoder: dict
    protocol: dict
    versions: dict
    methods: dict[str, dict]
    stages: list[dict]
    ablations: list[dict]
    boards: list[dict]
    layers: dict | None
    seeds: list[int]
    commands: list[str]


def merge(results: Sequence[dict]) -> list[Chapter]:
    """Groups checked results into chapters, in order of first appearance.

    Results share a chapter when data set, preset, the encoder's size, MACs and latent, the record's size where
    both know it, what their numbers of classes count, the names of layers and which are frozen where both measured
    them, and all fields that both protocols have (but `runs` and `seed`) agree. A method that several results of a
    chapter have is pooled over their seeds; of two results with one seed the later one counts, since they repeat the
    same runs.

    Raises:
      InputError: a method to be pooled was evaluated at different numbers of classes.
    """
    groups: list[list[dict]] = []
    for result in results:
        for group in groups:
            if all(_agree(result, other) for other in group):
                group.append(result)
                break
        else:
            groups.append([result])
    return [_chapter(group) for group in groups]


def _agree(a: dict, b: dict) -> bool:
    if (a["dataset"], a["preset"]) != (b["dataset"], b["preset"]):
        return False
    if any(a["encoder"][name] != b["encoder"][name] for name in ENCODER_IDENTITY):
        return False
    if unit_of(a["methods"]) != unit_of(b["methods"]):
        return False
    record, other_record = ((result["encoder"].get("codec") or {}).get("payload_bytes") for result in (a, b))
    if None not in (record, other_record) and record != other_record:
        return False
    if a.get("layers") and b.get("layers") and _layers_identity(a["layers"]) != _layers_identity(b["layers"]):
        return False
    one, other = a.get("protocol") or {}, b.get("protocol") or {}
    return all(one[name] == other[name] for name in one if name in other and name not in PER_RUN_PROTOCOL)


def _layers_identity(layers: dict) -> tuple:
    """Names in order, and the choices in any."""
    return layers["names"], *(set(layers.get(choice) or []) for choice in CHOICES)


def _chapter(group: list[dict]) -> Chapter:
    by_seed: dict[str, dict[int, dict]] = {}
    boards = [result for result in group if result.get("board")]
    ablated = [result for result in group if result.get("ablations")]
    others = [result for result in group if not result.get("board") and _measures_methods(result)]
    measuring = others or ablated or boards
    for result in measuring:
        for name, method in result["methods"].items():
            by_seed.setdefault(name, {})[result["seed"]] = method
    layers = {result["seed"]: result["layers"] for result in measuring if result.get("layers")}
    methods = {name: pool_method(name, list(by_seed[name].values())) for name in display_order(by_seed)}
    return Chapter(
        dataset=group[0]["dataset"],
        preset=group[0]["preset"],
        encoder=first_known([result["encoder"] for result in group]),
        protocol=first_known([result.get("protocol") or {} for result in group]),
        versions=first_known([result.get("versions") or {} for result in group]),
        methods=methods,
        ablations=_ablations(ablated),
        boards=boards,
        layers=pool_layers(list(layers.values())) if layers else None,
        stages=next((result["stages"] for result in group if result.get("stages")), []),
        seeds=sorted({result["seed"] for result in group}),
        commands=_commands(group),
    )


def _measures_methods(result: dict) -> bool:
    """Whether its methods are there for themselves, not to compare settings with."""
    return all(entry["kind"] == MEMORY for entry in result.get("ablations") or [])


def _commands(results: list[dict]) -> list[str]:
    """Those of the results, and of settings that earlier commands measured, each once."""
    of_settings = [entry.get("command") for result in results for entry in result.get("ablations") or []]
    found = [*(result["command"] for result in results), *filter(None, of_settings)]
    return list(dict.fromkeys(found))


def _ablations(results: list[dict]) -> list[dict]:
    """Every setting once, pooled over seeds."""
    by_seed: dict[tuple, dict[int, dict]] = {}
    for result in results:
        for entry in result["ablations"]:
            key = tuple(entry.get(name) for name in VARIED)
            by_seed.setdefault(key, {})[result["seed"]] = entry
    return [pool_setting(list(entries.values())) for entries in by_seed.values()]
