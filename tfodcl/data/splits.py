"""Which classes of a data set are for the encoder, for validation, and for the device."""

import numpy as np

from tfodcl.data.dataset import ClassSplit
from tfodcl.errors import InputError

# Numbers of meta-training, validation and meta-test classes, by order of class id. Meta-test parts are those
# of LifeLearner (SenSys 2023): 30 of CIFAR-100, 20 of MiniImageNet, 10 speech commands. Validation classes
# are taken from its meta-training part.
# har_sp_sw has 5 classes, too few for the general rule.
_COUNTS = {
    "arabic_speech_commands": (25, 5, 10),
    "cifar100": (60, 10, 30),
    "glyphs": (240, 20, 40),
    "har_sp_sw": (2, 1, 2),
    "miniimagenet": (64, 16, 20),
    "speech_commands": (20, 5, 10),
}
_VALIDATION_SHARE, _META_TEST_SHARE, _MIN_CLASSES = 0.1, 0.3, 2


def split_classes(name: str, num_classes: int) -> ClassSplit:
    """The split of a known data set, else 60 / 10 / 30 % of the classes in order with at least 2 in each.

    Raises:
      InputError: a known data set has another number of classes, or fewer than 6 classes are there to split.
    """
    if name in _COUNTS:
        counts = _COUNTS[name]
        if num_classes != sum(counts):
            raise InputError(f"{name} must have {sum(counts)} classes. Received: {num_classes} classes.")
    else:
        if num_classes < 3 * _MIN_CLASSES:
            raise InputError(
                f"{name} must have at least {3 * _MIN_CLASSES} classes, for meta-training, validation and "
                f"meta-test. Received: {num_classes} classes."
            )
        num_validation = max(_MIN_CLASSES, round(_VALIDATION_SHARE * num_classes))
        num_meta_test = max(_MIN_CLASSES, round(_META_TEST_SHARE * num_classes))
        counts = (num_classes - num_validation - num_meta_test, num_validation, num_meta_test)
    return ClassSplit(*np.split(np.arange(num_classes, dtype=np.int64), np.cumsum(counts)[:2]))


def check_split(name: str, split: ClassSplit, num_classes: int) -> None:
    """Raises InputError unless the parts are disjoint, in range, and hold at least one class each."""
    for part in ("meta_train", "validation", "meta_test"):
        ids = getattr(split, part)
        if ids.ndim != 1 or ids.size == 0:
            raise InputError(f"split_{part} of {name} must be a list of class ids. Received: shape {ids.shape}.")
        if ids.min() < 0 or ids.max() >= num_classes:
            wrong = ids[(ids < 0) | (ids >= num_classes)][0]
            raise InputError(f"split_{part} of {name} must be class ids in [0, {num_classes}). Received: {wrong}.")
    ids, times = np.unique(np.concatenate([split.meta_train, split.validation, split.meta_test]), return_counts=True)
    if times.max() > 1:
        raise InputError(f"The split of {name} must name each class once. Received: class {ids[times > 1][0]} twice.")
