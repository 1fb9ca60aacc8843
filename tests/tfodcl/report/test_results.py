"""Reading results.json: what is accepted, and what is refused in which words."""

import json

import pytest

from tfodcl.errors import InputError
from tfodcl.report import load_results


def test_load_results_reads_a_file_or_its_directory(tmp_path, results):
    (tmp_path / "results.json").write_text(json.dumps(results()))
    assert load_results(tmp_path) == load_results(tmp_path / "results.json") == results()


def test_results_of_training_batches_and_their_settings_are_read(tmp_path, sweep):
    (tmp_path / "results.json").write_text(json.dumps(sweep()))
    assert load_results(tmp_path) == sweep()


def test_results_of_tasks_are_read_with_as_many_operations_as_published_streams_take(tmp_path, tasks):
    content = tasks()
    content["methods"]["joint"]["cost"]["flops"]["backward"] = 1.2e18
    (tmp_path / "results.json").write_text(json.dumps(content))
    assert load_results(tmp_path) == content


def test_what_results_of_tasks_add_may_be_absent_or_null(tmp_path, tasks):
    for change in (lambda fields, name: fields.pop(name), lambda fields, name: fields.update({name: None})):
        content = tasks()
        content["methods"]["ewc"]["cost"]["measured"] = None
        for name in ("task_accuracy_mean", "task_accuracy_std", "task_accuracy_runs", "cost"):
            change(content["methods"]["naive"], name)
        for name in ("average_incremental_mean", "learning_accuracy_mean"):
            change(content["methods"]["naive"], name)
        for name in ("frozen", "published"):
            change(content["layers"], name)
        (tmp_path / "results.json").write_text(json.dumps(content))
        assert load_results(tmp_path) == content
        change(content, "layers")
        (tmp_path / "results.json").write_text(json.dumps(content))
        assert load_results(tmp_path) == content


def test_results_of_memory_sizes_are_read_with_energy_that_is_0_or_absent(tmp_path, sizes):
    content = sizes()
    content["ablations"][0] |= {"num_episodic": 0, "num_stream": 1, "swap_ratio": 0, "joules": 0}
    content["ablations"][0]["command"] = "python -m tfodcl.train --static"
    content["methods"]["miro"]["energy"]["joules"] = 0
    del content["methods"]["er"]["energy"], content["ablations"][1]["learning_rate"]
    (tmp_path / "results.json").write_text(json.dumps(content))
    assert load_results(tmp_path) == content


