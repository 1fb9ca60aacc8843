"""ANML with AIM (Lee et al. 2021): the inner loop also trains the active mechanisms."""

from tfodcl.methods.anml import Anml


class AnmlAim(Anml):
    RECIPE = "anml_aim"
