"""What a learner's memory is made of."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tfodcl.compress.record import Codec
from tfodcl.errors import InputError
from tfodcl.replay.hierarchy.budget import Budget
from tfodcl.replay.hierarchy.memory import Sizes


@dataclass(frozen=True, eq=False)
class MemoryPlan:
    """A plan.

    Attributes:
      folder: of storage, for one learner.
      budget: of both tiers.
      grid: sizes to choose from; the first are those of the first task. One pair stays, as far as the budget allows.
      swap_ratio: share of a mini-batch's episodic records, 0..1.
      cutline: see sizing.choose.
      codec: of latents that are kept in place of samples; None: samples are kept.
    """

    folder: Path
    budget: Budget
    grid: Sequence[Sizes]
    swap_ratio: float = 0.2
    cutline: float = 0.5
    codec: Codec | None = None

    def __post_init__(self) -> None:
        if not self.grid:
            raise InputError("a memory must have sizes to choose from. Received: none.")
        if not 0 <= self.swap_ratio <= 1:
            raise InputError(f"a swap ratio must be 0..1. Received: swap_ratio={self.swap_ratio}.")