# name: (the file's text, or a field's path and its new value; the rule that is named)
BAD = {
    "empty file": ("", "must be JSON"),
    "not JSON": ("{'schema': 1}", "must be JSON"),
    "NaN": (("methods.anml.learn_seconds", float("nan")), "NaN is not JSON"),
    "deep": ("[" * 100000, "must be JSON"),
    "a list": ("[]", "must be an object"),
    "future": (("schema", 2), "schema must be 1. Received: schema=2."),
    "no schema": (("schema", KeyError), "schema must be 1. Received: schema=null."),
    "true": (("schema", True), "schema must be 1"),
    "no seed": (("seed", KeyError), "must have the field seed"),
    "no methods": (("methods", {}), "methods must be a non-empty object"),
    "dataset": (("dataset", 5), "dataset must be a text. Received: dataset=5."),
    "no latent": (("encoder.latent_dim", KeyError), "encoder must have the field latent_dim"),
    "macs": (("encoder.macs", -1), "encoder.macs must be a number in 0..1e+18. Received: -1."),
    "huge": (("encoder.macs", 10**400), "encoder.macs must be a number"),
    "no mean": (
        ("methods.anml.accuracy_mean", KeyError),
        "methods.anml must have the field accuracy_mean",
    ),
    "short": (("methods.anml.accuracy_std", [0.1]), "must have 3 values in a row. Received: 1 values."),
    "per cent": (
        ("methods.anml.accuracy_mean", [50, 40, 30]),
        "must be a number in 0..1. Received: 50.",
    ),
    "no runs": (("methods.anml.accuracy_runs", []), "at least one run"),
    "order": (("methods.anml.num_classes", [5, 5, 10]), "must increase"),
    "text": (("methods.anml.bytes_per_record", "5"), 'Received: "5".'),
    "matrix": (("methods.anml.accuracy_matrix", [[0.5]]), "a row for each of 3 evaluation points"),
    "hole": (("methods.anml.accuracy_matrix", [[None] * 3] * 3), "accuracy_matrix must be a number"),
    "memory": (("methods.anml.memory_bytes", {"a\nb": -5}), "memory_bytes.a\\nb must be a number"),
    "rate": (("methods.anml.learning_rate", {"inner": "x"}), "learning_rate.inner must be a number"),
    "stages": (("stages", [{"seconds": 1}]), "stages[0] must be an object with a name"),
    "protocol": (("protocol", [1]), "protocol must be an object"),
    "ablations": (("ablations", {"codec": 1}), "ablations must be a list"),
    "no ablation": (("ablations.0", 5), "ablations[0] must be an object"),
    "kind": (
        ("ablations.0.kind", "colour"),
        "ablations[0].kind must be of samples_per_class, replay_epochs, codec, latent_replay, memory. Received",
    ),
    "two kinds": (("ablations.0.kind", ["codec"]), 'Received: kind=["codec"].'),
    "a text as number": (("ablations.0.setting", "10"), "ablations[0].setting must be a whole number"),
    "a number as codec": (("ablations.3.setting", 8), "ablations[3].setting must be a text. Received: setting=8."),
    "no bytes": (("ablations.3.bytes_per_record", 0), "ablations[3].bytes_per_record must be a number in 1.."),
    "no codebook": (("ablations.3.codebook_bytes", KeyError), "must have the field codebook_bytes"),
    "unmeasured": (("ablations.3.accuracy_runs", []), "ablations[3].accuracy_runs must hold at least one run"),
    "above one": (("ablations.3.accuracy_mean", 45.1), "must be a number in 0..1. Received: 45.1."),
    "a setting's rate": (("ablations.3.learning_rate", {"outer": -1}), "ablations[3].learning_rate.outer must be"),
}

BAD_SWEEP = {
    "unit": (
        ("methods.qlr.unit", "weeks"),
        'methods.qlr.unit must be of classes, training batches. Received: "weeks".',
    ),
    "no unit": (("methods.qlr.unit", None), "methods.qlr.unit must be of"),
    "units": (("methods.qlr.unit", ["classes"]), "methods.qlr.unit must be of"),
    "number as codec": (("ablations.0.setting", 8), "ablations[0].setting must be a text. Received: setting=8."),
    "no layer": (("ablations.0.split", KeyError), "must have the field split"),
    "half a layer": (("ablations.0.split", 22.5), "ablations[0].split must be a whole number in 0..1e+18"),
    "layer before the first": (("ablations.0.split", -1), "ablations[0].split must be a whole number in 0.."),
    "a layer that is true": (("ablations.0.split", True), "ablations[0].split must be a whole number"),
    "no replays": (("ablations.1.num_replays", 0), "ablations[1].num_replays must be a whole number in 1.."),
    "no memory": (("ablations.2.replay_bytes", 0), "ablations[2].replay_bytes must be a whole number in 1.."),
    "no size": (("ablations.2.bytes_per_record", KeyError), "must have the field bytes_per_record"),
    "unmeasured": (("ablations.3.accuracy_runs", []), "ablations[3].accuracy_runs must hold at least one run"),
}

