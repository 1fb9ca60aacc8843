"""Where in the arena each value lies, while it is needed."""

from collections.abc import Sequence
from dataclasses import dataclass

ALIGNMENT = 16  # of every offset, as in micro/base/arena.h
_ATTEMPTS = 100


@dataclass(frozen=True)
class Block:
    """Bytes from one address on, needed from step `first` on: sizes[i] of them at step first + i."""

    first: int
    sizes: tuple[int, ...]

    def size_at(self, step: int) -> int:
        index = step - self.first
        return self.sizes[index] if 0 <= index < len(self.sizes) else 0

    @property
    def steps(self) -> range:
        return range(self.first, self.first + len(self.sizes))


def place(blocks: Sequence[Block]) -> tuple[list[int], int]:
    """Offsets of the blocks, and the bytes that hold them all; at no step do two blocks overlap.

    Each is placed at the lowest offset where it fits, the largest first; as long as that wastes bytes, once more with
    the highest one before all others.
    """
    blocks = [Block(one.first, tuple(map(_align, one.sizes))) for one in blocks]
    total_at = {step: sum(one.size_at(step) for one in blocks) for block in blocks for step in block.steps}
    least = max(total_at.values(), default=0)
    most_alive = [max((total_at[step] for step in one.steps), default=0) for one in blocks]
    largest = [max(one.sizes, default=0) for one in blocks]
    order = sorted(range(len(blocks)), key=lambda i: (-most_alive[i], -largest[i]))
    best = _place_in_order(blocks, order)
    offsets, total = best
    for _ in range(_ATTEMPTS):
        if best[1] == least:
            break
        order.insert(0, order.pop(max(range(len(order)), key=lambda k: offsets[order[k]] + largest[order[k]])))
        offsets, total = _place_in_order(blocks, order)
        if total < best[1]:
            best = offsets, total
    return best


def _place_in_order(blocks: Sequence[Block], order: list[int]) -> tuple[list[int], int]:
    offsets = [0] * len(blocks)
    total = 0
    placed: list[int] = []
    for i in order:
        taken = [span for j in placed for span in _taken(blocks[i], blocks[j], offsets[j])]
        candidates = sorted({0, *(_align(end) for _, end in taken)})
        offsets[i] = next(at for at in candidates if not any(begin < at < end for begin, end in taken))
        placed.append(i)
        total = max(total, offsets[i] + max(blocks[i].sizes, default=0))
    return offsets, _align(total)


def _taken(block: Block, other: Block, other_offset: int) -> set[tuple[int, int]]:
    """Open intervals of offsets at which `block` would overlap the other."""
    pairs = {(block.size_at(step), other.size_at(step)) for step in block.steps}
    return {(other_offset - mine, other_offset + its) for mine, its in pairs if mine and its}


def _align(num_bytes: int) -> int:
    return -(-num_bytes // ALIGNMENT) * ALIGNMENT
