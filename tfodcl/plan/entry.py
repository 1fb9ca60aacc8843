"""One operator of a plan, before it is known where things lie (micro/SPEC.md 4.3)."""

from dataclasses import dataclass
from enum import IntEnum

from tfodcl.plan.graph import Tensor


class Kind(IntEnum):
    """What the board has a kernel for."""

    CONV = 1
    DEPTHWISE_CONV = 2
    FULLY_CONNECTED = 3
    MAX_POOL = 4
    AVERAGE_POOL = 5
    MEAN = 6
    ADD = 7
    MUL = 8
    LOOKUP = 9
    SOFTMAX = 10
    PAD = 11
    CONCATENATION = 12


@dataclass(frozen=True, eq=False)
class Array:
    """Bytes behind the operators; its field is their offset in the plan."""

    content: bytes


@dataclass(frozen=True)
class Scratch:
    """Bytes of the arena that only this operator uses; its field is their offset in the arena."""

    num_bytes: int


Field = bytes | Tensor | Array | Scratch


@dataclass(frozen=True, eq=False)
class Entry:
    """An operator of the plan.

    Attributes:
      kind: which kernel.
      name: the operator's name in the .tflite.
      input: the first one.
      output: its result.
      fields: what follows in the entry, in order.
      activation: least and greatest int8 value that it gives.
      in_place: inputs where the output may lie too, if nothing needs them later.
      macs: multiplications and additions of weights, windows counted as if full.
    """

    kind: Kind
    name: str
    input: Tensor
    output: Tensor
    fields: tuple[Field, ...]
    activation: tuple[int, int] = (-128, 127)
    in_place: tuple[Tensor, ...] = ()
    macs: int = 0

    @property
    def inputs(self) -> tuple[Tensor, ...]:
        return (self.input, *(field for field in self.fields if isinstance(field, Tensor)))

    @property
    def scratch_bytes(self) -> int:
        return sum(field.num_bytes for field in self.fields if isinstance(field, Scratch))
