"""The codecs of sparse latents, which differ in the form of the positions alone."""

import numpy as np
import pytest

from tfodcl.compress.bitmap_pq import BitmapPqCodec
from tfodcl.compress.elias_fano_pq import EliasFanoPqCodec
from tfodcl.compress.product_quantizer import ProductQuantizer
from tfodcl.compress.record import reconstruction_error
from tfodcl.errors import InputError

both = pytest.mark.parametrize("kind", [BitmapPqCodec, EliasFanoPqCodec], ids=lambda kind: kind.NAME)


@pytest.mark.parametrize(
    ("kind", "subvector_dim", "payload_bytes"),
    [
        (BitmapPqCodec, 8, 512 + 32),  # the paper's
        (BitmapPqCodec, 32, 512 + 8),
        (BitmapPqCodec, 128, 512 + 2),
        (EliasFanoPqCodec, 8, 188 + 32),
        (EliasFanoPqCodec, 128, 188 + 2),
    ],
)
def test_payload_has_one_size_for_every_latent(sparse_latents, kind, subvector_dim, payload_bytes):
    codec = kind.fit(sparse_latents(5, 4096, density=0.05), -128, 256, subvector_dim)
    assert codec.payload_bytes == payload_bytes
    assert codec.encode(sparse_latents(2, 4096, density=0.1)).shape == (2, payload_bytes)


@pytest.mark.parametrize("density", [0.0, 0.02, 0.06, 0.3, 1.0])
@pytest.mark.parametrize(("latent_dim", "num_kept"), [(4096, 256), (100, 24), (41, 40), (7, 2), (1, 1), (3000, 1)])
def test_both_forms_decode_to_the_same_latents(sparse_latents, latent_dim, num_kept, density):
    codebook = np.random.default_rng(3).integers(-128, 128, size=(num_kept, 7, 1)).astype(np.int8)
    quantizer = ProductQuantizer(codebook)
    latents = sparse_latents(40, latent_dim, density)
    bitmap, sequence = (kind(latent_dim, -128, num_kept, quantizer) for kind in (BitmapPqCodec, EliasFanoPqCodec))
    decoded = [codec.decode(codec.encode(latents)) for codec in (bitmap, sequence)]
    np.testing.assert_array_equal(*decoded)
    np.testing.assert_array_equal(bitmap.encode(latents)[:, -num_kept:], sequence.encode(latents)[:, -num_kept:])


@both
@pytest.mark.parametrize("latent_dim", [41, 64])
def test_training_latents_that_fit_are_lossless(sparse_latents, kind, latent_dim):
    latents = sparse_latents(60, latent_dim, density=0.2)
    codec = kind.fit(latents, -128, num_kept=40, subvector_dim=8)  # 60 latents, 256 centroids
    np.testing.assert_array_equal(codec.decode(codec.encode(latents)), latents)


@pytest.mark.parametrize("density", [0.02, 0.3, 0.9])
def test_marks_agree_with_unpackbits_and_only_they_differ_from_zero_point(sparse_latents, density):
    latents = sparse_latents(50, 100, density)
    codec = BitmapPqCodec.fit(latents, -128, num_kept=24, subvector_dim=8, num_centroids=8)
    payloads = codec.encode(latents)
    marks = np.unpackbits(payloads[:, :13], axis=1, count=100, bitorder="little").astype(bool)
    np.testing.assert_array_equal(marks.sum(axis=1), np.minimum((latents != -128).sum(axis=1), 24))
    assert (latents[marks] != -128).all()
    decoded = codec.decode(payloads)
    assert (decoded[~marks] == -128).all()
    for row, mark, codes in zip(decoded, marks, payloads[:, 13:], strict=True):
        packed = np.concatenate([codec.quantizer.codebook[position, code] for position, code in enumerate(codes)])
        np.testing.assert_array_equal(row[mark], packed[: mark.sum()])


@both
def test_one_latent_has_the_payload_it_has_in_a_batch(sparse_latents, kind):
    latents = sparse_latents(30, 96, density=0.4)
    codec = kind.fit(latents, -128, num_kept=32, subvector_dim=8, num_centroids=16)
    rows = np.concatenate([codec.encode(row[None]) for row in latents])
    np.testing.assert_array_equal(codec.encode(latents), rows)


def test_shorter_subvectors_lose_less(sparse_latents):
    latents = sparse_latents(800, 512, density=0.2, seed=1)
    errors = [
        reconstruction_error(BitmapPqCodec.fit(latents, -128, 128, subvector_dim, 32), latents, -128)
        for subvector_dim in (8, 32, 128)
    ]
    assert 0 < errors[0] < errors[1] < errors[2] < 1


@both
def test_a_latent_of_zeros_comes_back_and_has_no_positions(sparse_latents, kind):
    codec = kind.fit(sparse_latents(20, 64, density=0.3), -128, 16, 8, num_centroids=8)
    zeros = np.full((1, 64), -128, np.int8)
    assert not codec.encode(zeros)[:, :-2].any()
    np.testing.assert_array_equal(codec.decode(codec.encode(zeros)), zeros)


def test_a_payload_with_too_many_marks_is_refused(sparse_latents):
    codec = BitmapPqCodec.fit(sparse_latents(20, 64, density=0.3), -128, 16, 8)
    payload = np.zeros((1, codec.payload_bytes), np.uint8)
    payload[0, :3] = 0xFF
    with pytest.raises(InputError, match="at most num_kept=16 values must be marked. Received: 24"):
        codec.decode(payload)


def test_num_kept_must_be_a_multiple_of_subvector_dim():
    rule = "num_kept must be a multiple of subvector_dim. Received: num_kept=20, subvector_dim=8."
    with pytest.raises(InputError, match=rule):
        BitmapPqCodec.fit(np.zeros((4, 64), np.int8), 0, num_kept=20, subvector_dim=8)


@pytest.mark.parametrize(
    ("zero_point", "num_kept", "subvector_dim", "rule"),
    [
        (-129, 16, 8, "zero_point must be in -128..127. Received: zero_point=-129"),
        (0, 0, 8, "num_kept must be in 1..latent_dim. Received: num_kept=0, latent_dim=64"),
        (0, 72, 8, "num_kept=72, latent_dim=64"),
        (0, 16, 0, "subvector_dim must be in 1..256. Received: subvector_dim=0"),
    ],
)
def test_bad_sizes_are_named(zero_point, num_kept, subvector_dim, rule):
    with pytest.raises(InputError, match=rule):
        BitmapPqCodec.fit(np.zeros((4, 64), np.int8), zero_point, num_kept, subvector_dim)


def test_a_quantizer_of_another_size_is_refused():
    quantizer = ProductQuantizer(np.zeros((2, 4, 8), np.int8))
    with pytest.raises(InputError, match="num_kept must be num_subvectors . subvector_dim. Received: num_kept=24"):
        BitmapPqCodec(64, 0, 24, quantizer)
