"""QLR-CL (arXiv 2110.10486): every layer behind the latent-replay layer learns, from new latents and quantized replays.

Unlike the other methods it learns from training batches, which bring samples of one class or several, new or known.
"""

from collections.abc import Iterator
from typing import ClassVar, Protocol

import numpy as np

from tfodcl.compress.record import RECORD_HEADER_BYTES, Codec
from tfodcl.errors import InputError
from tfodcl.replay.mixing import Mixing, batch_seed
from tfodcl.replay.policy import RandomReplacementMemory
from tfodcl.stages.classifier import FrozenStage
from tfodcl.stages.cwr import ConsolidatedHead
from tfodcl.stages.network import Network
from tfodcl.streams import TrainingBatch

_TEST_CHUNK = 256  # samples whose activations are held at once


class AdaptiveStage(Protocol):
    """What is trained; stages.keras.KerasStage is one."""

    @property
    def network(self) -> Network: ...

    @property
    def head(self) -> np.ndarray: ...

    @property
    def state_bytes(self) -> int: ...

    def set_head(self, rows: np.ndarray, known: np.ndarray) -> None: ...

    def logits(self, z: np.ndarray) -> np.ndarray: ...

    def step(self, z: np.ndarray, labels: np.ndarray) -> float: ...


class Qlr:
    """See the module.

    Args:
      frozen: the layers up to the latent-replay layer.
      stage: those behind it, whose head is taken over: it knows no class at first.
      codec: of the replays, the paper's: uniform with 8, 7 or 6 bits.
      mixing: sizes.
      seed: of the order of samples and of what is kept; devices have 0.

    Raises:
      InputError: latents of codec and stage differ in size, or the memory cannot hold a record of every class.
    """

    RECIPE: ClassVar[str] = "qlr"  # of its package, a key of meta.recipes.RECIPES

    def __init__(self, frozen: FrozenStage, stage: AdaptiveStage, codec: Codec, mixing: Mixing, seed: int) -> None:
        network = stage.network
        if codec.latent_dim != network.latent_dim:
            raise InputError(
                "codec and adaptive stage must be for the same latents. "
                f"Received: latent_dim={codec.latent_dim} and latent_dim={network.latent_dim}."
            )
        record_bytes = RECORD_HEADER_BYTES + codec.payload_bytes
        budget_bytes = mixing.num_replays * record_bytes
        self.frozen, self.stage, self.codec = frozen, stage, codec
        self.memory = RandomReplacementMemory(budget_bytes, record_bytes, codec.payload_bytes, seed)
        self.memory.check_room(network.num_classes)
        self._mixing, self._seed = mixing, seed
        self._head = ConsolidatedHead(network.num_classes, network.num_features)

    def learn(self, batch: TrainingBatch) -> None:
        """Trains on the batch and on replays, consolidates the head, and keeps some of the batch.

        Its labels are rows of the head. Raises InputError for others, or another number of them than of samples.
        """
        self._check(batch)
        latents = self.frozen.encode(batch.x)
        present = np.zeros(len(self._head.rows), bool)
        present[batch.labels] = True
        self.stage.set_head(self._head.rows, self._head.known | present)
        for z, labels in self._mini_batches(latents, batch.labels):
            self.stage.step(z, labels)
        self._head.consolidate(self.stage.head, np.concatenate([batch.labels, self.memory.labels]))
        self.stage.set_head(self._head.rows, self._head.known)
        self.memory.add(batch.labels, self.codec.encode(latents))

    def predict(self, x: np.ndarray) -> np.ndarray:
        """(n, h, w, c) -> (n,) int64 labels of the classes learnt so far; at least one."""
        if not self._head.known.any():
            raise InputError("a class must be learnt before anything is classified. Received: none.")
        chunks = (x[start : start + _TEST_CHUNK] for start in range(0, len(x), _TEST_CHUNK))
        return np.concatenate(
            [self.stage.logits(self.frozen.dequantize(self.frozen.encode(chunk))).argmax(axis=1) for chunk in chunks]
        )

    def _mini_batches(self, latents: np.ndarray, labels: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """z (batch_size, latent_dim) float32 with labels: new ones, then replays."""
        memory = self.memory
        seed = batch_seed(self._seed, memory.num_batches + 1)
        for new, replayed in self._mixing.mini_batches(len(labels), len(memory), seed):
            decoded = self.codec.decode(memory.payloads[replayed])
            z = [self.frozen.dequantize(part) for part in (latents[new], decoded)]
            yield np.concatenate(z), np.concatenate([labels[new], memory.labels[replayed]])

    def _check(self, batch: TrainingBatch) -> None:
        labels, num_classes = batch.labels, len(self._head.rows)
        if len(labels) != len(batch.x) or len(labels) == 0:
            raise InputError(
                "a training batch must have samples and a label for each. "
                f"Received: {len(batch.x)} samples, {len(labels)} labels."
            )
        if labels.min() < 0 or labels.max() >= num_classes:
            raise InputError(f"labels must be in 0..{num_classes - 1}. Received: {labels.min()}..{labels.max()}.")
