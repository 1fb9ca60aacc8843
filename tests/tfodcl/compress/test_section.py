import numpy as np
import pytest

from tfodcl.compress import section
from tfodcl.compress.bitmap_pq import BitmapPqCodec
from tfodcl.compress.elias_fano_pq import EliasFanoPqCodec
from tfodcl.compress.product_quantizer import ProductQuantizer
from tfodcl.compress.uniform import UniformCodec
from tfodcl.errors import InputError

CODEBOOK = np.random.default_rng(0).integers(-128, 128, size=(3, 5, 4)).astype(np.int8)
CODECS = [
    UniformCodec(13, num_bits=7, low=-100, high=99),
    ProductQuantizer(CODEBOOK),
    BitmapPqCodec(44, zero_point=-128, num_kept=12, quantizer=ProductQuantizer(CODEBOOK)),
    EliasFanoPqCodec(44, zero_point=-128, num_kept=12, quantizer=ProductQuantizer(CODEBOOK)),
]


@pytest.mark.parametrize("codec", CODECS, ids=lambda codec: codec.NAME)
def test_a_codec_read_back_encodes_and_decodes_the_same(codec):
    content = codec.to_bytes()
    again = section.read(content)
    latents = np.random.default_rng(1).integers(-128, 128, size=(20, codec.latent_dim)).astype(np.int8)
    assert type(again) is type(codec)
    assert again.to_bytes() == content
    np.testing.assert_array_equal(again.encode(latents), codec.encode(latents))
    np.testing.assert_array_equal(again.decode(codec.encode(latents)), codec.decode(codec.encode(latents)))


@pytest.mark.parametrize("codec", CODECS, ids=lambda codec: codec.NAME)
def test_any_changed_header_byte_is_refused_or_another_consistent_codec(codec):
    content = codec.to_bytes()
    num_refused = 0
    for position in range(32):
        for change in range(1, 256):
            changed = bytearray(content)
            changed[position] ^= change
            try:
                again = section.read(bytes(changed))
            except InputError as error:
                assert "Received" in str(error)
                num_refused += 1
            else:
                assert again.to_bytes() == changed
    assert num_refused > 20 * 255


@pytest.mark.parametrize("codec", CODECS, ids=lambda codec: codec.NAME)
def test_every_truncation_and_a_byte_too_many_are_refused(codec):
    content = codec.to_bytes()
    for size in range(len(content)):
        with pytest.raises(InputError):
            section.read(content[:size])
    with pytest.raises(InputError):
        section.read(content + b"\0")


def test_an_unknown_codec_id_is_named():
    content = b"\x63\x00" + bytes(30)
    assert not section.is_known(content)
    with pytest.raises(InputError, match="codec id must be one of 1 .uniform., .*Received: codec id=99"):
        section.read(content)


def test_a_payload_size_that_contradicts_the_codec_is_refused():
    content = bytearray(CODECS[0].to_bytes())
    content[8] += 1
    with pytest.raises(InputError, match="must agree with its sizes"):
        section.read(bytes(content))
