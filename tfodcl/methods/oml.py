"""OML: the encoder without modulation (Javed & White 2019); on the device it learns as ANML does."""

from tfodcl.methods.anml import Anml


class Oml(Anml):
    RECIPE = "oml"