BAD_SIZES = {
    "a number as setting": (
        ("ablations.0.setting", 500),
        "ablations[0].setting must be a text. Received: setting=500.",
    ),
    "no episodic memory": (("ablations.0.num_episodic", KeyError), "must have the field num_episodic"),
    "below nothing": (
        ("ablations.0.num_episodic", -1),
        "num_episodic must be a whole number in 0..1e+18. Received: -1.",
    ),
    "half a record": (("ablations.0.num_episodic", 0.5), "num_episodic must be a whole number in 0..1e+18"),
    "no stream buffer": (("ablations.1.num_stream", 0), "num_stream must be a whole number in 1..1e+18. Received: 0."),
    "no ratio": (("ablations.2.swap_ratio", KeyError), "ablations[2] must have the field swap_ratio"),
    "per cent": (("ablations.2.swap_ratio", 20), "ablations[2].swap_ratio must be a number in 0..1. Received: 20."),
    "records": (("ablations.2.records", None), "ablations[2].records must be a text. Received: null."),
    "no bytes": (("ablations.2.bytes_per_record", 0), "ablations[2].bytes_per_record must be a number in 1.."),
    "no joules": (("ablations.3.joules", KeyError), "ablations[3] must have the field joules"),
    "gained": (("ablations.3.joules", -0.5), "ablations[3].joules must be a number in 0..1e+18. Received: -0.5."),
    "source": (("ablations.3.energy_source", ["rail"]), 'energy_source must be a text. Received: ["rail"].'),
    "no source": (("ablations.3.energy_source", KeyError), "must have the field energy_source"),
    "no deviation": (("ablations.4.accuracy_std", KeyError), "must have the field accuracy_std"),
    "no mean": (
        ("ablations.4.accuracy_mean", None),
        "accuracy_mean and _runs must be a number in 0..1. Received: null.",
    ),
    "unmeasured": (("ablations.4.accuracy_runs", []), "ablations[4].accuracy_runs must hold at least one run"),
    "rate": (("ablations.5.learning_rate", {"sgd": -1}), "ablations[5].learning_rate.sgd must be a number"),
    "command": (("ablations.5.command", 5), "ablations[5].command must be a text. Received: 5."),
    "energy": (("methods.miro.energy", 5.2), "methods.miro.energy must be an object. Received: 5.2."),
    "a method's joules": (("methods.miro.energy.joules", -1), "miro.energy.joules must be a number in 0..1e+18. Rec"),
    "no method's joules": (("methods.miro.energy.joules", KeyError), "miro.energy must have the field joules"),
    "a method's source": (("methods.er.energy.source", None), "er.energy.source must be a text. Received: null."),
    "no method's source": (("methods.er.energy.source", KeyError), "er.energy must have the field source"),
}

