"""The order in which a device replays its records: Fisher-Yates with PCG32 (micro/SPEC.md 6.5)."""

_MULTIPLIER = 6364136223846793005
_MASK_64, _MASK_32 = (1 << 64) - 1, (1 << 32) - 1


class Pcg32:
    """PCG XSH RR 64/32 (M. E. O'Neill, HMC-CS-2014-0905).

    Args:
      seed: where it begins.
      stream: which of the 2^63 sequences.
    """

    def __init__(self, seed: int, stream: int) -> None:
        self._state = 0
        self._increment = (stream << 1 | 1) & _MASK_64
        self.next()
        self._state = (self._state + seed) & _MASK_64
        self.next()

    def next(self) -> int:
        """32 random bits."""
        before = self._state
        self._state = (before * _MULTIPLIER + self._increment) & _MASK_64
        mixed = ((before >> 18 ^ before) >> 27) & _MASK_32
        rotation = before >> 59
        return (mixed >> rotation | mixed << (32 - rotation)) & _MASK_32

    def below(self, bound: int) -> int:
        """0..bound - 1, bound below 2^32."""
        return self.next() * bound >> 32


def shuffled(size: int, seed: int, epoch: int) -> list[int]:
    """A permutation of 0..size - 1 that depends on the arguments only."""
    random = Pcg32(seed, epoch)
    order = list(range(size))
    for last in range(size - 1, 0, -1):
        chosen = random.below(last + 1)
        order[last], order[chosen] = order[chosen], order[last]
    return order
