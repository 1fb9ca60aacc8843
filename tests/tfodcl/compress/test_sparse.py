import numpy as np
import pytest

from tfodcl.compress import sparse
from tfodcl.errors import InputError


def kept_by_definition(row: list[int], zero_point: int, num_kept: int) -> set[int]:
    """Sorted by (distance falling, index rising), the first num_kept that differ from zero_point."""
    others = [index for index, value in enumerate(row) if value != zero_point]
    return set(sorted(others, key=lambda index: (-abs(row[index] - zero_point), index))[:num_kept])


@pytest.mark.parametrize("zero_point", [-128, -5, 0, 127])
@pytest.mark.parametrize("num_kept", [1, 5, 20, 40])
def test_keeps_the_values_farthest_from_zero_point_lower_index_first(zero_point, num_kept):
    rng = np.random.default_rng(num_kept)
    latents = rng.integers(-128, 128, size=(50, 40)).astype(np.int8)
    latents[:25] = np.clip(latents[:25] // 40 + zero_point, -128, 127)  # few distinct values, so many ties
    latents[rng.random(latents.shape) < 0.4] = zero_point
    mask = sparse.select(latents, zero_point, num_kept)
    for row, marks in zip(latents.tolist(), mask, strict=True):
        assert set(np.flatnonzero(marks)) == kept_by_definition(row, zero_point, num_kept)


def test_distance_over_the_whole_int8_range_does_not_wrap():
    latents = np.array([[127, -127, 0]], np.int8)  # at distances 255, 1 and 128 from -128
    assert sparse.select(latents, -128, 1).tolist() == [[True, False, False]]


@pytest.mark.parametrize("latent_dim", [44, 256])
def test_mask_and_values_are_lossless_up_to_num_kept(sparse_latents, latent_dim):
    latents = sparse_latents(100, latent_dim, density=0.2)
    num_kept = int((latents != -128).sum(axis=1).max())
    mask = sparse.select(latents, -128, num_kept)
    values = sparse.gather(latents, mask, num_kept, -128)
    np.testing.assert_array_equal(sparse.scatter(values, mask, -128), latents)


def test_packed_values_stand_in_order_of_position_before_the_padding():
    latents = np.array([[-128, 5, -128, -3, 9], [-128, -128, -128, -128, 7]], np.int8)
    mask = sparse.select(latents, -128, 4)
    assert sparse.gather(latents, mask, 4, -128).tolist() == [[5, -3, 9, -128], [7, -128, -128, -128]]


def test_decoded_padding_is_ignored():
    mask = np.array([[True, False, False]])
    assert sparse.scatter(np.array([[4, 99]], np.int8), mask, -128).tolist() == [[4, -128, -128]]


def test_more_marks_than_values_are_refused():
    with pytest.raises(InputError, match="at most num_kept=2 values must be marked. Received: 3"):
        sparse.scatter(np.zeros((1, 2), np.int8), np.ones((1, 3), bool), 0)
