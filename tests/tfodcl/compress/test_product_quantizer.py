import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from sklearn.cluster import KMeans
from sklearn.metrics import pairwise_distances_argmin

from tfodcl.compress.product_quantizer import ProductQuantizer
from tfodcl.compress.record import reconstruction_error
from tfodcl.errors import InputError


def random_quantizer(num_subvectors: int, num_centroids: int, subvector_dim: int, seed: int = 0) -> ProductQuantizer:
    shape = (num_subvectors, num_centroids, subvector_dim)
    return ProductQuantizer(np.random.default_rng(seed).integers(-128, 128, size=shape).astype(np.int8))


def exact_distances(quantizer: ProductQuantizer, latents: np.ndarray) -> np.ndarray:
    """(n, num_subvectors, num_centroids) int64 by the definition."""
    parts = latents.reshape(len(latents), quantizer.num_subvectors, 1, quantizer.subvector_dim).astype(np.int64)
    return np.square(parts - quantizer.codebook.astype(np.int64)).sum(axis=3)


@pytest.mark.parametrize(
    ("num_subvectors", "num_centroids", "subvector_dim"),
    [(32, 256, 8), (8, 256, 32), (2, 256, 128), (1, 256, 256), (5, 3, 4), (3, 1, 7), (288, 16, 8)],
)
def test_codes_are_the_first_of_the_nearest_centroids(num_subvectors, num_centroids, subvector_dim):
    quantizer = random_quantizer(num_subvectors, num_centroids, subvector_dim)
    latents = np.random.default_rng(1).integers(-128, 128, size=(40, quantizer.latent_dim)).astype(np.int8)
    expected = exact_distances(quantizer, latents).argmin(axis=2)  # argmin gives the first
    np.testing.assert_array_equal(quantizer.encode(latents), expected)


def test_codes_are_exact_at_the_largest_distances_there_are():
    codebook = np.full((1, 3, 256), -128, np.int8)
    codebook[0, 1, 0] = codebook[0, 2, 255] = -127  # nearer by one step in the first or last of 256 values
    codec = ProductQuantizer(codebook)
    assert codec.encode(np.full((1, 256), 127, np.int8)).tolist() == [[1]]
    assert codec.encode(np.full((1, 256), -128, np.int8)).tolist() == [[0]]


def test_codes_agree_with_scikit_learn_up_to_ties():
    quantizer = random_quantizer(32, 256, 8)
    latents = np.random.default_rng(2).integers(-128, 128, size=(200, 256)).astype(np.int8)
    codes = quantizer.encode(latents)
    distances = exact_distances(quantizer, latents)
    for position in range(32):
        part = latents[:, position * 8 : position * 8 + 8].astype(np.float64)
        theirs = pairwise_distances_argmin(part, quantizer.codebook[position].astype(np.float64))
        row = np.arange(len(latents))
        np.testing.assert_array_equal(distances[row, position, codes[:, position]], distances[row, position, theirs])


def test_equally_near_centroids_give_the_lowest_code():
    codebook = np.array([[[9, 9], [-5, 5], [5, -5], [-5, 5]]], np.int8)
    assert ProductQuantizer(codebook).encode(np.zeros((1, 2), np.int8)).tolist() == [[1]]


def test_a_batch_gives_the_codes_of_its_rows():
    quantizer = random_quantizer(32, 256, 8)
    latents = np.random.default_rng(3).integers(-128, 128, size=(300, 256)).astype(np.int8)  # several chunks
    rows = np.concatenate([quantizer.encode(row[None]) for row in latents])
    np.testing.assert_array_equal(quantizer.encode(latents), rows)


def test_every_centroid_decodes_to_itself():
    quantizer = random_quantizer(4, 256, 8)
    payloads = np.repeat(np.arange(256, dtype=np.uint8)[:, None], 4, axis=1)
    decoded = quantizer.decode(payloads)
    np.testing.assert_array_equal(decoded.reshape(256, 4, 8).swapaxes(0, 1), quantizer.codebook)
    np.testing.assert_array_equal(quantizer.decode(quantizer.encode(decoded)), decoded)


def test_no_latents_give_no_payloads():
    quantizer = random_quantizer(4, 16, 8)
    assert quantizer.encode(np.zeros((0, 32), np.int8)).shape == (0, 4)
    assert quantizer.decode(np.zeros((0, 4), np.uint8)).shape == (0, 32)


@pytest.mark.parametrize("subvector_dim", [8, 32, 128])
def test_fit_is_as_good_as_k_means_with_restarts(subvector_dim):
    rng = np.random.default_rng(4)
    mixture = rng.normal(0, 40, size=(30, 128))[rng.integers(30, size=1500)] + rng.normal(0, 15, size=(1500, 128))
    latents = np.clip(np.rint(mixture), -128, 127).astype(np.int8)
    ours = reconstruction_error(ProductQuantizer.fit(latents, subvector_dim, num_centroids=32), latents, 0)
    lost = 0.0
    for start in range(0, 128, subvector_dim):
        part = latents[:, start : start + subvector_dim].astype(np.float64)
        lost += KMeans(32, n_init=3, random_state=0).fit(part).inertia_
    assert ours < 1.1 * lost / np.square(latents.astype(np.float64)).sum()


