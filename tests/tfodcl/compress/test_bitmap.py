import numpy as np
import pytest

from tfodcl.compress import bitmap
from tfodcl.errors import InputError


def test_bit_i_of_byte_i_div_8_is_value_i():
    mask = np.zeros((1, 12), bool)
    mask[0, [0, 3, 9]] = True
    assert bitmap.pack(mask).tolist() == [[0x09, 0x02]]


@pytest.mark.parametrize("latent_dim", [1, 7, 8, 9, 44, 256, 2304])
def test_pack_agrees_with_shifted_bits_and_unpack_inverts_it(latent_dim):
    mask = np.random.default_rng(latent_dim).random((20, latent_dim)) < 0.3
    packed = bitmap.pack(mask)
    assert packed.shape == (20, bitmap.num_bytes(latent_dim))
    for row, bits in zip(mask, packed, strict=True):
        assert int.from_bytes(bits.tobytes(), "little") == sum(1 << int(index) for index in np.flatnonzero(row))
    np.testing.assert_array_equal(bitmap.unpack(packed, latent_dim), mask)


def test_a_mark_past_latent_dim_is_refused():
    with pytest.raises(InputError, match="past latent_dim must be zero"):
        bitmap.unpack(np.array([[0x00, 0x10]], np.uint8), 12)
