"""The learner in Python and the one in C++ write the same log and learn the same head to rounding."""

import numpy as np
import pytest

from tests.parity.logs import without_weights
from tests.parity.small_package import (
    LATENT_DIM,
    NUM_SAMPLES,
    IdentityEncoder,
    make_codec,
    make_inputs,
    make_package,
)
from tfodcl import package
from tfodcl.learner import Learner
from tfodcl.replay.log import Geometry

NRF52840 = Geometry(4, 1024, 40)
STM32H747 = Geometry(32, 8192, 7)


class Life:
    """Follows a script as learn_script does."""

    def __init__(self, made: package.Package, inputs: np.ndarray, geometry: Geometry) -> None:
        self._made, self._geometry = made, geometry
        self._inputs = inputs.reshape(-1, LATENT_DIM)
        self.learner = self._start(None)
        self.printed: list[str] = []
        self.dumps: dict[str, tuple[bytes, np.ndarray]] = {}
        self.num_steps = 0

    def _start(self, flash: bytes | None) -> Learner:
        return Learner(self._made, IdentityEncoder(), self._geometry, flash)

    def follow(self, line: str) -> None:
        verb, *words = line.split()
        learner = self.learner
        if verb == "add":
            learner.add_class(words[0])
        elif verb == "learn":
            learner.learn_sample(int(words[0]), self._inputs[int(words[1])])
            self.num_steps += 1
        elif verb == "end":
            learner.end_class(int(words[0]))
            learning = self._made.learning
            self.num_steps += learning.replay_epochs * -(-len(learner.memory) // learning.replay_batch)
        elif verb == "rename":
            learner.rename(int(words[0]), words[1])
        elif verb == "forget":
            learner.forget(int(words[0]))
        elif verb == "save":
            learner.save()
        elif verb == "reset":
            learner.reset()
        elif verb == "restart":
            self.learner = self._start(bytes(learner.flash))
        elif verb == "classify":
            self.printed.append(str(learner.classify(self._inputs[int(words[0])][None])[0]))
        else:
            labels = [*sorted(learner.labels), self._made.learning.capacity]
            self.dumps[words[0]] = bytes(learner.flash), np.stack([learner.row(label) for label in labels])


def learns(label: int, kind: int, first: int, count: int) -> list[str]:
    return [f"learn {label} {kind * NUM_SAMPLES + i}" for i in range(first, first + count)] + [f"end {label}"]


def classifies() -> list[str]:
    return [f"classify {i}" for i in range(0, 6 * NUM_SAMPLES, 3)]


SCRIPT = [
    *("add a", *learns(0, 0, 0, 12), "add b", *learns(1, 1, 0, 12), "dump two", *classifies()),
    *("save", "add c", *learns(2, 2, 0, 12), "rename 0 aa", "dump three", "restart", "dump recovered"),
    *("add d", *learns(3, 3, 0, 12), "learn 1 39", "save", "dump saved", *classifies()),
    *("forget 1", "dump forgotten", "add e", *learns(1, 4, 0, 12), *learns(0, 0, 12, 6), "save", "restart"),
    *("add f", *learns(4, 5, 0, 15), "dump last", *classifies()),
    *(line for _ in range(6) for line in (*learns(3, 3, 0, 20), "save")),
    *("dump round", "restart", *classifies(), "dump end", "reset", "add a", *learns(0, 6, 0, 3), "dump anew"),
]


def bound(life: Life, rows: np.ndarray) -> float:
    """Of the difference of two weights after the same steps in float32, with sums in another order.

    A step rounds each weight to half a unit in its last place, in either program: eps of the greatest weight at most,
    if all roundings go one way. What differs in a logit comes in multiplied by rate x z x slope of the softmax, here
    0.05 x 5.1 x 0.5 at most, and gradient descent on a convex loss does not enlarge earlier differences. Measured are
    1/60 of the bound.
    """
    return life.num_steps * float(np.finfo(np.float32).eps) * float(np.abs(rows).max())


@pytest.mark.parametrize("geometry", [NRF52840, STM32H747], ids=["nrf52840", "stm32h747"])
@pytest.mark.parametrize("codec", ["uniform", "pq", "bitmap_pq", "elias_fano_pq"])
def test_both_write_the_same_log_and_learn_the_same_head(learn_script, codec, geometry):
    inputs = make_inputs()
    made = make_package(make_codec(codec, inputs), budget_records=40)
    life = Life(made, inputs, geometry)
    for line in SCRIPT:
        life.follow(line)
    printed, dumps = learn_script(made, inputs, geometry, "\n".join(SCRIPT))
    assert printed == life.printed
    for name, (flash, rows) in life.dumps.items():
        theirs = np.fromfile(dumps / f"{name}.rows", "<f4").reshape(-1, LATENT_DIM)
        assert theirs.shape == rows.shape, name
        difference = np.abs(theirs.astype(np.float64) - rows).max()
        assert difference <= bound(life, rows), name
        their_flash = (dumps / f"{name}.flash").read_bytes()
        ours, them = (without_weights(each, LATENT_DIM, geometry) for each in (flash, their_flash))
        assert np.flatnonzero(ours != them).tolist() == [], name
    assert np.abs(life.dumps["last"][1]).max() > 0.1  # it has learnt something


@pytest.mark.parametrize("geometry", [NRF52840, STM32H747], ids=["nrf52840", "stm32h747"])
def test_a_learner_in_python_goes_on_from_a_board_s_flash(learn_script, geometry):
    inputs = make_inputs()
    made = make_package(make_codec("bitmap_pq", inputs), budget_records=40)
    script = [*SCRIPT[: SCRIPT.index("forget 1")], "save", "dump board"]
    _, dumps = learn_script(made, inputs, geometry, "\n".join(script))
    flash = (dumps / "board.flash").read_bytes()
    learner = Learner(made, IdentityEncoder(), geometry, flash)
    assert [known.name for _, known in sorted(learner.classes.items())] == ["aa", "b", "c", "d"]
    assert bytes(learner.flash) == flash
    rows = np.fromfile(dumps / "board.rows", "<f4").reshape(-1, LATENT_DIM)
    labels = [*sorted(learner.labels), made.learning.capacity]
    np.testing.assert_array_equal(np.stack([learner.row(label) for label in labels]), rows)


def test_the_stream_is_learnt(learn_script):
    inputs = make_inputs()
    made = make_package(make_codec("bitmap_pq", inputs), budget_records=40)
    script = [line for k in range(5) for line in (f"add {k}", *learns(k, k, 0, 10))]
    script += [f"classify {k * NUM_SAMPLES + i}" for k in range(5) for i in range(10, NUM_SAMPLES)]
    printed, _ = learn_script(made, inputs, STM32H747, "\n".join(script))
    assert np.mean([int(label) == i // 10 for i, label in enumerate(printed)]) > 0.95
