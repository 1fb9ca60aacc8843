"""Which sizes of memory are worth their energy (Miro, arXiv 2308.06053).

Of pairs of sizes that fit the budget, those of highest accuracy come into question, a share of them that is called
the cutline; of these the one with most accuracy per energy is taken.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from tfodcl.errors import InputError
from tfodcl.replay.hierarchy.memory import Sizes
from tfodcl.replay.hierarchy.tier import slot_bytes

_SHARES = (0.5, 0.8, 0.2)  # of episodic memory


@dataclass(frozen=True)
class Candidate:
    """What was found out about a pair of sizes.

    Attributes:
      accuracy: measured or expected on samples that were not trained on, 0..1.
      num_trained: records that learning a task with it trains on, above 0; energy is in proportion.
    """

    sizes: Sizes
    accuracy: float
    num_trained: float


def ram_bytes(sizes: Sizes, record_bytes: int) -> int:
    """Of both tiers."""
    return sizes.num_records * slot_bytes(record_bytes)


def affordable(
    grid: Sequence[Sizes], record_bytes: int, budget_bytes: int, num_classes: int, num_new: int
) -> list[Sizes]:
    """Those of the grid that fit the budget and hold the classes; if none does, the one that needs least, made smaller,
    or as much larger as the classes need, in its own proportion as far as they allow.

    Args:
      num_classes: that episodic memory has to hold, old and new, at least 1.
      num_new: that the stream buffer has to.

    Raises:
      InputError: the budget is below one record of each class.
    """
    most = budget_bytes // slot_bytes(record_bytes)
    fitting = [sizes for sizes in grid if sizes.num_records <= most and sizes.holds(num_classes, num_new)]
    if fitting:
        return fitting
    least = min(grid, key=lambda sizes: sizes.num_records)
    num_needed = num_classes if least.num_episodic else 0
    if most < num_needed + num_new:
        raise InputError(
            f"a memory budget must hold one record of each class, {num_needed + num_new} of {slot_bytes(record_bytes)} "
            f"bytes, new ones twice. Received: {budget_bytes} bytes."
        )
    total = max(num_needed + num_new, min(most, least.num_records))
    num_episodic = round(total * least.num_episodic / least.num_records)
    num_episodic = min(max(num_episodic, num_needed), total - num_new)
    return [Sizes(num_episodic, total - num_episodic)]


def usual_grid(budget_bytes: int, record_bytes: int, num_classes: int, num_new: int) -> list[Sizes]:
    """A half of the budget, the whole and a quarter of it, of which episodic memory has a half, four fifths or a fifth;
    those that hold the classes, as in `affordable`. The first is middling, as what the paper begins with: the whole
    costs twice the energy before anything is known.

    Raises:
      InputError: as `affordable`.
    """
    most = budget_bytes // slot_bytes(record_bytes)
    pairs = [(round(share * total), total) for total in (most // 2, most, most // 4) for share in _SHARES]
    grid = [Sizes(old, total - old) for old, total in pairs if 0 < old < total]
    return [sizes for sizes in grid if sizes.holds(num_classes, num_new)] or affordable(
        [Sizes(max(1, most - num_new), num_new)], record_bytes, budget_bytes, num_classes, num_new
    )


def choose(candidates: Sequence[Candidate], cutline: float) -> Candidate:
    """The candidate of most accuracy per energy among those of highest accuracy: a share `cutline` of all, in (0, 1].

    Raises:
      InputError: there is none, or the cutline is out of range.
    """
    if not candidates or not 0 < cutline <= 1:
        raise InputError(
            f"a choice needs candidates and a cutline above 0 and at most 1. "
            f"Received: {len(candidates)} candidates, cutline={cutline}."
        )
    best = sorted(candidates, key=lambda one: (-one.accuracy, one.num_trained))[: math.ceil(cutline * len(candidates))]
    return max(best, key=lambda one: one.accuracy / one.num_trained)
