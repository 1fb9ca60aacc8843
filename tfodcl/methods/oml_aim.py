"""OML with AIM (Lee et al. 2021): the inner loop also trains the active mechanisms."""

from tfodcl.methods.anml import Anml


class OmlAim(Anml):
    RECIPE = "oml_aim"
