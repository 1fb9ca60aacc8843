import numpy as np
import pytest

from tfodcl.compress.bitmap_pq import BitmapPqCodec
from tfodcl.compress.product_quantizer import ProductQuantizer
from tfodcl.compress.record import reconstruction_error
from tfodcl.errors import InputError


@pytest.mark.parametrize(("subvector_dim", "payload_bytes"), [(8, 544), (32, 520), (128, 514)])
def test_payload_has_the_paper_s_size(sparse_latents, subvector_dim, payload_bytes):
    codec = BitmapPqCodec.fit(sparse_latents(5, 4096, density=0.05), -128, 256, subvector_dim)
    assert codec.payload_bytes == payload_bytes
    assert codec.encode(sparse_latents(2, 4096, density=0.1)).shape == (2, payload_bytes)


@pytest.mark.parametrize("latent_dim", [41, 64])
def test_training_latents_that_fit_are_lossless(sparse_latents, latent_dim):
    latents = sparse_latents(60, latent_dim, density=0.2)
    codec = BitmapPqCodec.fit(latents, -128, num_kept=40, subvector_dim=8)  # 60 latents, 256 centroids
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


def test_one_latent_has_the_payload_it_has_in_a_batch(sparse_latents):
    latents = sparse_latents(30, 96, density=0.4)
    codec = BitmapPqCodec.fit(latents, -128, num_kept=32, subvector_dim=8, num_centroids=16)
    rows = np.concatenate([codec.encode(row[None]) for row in latents])
    np.testing.assert_array_equal(codec.encode(latents), rows)


def test_shorter_subvectors_lose_less(sparse_latents):
    latents = sparse_latents(800, 512, density=0.2, seed=1)
    errors = [
        reconstruction_error(BitmapPqCodec.fit(latents, -128, 128, subvector_dim, 32), latents, -128)
        for subvector_dim in (8, 32, 128)
    ]
    assert 0 < errors[0] < errors[1] < errors[2] < 1


def test_a_latent_of_zeros_comes_back(sparse_latents):
    codec = BitmapPqCodec.fit(sparse_latents(20, 64, density=0.3), -128, 16, 8, num_centroids=8)
    zeros = np.full((1, 64), -128, np.int8)
    assert not codec.encode(zeros)[:, :8].any()
    np.testing.assert_array_equal(codec.decode(codec.encode(zeros)), zeros)


def test_a_payload_with_too_many_marks_is_refused(sparse_latents):
    codec = BitmapPqCodec.fit(sparse_latents(20, 64, density=0.3), -128, 16, 8)
    payload = np.zeros((1, codec.payload_bytes), np.uint8)
    payload[0, :3] = 0xFF
    with pytest.raises(InputError, match="at most num_kept=16 values. Received: 24"):
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
