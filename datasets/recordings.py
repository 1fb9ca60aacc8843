"""WAV files -> one second of mono sound at 16 kHz."""

import io
import math
import struct
import wave
from typing import NamedTuple

import numpy as np

from tfodcl.errors import InputError

SAMPLE_RATE_HZ = 16000
NUM_SAMPLES = SAMPLE_RATE_HZ  # one second
LIMIT_BYTES = 1 << 25  # of a file
_MIN_RATE_HZ, _MAX_RATE_HZ = 4000, 192000


class _Pcm(NamedTuple):
    num_channels: int
    width_bytes: int
    rate_hz: int
    num_frames: int
    frames: bytes  # little-endian, channels interleaved


def decode(content: bytes, name: str) -> tuple[np.ndarray, int]:
    """Reads PCM of 8, 16, 24 or 32 bits with any number of channels.

    Returns:
      ((n,) float64 in [-1, 1), the mean of the channels; the sample rate in Hz).

    Raises:
      InputError: another format, a truncated file, or one without samples.
    """
    pcm = _read(content, name)
    if not _MIN_RATE_HZ <= pcm.rate_hz <= _MAX_RATE_HZ or pcm.width_bytes > 4:
        raise InputError(
            f"{name} must have {_MIN_RATE_HZ} to {_MAX_RATE_HZ} samples a second of at most 32 bits. "
            f"Received: {pcm.rate_hz} of {8 * pcm.width_bytes} bits."
        )
    samples = _scale(pcm.frames, pcm.width_bytes).reshape(pcm.num_frames, pcm.num_channels)
    return samples.mean(axis=1), pcm.rate_hz


def decode_exact(content: bytes, name: str) -> np.ndarray:
    """(n,) int16: the samples of a file that must be mono PCM of 16 bits at 16 kHz already."""
    pcm = _read(content, name)
    if pcm[:3] != (1, 2, SAMPLE_RATE_HZ):
        raise InputError(
            f"{name} must have 1 channel of 16 bits at {SAMPLE_RATE_HZ} Hz. Received: {pcm.num_channels} of "
            f"{8 * pcm.width_bytes} bits at {pcm.rate_hz} Hz."
        )
    return np.frombuffer(pcm.frames, "<i2")


def _read(content: bytes, name: str) -> _Pcm:
    try:
        with wave.open(io.BytesIO(content)) as file:
            num_channels, width_bytes, rate_hz, num_frames = file.getparams()[:4]
            frames = file.readframes(num_frames)
    except (
        wave.Error,
        EOFError,
        struct.error,
        RuntimeError,
    ) as error:  # RuntimeError: a chunk that is too short
        reason = str(error) or "a truncated file"
        raise InputError(f"{name} must be a WAV file of PCM samples. Received: {reason}.") from error
    expected_bytes = num_frames * num_channels * width_bytes
    if not frames or len(frames) != expected_bytes:
        raise InputError(
            f"{name} must have all the samples it states. Received: {len(frames)} of {expected_bytes} bytes."
        )
    return _Pcm(num_channels, width_bytes, rate_hz, num_frames, frames)


def _scale(frames: bytes, width_bytes: int) -> np.ndarray:
    """Little-endian PCM -> float64 in [-1, 1); 8 bits are unsigned, all others signed."""
    if width_bytes == 1:
        return (np.frombuffer(frames, np.uint8) - 128.0) / 128
    padded = np.zeros((len(frames) // width_bytes, 4), np.uint8)
    padded[:, 4 - width_bytes :] = np.frombuffer(frames, np.uint8).reshape(-1, width_bytes)
    return padded.view("<i4")[:, 0] / 2.0**31


def resample(samples: np.ndarray, rate_hz: int) -> np.ndarray:
    """(n,) at `rate_hz` -> (ceil(n * 16000 / rate_hz),) at 16 kHz, through a polyphase low-pass filter."""
    if rate_hz == SAMPLE_RATE_HZ:
        return samples
    try:
        from scipy.signal import resample_poly
    except ImportError as error:
        raise InputError(f"Resampling needs scipy: pip install scipy. Received: {rate_hz} samples a second.") from error
    divisor = math.gcd(SAMPLE_RATE_HZ, rate_hz)
    return resample_poly(samples, SAMPLE_RATE_HZ // divisor, rate_hz // divisor)


def loudest_second(samples: np.ndarray) -> np.ndarray:
    """(n,) at 16 kHz -> (16000,): the second with the most energy, to 10 ms; shorter sounds end in zeros."""
    if len(samples) <= NUM_SAMPLES:
        return np.pad(samples, (0, NUM_SAMPLES - len(samples)))
    energy = np.concatenate([[0.0], np.cumsum(samples**2)])
    starts = np.arange(0, len(samples) - NUM_SAMPLES + 1, SAMPLE_RATE_HZ // 100)
    start = starts[np.argmax(energy[starts + NUM_SAMPLES] - energy[starts])]
    return samples[start : start + NUM_SAMPLES]


def to_int16(samples: np.ndarray) -> np.ndarray:
    """Floats in [-1, 1) -> int16, rounded; what lies outside is clipped."""
    return np.clip(np.rint(samples * 32768), -32768, 32767).astype(np.int16)