BAD_TASKS = {
    "no deviations": (("methods.er.task_accuracy_std", KeyError), "methods.er must have the field task_accuracy_std"),
    "null runs": (("methods.er.task_accuracy_runs", None), "task_accuracy_runs must be a list. Received: null."),
    "no run": (("methods.er.task_accuracy_runs", []), "task_accuracy_runs must hold at least one run"),
    "one run of three": (
        ("methods.er.task_accuracy_runs", [[0.5] * 5]),
        "task_accuracy_runs must be as many as accuracy_runs, 3. Received: 1.",
    ),
    "short": (("methods.er.task_accuracy_mean", [0.5]), "task_accuracy_mean must have 5 values in a row. Received: 1"),
    "per cent": (
        ("methods.er.task_accuracy_mean.0", 96.3),
        "task_accuracy_mean must be a number in 0..1.",
    ),
    "incremental": (("methods.er.average_incremental_mean", -0.1), "must be a number in 0..1. Received: -0.1."),
    "learning": (("methods.er.learning_accuracy_mean", "0.9"), "learning_accuracy_mean must be a number in 0..1. Rec"),
    "cost": (("methods.er.cost", 153.4), "methods.er.cost must be an object. Received: 153.4."),
    "no memory": (("methods.er.cost.memory_bytes", KeyError), "er.cost must have the field memory_bytes"),
    "empty memory": (("methods.er.cost.memory_bytes", {}), "memory_bytes must hold at least one byte. Received: {}."),
    "a part": (("methods.er.cost.memory_bytes", {"a\nb": -5}), "cost.memory_bytes.a\\nb must be a number in 0..1e+18"),
    "no backward": (("methods.er.cost.flops.backward", KeyError), "er.cost.flops must have the field backward"),
    "flops": (("methods.er.cost.flops.forward", 1e25), "cost.flops.forward must be a number in 0..1e+24"),
    "measured": (("methods.er.cost.measured", [1]), "cost.measured must be an object. Received: [1]."),
    "no peak": (("methods.er.cost.measured.peak_bytes", KeyError), "cost.measured must have the field peak_bytes"),
    "seconds": (
        ("methods.er.cost.measured.seconds", True),
        "measured.seconds must be a number in 0..1e+18",
    ),
    "layers": (("layers", []), "layers must be an object. Received: []."),
    "no names": (("layers.names", []), "layers.names must hold texts, each once. Received: []."),
    "a number as name": (("layers.names.1", 1), "layers.names must hold texts, each once"),
    "a name twice": (("layers.names.1", "stem"), "layers.names must hold texts, each once"),
    "no stability": (("layers.memory_stability", KeyError), "layers must have the field memory_stability"),
    "stabilities": (("layers.memory_stability.mean", [0.1]), "memory_stability.mean must have 7 values in a row"),
    "below": (("layers.learning_plasticity.mean.2", -1.5), "learning_plasticity.mean must be a number in -1..1."),
    "deviation": (("layers.learning_plasticity.std.2", -0.1), "learning_plasticity.std must be a number in 0..2"),
    "no runs": (("layers.memory_stability.runs", 0), "memory_stability.runs must be a whole number in 1..1e+18"),
    "frozen": (("layers.frozen", "stem"), 'layers.frozen must be a list. Received: "stem".'),
    "unknown": (("layers.frozen.0", "steam"), 'layers.frozen must hold names of layers. Received: "steam".'),
    "published": (("layers.published.0", ["stem"]), 'published must hold names of layers. Received: ["stem"].'),
}


def broken(result, path, value):
    """The result as JSON with one field changed, or deleted by the value KeyError."""
    *parents, last = [int(name) if name.isdigit() else name for name in path.split(".")]
    inner = result
    for name in parents:
        inner = inner[name]
    if value is KeyError:
        del inner[last]
    else:
        inner[last] = value
    return json.dumps(result)


@pytest.mark.parametrize("name", BAD)
def test_bad_results_are_refused_in_one_line_that_names_the_file(tmp_path, name, results, ablations):
    change, rule = BAD[name]
    complete = results() | {"ablations": ablations()["ablations"]}
    check_refusal(tmp_path, change if isinstance(change, str) else broken(complete, *change), rule)


@pytest.mark.parametrize("name", BAD_SWEEP)
def test_bad_results_of_training_batches_are_refused_likewise(tmp_path, name, sweep):
    change, rule = BAD_SWEEP[name]
    check_refusal(tmp_path, broken(sweep(), *change), rule)


@pytest.mark.parametrize("name", BAD_SIZES)
def test_bad_results_of_memory_sizes_are_refused_likewise(tmp_path, name, sizes):
    change, rule = BAD_SIZES[name]
    check_refusal(tmp_path, broken(sizes(), *change), rule)


@pytest.mark.parametrize("name", BAD_TASKS)
def test_bad_results_of_tasks_are_refused_likewise(tmp_path, name, tasks):
    change, rule = BAD_TASKS[name]
    check_refusal(tmp_path, broken(tasks(), *change), rule)


def test_methods_of_one_file_count_the_same(tmp_path, sweep, method):
    content = sweep()
    content["methods"]["anml"] = method()
    check_refusal(tmp_path, json.dumps(content), "methods must have one unit. Received: classes, training batches.")


def check_refusal(folder, text, rule):
    (folder / "results.json").write_text(text)
    with pytest.raises(InputError) as raised:
        load_results(folder)
    message = str(raised.value)
    assert message.startswith(str(folder / "results.json")) and rule in message and "\n" not in message
