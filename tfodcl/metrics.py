"""What a continual learner remembers: the accuracy matrix and the figures the field derives from it.

Classes are learnt in order and carry the labels 0, 1, 2, ... Evaluation point i comes after `eval_points[i]`
classes. Class group j holds the labels eval_points[j - 1] .. eval_points[j] - 1 (from 0 for j = 0), those
learnt between two evaluation points. All figures come from one matrix of T rows and T columns,

  A[i, j] = accuracy on the test samples of group j after point i, in [0, 1]; nan for j > i (not learnt).

  average accuracy      1/T sum_j A[T-1, j]                                       Lopez-Paz & Ranzato, 2017
  average incremental   1/T sum_i (1/(i+1) sum_{j<=i} A[i, j])                    Rebuffi et al., 2017
  learning accuracy     1/T sum_j A[j, j]                                         Riemer et al., 2019
  forgetting            1/(T-1) sum_{j<T-1} (max_{j<=i<T-1} A[i, j] - A[T-1, j])  Chaudhry et al., 2018
  backward transfer     1/(T-1) sum_{j<T-1} (A[T-1, j] - A[j, j])                 Lopez-Paz & Ranzato, 2017

Forgetting is at least minus backward transfer, and equals it where every group was best right after it
was learnt. Forward transfer needs accuracies on classes not yet learnt; a head that grows has none.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from tfodcl.errors import InputError


def group_accuracies(y_true: ArrayLike, y_pred: ArrayLike, eval_points: ArrayLike) -> np.ndarray:
    """One row of the accuracy matrix.

    Args:
      y_true: (n,) labels of the test samples of the classes learnt so far.
      y_pred: (n,) predicted labels; a label outside the stream is simply wrong.
      eval_points: (T,) numbers of classes learnt, strictly increasing, the first at least 1.

    Returns:
      (T,) float64: the accuracy of each group, nan for a group without samples.

    Raises:
      InputError: shapes differ, `eval_points` does not increase, or a label of y_true is outside
        0..eval_points[-1]-1.
    """
    bounds = _bounds(eval_points)
    y_true, y_pred = np.asarray(y_true), np.asarray(y_pred)
    if y_true.ndim != 1 or y_true.shape != y_pred.shape:
        raise InputError(
            "y_true and y_pred must be vectors of one length. "
            f"Received: y_true.shape={y_true.shape}, y_pred.shape={y_pred.shape}."
        )
    if y_true.size and (y_true.min() < 0 or y_true.max() >= bounds[-1]):
        raise InputError(
            f"y_true must be in 0..{bounds[-1] - 1}. Received: y_true from {y_true.min()} to {y_true.max()}."
        )
    group = np.searchsorted(bounds, y_true, side="right")  # (n,): label bounds[j] opens group j + 1
    num_samples = np.bincount(group, minlength=len(bounds))
    num_right = np.bincount(group[y_true == y_pred], minlength=len(bounds))
    return np.divide(num_right, num_samples, out=np.full(len(bounds), np.nan), where=num_samples > 0)


def accuracy_matrix(predictions: Sequence[tuple[ArrayLike, ArrayLike]], eval_points: ArrayLike) -> np.ndarray:
    """The accuracy matrix A of one run.

    Args:
      predictions: (y_true, y_pred) at each evaluation point, as in `group_accuracies`, over all classes
        learnt by then.
      eval_points: (T,) numbers of classes learnt, strictly increasing, the first at least 1.

    Returns:
      (T, T) float64, nan above the diagonal.

    Raises:
      InputError: not one pair per evaluation point, samples of a class not yet learnt, or a learnt group
        without any.
    """
    bounds = _bounds(eval_points)
    if len(predictions) != len(bounds):
        raise InputError(
            "predictions must hold one pair per evaluation point. "
            f"Received: predictions={len(predictions)}, eval_points={len(bounds)}."
        )
    matrix = np.stack([group_accuracies(y_true, y_pred, bounds) for y_true, y_pred in predictions])
    if not np.array_equal(np.isfinite(matrix), np.tri(len(bounds), dtype=bool)):
        wrong = int(np.argmax((np.isfinite(matrix) != np.tri(len(bounds), dtype=bool)).any(axis=1)))
        received = np.flatnonzero(np.isfinite(matrix[wrong])).tolist()
        raise InputError(
            "test samples at an evaluation point must be of exactly the classes learnt by then. "
            f"Received: groups {received} after {bounds[wrong]} classes."
        )
    return matrix


def average_accuracy(matrix: ArrayLike) -> float:
    """Mean over groups of the final accuracy: 1/T sum_j A[T-1, j]."""
    return float(np.mean(_checked(matrix)[-1]))


def average_incremental_accuracy(matrix: ArrayLike) -> float:
    """Mean over evaluation points of the mean over the groups learnt by then."""
    return float(np.mean([row[: i + 1].mean() for i, row in enumerate(_checked(matrix))]))


def learning_accuracy(matrix: ArrayLike) -> float:
    """Mean over groups of the accuracy right after learning the group: 1/T sum_j A[j, j]."""
    return float(np.mean(np.diagonal(_checked(matrix))))


def forgetting(matrix: ArrayLike) -> float:
    """Mean over groups but the last of the best earlier accuracy minus the final one.

    In [-1, 1]; negative where later learning improved old groups; 0.0 with one evaluation point, where
    nothing can have been forgotten.
    """
    matrix = _checked(matrix)
    if len(matrix) == 1:
        return 0.0
    best = np.nanmax(matrix[:-1, :-1], axis=0)  # (T-1,)
    return float(np.mean(best - matrix[-1, :-1]))


def backward_transfer(matrix: ArrayLike) -> float:
    """Mean over groups but the last of the final accuracy minus the one right after learning the group.

    In [-1, 1]; negative means forgetting; 0.0 with one evaluation point.
    """
    matrix = _checked(matrix)
    if len(matrix) == 1:
        return 0.0
    return float(np.mean(matrix[-1, :-1] - np.diagonal(matrix)[:-1]))


def mean_and_deviation(runs: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Mean and sample standard deviation (ddof 1) over the first axis.

    Args:
      runs: (num_runs, ...) figures of each run, num_runs at least 1.

    Returns:
      two arrays (...): mean, deviation. The deviation of one run is 0: nothing is known of the spread.
    """
    runs = np.asarray(runs, dtype=np.float64)
    if runs.ndim == 0 or len(runs) == 0:
        raise InputError(f"runs must hold at least one run. Received: shape={runs.shape}.")
    deviation = runs.std(axis=0, ddof=1) if len(runs) > 1 else np.zeros(runs.shape[1:])
    return runs.mean(axis=0), deviation


