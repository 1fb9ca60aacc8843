"""The codec section of a package: any codec to bytes and back, by its id."""

import struct

from tfodcl.compress.bitmap_pq import BitmapPqCodec
from tfodcl.compress.elias_fano_pq import EliasFanoPqCodec
from tfodcl.compress.product_quantizer import ProductQuantizer
from tfodcl.compress.record import Codec
from tfodcl.compress.uniform import UniformCodec
from tfodcl.errors import InputError

_CLASSES = {codec.CODEC_ID: codec for codec in (UniformCodec, ProductQuantizer, BitmapPqCodec, EliasFanoPqCodec)}


def codec_id(section: bytes) -> int:
    """The id in the first two bytes."""
    if len(section) < 2:
        raise InputError(f"a codec section must have at least 2 bytes. Received: {len(section)}.")
    return struct.unpack_from("<H", section)[0]


def is_known(section: bytes) -> bool:
    """Whether `read` knows the codec."""
    return codec_id(section) in _CLASSES


def read(section: bytes) -> Codec:
    """The codec which to_bytes turned into `section`.

    Raises:
      InputError: an unknown codec id, sizes that contradict each other, or bytes that no writer writes.
    """
    known = _CLASSES.get(codec_id(section))
    if known is None:
        ids = ", ".join(f"{number} ({codec.NAME})" for number, codec in _CLASSES.items())
        raise InputError(f"codec id must be one of {ids}. Received: codec id={codec_id(section)}.")
    codec = known.from_bytes(section)
    # What is derived (payload_bytes, latent_dim of pq) or reserved has one right value: the writer's.
    if codec.to_bytes() != section:
        raise InputError(
            f"fields of a {codec.NAME} codec must agree with its sizes. Received: {section[:32].hex(' ')}."
        )
    return codec
