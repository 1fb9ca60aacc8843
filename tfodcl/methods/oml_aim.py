"""OML with AIM (Lee et al. 2021): the inner loop also trains the active mechanisms."""

from typing import ClassVar

from tfodcl.methods.anml import Anml


class OmlAim(Anml):
    RECIPE: ClassVar[str] = "oml_aim"