def pareto_front(costs: ArrayLike, values: ArrayLike) -> list[int]:
    """The points that no other dominates, by rising cost: none costs at most as much, is worth at least as much, and
    differs in one of the two.

    Args:
      costs, values: (n,) of each point, finite; a low cost and a high value are good.

    Returns:
      indices; of equal points all or none are there.
    """
    costs, values = np.asarray(costs, dtype=np.float64), np.asarray(values, dtype=np.float64)
    if costs.ndim != 1 or costs.shape != values.shape:
        raise InputError(
            "costs and values must be vectors of one length. "
            f"Received: costs.shape={costs.shape}, values.shape={values.shape}."
        )
    if not (np.isfinite(costs).all() and np.isfinite(values).all()):
        raise InputError("costs and values must be finite. Received: nan or infinity.")
    front: list[int] = []
    for i in np.lexsort((-values, costs)).tolist():  # by cost, of equal cost the highest value first
        point = (costs[i], values[i])
        if not front or values[i] > values[front[-1]] or point == (costs[front[-1]], values[front[-1]]):
            front.append(i)
    return front


def _bounds(eval_points: ArrayLike) -> np.ndarray:
    bounds = np.asarray(eval_points)
    if bounds.ndim != 1 or bounds.size == 0 or bounds[0] < 1 or np.any(np.diff(bounds) <= 0):
        raise InputError(
            f"eval_points must increase strictly from at least 1. Received: eval_points={bounds.tolist()}."
        )
    return bounds


def _checked(matrix: ArrayLike) -> np.ndarray:
    matrix = np.asarray(matrix, dtype=np.float64)
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1] or len(matrix) == 0:
        raise InputError(f"an accuracy matrix must be square. Received: shape={matrix.shape}.")
    if not np.all(np.isfinite(matrix[np.tril_indices(len(matrix))])):
        raise InputError("an accuracy matrix must be finite on and below its diagonal. Received: nan or infinity.")
    return matrix
