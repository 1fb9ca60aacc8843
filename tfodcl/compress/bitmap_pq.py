"""LifeLearner's codec (arXiv 2311.11420): a bitmap of the kept values, and these product quantized.

With the paper's sizes, 256 kept of 4096 in subvectors of 8, that is 512 + 32 bytes.
"""

from typing import ClassVar

import numpy as np

from tfodcl.compress import bitmap
from tfodcl.compress.sparse_pq import SparsePqCodec


class BitmapPqCodec(SparsePqCodec):
    """Positions in latent_dim bits, whatever num_kept is."""

    CODEC_ID: ClassVar[int] = 3
    NAME: ClassVar[str] = "bitmap_pq"

    def _position_bytes(self) -> int:
        return bitmap.num_bytes(self.latent_dim)

    def _pack(self, mask: np.ndarray) -> np.ndarray:
        return bitmap.pack(mask)

    def _unpack(self, positions: np.ndarray) -> np.ndarray:
        return bitmap.unpack(positions, self.latent_dim)
