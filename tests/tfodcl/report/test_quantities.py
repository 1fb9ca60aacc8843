"""Numbers as text, and round axes."""

import pytest

from tfodcl.report.quantities import (
    byte_size,
    duration,
    energy,
    nice_ceiling,
    nice_range,
    operations,
    points,
    points_deviation,
)


def test_axes_end_at_a_round_number_that_holds_the_value():
    for value in (0.0101, 0.2, 0.31, 0.44, 0.76, 1.0, 7.0, 12345.0):
        end, step = nice_ceiling(value)
        assert end >= value * (1 - 1e-9) and end - step < value
        assert 1 <= round(end / step) <= 5


def test_shares_are_percentage_points_with_a_minus_where_something_is_left_to_see():
    assert [points(share) for share in (0.4412, -0.02, -0.0004, 0.0)] == ["44.1", "\u22122.0", "0.0", "0.0"]
    assert [points(share, 2) for share in (0.4412, -0.0004, -0.00004)] == ["44.12", "\u22120.04", "0.00"]
    assert points_deviation(-0.0026, 0.0041, 3, decimals=2).replace("\u00a0", " ") == "\u22120.26 ± 0.41"
    assert points_deviation(-0.0026, 0.0, 1, decimals=2) == "\u22120.26"


def test_numbers_as_people_read_them():
    sizes = [byte_size(n).replace("\u00a0", " ") for n in (0, 546, 1023, 1024, 65536, 1184320, 2**20 - 1, 2**31)]
    assert sizes == ["0 B", "546 B", "1023 B", "1 KiB", "64 KiB", "1.1 MiB", "1.0 MiB", "2 GiB"]
    times = [duration(s).replace("\u00a0", " ") for s in (0, 0.0042, 6.31, 99.94, 415, 7100)]
    assert times == ["0.0 s", "4.2 ms", "6.3 s", "99.9 s", "6 min 55 s", "1 h 58 min"]
    work = [operations(n).replace("\u00a0", " ") for n in (0, 999.4, 999.5, 7.5e15, 9.996e14, 1.2e18, 2e24)]
    assert work == ["0 FLOP", "999 FLOP", "1 kFLOP", "7.5 PFLOP", "1 PFLOP", "1.2 EFLOP", "2 YFLOP"]
    joules = [energy(n).replace("\u00a0", " ") for n in (0, 0.25, 999.4, 8690, 2.5e6)]
    assert joules == ["0 J", "0.25 J", "999 J", "8.69 kJ", "2.5 MJ"]


@pytest.mark.parametrize(("low", "high"), [(0, 0), (0.3, 0.3), (0.291, 0.503), (-0.07, 0.02), (0.0, 1.0), (5e-5, 7e-5)])
def test_a_range_holds_its_ends_and_begins_at_a_multiple_of_its_step(low, high):
    start, end, step = nice_range(low, high, 6)
    assert start <= low + 1e-9 and high <= end + 1e-9 and start < end
    first, last = start / step, end / step
    assert (first, last) == pytest.approx((round(first), round(last))) and last - first < 7.5
