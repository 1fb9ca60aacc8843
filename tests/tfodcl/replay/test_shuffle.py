"""Oracle: the numbers that the author of PCG publishes for seed 42 and stream 54."""

from pathlib import Path

import numpy as np
import pytest

from tfodcl.replay.shuffle import Pcg32, shuffled

SPEC = (Path(__file__).parents[3] / "micro" / "SPEC.md").read_text(encoding="utf-8")


def test_numbers_are_those_of_the_generator_s_author():
    random = Pcg32(42, 54)
    numbers = [random.next() for _ in range(6)]
    assert numbers == [0xA15C02B7, 0x7B47F409, 0xBA1D3330, 0x83D2F293, 0xBFA4784B, 0xCBED606E]


def test_the_worked_example_is_that_of_the_code():
    random = Pcg32(42, 54)
    numbers = ", ".join(f"{random.next():08x}" for _ in range(3))
    order = ", ".join(map(str, shuffled(10, 42, 54)))
    assert f"Seed 42, pass 54: the numbers {numbers}, and of 10 records the order {order}." in SPEC


@pytest.mark.parametrize("size", [0, 1, 2, 3, 17, 1000])
def test_it_is_a_permutation(size):
    assert sorted(shuffled(size, 3, 1)) == list(range(size))


def test_it_depends_on_seed_and_epoch():
    assert shuffled(50, 1, 0) != shuffled(50, 2, 0)
    assert shuffled(50, 1, 0) != shuffled(50, 1, 1)


def test_every_number_comes_to_every_place():
    counts = np.zeros((8, 8))
    for seed in range(8000):
        counts[np.arange(8), shuffled(8, seed, 0)] += 1
    chi_square = ((counts - 1000) ** 2 / 1000).sum()
    assert chi_square < 85.4  # 99.9 % of fair shuffles, 49 degrees of freedom
