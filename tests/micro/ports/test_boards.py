"""Every port learns, recognises and remembers; an emulated board and the host leave the same bytes."""

import numpy as np
import pytest

from tests.micro.ports.conftest import learn_batch
from tfodcl.device.status import BoardRestarted

STACK_LIMIT = 4096
HOST_OF = {"mps2-an500": "host-stm32h747", "mps2-an386": "host-nrf52840"}


def teach(board, samples):
    """Three samples of every class, the fourth one tested -> latents, head, log."""
    latents = []
    info = board.begin_session()
    assert info.learner_status == 0
    for number, of_class in enumerate(samples):
        label, num_learnt = board.add_class(f"class {number}")
        assert (label, num_learnt) == (number, 0)
        for sample in of_class[:3]:
            board.learn(label, sample)
            latents.append(board.latent(info.latent_dim))
        progress = []
        board.end_class(label, lambda *step: progress.append(step))  # noqa: B023
        assert progress[-1][0] == progress[-1][1] > 0
    correct = [board.evaluate(label, of_class[3], restart=label == 0) for label, of_class in enumerate(samples)]
    assert correct == [(label, label + 1, label + 1) for label in range(len(samples))]
    scores = board.scores(info.capacity)
    assert scores[: len(samples)].argmax() == len(samples) - 1 and np.isnan(scores[len(samples) :]).all()
    board.save()
    head = [board.row(label, info.latent_dim) for label in range(len(samples))]
    return np.array(latents), np.array(head), board.log(info)


@pytest.mark.parametrize("name", HOST_OF)
def test_an_emulated_board_learns_bit_by_bit_what_the_host_does(name, start_board, connect, package_file, samples):
    emulated = connect(start_board(name, package_file))
    latents, head, log = teach(emulated, samples)
    host_latents, host_head, host_log = teach(connect(start_board(HOST_OF[name], package_file)), samples)
    np.testing.assert_array_equal(latents, host_latents)
    np.testing.assert_array_equal(head.view(np.uint32), host_head.view(np.uint32))
    assert log == host_log

    statistics = emulated.statistics()
    assert 0 < statistics.stack_used_bytes < STACK_LIMIT
    assert statistics.arena_used_bytes <= statistics.arena_bytes

    emulated.reboot()
    with pytest.raises(BoardRestarted):
        emulated.save()
    info = emulated.begin_session()
    assert (info.board, info.tick_unit) == (name, "emulated instructions")
    assert (info.num_classes, info.num_records, info.num_pending) == (len(samples), 3 * len(samples), 0)
    assert emulated.classify(samples[1, 3]) == 1
    np.testing.assert_array_equal(emulated.row(0, info.latent_dim), head[0])


def train(board, samples):
    """Two training batches, of two classes and of one -> rows, scores of a test sample, log."""
    info = board.begin_session()
    assert info.learner_status == 0
    learn_batch(board, "ab", samples[:2, :3])
    learn_batch(board, "c", samples[2:, :3])
    assert board.batch().num_batches == 2
    board.classify(samples[2, 3])
    scores = board.scores(info.capacity)
    return np.array([board.row(label, 6) for label in range(3)]), scores, board.log(info)


@pytest.mark.parametrize("name", HOST_OF)
def test_an_emulated_board_trains_layers_bit_by_bit_as_the_host_does(
    name, start_board, connect, package_with_network, samples
):
    emulated = connect(start_board(name, package_with_network))
    rows, scores, log = train(emulated, samples)
    host_rows, host_scores, host_log = train(connect(start_board(HOST_OF[name], package_with_network)), samples)
    np.testing.assert_array_equal(rows.view(np.uint32), host_rows.view(np.uint32))
    np.testing.assert_array_equal(scores.view(np.uint32), host_scores.view(np.uint32))
    assert log == host_log
    assert 0 < emulated.statistics().stack_used_bytes < STACK_LIMIT

    emulated.reboot()
    with pytest.raises(BoardRestarted):
        emulated.batch()
    info = emulated.begin_session()
    assert (info.num_classes, info.num_records, info.num_pending) == (3, 9, 0)
    emulated.classify(samples[2, 3])
    np.testing.assert_array_equal(emulated.scores(info.capacity), scores)


def test_a_package_over_the_line_takes_the_place_of_the_firmwares(start_board, connect, package_file):
    board = connect(start_board("mps2-an386", package_file))
    info = board.begin_session()
    assert info.package_source == 2
    board.load_package(package_file.read_bytes(), info, lambda _: None)
    board.reboot()
    with pytest.raises(BoardRestarted):
        board.save()
    assert board.begin_session().package_source == 1
