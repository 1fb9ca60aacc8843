"""CWR*, the consolidated head of AR1* (Lomonaco et al. 2020, arXiv 1907.03799; Pellegrini et al. 2020).

A training batch trains temporary rows t. What the head keeps of them are the consolidated rows c: with n_j samples of
class j in the training batch, replays included, and N_j in all earlier ones,

  p_j = sqrt(N_j / n_j)        c_j = (c_j p_j + t_j - mean of t over the classes trained) / (p_j + 1)        N_j += n_j

The mean is a row: what all trained classes have in common decides nothing among them, only between them and others.
All in float32, in the order of micro/SPEC.md 6.9.
"""

import numpy as np


class ConsolidatedHead:
    """Zero at first.

    Attributes:
      rows: (num_classes, num_features) float32, c.
      counts: (num_classes,) int64, N: samples that each class was trained with so far.
    """

    def __init__(self, num_classes: int, num_features: int) -> None:
        self.rows = np.zeros((num_classes, num_features), np.float32)
        self.counts = np.zeros(num_classes, np.int64)

    @property
    def known(self) -> np.ndarray:
        """(num_classes,) bool: whether a class was ever trained."""
        return self.counts > 0

    def consolidate(self, trained: np.ndarray, labels: np.ndarray) -> None:
        """Takes in what a training batch taught.

        Args:
          trained: (num_classes, num_features), t; rows of classes not in `labels` do not matter.
          labels: (n,) of the training batch's samples and of the replays, n >= 1.
        """
        current = np.bincount(labels, minlength=len(self.counts))  # (num_classes,)
        present = current > 0
        shifted = trained[present] - trained[present].mean(axis=0)
        past = np.sqrt(self.counts[present].astype(np.float32) / current[present].astype(np.float32))[:, None]
        self.rows[present] = (self.rows[present] * past + shifted) / (past + 1)
        self.counts += current
