"""What a run of QLR-CL's training is to do: streams, and settings of latent-replay layer, codec and replays."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tfodcl.agreement import FloatCodec
from tfodcl.compress.setting import CodecSetting
from tfodcl.data import Dataset
from tfodcl.errors import InputError
from tfodcl.presets import SplitPreset
from tfodcl.streams import BatchStream, nicv2_of

FLOAT = FloatCodec.NAME  # instead of a codec: a float frozen stage, and replays as it gives them
# Learning rates are searched on so many streams, of so many validation classes at most with so many groups of each.
SEARCH_STREAMS, SEARCH_CLASSES, SEARCH_GROUPS = 2, 20, 2


@dataclass(frozen=True)
class Setting:
    """What a run is of.

    Attributes:
      split: the latent-replay layer.
      codec: of the replays, a text as compress/setting.py explains it, or FLOAT.
      num_replays: most records kept.
    """

    split: int
    codec: str
    num_replays: int


def main_setting(preset: SplitPreset) -> Setting:
    """The preset's own."""
    return Setting(preset.split, str(CodecSetting.parse(preset.training.codec)), preset.num_replays)


@dataclass(frozen=True, eq=False)
class Sweep:
    """What a run of the command is to do.

    Attributes:
      dataset: whose meta-test classes are learnt.
      preset: sizes.
      preset_name: of PRESETS.
      settings: the main one first, each once.
      seed: of everything.
      num_runs: class orders.
      folder: of results.
    """

    dataset: Dataset
    preset: SplitPreset
    preset_name: str
    settings: tuple[Setting, ...]
    seed: int
    num_runs: int
    folder: Path

    @property
    def protocol(self) -> dict[str, int]:
        training = self.preset.training
        return {
            "num_classes": training.num_classes,
            "first_classes": self.preset.first_classes,
            "samples_per_class": training.samples_per_class,
            "groups_per_batch": self.preset.groups_per_batch,
            "eval_every": training.eval_every,
        }

    def stream(self, number: int) -> BatchStream:
        """The meta-test stream of a run, the same for all settings.

        The other classes are the encoder's: with CORe50's 50 objects 15 are learnt, in 111, 56 and 23 training batches
        of 1, 2 and 5 groups where NICv2, whose network knows ImageNet, has 391, 196 and 79 of all objects.
        """
        classes = self.dataset.split.meta_test[: self.preset.training.num_classes]
        return nicv2_of(self.dataset, classes, self.protocol, self.seed, number)

    def validation_streams(self) -> list[BatchStream]:
        """Short streams of validation classes, made like those that are measured."""
        num_classes = self.preset.training.num_classes
        classes = self.dataset.split.validation[: min(SEARCH_CLASSES, num_classes)]
        first_classes = max(1, round(self.preset.first_classes * len(classes) / num_classes))
        protocol = {**self.protocol, "first_classes": first_classes}
        return [
            nicv2_of(self.dataset, classes, protocol, self.seed, number, SEARCH_GROUPS)
            for number in range(SEARCH_STREAMS)
        ]


def settings_of(
    preset: SplitPreset, splits: Sequence[int], codecs: Sequence[str], replays: Sequence[int]
) -> tuple[Setting, ...]:
    """The preset's own, and all that the given layers, codecs and numbers make; of what is not given, the preset's.

    Raises InputError for a codec that is neither FLOAT nor a setting, and for fewer replays than classes.
    """
    main = main_setting(preset)
    texts = [text if text == FLOAT else str(CodecSetting.parse(text)) for text in codecs]
    given = itertools.product(splits or [main.split], texts or [main.codec], replays or [main.num_replays])
    num_classes = preset.training.num_classes
    for num_replays in (main.num_replays, *replays):
        if num_replays < num_classes:
            raise InputError(
                f"the replays must be at least as many as the {num_classes} classes. Received: {num_replays}."
            )
    return tuple(dict.fromkeys([main, *itertools.starmap(Setting, given)]))
