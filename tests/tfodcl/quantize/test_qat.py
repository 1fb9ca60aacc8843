"""The quantize-aware twin is near its teacher from the start, and fine-tuning brings it nearer."""

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras

from tfodcl.data import as_float
from tfodcl.meta.loop import make_deterministic
from tfodcl.quantize import qat


def scalars(twin, ending: str) -> dict[str, float]:
    """Values of the twin's scalar variables, by layer and name, whose name ends so."""
    found = {}
    for layer in twin.layers:
        for variable in layer.variables:
            if variable.shape == () and variable.name.endswith(f"{ending}:0"):
                found[f"{layer.name}/{variable.name}"] = float(variable)
    return found


def error(latents: np.ndarray, true: np.ndarray) -> float:
    return float(np.sum((latents - true) ** 2) / np.sum(true**2))


def test_int8_costs_little_before_any_fine_tuning(quantized):
    x = as_float(quantized.dataset.x_train)
    assert error(quantized.twin(x, training=False).numpy(), quantized.model(x).numpy()) < 0.002


def test_no_range_is_left_at_the_default(quantized):
    """tensorflow-model-optimization begins all of them at [-6, 6]."""
    for ending, default in (("_min", -6), ("_max", 6)):
        found = scalars(quantized.twin, ending)
        assert found
        assert all(value != default for value in found.values()), found


def test_ranges_hold_zero_and_the_outputs_over_the_calibration_samples(quantized):
    x = as_float(quantized.dataset.x_train)
    for name, low, high in qat.output_ranges(quantized.model, x):
        for key, value in scalars(quantized.twin, "output_min").items():
            if key.startswith(f"quant_{name}/"):
                assert value == min(0, low)
        for key, value in scalars(quantized.twin, "output_max").items():
            if key.startswith(f"quant_{name}/"):
                assert value == max(0, high)


def test_the_mask_keeps_its_whole_range(quantized):
    """What is quantized of a sigmoid is its input: the range of its output there would cut off every mask below 0.5."""
    x = as_float(quantized.dataset.x_train)
    outputs = []
    for model, name in ((quantized.model, "nm_mask"), (quantized.twin, "quant_nm_mask")):
        part = keras.Model(model.input, model.get_layer(name).output)
        outputs.append(part(x, training=False).numpy())
    assert outputs[0].min() < 0.1 and outputs[0].max() > 0.9
    np.testing.assert_allclose(outputs[1], outputs[0], rtol=0, atol=0.03)


@pytest.mark.parametrize("probability", [0.001, 0.2, 0.5, 0.9, 0.999])
def test_logit_inverts_the_sigmoid(probability):
    assert 1 / (1 + np.exp(-qat.logit(probability))) == pytest.approx(probability, rel=1e-6)


def test_logit_is_bounded_where_int8_saturates():
    assert (qat.logit(0.0), qat.logit(1.0)) == (-8, 8)
    assert round(256 / (1 + np.exp(-8))) == 256 and round(256 / (1 + np.exp(8))) == 0


def test_the_teacher_stays_as_it_was(anml, tmp_path):
    before = [weight.copy() for weight in anml.model.get_weights()]
    qat.fine_tune(anml.model, anml.dataset, 2, 4, 1e-3, 0, tmp_path / "state.npz", tmp_path / "logs", "test")
    for one, other in zip(before, anml.model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_fine_tuning_mends_a_twin_and_keeps_the_statistics_of_norms(anml, tmp_path, monkeypatch):
    make_deterministic(0)
    x = as_float(anml.dataset.x_train)
    true = anml.model(x).numpy()
    twin = qat.quantize(anml.model, x)
    statistics = [weight.numpy() for weight in twin.weights if "norm/moving" in weight.name]
    for weight in twin.trainable_weights:
        weight.assign_add(tf.random.stateless_normal(weight.shape, (1, 2), stddev=0.03))
    start = error(twin(x, training=False).numpy(), true)
    monkeypatch.setattr(qat, "quantize", lambda model, calibration: twin)

    tuned, seconds = qat.fine_tune(
        anml.model, anml.dataset, 30, 16, 1e-3, 0, tmp_path / "state.npz", tmp_path / "logs", "test"
    )  # fmt: skip

    assert seconds > 0
    assert error(tuned(x, training=False).numpy(), true) < 0.7 * start
    assert statistics
    for one, weight in zip(statistics, [w for w in tuned.weights if "norm/moving" in w.name], strict=True):
        np.testing.assert_array_equal(one, weight.numpy())
