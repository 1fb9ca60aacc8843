"""Where in the arena each value lies, while it is needed."""

from dataclasses import dataclass

ALIGNMENT = 16  # of every offset, as in micro/base/arena.h


@dataclass(frozen=True)
class Block:
    """Bytes that are needed from one step to another, both included."""

    num_bytes: int
    first: int
    last: int

    def meets(self, other: "Block") -> bool:
        return self.first <= other.last and other.first <= self.last


def place(blocks: list[Block]) -> tuple[list[int], int]:
    """Offsets of the blocks, and the bytes that hold them all; blocks of a common step do not overlap.

    Each is placed at the lowest gap that holds it, in several orders, of which the one with the fewest bytes is taken.
    """
    indices = range(len(blocks))
    orders = (
        sorted(indices, key=lambda i: -blocks[i].num_bytes),
        sorted(indices, key=lambda i: (-_most_alive(blocks, blocks[i]), -blocks[i].num_bytes)),
        sorted(indices, key=lambda i: (blocks[i].first - blocks[i].last, -blocks[i].num_bytes)),
        sorted(indices, key=lambda i: blocks[i].first),
    )
    return min((_place_in_order(blocks, order) for order in orders), key=lambda placed: placed[1])


def _place_in_order(blocks: list[Block], order: list[int]) -> tuple[list[int], int]:
    offsets = [0] * len(blocks)
    placed: list[int] = []
    for i in order:
        offset = 0
        for j in sorted(placed, key=lambda j: offsets[j]):
            if blocks[i].meets(blocks[j]) and blocks[i].num_bytes > 0:
                if offset + blocks[i].num_bytes <= offsets[j]:
                    break
                offset = max(offset, _align(offsets[j] + blocks[j].num_bytes))
        offsets[i] = offset
        placed.append(i)
    total = max((offset + block.num_bytes for offset, block in zip(offsets, blocks, strict=True)), default=0)
    return offsets, _align(total)


def _most_alive(blocks: list[Block], block: Block) -> int:
    """Most bytes needed at one of the block's steps."""
    steps = range(block.first, block.last + 1)
    return max(sum(one.num_bytes for one in blocks if one.first <= step <= one.last) for step in steps)


def _align(num_bytes: int) -> int:
    return -(-num_bytes // ALIGNMENT) * ALIGNMENT
