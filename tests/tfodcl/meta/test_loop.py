"""The training loop: what it resumes from, what it refuses, what it logs. See test_resume.py for real trainings."""

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from tensorflow.python.summary.summary_iterator import summary_iterator

from tfodcl.errors import InputError
from tfodcl.meta import loop
from tfodcl.meta.loop import restore, run_steps, save


@pytest.fixture
def variables() -> list[tf.Variable]:
    return [tf.Variable([[1.5, 2.0], [3.0, 4.0]]), tf.Variable(7, dtype=tf.int64)]


def run(folder: Path, variables: list[tf.Variable], num_steps: int, fail_at: int | None = None) -> list[int]:
    """Steps whose result depends on all steps before; returns those that were made."""
    made = []

    def step(index: int) -> dict[str, tf.Tensor]:
        if index == fail_at:
            raise KeyboardInterrupt
        made.append(index)
        weights, count = variables
        weights.assign(weights * 0.9 + np.random.default_rng(index).normal(size=(2, 2)))
        count.assign_add(index)
        return {"loss": tf.reduce_sum(weights), "twice": tf.constant(2.0 * index)}

    run_steps(step, variables, num_steps, folder / "state.npz", folder / "logs", "test")
    return made


def logged(folder: Path) -> dict[str, dict[int, float]]:
    """Scalars by name and step, of all event files of a folder."""
    found: dict[str, dict[int, float]] = {}
    for path in sorted(folder.glob("events.out.tfevents.*")):
        for event in summary_iterator(str(path)):
            for value in event.summary.value:
                found.setdefault(value.tag, {})[event.step] = float(tf.make_ndarray(value.tensor))
    return found


def test_a_checkpoint_restores_every_value_and_dtype(tmp_path, variables):
    save(tmp_path / "state.npz", 12, 3.5, variables)
    others = [tf.Variable(tf.zeros((2, 2))), tf.Variable(0, dtype=tf.int64)]

    assert restore(tmp_path / "state.npz", others) == (12, 3.5)

    for one, other in zip(variables, others, strict=True):
        np.testing.assert_array_equal(one.numpy(), other.numpy())


def test_a_run_broken_off_at_any_step_ends_as_a_whole_one(tmp_path, monkeypatch):
    monkeypatch.setattr(loop, "CHECKPOINT_SECONDS", 0)
    whole = [tf.Variable(tf.ones((2, 2))), tf.Variable(0, dtype=tf.int64)]
    assert run(tmp_path / "whole", whole, 6) == list(range(6))
    for broken_at in range(1, 6):
        variables = [tf.Variable(tf.ones((2, 2))), tf.Variable(0, dtype=tf.int64)]
        with pytest.raises(KeyboardInterrupt):
            run(tmp_path / str(broken_at), variables, 6, fail_at=broken_at)
        variables = [tf.Variable(tf.zeros((2, 2))), tf.Variable(-1, dtype=tf.int64)]
        assert run(tmp_path / str(broken_at), variables, 6) == list(range(broken_at, 6))
        np.testing.assert_array_equal(variables[0].numpy(), whole[0].numpy())
        assert variables[1].numpy() == 15


def test_a_finished_run_is_restored_and_makes_no_steps(tmp_path, variables):
    run(tmp_path, variables, 3)
    others = [tf.Variable(tf.zeros((2, 2))), tf.Variable(0, dtype=tf.int64)]

    assert run(tmp_path, others, 3) == []
    np.testing.assert_array_equal(others[0].numpy(), variables[0].numpy())


def test_seconds_of_resumed_runs_add_up(tmp_path, variables):
    save(tmp_path / "state.npz", 1, 1000.0, variables)

    seconds = run_steps(lambda index: {}, variables, 3, tmp_path / "state.npz", tmp_path / "logs", "test")

    assert 1000 < seconds < 2000
    assert restore(tmp_path / "state.npz", variables) == (3, seconds)


def test_no_steps_leave_the_weights_and_no_file(tmp_path, variables):
    assert run(tmp_path, variables, 0) == []
    assert not list(tmp_path.iterdir())


def test_scalars_are_logged_every_tenth_step_and_at_the_last(tmp_path, variables):
    run(tmp_path, variables, 25)

    found = logged(tmp_path / "logs")
    assert found["twice"] == {0: 0, 10: 20, 20: 40, 24: 48}
    assert set(found) == {"loss", "twice"}
    assert found["loss"][24] == pytest.approx(float(tf.reduce_sum(variables[0])))


@pytest.mark.parametrize(
    "others",
    [
        [tf.Variable(tf.zeros((2, 3))), tf.Variable(0, dtype=tf.int64)],
        [tf.Variable(tf.zeros((2, 2)))],
        [tf.Variable(tf.zeros((2, 2))), tf.Variable(0, dtype=tf.int64), tf.Variable(0.0)],
    ],
    ids=["another shape", "fewer variables", "more variables"],
)
def test_a_checkpoint_of_another_network_is_refused_and_changes_nothing(tmp_path, variables, others):
    save(tmp_path / "state.npz", 12, 3.5, variables)

    with pytest.raises(InputError, match="a checkpoint must be .*Received: .*state.npz") as raised:
        restore(tmp_path / "state.npz", others)

    assert "\n" not in str(raised.value)
    assert all(not variable.numpy().any() for variable in others)


def test_a_damaged_checkpoint_is_refused_or_gives_its_true_values(tmp_path, variables):
    """Every truncation, and a change of every byte (zip and .npy headers hold fields that do not matter)."""
    path = tmp_path / "state.npz"
    save(path, 12, 3.5, variables)
    whole = path.read_bytes()
    damaged = [whole[:length] for length in range(0, len(whole), 7)]
    damaged += [whole[:i] + bytes([whole[i] ^ 0x55]) + whole[i + 1 :] for i in range(0, len(whole), 3)]
    num_refused = 0
    for content in damaged:
        path.write_bytes(content)
        others = [tf.Variable(tf.zeros((2, 2))), tf.Variable(0, dtype=tf.int64)]
        try:
            assert restore(path, others) == (12, 3.5)
        except InputError as error:
            num_refused += 1
            assert "\n" not in str(error)
        else:
            np.testing.assert_array_equal(others[0].numpy(), variables[0].numpy())
    assert num_refused > len(damaged) // 2
