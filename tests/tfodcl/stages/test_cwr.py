import numpy as np

from tfodcl.stages.cwr import ConsolidatedHead


def test_rows_are_those_of_the_formula_by_hand():
    """Two training batches: classes 0 and 1 from 4 and 2 samples; then 1 and 2 from 8 and 1."""
    head = ConsolidatedHead(num_classes=4, num_features=2)
    head.consolidate(np.array([[1, 4], [3, 0], [9, 9], [9, 9]], np.float32), np.array([0, 0, 1, 0, 1, 0]))
    # Mean of rows 0 and 1: (2, 2). No past: the shifted rows themselves.
    np.testing.assert_array_equal(head.rows, np.array([[-1, 2], [1, -2], [0, 0], [0, 0]]))
    assert head.counts.tolist() == [4, 2, 0, 0] and head.known.tolist() == [True, True, False, False]

    head.consolidate(np.array([[9, 9], [5, 2], [1, 4], [9, 9]], np.float32), np.array([1] * 8 + [2]))
    # Mean of rows 1 and 2: (3, 3). Class 1: sqrt(2 / 8) = 1/2, ((1, -2) / 2 + (2, -1)) / (3/2) = (5/3, -4/3).
    np.testing.assert_allclose(head.rows, [[-1, 2], [5 / 3, -4 / 3], [-2, 1], [0, 0]], rtol=1e-6)
    assert head.counts.tolist() == [4, 10, 1, 0]
    assert head.rows.dtype == np.float32


def test_what_all_trained_rows_have_in_common_changes_nothing():
    first, second = ConsolidatedHead(3, 5), ConsolidatedHead(3, 5)
    rng = np.random.default_rng(0)
    for _ in range(3):
        trained, labels = rng.normal(size=(3, 5)).astype(np.float32), rng.integers(0, 3, 20)
        first.consolidate(trained, labels)
        second.consolidate(trained + rng.normal(size=5).astype(np.float32), labels)
    np.testing.assert_allclose(first.rows, second.rows, atol=1e-6)
    assert np.ptp(first.rows) > 0.1
