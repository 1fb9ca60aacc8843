"""Episodes and samples for codecs: repeatable, even, and clear about what cannot be drawn."""

from dataclasses import replace

import numpy as np
import pytest

from tfodcl.errors import InputError
from tfodcl.streams import codec_samples, index_meta_train, sample_episode

NUM_TRAIN = 8  # samples of a class


def test_an_episode_depends_on_seed_and_step_alone(dataset):
    index = index_meta_train(dataset)
    in_order = [sample_episode(index, step, 4, 6, 16) for step in range(20)]
    backwards = [sample_episode(index_meta_train(dataset), step, 4, 6, 16) for step in reversed(range(20))]

    for once, again in zip(in_order, reversed(backwards), strict=True):
        assert once.label == again.label
        np.testing.assert_array_equal(once.trajectory, again.trajectory)
        np.testing.assert_array_equal(once.random, again.random)
        np.testing.assert_array_equal(once.random_labels, again.random_labels)
    assert len({tuple(episode.random) for episode in in_order}) == 20
    assert not np.array_equal(in_order[0].random, sample_episode(index, 0, 5, 6, 16).random)


def test_an_episode_learns_one_class_and_recalls_all(dataset):
    own_order = replace(dataset, split=replace(dataset.split, meta_train=np.array([9, 2, 11])))
    index = index_meta_train(own_order)
    seen = set()

    for step in range(40):
        episode = sample_episode(index, step, 0, 8, 24)
        assert set(dataset.y_train[episode.trajectory]) == {[9, 2, 11][episode.label]}
        assert len(set(episode.trajectory)) == 8
        np.testing.assert_array_equal(np.array([9, 2, 11])[episode.random_labels], dataset.y_train[episode.random])
        assert len(set(episode.random)) == 24  # all samples of the three classes
        seen.add(episode.label)
    assert seen == {0, 1, 2}


def test_episodes_choose_classes_and_samples_evenly(dataset):
    index = index_meta_train(dataset)
    episodes = [sample_episode(index, step, 0, 1, 4) for step in range(1400)]

    labels = np.bincount([episode.label for episode in episodes], minlength=14)
    recalled = np.bincount(np.concatenate([episode.random_labels for episode in episodes]), minlength=14)
    # 5 deviations of a binomial
    assert np.abs(labels - 100).max() < 5 * np.sqrt(100 * 13 / 14)
    assert np.abs(recalled - 400).max() < 5 * np.sqrt(400 * 13 / 14)


def test_a_trajectory_longer_than_the_class_repeats_its_samples_evenly(dataset):
    episode = sample_episode(index_meta_train(dataset), 0, 0, 20, 0)

    assert len(episode.trajectory) == 20
    assert sorted(np.unique(episode.trajectory, return_counts=True)[1]) == [2] * 4 + [3] * 4
    assert len(set(episode.trajectory[:8])) == 8
    assert episode.random.shape == (0,)


def test_rejects_episodes_that_cannot_be_drawn(dataset):
    index = index_meta_train(dataset)

    with pytest.raises(InputError, match=r"at most the 112 meta-training samples\. Received: num_random=113\."):
        sample_episode(index, 0, 0, 1, 113)
    with pytest.raises(InputError, match=r"num_inner must be at least 1\. Received: num_inner=0\."):
        sample_episode(index, 0, 0, 0, 1)
    with pytest.raises(InputError, match=r"step must be at least 0"):
        sample_episode(index, -1, 0, 1, 1)


def test_codecs_are_fitted_to_and_tested_on_different_meta_train_samples(dataset):
    fitted, tested = (x.ravel().astype(int) for x in codec_samples(dataset, seed=1))

    assert (len(fitted), len(tested)) == (14 * NUM_TRAIN * 2 // 3, -(-14 * NUM_TRAIN // 3))
    assert sorted([*fitted, *tested]) == np.flatnonzero(dataset.y_train < 14).tolist()
    again, another = codec_samples(dataset, seed=1)[0], codec_samples(dataset, seed=2)[0]
    np.testing.assert_array_equal(again.ravel(), fitted)
    assert set(another.ravel()) != set(fitted)


def test_codecs_of_a_large_data_set_are_fitted_to_2000_samples(dataset):
    large = replace(dataset, y_train=np.zeros(4000, np.int64), x_train=np.zeros((4000, 1, 1, 1), np.float32))
    assert [len(x) for x in codec_samples(large, seed=0)] == [2000, 1000]
