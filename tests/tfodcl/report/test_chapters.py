"""How the results of several runs are put together."""

import numpy as np
import pytest

from tfodcl.errors import InputError
from tfodcl.report.chapters import merge


def test_runs_with_disjoint_methods_share_a_chapter_in_order_of_display(results):
    (chapter,) = merge([results(methods=["lifelearner", "zeta"]), results(methods=["ewc", "anml", "alpha"])])
    assert list(chapter.methods) == ["anml", "lifelearner", "ewc", "alpha", "zeta"]
    assert chapter.seeds == [0]


def test_a_method_of_two_seeds_is_pooled_over_all_runs(results):
    first, second = results(methods=["anml"]), results(methods=["anml"], seed=1, runs=2)
    second["methods"]["anml"] |= {"learn_seconds": 16.5, "forgetting_mean": 0.3, "forgetting_std": 0.02}
    (chapter,) = merge([first, second])
    pooled = chapter.methods["anml"]
    a, b = first["methods"]["anml"], second["methods"]["anml"]
    runs = np.array(a["accuracy_runs"] + b["accuracy_runs"])
    assert chapter.seeds == [0, 1] and len(chapter.commands) == 2
    np.testing.assert_allclose(pooled["accuracy_mean"], runs.mean(axis=0))
    np.testing.assert_allclose(pooled["accuracy_std"], runs.std(axis=0, ddof=1))
    assert pooled["learn_seconds"] == pytest.approx((3 * 6.5 + 2 * 16.5) / 5)
    expected = (3 * a["accuracy_matrix"][2][0] + 2 * b["accuracy_matrix"][2][0]) / 5
    assert pooled["accuracy_matrix"][2][0] == pytest.approx(expected)
    assert pooled["accuracy_matrix"][0][2] is None


def test_pooled_forgetting_equals_that_of_all_runs(results):
    runs = [np.array([0.1, 0.2, 0.4]), np.array([0.5, 0.3])]
    parts = [results(methods=["anml"], seed=seed, runs=len(values)) for seed, values in enumerate(runs)]
    for part, values in zip(parts, runs, strict=True):
        part["methods"]["anml"] |= {"forgetting_mean": values.mean(), "forgetting_std": values.std(ddof=1)}
    pooled = merge(parts)[0].methods["anml"]
    assert pooled["forgetting_mean"] == pytest.approx(np.concatenate(runs).mean())
    assert pooled["forgetting_std"] == pytest.approx(np.concatenate(runs).std(ddof=1))


def test_of_one_seed_given_twice_the_later_result_counts(results, method):
    later = results(methods=["anml"])
    later["methods"]["anml"] = method(seed=99)
    (chapter,) = merge([results(methods=["anml", "oracle"]), later])
    assert chapter.methods["anml"] == later["methods"]["anml"]
    assert "oracle" in chapter.methods


def test_a_part_that_some_runs_lack_is_not_shown_for_all(results):
    second = results(methods=["anml"], seed=1)
    second["methods"]["anml"] |= {"accuracy_matrix": None, "forgetting_mean": None}
    pooled = merge([results(methods=["anml"]), second])[0].methods["anml"]
    assert pooled["accuracy_matrix"] is None and pooled["forgetting_mean"] is None


@pytest.mark.parametrize(
    "change",
    [
        {"dataset": "glyphs"},
        {"preset": "paper"},
        {"encoder": {"tflite_bytes": 5, "macs": 5, "latent_dim": 64, "int8_agreement": None}},
        {"protocol": {"samples_per_class": 10}},
    ],
)
def test_what_cannot_be_compared_becomes_a_chapter_of_its_own(change, results):
    assert len(merge([results(), results() | change, results()])) == 2


def test_records_of_another_size_make_a_chapter_of_their_own_and_unknown_sizes_do_not(results):
    smaller, unknown = results(), results()
    smaller["encoder"]["codec"]["payload_bytes"] = 220
    unknown["encoder"]["codec"] = None
    assert len(merge([results(), smaller])) == 2
    assert len(merge([results(), unknown])) == 1


def test_what_counts_training_batches_is_a_chapter_of_its_own_and_its_settings_differ_by_layer_and_replays(
    results, sweep
):
    first, second = sweep(), sweep(seed=1)
    plain, _ = merge([results() | {"protocol": {}}, first])
    assert "qlr" not in plain.methods
    second["ablations"][0] |= {"accuracy_runs": [0.6], "accuracy_mean": 0.6}
    second["ablations"][1]["num_replays"] = 400
    second["ablations"][2]["split"] = 26
    (pooled,) = merge([first, second])
    assert len(pooled.methods["qlr"]["accuracy_runs"]) == 6
    assert len(pooled.ablations) == 4 + 2
    assert pooled.ablations[0]["accuracy_runs"] == first["ablations"][0]["accuracy_runs"] + [0.6]
    assert pooled.ablations[0]["replay_bytes"] == 500 * 4098


