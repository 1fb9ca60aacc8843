"""Latents that the tests of all codecs share."""

from collections.abc import Callable

import numpy as np
import pytest

SparseLatents = Callable[..., np.ndarray]


@pytest.fixture
def sparse_latents() -> SparseLatents:
    """Draws (n, latent_dim) int8 latents as after a ReLU: zero_point but for a share of `density`."""

    def draw(n: int, latent_dim: int, density: float, zero_point: int = -128, seed: int = 0) -> np.ndarray:
        rng = np.random.default_rng(seed)
        values = rng.integers(-128, 128, size=(n, latent_dim))
        return np.where(rng.random((n, latent_dim)) < density, values, zero_point).astype(np.int8)

    return draw
