"""The rate's falls, counted by hand."""

import pytest

from tfodcl.task_methods.falling_rate import rate_share


@pytest.mark.parametrize(("num_epochs", "falls"), [(70, (49, 63)), (10, (7, 9)), (5, (4, 5)), (1, (1, 1))])
def test_the_rate_falls_to_a_fifth_twice_in_a_task(num_epochs, falls):
    shares = [rate_share(epoch, num_epochs) for epoch in range(num_epochs)]
    assert shares == pytest.approx([1 if i < falls[0] else 0.2 if i < falls[1] else 0.04 for i in range(num_epochs)])
