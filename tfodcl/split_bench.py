"""QLR-CL at one latent-replay layer: its learning rate from validation classes, and runs with any replays."""

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np

from tfodcl.agreement import FloatCodec, FloatEncoder
from tfodcl.bench import encoder_of
from tfodcl.compress.record import Codec
from tfodcl.compress.setting import CodecSetting
from tfodcl.continual import BatchRun, MemoizedEncoder, run_batches, search_batch_rate
from tfodcl.data import Dataset
from tfodcl.methods.qlr import Qlr
from tfodcl.package import Package
from tfodcl.presets import SplitPreset
from tfodcl.replay.mixing import Mixing
from tfodcl.stages import network_section
from tfodcl.stages.classifier import Encoder, FrozenStage
from tfodcl.stages.keras import KerasStage
from tfodcl.stages.network_section import Stored
from tfodcl.streams import BatchStream, codec_samples
from tfodcl.sweep import FLOAT, Setting, main_setting


class SplitBench:
    """See the module. Every sample is encoded once for all runs.

    Args:
      package: of both stages.
      predict: the frozen stage before it became int8, (n, h, w, c) float32 -> (n, latent_dim) float32.
      dataset: what is learnt; codecs are fitted to its meta-train samples.
      preset: sizes.
      seed: of streams, codecs and learners.
    """

    def __init__(
        self,
        package: Package,
        predict: Callable[[np.ndarray], np.ndarray],
        dataset: Dataset,
        preset: SplitPreset,
        seed: int,
    ) -> None:
        self._package, self._dataset, self._preset, self._seed = package, dataset, preset, seed
        self._stored = network_section.read(package)
        self._quantized, self._real = encoder_of(package), MemoizedEncoder(FloatEncoder(predict))
        self._codecs: dict[str, Codec] = {}  # fitted once for all runs

    def search(self, streams: Sequence[BatchStream], on_trial: Callable[[], None]) -> float:
        """The learning rate that is best for the preset's codec and number of replays on `streams`."""
        main = main_setting(self._preset)
        codec = self._codec(main.codec)

        def make(rate: float) -> Qlr:
            return self._learner(main, codec, rate, self._seed)

        return search_batch_rate(make, self._quantized, streams, on_trial)

    def run(self, setting: Setting, rate: float, stream: BatchStream, number: int) -> BatchRun:
        """A new learner on the stream of run `number`."""
        learner = self._learner(setting, self._codec(setting.codec), rate, self._seed + number)
        return run_batches(learner, self._encoder(setting.codec), stream)

    def _learner(self, setting: Setting, codec: Codec, rate: float, seed: int) -> Qlr:
        training = dataclasses.replace(self._stored.training, learning_rate=rate)
        stored = self._stored._replace(training=training)
        return learner_of(self._package, stored, self._encoder(setting.codec), codec, setting.num_replays, seed)

    def _encoder(self, codec: str) -> MemoizedEncoder:
        return self._real if codec == FLOAT else self._quantized

    def _codec(self, text: str) -> Codec:
        if text not in self._codecs:
            self._codecs[text] = self._fit(text)
        return self._codecs[text]

    def _fit(self, text: str) -> Codec:
        package = self._package
        if text == FLOAT:
            return FloatCodec(package.latent_dim)
        x, _ = codec_samples(self._dataset, self._seed)
        latents = self._quantized.encode_quantized(self._quantized.quantize(x))
        return CodecSetting.parse(text).fit(latents, package.latent_zero_point, self._seed)


def learner_of(package: Package, stored: Stored, encoder: Encoder, codec: Codec, num_replays: int, seed: int) -> Qlr:
    """A new learner of a package whose section *network* is `stored`, with any encoder, codec and number of replays."""
    frozen, learning = FrozenStage(encoder, package.latent_scale, package.latent_zero_point), package.learning
    mixing = Mixing(num_replays, learning.replay_batch, learning.replay_epochs)
    return Qlr(frozen, KerasStage(stored.network, stored.weights, stored.training), codec, mixing, seed)
