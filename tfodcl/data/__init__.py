"""Data sets: <name>.npz files and the built-in `glyphs`, as arrays an encoder can be fed with."""

from tfodcl.data.dataset import ClassSplit, Dataset, as_float
from tfodcl.data.mfcc import Mfcc
from tfodcl.data.source import directory, load

__all__ = ["ClassSplit", "Dataset", "Mfcc", "as_float", "directory", "load"]
