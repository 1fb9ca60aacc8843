"""Names of methods as commands take them."""

import pytest

from tfodcl.errors import InputError
from tfodcl.methods import METHODS, parse_methods


@pytest.mark.parametrize("text", ["all", ",".join(reversed(METHODS))])
def test_methods_come_in_their_usual_order(text):
    assert parse_methods(text) == list(METHODS)


def test_a_method_named_twice_runs_once():
    assert parse_methods("oracle,anml,oracle") == ["anml", "oracle"]
    assert parse_methods("qlr,qlr") == ["qlr"]


def test_a_method_of_training_batches_runs_apart_from_the_others():
    rule = "qlr learns training batches, the other methods classes: run them apart. Received: anml,qlr."
    with pytest.raises(InputError, match=rule):
        parse_methods("anml,qlr")
