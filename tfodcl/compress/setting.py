"""A codec chosen by a text: its name and its numbers, between colons.

uniform:8             num_bits of a value, 1..8
pq:8                  subvector_dim, 1..256
bitmap_pq:256:8       num_kept, subvector_dim
elias_fano_pq:256:8   the same
bitmap_pq:auto:8      num_kept as the latents decide, see choose_num_kept; also of elias_fano_pq
"""

import dataclasses
import math
import re
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from tfodcl.compress.bitmap_pq import BitmapPqCodec
from tfodcl.compress.elias_fano_pq import EliasFanoPqCodec
from tfodcl.compress.product_quantizer import MAX_SUBVECTOR_DIM, ProductQuantizer
from tfodcl.compress.record import MAX_LATENT_DIM, Codec
from tfodcl.compress.uniform import MAX_BITS, UniformCodec
from tfodcl.errors import InputError

AUTO: Literal["auto"] = "auto"
KEPT_ENERGY = 0.95
_SPARSE = {codec.NAME: codec for codec in (BitmapPqCodec, EliasFanoPqCodec)}
_FIELDS = {
    UniformCodec.NAME: ("num_bits",),
    ProductQuantizer.NAME: ("subvector_dim",),
    **dict.fromkeys(_SPARSE, ("num_kept", "subvector_dim")),
}
_GREATEST = {"num_bits": MAX_BITS, "subvector_dim": MAX_SUBVECTOR_DIM, "num_kept": MAX_LATENT_DIM}


@dataclass(frozen=True)
class CodecSetting:
    """What is chosen of a codec before it sees latents. A field that its kind does not have is 0.

    Attributes:
      name: NAME of the codec.
      num_bits: of uniform.
      num_kept: of the sparse codecs, a number or AUTO.
      subvector_dim: of the codecs with a product quantizer.
    """

    name: str
    num_bits: int = 0
    num_kept: int | Literal["auto"] = 0
    subvector_dim: int = 0

    @classmethod
    def parse(cls, text: str) -> "CodecSetting":
        """The setting that `text` names. Raises InputError for any other text than str() gives."""
        name, *words = text.split(":")
        if name not in _FIELDS or len(words) != len(_FIELDS[name]):
            forms = ", ".join(":".join([known, *map(str.upper, fields)]) for known, fields in _FIELDS.items())
            raise InputError(f"a codec must be one of {forms}. Received: {text!r}.")
        fields = zip(_FIELDS[name], words, strict=True)
        numbers: dict[str, Any] = {field: _read(field, word, text) for field, word in fields}
        return cls(name, **numbers)

    def __str__(self) -> str:
        return ":".join([self.name, *(str(getattr(self, field)) for field in _FIELDS[self.name])])

    def check(self, latent_dim: int) -> None:
        """Raises InputError where no latents of this size can be fitted."""
        self.fit(np.zeros((1, latent_dim), np.int8), zero_point=0, seed=0)

    def resolve(self, latents: np.ndarray, zero_point: int) -> "CodecSetting":
        """The setting with a number for AUTO, chosen by int8 (n, latent_dim)."""
        if self.num_kept != AUTO:
            return self
        if self.subvector_dim > latents.shape[1]:
            raise InputError(
                f"subvector_dim must be at most latent_dim. Received: {self}, latent_dim={latents.shape[1]}."
            )
        return dataclasses.replace(self, num_kept=choose_num_kept(latents, zero_point, self.subvector_dim))

    def fit(self, latents: np.ndarray, zero_point: int, seed: int) -> Codec:
        """The codec, calibrated on latents.

        Args:
          latents: (n, latent_dim) int8, n >= 1.
          zero_point: the int8 value that stands for 0.
          seed: of the codebooks.

        Raises:
          InputError: the sizes contradict latent_dim.
        """
        if self.name == UniformCodec.NAME:
            return UniformCodec.fit(latents, self.num_bits)
        if self.name == ProductQuantizer.NAME:
            return ProductQuantizer.fit(latents, self.subvector_dim, seed=seed)
        num_kept = self.resolve(latents, zero_point).num_kept
        assert num_kept != AUTO
        return _SPARSE[self.name].fit(latents, zero_point, num_kept, self.subvector_dim, seed=seed)


def choose_num_kept(latents: np.ndarray, zero_point: int, subvector_dim: int) -> int:
    """The fewest values a latent, in steps of 64, that hold KEPT_ENERGY of the sum of squares of int8 (n, latent_dim).

    The paper keeps 256 of 4,096 with 94 % zeros. Latents of short trainings are not sparse, and how many of their
    values matter is the encoder's own.
    """
    energy = -np.sort(-np.square(latents.astype(np.float64) - zero_point), axis=1).sum(axis=0)  # largest first
    kept = np.cumsum(energy) / max(energy.sum(), 1.0)
    step, most = math.lcm(64, subvector_dim), len(kept) // subvector_dim * subvector_dim
    enough = int(np.searchsorted(kept, KEPT_ENERGY)) + 1
    return min(-(-enough // step) * step, most)


def _read(field: str, word: str, text: str) -> int | Literal["auto"]:
    if field == "num_kept" and word == AUTO:
        return AUTO
    greatest = _GREATEST[field]
    if not re.fullmatch("[1-9][0-9]{0,9}", word) or int(word) > greatest:
        rule = f"{field} must be a whole number in 1..{greatest}{f' or {AUTO}' if field == 'num_kept' else ''}"
        raise InputError(f"{rule}. Received: {word!r} in codec {text!r}.")
    return int(word)
