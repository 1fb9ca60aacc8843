"""Codecs chosen by a text; how many values a record keeps may be decided by the latents."""

import re

import numpy as np
import pytest

from tfodcl.compress.bitmap_pq import BitmapPqCodec
from tfodcl.compress.elias_fano_pq import EliasFanoPqCodec
from tfodcl.compress.product_quantizer import ProductQuantizer
from tfodcl.compress.setting import CodecSetting, choose_num_kept
from tfodcl.compress.uniform import UniformCodec
from tfodcl.errors import InputError

ZERO_POINT = -128
TEXTS = ["uniform:8", "uniform:1", "pq:8", "pq:256", "bitmap_pq:256:8", "bitmap_pq:auto:16", "elias_fano_pq:256:8"]


@pytest.mark.parametrize("text", TEXTS)
def test_a_setting_is_its_text(text):
    setting = CodecSetting.parse(text)
    assert str(setting) == text
    assert CodecSetting.parse(str(setting)) == setting


def test_a_setting_fits_the_codec_that_its_numbers_give():
    z = latents(0.3)
    expected = {
        "uniform:6": UniformCodec.fit(z, 6),
        "pq:32": ProductQuantizer.fit(z, 32, seed=3),
        "bitmap_pq:128:16": BitmapPqCodec.fit(z, ZERO_POINT, 128, 16, seed=3),
        "elias_fano_pq:128:16": EliasFanoPqCodec.fit(z, ZERO_POINT, 128, 16, seed=3),
        "bitmap_pq:auto:16": BitmapPqCodec.fit(z, ZERO_POINT, choose_num_kept(z, ZERO_POINT, 16), 16, seed=3),
    }
    for text, codec in expected.items():
        assert CodecSetting.parse(text).fit(z, ZERO_POINT, seed=3).to_bytes() == codec.to_bytes(), text


def test_auto_is_resolved_to_the_number_that_fit_takes():
    z = latents(0.3)
    setting = CodecSetting.parse("bitmap_pq:auto:8").resolve(z, ZERO_POINT)
    assert str(setting) == f"bitmap_pq:{choose_num_kept(z, ZERO_POINT, 8)}:8"
    assert setting.resolve(z[:1], ZERO_POINT) == setting


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("", "one of uniform:NUM_BITS, pq:SUBVECTOR_DIM, bitmap_pq:NUM_KEPT:SUBVECTOR_DIM"),
        ("gzip:8", "one of uniform:NUM_BITS"),
        ("pq", "one of uniform:NUM_BITS"),
        ("bitmap_pq:256", "one of uniform:NUM_BITS"),
        ("pq:8:8", "one of uniform:NUM_BITS"),
        ("uniform:9", "num_bits must be a whole number in 1..8"),
        ("uniform:08", "num_bits must be a whole number in 1..8"),
        ("uniform:auto", "num_bits must be a whole number in 1..8"),
        ("pq:0", "subvector_dim must be a whole number in 1..256"),
        ("pq:-8", "subvector_dim must be a whole number in 1..256"),
        ("bitmap_pq:all:8", "num_kept must be a whole number in 1..1048576 or auto"),
        ("bitmap_pq:2000000:8", "num_kept must be a whole number in 1..1048576 or auto"),
        ("bitmap_pq:٨:8", "num_kept must be a whole number in 1..1048576 or auto"),
    ],
)
def test_another_text_is_refused_naming_the_rule_and_the_text(text, rule):
    with pytest.raises(InputError, match=re.escape(rule)) as error:
        CodecSetting.parse(text)
    assert repr(text) in str(error.value)


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("pq:24", "latent_dim must be a multiple of subvector_dim. Received: latent_dim=64, subvector_dim=24."),
        ("bitmap_pq:72:8", "num_kept must be in 1..latent_dim. Received: num_kept=72, latent_dim=64."),
        ("bitmap_pq:60:8", "num_kept must be a multiple of subvector_dim. Received: num_kept=60, subvector_dim=8."),
        ("bitmap_pq:auto:65", "subvector_dim must be at most latent_dim. Received: bitmap_pq:auto:65, latent_dim=64."),
    ],
)
def test_what_cannot_fit_a_latent_is_known_before_there_are_latents(text, rule):
    with pytest.raises(InputError, match=re.escape(rule)):
        CodecSetting.parse(text).check(64)


@pytest.mark.parametrize("text", ["uniform:3", "pq:64", "bitmap_pq:64:8", "bitmap_pq:auto:48", "bitmap_pq:auto:64"])
def test_what_passes_the_check_fits_any_latents(text):
    setting = CodecSetting.parse(text)
    setting.check(64)
    for density in (0.0, 0.06, 1.0):
        assert setting.fit(latents(density)[:4, :64], ZERO_POINT, seed=0).latent_dim == 64


def latents(density: float) -> np.ndarray:
    """(300, 512) int8, a share `density` of the values other than zero."""
    rng = np.random.default_rng(0)
    values = rng.uniform(1, 200, (300, 512)) * (rng.random((300, 512)) < density)
    return (np.rint(values) + ZERO_POINT).clip(-128, 127).astype(np.int8)


def kept_energy(z: np.ndarray, num_kept: int) -> float:
    kept = total = 0.0
    for row in z.astype(float) - ZERO_POINT:
        kept += sum(sorted(row**2)[-num_kept:])
        total += sum(row**2)
    return kept / total


@pytest.mark.parametrize("density", [0.06, 0.4, 1.0])
def test_the_fewest_steps_of_64_values_that_hold_95_percent_of_the_energy_are_kept(density):
    z = latents(density)
    num_kept = choose_num_kept(z, ZERO_POINT, subvector_dim=8)
    assert num_kept % 64 == 0
    assert kept_energy(z, num_kept) >= 0.95
    assert num_kept == 64 or kept_energy(z, num_kept - 64) < 0.95


def test_whole_subvectors_of_a_small_latent_are_kept():
    assert choose_num_kept(latents(1.0)[:, :60], ZERO_POINT, subvector_dim=8) == 56
    assert choose_num_kept(latents(1.0), ZERO_POINT, subvector_dim=128) % 128 == 0


def test_latents_of_nothing_but_zeros_are_no_error():
    assert choose_num_kept(np.full((4, 64), ZERO_POINT, np.int8), ZERO_POINT, subvector_dim=8) == 64
