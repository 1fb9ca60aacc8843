"""Sizes: what fits the budget, and what is worth its energy."""

import itertools

import numpy as np
import pytest

from tfodcl.errors import InputError
from tfodcl.replay.hierarchy import Candidate, Sizes, Tier, affordable, choose, ram_bytes, usual_grid

GRID = (Sizes(0, 40), Sizes(20, 20), Sizes(100, 20), Sizes(20, 100), Sizes(9, 100))


def test_bytes_are_those_that_tiers_have():
    tiers = [Tier(count, 50, np.random.default_rng(0)) for count in (20, 100)]
    assert ram_bytes(Sizes(20, 100), 50) == sum(tier.num_bytes for tier in tiers) == 120 * 66


def test_sizes_over_the_budget_or_without_a_slot_for_each_class_are_left_out():
    assert affordable(GRID, 50, 120 * 66, 10, 10) == [Sizes(0, 40), Sizes(20, 20), Sizes(100, 20), Sizes(20, 100)]
    assert affordable(GRID, 50, 120 * 66 - 1, 10, 10) == [Sizes(0, 40), Sizes(20, 20)]
    assert affordable(GRID, 50, 120 * 66 - 1, 9, 9) == [Sizes(0, 40), Sizes(20, 20), Sizes(9, 100)]
    assert affordable(GRID, 50, 10**9, 30, 30) == [Sizes(0, 40)]
    assert affordable(GRID, 50, 10**9, 30, 10) == [Sizes(0, 40), Sizes(100, 20)]


def test_where_nothing_fits_the_smallest_is_made_smaller_in_proportion():
    grid = (Sizes(300, 100), Sizes(600, 600))
    assert affordable(grid, 50, 200 * 66 + 65, 10, 10) == [Sizes(150, 50)]
    assert affordable(grid, 50, 60 * 66, 20, 20) == [Sizes(40, 20)]  # a slot for each class before proportion
    assert affordable(grid, 50, 40 * 66, 20, 20) == [Sizes(20, 20)]
    assert affordable((Sizes(0, 400),), 50, 60 * 66, 20, 10) == [Sizes(0, 60)]  # without replay it stays without


def test_sizes_that_do_not_hold_the_classes_grow_no_more_than_these_need_whatever_the_budget():
    assert affordable((Sizes(2000, 50),), 50, 10**9, 60, 60) == [Sizes(1990, 60)]
    assert affordable((Sizes(12, 20),), 50, 10**9, 21, 2) == [Sizes(21, 11)]
    assert affordable((Sizes(12, 20),), 50, 10**9, 40, 10) == [Sizes(40, 10)]


def test_a_budget_below_a_record_of_each_class_is_refused():
    with pytest.raises(
        InputError, match=r"one record of each class, 25 of 66 bytes, new ones twice. Received: 1649 bytes\.$"
    ):
        affordable((Sizes(300, 100),), 50, 25 * 66 - 1, 20, 5)


def candidate(num_episodic: int, accuracy: float, num_trained: float) -> Candidate:
    return Candidate(Sizes(num_episodic, 1), accuracy, num_trained)


def test_the_most_accuracy_per_energy_above_the_cutline_is_chosen():
    cheap, middle, best, dear = given = [
        candidate(1, 0.30, 1.0),
        candidate(2, 0.58, 3.0),
        candidate(3, 0.60, 4.0),
        candidate(4, 0.59, 9.0),
    ]
    for order in itertools.permutations(given):
        assert choose(order, 1.0) is cheap
        assert choose(order, 0.75) is middle
        assert choose(order, 0.5) is best
        assert choose(order, 0.01) is best
    assert choose([dear], 0.5) is dear


@pytest.mark.parametrize(
    ("candidates", "cutline"), [([], 0.5), ([candidate(1, 0.5, 1.0)], 0.0), ([candidate(1, 0.5, 1.0)], 1.1)]
)
def test_what_gives_no_choice_is_refused(candidates, cutline):
    with pytest.raises(InputError, match="a choice needs candidates and a cutline above 0 and at most 1. Received: "):
        choose(candidates, cutline)


def test_of_equal_accuracy_the_cheaper_is_above_the_cutline():
    assert choose([candidate(1, 0.5, 9.0), candidate(2, 0.5, 4.0), candidate(3, 0.5, 1.0)], 0.3).num_trained == 1.0


def test_usual_sizes_are_nine_within_the_budget_the_first_takes_half_of_it_in_halves():
    grid = usual_grid(1000 * 66 + 3, 50, 10, 2)
    assert grid[0] == Sizes(250, 250) and len(set(grid)) == 9
    assert [sizes.num_records for sizes in grid] == [500] * 3 + [1000] * 3 + [250] * 3
    assert [sizes.num_episodic for sizes in grid[:3]] == [250, 400, 100]
    assert usual_grid(1000 * 66, 50, 201, 2) == [Sizes(250, 250), Sizes(400, 100), Sizes(500, 500), Sizes(800, 200)]
    assert usual_grid(25 * 66, 50, 20, 5) == [Sizes(20, 5)]
    with pytest.raises(
        InputError, match="one record of each class, 25 of 66 bytes, new ones twice. Received: 1600 bytes"
    ):
        usual_grid(1600, 50, 20, 5)
