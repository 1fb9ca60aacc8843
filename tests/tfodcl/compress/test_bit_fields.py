import numpy as np
import pytest

from tfodcl.compress import bit_fields
from tfodcl.errors import InputError


@pytest.mark.parametrize("num_fields", [0, 1, 5, 8])
@pytest.mark.parametrize("num_bits", [0, 1, 3, 8, 9, 16, 20])
def test_numbers_are_the_digits_of_one_great_number(num_bits, num_fields):
    fields = np.random.default_rng(num_bits).integers(0, 1 << num_bits, (20, num_fields)).astype(np.uint32)
    packed = bit_fields.pack(fields, num_bits)
    assert packed.shape == (20, bit_fields.num_bytes(num_fields, num_bits))
    for row, content in zip(fields.tolist(), packed, strict=True):
        whole = sum(value << num_bits * index for index, value in enumerate(row))
        assert int.from_bytes(content.tobytes(), "little") == whole
    np.testing.assert_array_equal(bit_fields.unpack(packed, num_fields, num_bits), fields)


def test_a_one_after_the_last_number_is_refused():
    with pytest.raises(InputError, match="past the last number must be zero. Received: 15 bits used"):
        bit_fields.unpack(np.array([[0x00, 0x80]], np.uint8), 5, 3)
