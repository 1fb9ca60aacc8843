"""How many values a record keeps is decided by the latents."""

import numpy as np
import pytest

from tfodcl.quantize.assembly import choose_num_kept

ZERO_POINT = -128


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
