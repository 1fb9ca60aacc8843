"""The MFCC front end against tf.signal, and by what is known of a tone."""

import numpy as np
import pytest
import tensorflow as tf

from tfodcl.data.mfcc import Mfcc
from tfodcl.errors import InputError


def _clips(num_clips: int, num_samples: int = 16000) -> np.ndarray:
    """Noise of many levels, int16, with a silent clip and one at full scale among them."""
    rng = np.random.default_rng(3)
    clips = rng.normal(size=(num_clips, num_samples)) * 10 ** rng.uniform(0, 4, (num_clips, 1))
    clips[0] = 0
    clips[-1] = np.where(rng.random(num_samples) < 0.5, -32768, 32767)
    return np.clip(clips, -32768, 32767).astype(np.int16)


def _reference_log_mel(clips: np.ndarray, mfcc: Mfcc) -> tf.Tensor:
    spectra = tf.abs(tf.signal.stft(tf.constant(clips / np.float32(32768)), mfcc.frame_length, mfcc.hop_length))
    filters = tf.signal.linear_to_mel_weight_matrix(
        mfcc.num_mel_bins, spectra.shape[-1], mfcc.sample_rate_hz, mfcc.low_hz, mfcc.high_hz
    )
    return tf.math.log(spectra @ filters + mfcc.log_floor)


def _reference(clips: np.ndarray, mfcc: Mfcc) -> np.ndarray:
    coefficients = tf.signal.mfccs_from_log_mel_spectrograms(_reference_log_mel(clips, mfcc))
    return coefficients[..., : mfcc.num_coefficients].numpy()


@pytest.mark.parametrize("mfcc", [Mfcc(), Mfcc(8000, 30, 10, 20, 60.0, 3500.0, 13, 1e-3)])
def test_agrees_with_tf_signal(mfcc):
    clips = _clips(6, mfcc.sample_rate_hz)

    np.testing.assert_allclose(mfcc.transform(clips), _reference(clips, mfcc), rtol=1e-3, atol=2e-3)
    np.testing.assert_allclose(mfcc.log_mel(clips), _reference_log_mel(clips, mfcc), rtol=1e-3, atol=2e-3)


def test_one_second_at_16_khz_gives_49_frames_of_10_coefficients():
    features = Mfcc().transform(_clips(2))

    assert features.shape == (2, 49, 10)
    assert features.dtype == np.float32


def test_a_clip_does_not_depend_on_its_neighbours_or_the_chunk():
    clips = _clips(150)
    together = Mfcc().transform(clips)

    for index in (0, 77, 127, 128, 149):
        np.testing.assert_allclose(together[index], Mfcc().transform(clips[index : index + 1])[0], atol=2e-4)


def test_silence_is_the_logarithm_of_the_floor():
    mfcc = Mfcc()
    features = mfcc.transform(np.zeros((1, 16000), np.int16))

    constant = np.log(mfcc.log_floor) * np.sqrt(2 * mfcc.num_mel_bins)  # DCT-II of a constant: the rest is 0
    np.testing.assert_allclose(features[0, :, 0], constant, rtol=1e-5)
    np.testing.assert_allclose(features[0, :, 1:], 0, atol=1e-3)


def test_describe_names_every_parameter():
    mfcc = Mfcc(high_hz=4000.0)

    assert Mfcc(**mfcc.describe()) == mfcc


def test_rejects_a_sample_rate_that_cannot_carry_high_hz():
    with pytest.raises(InputError, match=r"sample_rate must be at least 15200 Hz\. Received: 8000\."):
        Mfcc(sample_rate_hz=8000)


def test_rejects_clips_shorter_than_a_frame():
    with pytest.raises(InputError, match=r"A clip must have at least 640 samples\. Received: 639\."):
        Mfcc().transform(np.zeros((1, 639), np.int16))
