"""Class ids of a data set -> labels of a stream, 0, 1, .. in order of learning."""

import numpy as np


def select(x: np.ndarray, y: np.ndarray, order: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The samples of the classes in `order`, with their positions in it as labels, in order of label.

    Args:
      x: (n, ..) samples.
      y: (n,) int64 class ids >= 0.
      order: (k,) int64 distinct class ids.

    Returns:
      (m, ..) samples, each class's in the order of x, and (m,) int64 labels.
    """
    label_of = np.full(max(y.max(), order.max()) + 1, -1, np.int64)
    label_of[order] = np.arange(len(order))
    labels = label_of[y]
    chosen = np.argsort(labels, kind="stable")[np.count_nonzero(labels < 0) :]
    return x[chosen], labels[chosen]
