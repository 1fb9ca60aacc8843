import numpy as np
import pytest

from tfodcl.compress import record
from tfodcl.compress.uniform import UniformCodec
from tfodcl.errors import InputError


@pytest.mark.parametrize("label", [0, 1, 255, 256, 65_535])
def test_label_and_payload_come_back(label):
    payload = np.arange(9, dtype=np.uint8)
    packed = record.pack(label, payload)
    assert packed == label.to_bytes(2, "little") + bytes(range(9))
    assert len(packed) == record.RECORD_HEADER_BYTES + 9
    found, content = record.unpack(packed)
    assert found == label
    np.testing.assert_array_equal(content, payload)


@pytest.mark.parametrize("label", [-1, 65_536])
def test_a_label_out_of_range_is_named(label):
    with pytest.raises(InputError, match=f"label must be in 0..65535. Received: label={label}."):
        record.pack(label, np.zeros(3, np.uint8))


def test_a_payload_that_is_no_byte_vector_is_refused():
    with pytest.raises(InputError, match="vector of uint8"):
        record.pack(0, np.zeros((1, 3), np.uint8))
    with pytest.raises(InputError, match="dtype=int8"):
        record.pack(0, np.zeros(3, np.int8))


def test_a_record_without_a_whole_label_is_refused():
    with pytest.raises(InputError, match="at least 2 bytes. Received: 1"):
        record.unpack(b"\x01")


def test_reconstruction_error_is_relative_to_the_squared_latents():
    codec = UniformCodec(2, num_bits=1, low=-100, high=100)  # decodes to -100 or 100
    latents = np.array([[-100, 90]], np.int8)
    assert record.reconstruction_error(codec, latents, zero_point=-100) == pytest.approx(10**2 / 190**2)
    assert record.reconstruction_error(codec, latents, zero_point=0) == pytest.approx(10**2 / (100**2 + 90**2))


def test_reconstruction_error_of_zeros_is_zero_or_infinite():
    codec = UniformCodec(2, num_bits=1, low=-100, high=100)
    assert record.reconstruction_error(codec, np.full((1, 2), 100, np.int8), zero_point=100) == 0
    assert record.reconstruction_error(codec, np.full((1, 2), 90, np.int8), zero_point=90) == float("inf")
