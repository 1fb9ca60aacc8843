"""Latents as records: a sample is kept as what a frozen stage makes of it, encoded by a codec."""

import numpy as np

from tfodcl.compress.record import Codec
from tfodcl.stages.classifier import FrozenStage


class LatentRecords:
    """x -> frozen stage -> int8 latent -> codec -> record, and back to the map that the network behind is fed.

    Args:
      frozen: int8.
      codec: of its latents.
      map_shape: (h, w, c) of a latent.

    Attributes:
      record_bytes: of each.
    """

    def __init__(self, frozen: FrozenStage, codec: Codec, map_shape: tuple[int, ...]) -> None:
        self._frozen, self._codec, self._map_shape = frozen, codec, map_shape
        self.record_bytes = codec.payload_bytes

    def encode(self, x: np.ndarray) -> np.ndarray:
        """Samples (n, h, w, c) -> (n, record_bytes) uint8."""
        return self._codec.encode(self._frozen.encode(x))

    def decode(self, records: np.ndarray) -> np.ndarray:
        """(n, record_bytes) uint8 -> maps (n, *map_shape) float32, as near to the samples' own as the codec is."""
        return self._real(self._codec.decode(records))

    def maps(self, x: np.ndarray) -> np.ndarray:
        """Samples (n, h, w, c) -> their own maps (n, *map_shape) float32."""
        return self._real(self._frozen.encode(x))

    def _real(self, latents: np.ndarray) -> np.ndarray:
        return self._frozen.dequantize(latents).reshape(-1, *self._map_shape)
