"""OML: the encoder without modulation (Javed & White 2019); on the device it learns as ANML does."""

from typing import ClassVar

from tfodcl.methods.anml import Anml


class Oml(Anml):
    RECIPE: ClassVar[str] = "oml"
