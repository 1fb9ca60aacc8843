from fractions import Fraction

import numpy as np
import pytest

from tfodcl.compress.uniform import UniformCodec
from tfodcl.errors import InputError

EVERY_VALUE = np.arange(-128, 128).astype(np.int8)[None]  # (1, 256)


def code_by_definition(value: int, num_bits: int, low: int, high: int) -> int:
    """The nearest of 2^num_bits levels from low to high, half up, in exact fractions."""
    exact = Fraction((min(max(value, low), high) - low) * (2**num_bits - 1), high - low)
    return int(exact + Fraction(1, 2))


@pytest.mark.parametrize("num_bits", range(1, 9))
@pytest.mark.parametrize(("low", "high"), [(-128, 127), (-128, 60), (-120, 100), (-3, 4), (0, 1), (126, 127)])
def test_codes_are_the_nearest_levels_packed_from_the_least_significant_bit(num_bits, low, high):
    codec = UniformCodec(256, num_bits, low, high)
    (payload,) = codec.encode(EVERY_VALUE)
    stream = int.from_bytes(payload.tobytes(), "little")
    codes = [stream >> (index * num_bits) & (2**num_bits - 1) for index in range(256)]
    assert codes == [code_by_definition(value, num_bits, low, high) for value in range(-128, 128)]
    assert stream >> 256 * num_bits == 0


@pytest.mark.parametrize("num_bits", range(1, 9))
@pytest.mark.parametrize(("low", "high"), [(-128, 127), (-120, 100), (-3, 4)])
def test_error_is_at_most_half_a_step_and_half_a_rounding(num_bits, low, high):
    codec = UniformCodec(256, num_bits, low, high)
    decoded = codec.decode(codec.encode(EVERY_VALUE)).astype(int)
    clipped = np.clip(EVERY_VALUE.astype(int), low, high)
    assert np.abs(decoded - clipped).max() <= (high - low) / (2**num_bits - 1) / 2 + 0.5


@pytest.mark.parametrize("num_bits", range(1, 9))
def test_is_lossless_where_every_value_of_the_range_has_a_code(num_bits):
    for span in range(1, 2**num_bits):
        codec = UniformCodec(256, num_bits, -40, min(-40 + span, 127))
        clipped = np.clip(EVERY_VALUE, -40, codec.high)
        np.testing.assert_array_equal(codec.decode(codec.encode(EVERY_VALUE)), clipped)


def test_eight_bits_over_the_whole_range_store_value_plus_128():
    codec = UniformCodec(256, 8)
    assert codec.encode(EVERY_VALUE).tolist() == [list(range(256))]
    np.testing.assert_array_equal(codec.decode(codec.encode(EVERY_VALUE)), EVERY_VALUE)


@pytest.mark.parametrize(("num_bits", "payload_bytes"), [(8, 4096), (7, 3584), (6, 3072)])
def test_payload_shrinks_with_the_bits(num_bits, payload_bytes):
    codec = UniformCodec(4096, num_bits)
    assert codec.payload_bytes == payload_bytes
    assert codec.encode(np.zeros((3, 4096), np.int8)).shape == (3, payload_bytes)


def test_fit_takes_the_range_of_the_calibration_latents():
    codec = UniformCodec.fit(np.array([[-128, 3], [0, 90]], np.int8), num_bits=6)
    assert (codec.latent_dim, codec.low, codec.high) == (2, -128, 90)


@pytest.mark.parametrize("value", [-128, 0, 127])
def test_fit_to_a_constant_is_lossless(value):
    latents = np.full((2, 3), value, np.int8)
    codec = UniformCodec.fit(latents, num_bits=1)
    np.testing.assert_array_equal(codec.decode(codec.encode(latents)), latents)


def test_a_bit_past_the_last_code_is_refused():
    with pytest.raises(InputError, match="past the last number must be zero"):
        UniformCodec(3, 6).decode(np.array([[0, 0, 0x04]], np.uint8))


@pytest.mark.parametrize(
    ("arguments", "rule"),
    [
        ((0, 8), "latent_dim must be in 1..1048576. Received: latent_dim=0"),
        ((4, 0), "num_bits must be in 1..8. Received: num_bits=0"),
        ((4, 9), "num_bits must be in 1..8. Received: num_bits=9"),
        ((4, 8, 5, 5), "low must be below high"),
        ((4, 8, -129, 5), "low=-129"),
    ],
)
def test_bad_sizes_are_named(arguments, rule):
    with pytest.raises(InputError, match=rule):
        UniformCodec(*arguments)


def test_calibration_without_latents_is_refused():
    with pytest.raises(InputError, match="at least one latent"):
        UniformCodec.fit(np.zeros((0, 4), np.int8), num_bits=8)


def test_latents_of_another_type_or_size_are_refused():
    with pytest.raises(InputError, match=r"int8 of shape \(n, 4\). Received: shape=\(1, 5\)"):
        UniformCodec(4, 8).encode(np.zeros((1, 5), np.int8))
    with pytest.raises(InputError, match="dtype=float32"):
        UniformCodec(4, 8).encode(np.zeros((1, 4), np.float32))
    with pytest.raises(InputError, match=r"uint8 of shape \(n, 4\)"):
        UniformCodec(4, 8).decode(np.zeros((1, 3), np.uint8))
