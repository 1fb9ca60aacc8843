"""Which samples QLR-CL's mini-batches have: new ones of a training batch and replays (micro/SPEC.md 6.8)."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum

from tfodcl.errors import InputError
from tfodcl.replay.shuffle import shuffled


class Draw(IntEnum):
    """What is drawn for a training batch; each has permutations of its own, 0, 1, .."""

    NEW = 0  # the order of new samples, for each epoch
    REPLAYS = 1  # the order of replays, for each pass over them
    KEPT = 2  # 0: new samples that are kept; 1: records whose places they take


def drawn(size: int, seed: int, what: Draw, number: int) -> list[int]:
    """Permutation `number` of 0..size - 1 for the training batch that `seed` is of."""
    return shuffled(size, seed, len(Draw) * number + what)


def batch_seed(seed: int, number: int) -> int:
    """Of training batch `number` = 1, 2, .. of a learner; devices have seed 0."""
    return seed << 32 | number


@dataclass(frozen=True)
class Mixing:
    """How new samples and replays are mixed.

    Attributes:
      num_replays: most records that are kept.
      batch_size: samples of a mini-batch, new and replayed, at least 2.
      epochs: passes over the new samples, at least 1.
    """

    num_replays: int = 1500
    batch_size: int = 128
    epochs: int = 4

    def __post_init__(self) -> None:
        if self.batch_size < 2:
            raise InputError(
                f"a mini-batch must hold a new sample and a replayed one. Received: batch_size={self.batch_size}."
            )
        if self.epochs < 1:
            raise InputError(f"epochs must be at least 1. Received: epochs={self.epochs}.")

    def parts(self, num_new: int, num_kept: int) -> tuple[int, int]:
        """New and replayed samples of a mini-batch where there are `num_new` >= 1 and `num_kept` of them in all.

        In proportion, rounded down, but at least one new: 21 and 107 of 128 for the paper's 300 and 1500.
        """
        new = min(max(1, self.batch_size * num_new // (num_new + num_kept)), num_new)
        return new, min(self.batch_size - new, num_kept)

    def mini_batches(self, num_new: int, num_kept: int, seed: int) -> Iterator[tuple[list[int], list[int]]]:
        """Places of the new samples of each mini-batch, and of its replays.

        In an epoch every new sample comes once, but for the few that fill no mini-batch. Replays come in turn: all of
        them, in another order, before any comes again.
        """
        num_chosen, num_replayed = self.parts(num_new, num_kept)
        replays: list[int] = []
        num_passes = 0
        for epoch in range(self.epochs):
            order = drawn(num_new, seed, Draw.NEW, epoch)
            for start in range(0, num_new - num_chosen + 1, num_chosen):
                while len(replays) < num_replayed:
                    replays += drawn(num_kept, seed, Draw.REPLAYS, num_passes)
                    num_passes += 1
                yield order[start : start + num_chosen], replays[:num_replayed]
                replays = replays[num_replayed:]