def test_task_accuracies_and_costs_are_pooled_over_all_runs(tasks):
    first, second = tasks(methods=["lightcl"]), tasks(methods=["lightcl"], seed=1, runs=2)
    a, b = first["methods"]["lightcl"], second["methods"]["lightcl"]
    b |= {"average_incremental_mean": 0.5, "learning_accuracy_mean": 0.8}
    b["cost"] = {
        "memory_bytes": {"parameters": 50 << 20, "buffer": 500},
        "flops": {"forward": 5e15, "backward": 0},
        "measured": {"peak_bytes": 1400 << 20, "seconds": 1000.0},
    }
    pooled = merge([first, second])[0].methods["lightcl"]
    told = np.array(a["task_accuracy_runs"] + b["task_accuracy_runs"])
    np.testing.assert_allclose(pooled["task_accuracy_mean"], told.mean(axis=0))
    np.testing.assert_allclose(pooled["task_accuracy_std"], told.std(axis=0, ddof=1))
    assert pooled["task_accuracy_runs"] == told.tolist()
    assert pooled["average_incremental_mean"] == pytest.approx(0.6 * 0.612 + 0.4 * 0.5)
    assert pooled["learning_accuracy_mean"] == pytest.approx(0.6 * 0.934 + 0.4 * 0.8)
    parts = a["cost"]["memory_bytes"]
    expected = {"parameters": 44 << 20, "gradients": 18 << 20, "feature_maps": 0.6 * parts["feature_maps"]}
    assert pooled["cost"]["memory_bytes"] == pytest.approx(expected | {"buffer": 200})
    assert pooled["cost"]["flops"] == pytest.approx({"forward": 3.5e15, "backward": 3e15})
    assert pooled["cost"]["measured"] == pytest.approx({"peak_bytes": 1500 << 20, "seconds": 1140.7})


@pytest.mark.parametrize("absent", ["task_accuracy", "average_incremental_mean", "learning_accuracy_mean", "cost"])
def test_what_some_runs_of_a_task_method_lack_is_not_shown_for_all(absent, tasks):
    first, second = tasks(methods=["er"]), tasks(methods=["er"], seed=1)
    for name in [name for name in second["methods"]["er"] if name.startswith(absent)]:
        del second["methods"]["er"][name]
    for order in ([first, second], [second, first]):
        pooled = merge(order)[0].methods["er"]
        assert {name for name in first["methods"]["er"] if pooled[name] is None} == {
            name for name in pooled if name.startswith(absent)
        }


def test_what_only_some_processes_measured_is_not_shown_for_all(tasks):
    first, second = tasks(methods=["er"]), tasks(methods=["er"], seed=1)
    del first["methods"]["er"]["cost"]["measured"]
    cost = merge([first, second])[0].methods["er"]["cost"]
    assert cost["measured"] is None
    assert cost["memory_bytes"] == pytest.approx(first["methods"]["er"]["cost"]["memory_bytes"])


def test_measures_of_layers_are_pooled_like_those_of_all_runs(tasks):
    rng = np.random.default_rng(0)
    contents = [tasks(seed=seed, runs=runs) for seed, runs in enumerate((3, 1, 4))]
    several = [rng.normal(0, 0.1, (content["runs"], 7)) for content in contents]
    for content, runs in zip(contents, several, strict=True):
        deviation = runs.std(axis=0, ddof=1) if len(runs) > 1 else 0 * runs[0]
        for measure, sign in (("memory_stability", 1), ("learning_plasticity", -1)):
            content["layers"][measure] |= {"mean": (sign * runs.mean(axis=0)).tolist(), "std": deviation.tolist()}
    (chapter,) = merge([*contents, contents[2]])
    pooled, runs = chapter.layers, np.concatenate(several)
    assert (pooled["names"], pooled["frozen"]) == (contents[0]["layers"]["names"], contents[0]["layers"]["frozen"])
    for measure, sign in (("memory_stability", 1), ("learning_plasticity", -1)):
        assert pooled[measure]["runs"] == 8
        np.testing.assert_allclose(pooled[measure]["mean"], sign * runs.mean(axis=0))
        np.testing.assert_allclose(pooled[measure]["std"], runs.std(axis=0, ddof=1))


