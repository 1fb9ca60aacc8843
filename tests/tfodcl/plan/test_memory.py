"""Memory planning: nothing overlaps while it is needed, and little is wasted."""

import numpy as np
import pytest

from tfodcl import plan
from tfodcl.plan.memory import ALIGNMENT, Block, place


def draw_blocks(seed: int) -> list[Block]:
    rng = np.random.default_rng(seed)
    blocks = []
    for _ in range(rng.integers(1, 25)):
        num_steps = rng.integers(1, 6)
        sizes = sorted((int(size) for size in rng.integers(0, 2000, num_steps)), reverse=True)
        blocks.append(Block(int(rng.integers(-1, 12)), tuple(sizes)))
    return blocks


@pytest.mark.parametrize("seed", range(50))
def test_blocks_of_a_common_step_do_not_overlap(seed):
    blocks = draw_blocks(seed)
    offsets, total = place(blocks)
    assert total % ALIGNMENT == 0
    for step in range(-1, 20):
        end = 0
        for at, size in sorted((offset, one.size_at(step)) for offset, one in zip(offsets, blocks, strict=True)):
            if size:
                assert at % ALIGNMENT == 0
                assert at >= end
                end = at + size
        assert end <= total


def test_arenas_are_a_tenth_above_what_the_fullest_step_needs_at_most_on_average():
    ratios = []
    for seed in range(50):
        blocks = draw_blocks(seed)
        needs = [sum(-(-one.size_at(step) // ALIGNMENT) * ALIGNMENT for one in blocks) for step in range(-1, 20)]
        ratios.append(place(blocks)[1] / max(needs))
    assert min(ratios) >= 1
    assert np.mean(ratios) <= 1.1


def test_a_shrinking_block_makes_room():
    offsets, total = place([Block(0, (160, 32, 32)), Block(1, (128,))])
    assert total == 160
    assert sorted(offsets) == [0, 32]


def test_nothing_takes_nothing():
    assert place([]) == ([], 0)
    assert place([Block(0, (0,))]) == ([0], 0)


def chain(builder, num_uses: int) -> bytes:
    """A tensor of 64 values, rescaled; then it is used again or not."""
    source = builder.tensor((1, 64), 0.5, 0)
    first = builder.operator("QUANTIZE", [source], builder.tensor((1, 64), 0.4, 0), 2)
    second = builder.operator("LOGISTIC", [first], builder.tensor((1, 64), 1 / 256, -128), 2)
    if num_uses == 1:
        return builder.finish(source, second)
    product = builder.operator("MUL", [first, second], builder.tensor((1, 64), 0.4, 0), 2)
    return builder.finish(source, product)


def test_operators_on_single_values_work_in_place_where_their_input_is_not_needed_later(builder):
    assert plan.make(chain(builder, 1)).arena_bytes == 64


def test_an_input_that_is_needed_later_is_kept(builder, encode, oracle):
    tflite = chain(builder, 2)
    assert plan.make(tflite).arena_bytes == 128
    samples = np.arange(-128, 128).astype(np.int8).reshape(4, 64)
    np.testing.assert_array_equal(encode(tflite, samples), oracle(tflite, samples))
