"""Names of methods as commands take them."""

import pytest

from tfodcl.errors import InputError
from tfodcl.methods import BATCH_METHODS, METHODS, TASK_METHODS, parse_methods


@pytest.mark.parametrize("text", ["all", ",".join(reversed(METHODS))])
def test_methods_come_in_their_usual_order(text):
    assert parse_methods(text) == list(METHODS)


def test_a_method_named_twice_runs_once():
    assert parse_methods("oracle,anml,oracle") == ["anml", "oracle"]
    assert parse_methods("qlr,qlr") == ["qlr"]


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("anml,qlr", "classes and training batches"),
        ("naive,anml", "classes and tasks"),
        ("lightcl,qlr", "training batches and tasks"),
        ("er,qlr,oracle", "classes and training batches and tasks"),
    ],
)
def test_methods_that_learn_streams_of_other_kinds_run_apart(text, kinds):
    with pytest.raises(InputError, match=f"--methods must learn .* of one kind: run them apart. Received: {kinds}."):
        parse_methods(text)


def test_methods_that_learn_tasks_have_names_of_their_own_in_their_usual_order():
    assert parse_methods(",".join(reversed(TASK_METHODS))) == list(TASK_METHODS)
    assert set(TASK_METHODS).isdisjoint({*METHODS, *BATCH_METHODS})


def test_an_unknown_name_is_named_beside_all_known_ones():
    with pytest.raises(
        InputError, match="all or of pretrained,.*,qlr,naive,.*,icarl,bic,miro,miro_latent. Received: 'ligthcl'."
    ):
        parse_methods("lightcl,ligthcl")