def test_other_layers_or_other_frozen_ones_make_a_chapter_of_their_own(tasks):
    reordered, thawed, renamed, unmeasured = (tasks(seed=seed) for seed in range(1, 5))
    reordered["layers"]["frozen"].reverse()
    thawed["layers"]["frozen"] = []
    renamed["layers"]["names"][0] = "first"
    renamed["layers"]["frozen"] = renamed["layers"]["published"] = []
    unmeasured["layers"] = None
    assert len(merge([tasks(), reordered])) == 1
    assert len(merge([tasks(), thawed, renamed])) == 3
    (chapter,) = merge([unmeasured, tasks()])
    assert chapter.layers == tasks()["layers"]
    assert merge([unmeasured])[0].layers is None


def test_runs_that_cannot_be_pooled_are_refused(results, method):
    other = results(methods=["anml"], seed=1)
    other["methods"]["anml"] = method(points=(2, 4, 6))
    with pytest.raises(InputError, match=r"runs of anml must have the same num_classes"):
        merge([results(methods=["anml"]), other])


def test_ablations_join_the_chapter_of_their_package_and_leave_its_methods_alone(results, ablations):
    first, second = results(), ablations()
    second["methods"]["lifelearner"]["accuracy_mean"] = [0.1, 0.1, 0.1]
    for order in ([first, second], [second, first]):
        (chapter,) = merge(order)
        assert chapter.methods == first["methods"]
        assert chapter.ablations == second["ablations"]
    (alone,) = merge([second])
    assert alone.methods == second["methods"]


def test_a_setting_of_two_seeds_is_pooled_over_all_runs(ablations):
    first, second = ablations(), ablations(seed=1)
    second["ablations"] = second["ablations"][3:] + [{**second["ablations"][0], "setting": 20}]
    second["ablations"][0] |= {"accuracy_runs": [0.5, 0.7], "accuracy_mean": 0.6, "bytes_per_record": 5000}
    (chapter,) = merge([first, second])
    assert len(chapter.ablations) == len(first["ablations"]) + 1
    (pooled,) = [entry for entry in chapter.ablations if entry["setting"] == "uniform:8"]
    runs = first["ablations"][3]["accuracy_runs"] + [0.5, 0.7]
    assert pooled["accuracy_runs"] == runs
    assert pooled["accuracy_mean"] == pytest.approx(np.mean(runs))
    assert pooled["accuracy_std"] == pytest.approx(np.std(runs, ddof=1))
    assert pooled["bytes_per_record"] == 5000


def test_of_a_setting_measured_twice_with_one_seed_the_later_counts(ablations):
    first, second = ablations(), ablations()
    second["ablations"] = [{**first["ablations"][4], "accuracy_mean": 0.41}]
    (chapter,) = merge([first, second])
    expected = first["ablations"][:4] + second["ablations"] + first["ablations"][5:]
    assert chapter.ablations == expected


def test_memory_sizes_differ_by_swap_ratio_and_records_and_their_energy_is_the_mean_over_runs(sizes):
    first, second = sizes(), sizes(seed=1)
    second["ablations"] = second["ablations"][:3]
    second["ablations"][0] |= {"accuracy_runs": [0.5], "joules": 3000.0, "energy_source": "rail of Y"}
    second["ablations"][1]["swap_ratio"] = 0.1
    second["ablations"][2]["records"] = "uniform:4"
    (chapter,) = merge([first, second])
    assert len(chapter.ablations) == len(first["ablations"]) + 2
    pooled = chapter.ablations[0]
    runs = first["ablations"][0]["accuracy_runs"] + [0.5]
    assert pooled["accuracy_runs"] == runs and pooled["accuracy_mean"] == pytest.approx(np.mean(runs))
    assert pooled["joules"] == pytest.approx((3 * 1000 + 3000) / 4)
    assert pooled["energy_source"] == "constants of X, not measured; rail of Y"


def test_methods_beside_memory_sizes_count_with_those_of_other_results(sizes, tasks):
    alone = tasks(methods=("derpp",), dataset="cifar10", encoder="resnet32_16") | {"layers": None}
    (chapter,) = merge([alone, sizes()])
    assert list(chapter.methods) == ["er", "derpp", "miro"]


def test_a_methods_energy_is_the_mean_over_runs_and_only_known_where_all_know_it(sizes):
    first, second = sizes(), sizes(seed=1)
    second["methods"]["miro"]["energy"]["joules"] = 4500.0
    second["methods"]["miro"]["accuracy_runs"].pop()
    del second["methods"]["er"]["energy"]
    (chapter,) = merge([first, second])
    assert chapter.methods["miro"]["energy"] == {
        "joules": pytest.approx((3 * 2500 + 2 * 4500) / 5),
        "source": "constants of X, not measured",
    }
    assert chapter.methods["er"]["energy"] is None
