"""Metrics against hand-calculated examples and brute-force loops."""

import numpy as np
import pytest

from tfodcl import metrics
from tfodcl.errors import InputError

NAN = np.nan
# Lopez-Paz & Ranzato's layout by hand: three groups.
BY_HAND = np.array([[0.9, NAN, NAN], [0.6, 0.8, NAN], [0.7, 0.3, 0.5]])


def random_matrix(rng, size):
    matrix = rng.random((size, size))
    matrix[np.triu_indices(size, 1)] = NAN
    return matrix


def test_figures_of_the_hand_calculated_example():
    assert metrics.average_accuracy(BY_HAND) == pytest.approx((0.7 + 0.3 + 0.5) / 3)
    assert metrics.average_incremental_accuracy(BY_HAND) == pytest.approx((0.9 + 0.7 + 0.5) / 3)
    assert metrics.learning_accuracy(BY_HAND) == pytest.approx((0.9 + 0.8 + 0.5) / 3)
    assert metrics.forgetting(BY_HAND) == pytest.approx(((0.9 - 0.7) + (0.8 - 0.3)) / 2)
    assert metrics.backward_transfer(BY_HAND) == pytest.approx(((0.7 - 0.9) + (0.3 - 0.8)) / 2)


def test_forgetting_takes_the_best_earlier_accuracy_not_the_first():
    matrix = np.array([[0.2, NAN, NAN], [0.9, 0.5, NAN], [0.4, 0.5, 0.5]])
    assert metrics.forgetting(matrix) == pytest.approx((0.5 + 0.0) / 2)
    assert metrics.backward_transfer(matrix) == pytest.approx((0.2 + 0.0) / 2)


def test_improvement_of_old_groups_is_negative_forgetting():
    assert metrics.forgetting(np.array([[0.25, NAN], [0.75, 0.5]])) == pytest.approx(-0.5)


def test_one_evaluation_point_forgets_nothing():
    assert metrics.forgetting(np.array([[0.3]])) == 0.0
    assert metrics.backward_transfer(np.array([[0.3]])) == 0.0
    assert metrics.average_accuracy(np.array([[0.3]])) == pytest.approx(0.3)


@pytest.mark.parametrize("size", [2, 3, 6, 10])
def test_figures_equal_brute_force_loops(size):
    a = random_matrix(np.random.default_rng(size), size)
    last = size - 1
    forgotten, transferred, incremental = 0.0, 0.0, 0.0
    for j in range(last):
        best = -1.0
        for i in range(j, last):
            best = max(best, a[i, j])
        forgotten += best - a[last, j]
        transferred += a[last, j] - a[j, j]
    for i in range(size):
        incremental += sum(a[i, j] for j in range(i + 1)) / (i + 1)
    assert metrics.forgetting(a) == pytest.approx(forgotten / last, abs=1e-12)
    assert metrics.backward_transfer(a) == pytest.approx(transferred / last, abs=1e-12)
    assert metrics.average_incremental_accuracy(a) == pytest.approx(incremental / size, abs=1e-12)
    assert metrics.average_accuracy(a) == pytest.approx(sum(a[last, j] for j in range(size)) / size, abs=1e-12)
    assert metrics.learning_accuracy(a) == pytest.approx(sum(a[j, j] for j in range(size)) / size, abs=1e-12)
    assert metrics.forgetting(a) >= -metrics.backward_transfer(a)


def test_the_matrix_equals_brute_force_counting():
    rng = np.random.default_rng(0)
    points = (3, 5, 11)
    predictions = []
    for learnt in points:
        y_true = np.concatenate([np.arange(learnt), rng.integers(0, learnt, 200)])
        predictions.append(
            (y_true, np.where(rng.random(len(y_true)) < 0.6, y_true, rng.integers(0, learnt, len(y_true))))
        )
    matrix = metrics.accuracy_matrix(predictions, points)
    assert matrix.shape == (3, 3)
    for i, (y_true, y_pred) in enumerate(predictions):
        for j in range(3):
            low, high = (0, *points)[j], points[j]
            inside = [(t, p) for t, p in zip(y_true.tolist(), y_pred.tolist(), strict=True) if low <= t < high]
            if j > i:
                assert np.isnan(matrix[i, j]) and not inside
            else:
                assert matrix[i, j] == pytest.approx(sum(t == p for t, p in inside) / len(inside), abs=1e-12)


