"""Pretrained: an encoder of plain supervised training; on the device it learns as ANML does."""

from typing import ClassVar

from tfodcl.methods.anml import Anml


class Pretrained(Anml):
    RECIPE: ClassVar[str] = "pretrained"
