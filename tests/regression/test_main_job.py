"""The README's main job, on the built-in data set: what LifeLearner promises holds."""

import json

import pytest


@pytest.mark.slow
def test_lifelearner_is_clearly_above_anml_and_near_the_oracle(main_job):
    results = json.loads((main_job / "results.json").read_text())
    final = {name: method["accuracy_mean"][-1] for name, method in results["methods"].items()}
    assert final["lifelearner"] > final["anml"] + 0.05
    assert final["lifelearner"] > final["oracle"] - 0.03
    assert abs(results["encoder"]["int8_accuracy"] - results["encoder"]["float_accuracy"]) < 0.01
    sizes = {name: method["bytes_per_record"] for name, method in results["methods"].items()}
    assert sizes["lifelearner"] * 5 < sizes["raw_replay"]
    assert (main_job / "model.tfodcl").stat().st_size < 1 << 20
    assert (main_job / "report.html").exists()