def test_a_row_by_hand():
    row = metrics.group_accuracies(np.array([0, 0, 1, 2, 3]), np.array([0, 1, 1, 9, 3]), (2, 4, 6))
    np.testing.assert_allclose(row, [2 / 3, 1 / 2, NAN])


def test_a_prediction_outside_the_stream_is_wrong_not_an_error():
    row = metrics.group_accuracies(np.array([0, 1]), np.array([-1, 99]), (2,))
    assert row.tolist() == [0.0]


def test_mean_and_deviation_of_runs():
    mean, deviation = metrics.mean_and_deviation([[0.2, 0.5], [0.4, 0.5], [0.6, 0.5]])
    np.testing.assert_allclose(mean, [0.4, 0.5])
    np.testing.assert_allclose(deviation, [0.2, 0.0], atol=1e-15)  # sqrt((0.2^2 + 0 + 0.2^2) / 2)


def test_one_run_has_no_deviation():
    mean, deviation = metrics.mean_and_deviation([[0.2, 0.5]])
    assert mean.tolist() == [0.2, 0.5]
    assert deviation.tolist() == [0.0, 0.0]


@pytest.mark.parametrize("seed", range(20))
def test_the_pareto_front_is_what_comparing_all_pairs_leaves(seed):
    rng = np.random.default_rng(seed)
    costs, values = rng.integers(0, 8, (2, 25))  # small numbers: many ties

    def dominates(j, i):
        no_worse = costs[j] <= costs[i] and values[j] >= values[i]
        return no_worse and (costs[j], values[j]) != (costs[i], values[i])

    expected = [i for i in range(25) if not any(dominates(j, i) for j in range(25))]
    front = metrics.pareto_front(costs, values)
    assert sorted(front) == expected
    assert costs[front].tolist() == sorted(costs[front])


def test_the_pareto_front_by_hand():
    assert metrics.pareto_front([8, 2, 4, 4, 16], [0.5, 0.1, 0.5, 0.4, 0.6]) == [1, 2, 4]
    assert metrics.pareto_front([], []) == []


@pytest.mark.parametrize(
    ("call", "rule"),
    [
        (lambda: metrics.group_accuracies([0], [0, 1], (2,)), "must be vectors of one length"),
        (lambda: metrics.group_accuracies([2], [2], (2,)), "must be in 0..1"),
        (lambda: metrics.group_accuracies([-1], [0], (2,)), "must be in 0..1"),
        (lambda: metrics.group_accuracies([0], [0], (2, 2)), "must increase strictly"),
        (lambda: metrics.group_accuracies([0], [0], (0, 2)), "must increase strictly"),
        (lambda: metrics.group_accuracies([0], [0], ()), "must increase strictly"),
        (lambda: metrics.accuracy_matrix([([0], [0])], (1, 2)), "one pair per evaluation point"),
        (
            lambda: metrics.accuracy_matrix([([0, 1], [0, 1]), ([0, 1], [0, 1])], (1, 2)),
            "exactly the classes learnt",
        ),
        (lambda: metrics.accuracy_matrix([([0], [0]), ([1], [1])], (1, 2)), "exactly the classes learnt"),
        (lambda: metrics.forgetting(np.zeros((2, 3))), "must be square"),
        (lambda: metrics.average_accuracy(np.zeros((0, 0))), "must be square"),
        (lambda: metrics.average_accuracy([[NAN]]), "must be finite"),
        (lambda: metrics.mean_and_deviation([]), "at least one run"),
        (lambda: metrics.pareto_front([1, 2], [1]), "vectors of one length"),
        (lambda: metrics.pareto_front([1, 2], [1, NAN]), "must be finite"),
    ],
)
def test_bad_input_names_the_rule_and_the_value(call, rule):
    with pytest.raises(InputError, match=rule) as raised:
        call()
    assert "Received: " in str(raised.value)
    assert "\n" not in str(raised.value)