def test_mini_batches_come_near_full_k_means(monkeypatch):
    latents = np.clip(np.random.default_rng(5).normal(0, 40, size=(6000, 8)), -128, 127).astype(np.int8)
    full = reconstruction_error(ProductQuantizer.fit(latents, 8, 64), latents, 0)
    monkeypatch.setattr("tfodcl.compress.product_quantizer._MINI_BATCH_ABOVE", 1000)
    assert reconstruction_error(ProductQuantizer.fit(latents, 8, 64), latents, 0) < 1.1 * full


def test_fit_repeats_itself_for_a_seed():
    latents = np.random.default_rng(6).integers(-128, 128, size=(500, 32)).astype(np.int8)
    first = ProductQuantizer.fit(latents, 8, 16, seed=3).codebook
    np.testing.assert_array_equal(first, ProductQuantizer.fit(latents, 8, 16, seed=3).codebook)
    assert not np.array_equal(first, ProductQuantizer.fit(latents, 8, 16, seed=4).codebook)


def test_fit_does_not_depend_on_the_number_of_threads():
    program = """
import zlib
import numpy as np
from tfodcl.compress.product_quantizer import ProductQuantizer
latents = np.clip(np.random.default_rng(0).normal(0, 40, size=(3000, 32)), -128, 127).astype(np.int8)
print(zlib.crc32(ProductQuantizer.fit(latents, 8).to_bytes()))
"""
    root = Path(__file__).parents[3]
    found = set()
    for num_threads in ("1", "2"):
        environment = {**os.environ, "OMP_NUM_THREADS": num_threads, "OPENBLAS_NUM_THREADS": num_threads}
        done = subprocess.run(
            [sys.executable, "-c", program], cwd=root, env=environment, stdout=subprocess.PIPE, check=True
        )
        found.add(done.stdout)
    assert len(found) == 1


@pytest.mark.parametrize("num_latents", [1, 5, 256])
def test_fit_to_fewer_vectors_than_centroids_is_lossless(num_latents):
    latents = np.random.default_rng(7).integers(-128, 128, size=(num_latents, 16)).astype(np.int8)
    quantizer = ProductQuantizer.fit(latents, 8)
    assert quantizer.codebook.shape == (2, 256, 8)
    assert reconstruction_error(quantizer, latents, 0) == 0


def test_fit_to_repeated_vectors_is_lossless():
    distinct = np.random.default_rng(8).integers(-128, 128, size=(10, 8)).astype(np.int8)
    latents = np.tile(distinct, (100, 1))
    assert reconstruction_error(ProductQuantizer.fit(latents, 8, num_centroids=16), latents, 0) == 0


def test_the_paper_s_codebook_has_64_kib():
    latents = np.random.default_rng(9).integers(-128, 128, size=(3, 256)).astype(np.int8)
    assert ProductQuantizer.fit(latents, 8).codebook.nbytes == 65_536


def test_a_code_without_a_centroid_is_refused():
    with pytest.raises(InputError, match="codes must be below num_centroids=16. Received: 16"):
        random_quantizer(2, 16, 4).decode(np.array([[3, 16]], np.uint8))


def test_latent_dim_must_be_a_multiple_of_subvector_dim():
    rule = "latent_dim must be a multiple of subvector_dim. Received: latent_dim=130, subvector_dim=8."
    with pytest.raises(InputError, match=rule):
        ProductQuantizer.fit(np.zeros((4, 130), np.int8), 8)


@pytest.mark.parametrize(
    ("subvector_dim", "num_centroids", "rule"),
    [
        (0, 16, "subvector_dim must be in 1..256. Received: subvector_dim=0"),
        (257, 16, "subvector_dim=257"),
        (8, 0, "num_centroids must be in 1..256. Received: num_centroids=0"),
        (8, 257, "num_centroids=257"),
    ],
)
def test_bad_sizes_are_named(subvector_dim, num_centroids, rule):
    with pytest.raises(InputError, match=rule):
        ProductQuantizer.fit(np.zeros((4, 16), np.int8), subvector_dim, num_centroids)


def test_fit_without_latents_is_refused():
    with pytest.raises(InputError, match="at least one latent"):
        ProductQuantizer.fit(np.zeros((0, 16), np.int8), 8)


def test_a_codebook_of_another_type_is_refused():
    with pytest.raises(InputError, match="int8 of 3 dimensions. Received: float64"):
        ProductQuantizer(np.zeros((1, 2, 3)))
