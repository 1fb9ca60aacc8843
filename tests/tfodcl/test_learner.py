"""The board's twin by itself; tests/parity compares it with the board's learner."""

import numpy as np
import pytest

from tests.parity.small_package import LATENT_DIM, NUM_SAMPLES, IdentityEncoder, make_codec, make_inputs, make_package
from tfodcl.errors import InputError
from tfodcl.learner import Learner
from tfodcl.replay.log import ForeignLogError, Geometry

GEOMETRY = Geometry(4, 1024, 40)
INPUTS = make_inputs()


def make_learner(budget_records: int = 40, **arguments) -> Learner:
    made = make_package(make_codec("uniform", INPUTS), budget_records)
    return Learner(made, IdentityEncoder(), GEOMETRY, **arguments)


def teach(learner: Learner, name: str, kind: int) -> int:
    label = learner.add_class(name)
    for x in INPUTS[kind, :12]:
        learner.learn_sample(label, x)
    learner.end_class(label)
    return label


def test_it_learns_class_after_class():
    learner = make_learner()
    for kind in range(5):
        assert teach(learner, str(kind), kind) == kind
    held_out = INPUTS[:5, 12:].reshape(-1, LATENT_DIM)
    truth = np.repeat(np.arange(5), NUM_SAMPLES - 12)
    assert np.mean(learner.classify(held_out) == truth) > 0.95
    assert learner.memory.counts() == {label: 8 for label in range(5)}


def test_it_is_after_a_checkpoint_what_it_was():
    learner = make_learner()
    for kind in range(3):
        teach(learner, str(kind), kind)
    learner.save()
    again = make_learner(flash=bytes(learner.flash))
    assert again.classes == learner.classes
    assert again.memory.items() == learner.memory.items()
    for label in range(3):
        np.testing.assert_array_equal(again.row(label), learner.row(label))


def test_nothing_of_a_forgotten_class_is_left():
    learner = make_learner()
    for kind in range(3):
        teach(learner, f"class {kind}", kind)
    learner.save()
    row = learner.row(1)[:8].tobytes()
    assert row in learner.flash and b"class 1" in learner.flash
    learner.forget(1)
    assert row not in learner.flash and b"class 1" not in learner.flash and b"class 2" in learner.flash
    assert teach(learner, "another", 5) == 1
    assert learner.classify(INPUTS[5, 15:])[0] == 1


def test_what_is_not_known_is_refused():
    learner = make_learner()
    with pytest.raises(InputError, match="a class must be learnt before anything is classified"):
        learner.classify(INPUTS[0])
    for verb in (learner.end_class, learner.forget):
        with pytest.raises(InputError, match="a class must be learnt before it is used. Received: label=3"):
            verb(3)


def test_names_differ_and_are_short():
    learner = make_learner()
    assert learner.add_class("a") == learner.add_class("a") == 0
    assert learner.add_class("b") == 1
    with pytest.raises(InputError, match="names of classes must differ. Received: 'a', the name of 0"):
        learner.rename(1, "a")
    for name in ("", "ñ" * 33):
        with pytest.raises(InputError, match="a name must be 1 to 64 bytes"):
            learner.add_class(name)


def test_more_classes_than_fit_are_refused():
    learner = make_learner()
    for label in range(6):
        assert learner.add_class(str(label)) == label
    with pytest.raises(InputError, match="capacity must hold every class"):
        learner.add_class("6")
    small = make_learner(budget_records=1)
    small.add_class("a")
    with pytest.raises(InputError, match="budget must hold a record of every class"):
        small.add_class("b")


def test_the_log_of_another_package_is_refused():
    learner = make_learner()
    with pytest.raises(ForeignLogError):
        make_learner(flash=bytes(learner.flash), identity=1)
