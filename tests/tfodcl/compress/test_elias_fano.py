"""Elias-Fano sequences, against whole numbers and a search over all low bits."""

import math

import numpy as np
import pytest

from tfodcl.compress import bitmap, elias_fano
from tfodcl.errors import InputError

SIZES = [(4096, 256), (4096, 1), (3072, 512), (288, 128), (44, 12), (12, 4), (12, 12), (2, 1), (1, 1), (1 << 20, 3)]


def shortest(latent_dim: int, num_kept: int) -> tuple[int, int]:
    """Bits of the shortest sequence and its low bits, of equally short ones the most."""
    lengths = [num_kept * (low + 1) + (latent_dim - num_kept) // 2**low for low in range(25)]
    return min(lengths), max(low for low, length in enumerate(lengths) if length == min(lengths))


def packed_by_definition(positions: list[int], latent_dim: int, num_kept: int) -> bytes:
    _, num_bits = shortest(latent_dim, num_kept)
    left = [(number, position - number) for number, position in enumerate(positions)]
    low = sum(value % 2**num_bits << num_bits * number for number, value in left)
    high = sum(1 << value // 2**num_bits + number for number, value in left)
    high_bits = num_kept + (latent_dim - num_kept) // 2**num_bits
    return low.to_bytes(-(-num_kept * num_bits // 8), "little") + high.to_bytes(-(-high_bits // 8), "little")


def draw_mask(latent_dim: int, num_kept: int) -> np.ndarray:
    """(8, latent_dim) bool: no position, as many as fit, and numbers between."""
    rng = np.random.default_rng(latent_dim + num_kept)
    mask = np.zeros((8, latent_dim), bool)
    for row, count in zip(mask, [0, num_kept, *rng.integers(0, num_kept + 1, 6)], strict=True):
        row[rng.choice(latent_dim, count, replace=False)] = True
    return mask


@pytest.mark.parametrize(("latent_dim", "num_kept"), SIZES)
def test_pack_agrees_with_whole_numbers_and_unpack_inverts_it(latent_dim, num_kept):
    mask = draw_mask(latent_dim, num_kept)
    packed = elias_fano.pack(mask, num_kept)
    assert packed.shape == (8, elias_fano.num_bytes(latent_dim, num_kept))
    for row, content in zip(mask, packed, strict=True):
        assert content.tobytes() == packed_by_definition(np.flatnonzero(row).tolist(), latent_dim, num_kept)
    np.testing.assert_array_equal(elias_fano.unpack(packed, latent_dim, num_kept), mask)


def test_low_bits_are_those_of_the_shortest_sequence():
    for latent_dim in [*range(1, 130), 4096, 16_384, 1 << 20]:
        for num_kept in {1, 2, 3, latent_dim // 64, latent_dim // 16, latent_dim // 3, latent_dim - 1, latent_dim}:
            if num_kept >= 1:
                assert elias_fano.num_low_bits(latent_dim, num_kept) == shortest(latent_dim, num_kept)[1]


@pytest.mark.parametrize("num_kept", [16, 17, 36, 44])
def test_without_low_bits_it_is_a_bitmap(num_kept):
    assert elias_fano.num_low_bits(44, num_kept) == 0
    mask = draw_mask(44, num_kept)
    np.testing.assert_array_equal(elias_fano.pack(mask, num_kept), bitmap.pack(mask))


def test_it_is_never_larger_than_a_bitmap_where_num_kept_fills_bytes_and_a_byte_larger_at_most():
    for latent_dim in [*range(1, 100), 320, 576, 3072, 4096]:
        for num_kept in range(1, min(latent_dim, 200) + 1):
            excess = elias_fano.num_bytes(latent_dim, num_kept) - bitmap.num_bytes(latent_dim)
            assert excess <= (num_kept % 8 != 0), (latent_dim, num_kept)


def test_the_paper_s_positions_take_9_percent_more_than_a_code_of_one_size_must():
    num_sets = sum(math.comb(4096, count) for count in range(257))
    assert elias_fano.num_bytes(4096, 256) == 188
    assert 188 * 8 / math.log2(num_sets) == pytest.approx(1.093, abs=1e-3)


@pytest.mark.parametrize(
    ("content", "rule"),
    [
        ("00 1f", "at most num_kept=4 values must be marked. Received: 5"),
        ("00 40", "positions must be below latent_dim=12. Received: 12"),
        ("00 81", "positions must be below latent_dim=12"),
        ("01 03", "positions must rise"),
        ("0c 25", "low bits after the last position must be zero"),
        ("14 25", "bits past the last number must be zero"),
    ],
)
def test_bytes_that_pack_never_gives_are_refused(content, rule):
    packed = np.frombuffer(bytes.fromhex(content), np.uint8)[None]
    with pytest.raises(InputError, match=rule):
        elias_fano.unpack(np.concatenate([elias_fano.pack(np.zeros((1, 12), bool), 4), packed]), 12, 4)


def test_of_all_pairs_of_bytes_only_those_of_pack_are_accepted():
    """Sequences of at most 3 positions below 9."""
    subsets = [bits for bits in range(1 << 9) if bits.bit_count() <= 3]
    masks = np.array([[bits >> index & 1 for index in range(9)] for bits in subsets], bool)
    expected = {content.tobytes() for content in elias_fano.pack(masks, 3)}
    size = elias_fano.num_bytes(9, 3)
    assert size == 2 and len(expected) == len(subsets)
    accepted = set()
    for number in range(1 << 16):
        content = number.to_bytes(size, "little")
        try:
            mask = elias_fano.unpack(np.frombuffer(content, np.uint8)[None], 9, 3)
        except InputError:
            continue
        assert elias_fano.pack(mask, 3).tobytes() == content
        accepted.add(content)
    assert accepted == expected
