"""Streams tested on fewer samples are tested on the first of each class, and learnt as they were."""

import numpy as np
import pytest

from tfodcl.streams import BatchStream, Stream, with_fewer_tests

Y = np.repeat([0, 1, 2], [4, 1, 3])
X = np.arange(len(Y)).reshape(-1, 1, 1, 1)
STREAMS = [
    Stream(tasks=(), x_test=X, y_test=Y, eval_points=(3,)),
    BatchStream(X, (np.array([1]),), (np.array([0]),), np.arange(3), X, Y, eval_points=(1,)),
]


@pytest.mark.parametrize("stream", STREAMS)
def test_the_first_samples_of_each_class_are_tested(stream):
    fewer = with_fewer_tests(stream, 2)

    assert type(fewer) is type(stream)
    assert fewer.y_test.tolist() == [0, 0, 1, 2, 2]
    assert fewer.x_test.ravel().tolist() == [0, 1, 4, 5, 6]
    assert fewer.eval_points == stream.eval_points
