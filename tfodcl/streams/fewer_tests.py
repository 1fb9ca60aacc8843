"""Streams that are tested on a part of their test samples, where testing takes long."""

import dataclasses
from typing import TypeVar

import numpy as np

from tfodcl.streams.batches import BatchStream
from tfodcl.streams.tasks import Stream

AnyStream = TypeVar("AnyStream", Stream, BatchStream)


def with_fewer_tests(stream: AnyStream, num_tests: int) -> AnyStream:
    """The stream with the first `num_tests` test samples of each class, all where a class has fewer."""
    chosen = np.concatenate([np.flatnonzero(stream.y_test == label)[:num_tests] for label in np.unique(stream.y_test)])
    return dataclasses.replace(stream, x_test=stream.x_test[chosen], y_test=stream.y_test[chosen])
