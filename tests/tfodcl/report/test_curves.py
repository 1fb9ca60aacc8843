"""Where labels and axes go."""

import pytest

from tfodcl.report.curves import spread


def test_labels_keep_their_distance_and_move_no_more_than_they_must():
    assert spread([10, 50, 90], 16, 0, 100) == [10, 50, 90]
    assert spread([50, 50], 16, 0, 100) == [42, 58]
    assert spread([58, 40, 41], 16, 0, 100) == pytest.approx([62.333333, 30.333333, 46.333333])
    assert spread([99, 98], 16, 0, 100) == [100, 84]
    assert spread([1, 1], 16, 0, 100) == [0, 16]
