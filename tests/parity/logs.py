"""What two logs have in common when their heads differ by rounding."""

import struct

import numpy as np

from tfodcl.replay import items
from tfodcl.replay.items import Kind
from tfodcl.replay.log import Geometry


def without_weights(flash: bytes, latent_dim: int, geometry: Geometry) -> np.ndarray:
    """The bytes of the flash but for the weights in checkpoints, which differ in rounding, and their CRC-32s."""
    kept = np.frombuffer(flash, np.uint8).copy()
    for start in range(0, len(flash) - 16, geometry.program_unit_bytes):
        kind, zero, num_items, item_bytes = struct.unpack_from("<BBHI", flash, start)
        is_part = kind == Kind.CHECKPOINT and zero == 0 and num_items == 1
        if is_part and items.PART.size < item_bytes <= items.PART.size + 4 * latent_dim:
            kept[start + 8 : start + 16] = 0  # the CRC-32s of items and header
            kept[start + 16 + items.PART.size : start + 16 + item_bytes] = 0
    return kept
