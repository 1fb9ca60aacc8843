"""Records of latents against the frozen stage and the codec by hand."""

import numpy as np
import pytest

from tests.tfodcl.task_methods.tiny import (
    FRONT,
    LATENT_DIM,
    LATENT_SCALE,
    LATENT_ZERO_POINT,
    SHAPE,
    StagedNetworks,
    draw_tasks,
    real,
    softplus,
)
from tfodcl.compress.product_quantizer import ProductQuantizer
from tfodcl.compress.record import Codec
from tfodcl.compress.setting import CodecSetting
from tfodcl.task_methods.latent_records import LatentRecords

MAP_SHAPE = (*SHAPE[:2], FRONT)
X = draw_tasks(40)[0].x
NETWORKS = StagedNetworks()


def latents(x: np.ndarray) -> np.ndarray:
    """(n, LATENT_DIM) int8 by NumPy."""
    maps = softplus(real(x) @ NETWORKS.kernels[0]) / LATENT_SCALE
    return np.clip(np.rint(maps) + LATENT_ZERO_POINT, -128, 127).astype(np.int8).reshape(len(x), -1)


def make(setting: str) -> tuple[LatentRecords, Codec]:
    codec = CodecSetting.parse(setting).fit(latents(X), LATENT_ZERO_POINT, seed=0)
    return LatentRecords(NETWORKS.cut(NETWORKS.whole())[0], codec, MAP_SHAPE), codec


@pytest.mark.parametrize(
    ("setting", "num_bytes"),
    [("uniform:8", 64), ("uniform:4", 32), ("pq:8", 8), ("bitmap_pq:32:8", 8 + 4), ("elias_fano_pq:32:8", None)],
)
def test_a_record_is_the_codecs_payload_of_the_latent_and_gives_its_real_values(setting, num_bytes):
    records, codec = make(setting)
    kept = records.encode(X)
    assert kept.dtype == np.uint8 and kept.shape == (40, records.record_bytes)
    assert records.record_bytes == (num_bytes or codec.payload_bytes) <= LATENT_DIM
    decoded = codec.decode(codec.encode(latents(X)))
    expected = (decoded.astype(np.float64) - LATENT_ZERO_POINT) * LATENT_SCALE
    maps = records.decode(kept)
    assert maps.dtype == np.float32
    np.testing.assert_allclose(maps, expected.reshape(-1, *MAP_SHAPE), rtol=1e-6)
    assert records.decode(kept[:0]).shape == (0, *MAP_SHAPE)


def test_without_loss_a_record_gives_the_samples_own_map_and_a_coarse_one_a_near_one():
    fine, coarse = make("uniform:8")[0], make("uniform:2")[0]
    own = fine.maps(X)
    np.testing.assert_allclose(own, softplus(real(X) @ NETWORKS.kernels[0]), atol=LATENT_SCALE / 2 + 1e-6)
    np.testing.assert_array_equal(fine.decode(fine.encode(X)), own)
    error = np.abs(coarse.decode(coarse.encode(X)) - own)
    assert 0 < error.max() <= (np.ptp(own) / 3 + LATENT_SCALE) / 2 + 1e-6
    np.testing.assert_array_equal(coarse.maps(X), own)


def test_the_nearest_codeword_of_each_subvector_is_kept():
    records, codec = make("pq:4")
    assert isinstance(codec, ProductQuantizer)
    parts = latents(X).reshape(40, -1, 1, 4).astype(np.int64)
    distances = np.square(parts - codec.codebook).sum(axis=3)  # (n, num_subvectors, num_centroids)
    np.testing.assert_array_equal(records.encode(X), distances.argmin(axis=2))
