"""Miro's profiler: what sizes of memory would bring, tried in miniature (arXiv 2308.06053).

    weights now ─► CHECKPOINT_EPOCHS on a share of memory as it is ─► checkpoint
    each pair of sizes: checkpoint ─► PAIR_EPOCHS on the same share of memory of these sizes ─► accuracy on samples
                                                                                                held out of learning

Held out are samples of all classes so far that learning never sees; the published profiler looks at test samples.
Energy is in proportion to the records that a task's epochs train on.

The profiler may train on MOST_COST of the records that the task's epochs do with memory as it is; one that is only
tested counts a third. Where the pairs need more, the share of memory is smaller, a record of each class at least; where
that is not enough, or makes pairs alike, some pairs spread over the list are tried; where not even two can be, none is.
"""

from collections.abc import Callable, Sequence

import numpy as np

from tfodcl.replay.hierarchy import Candidate, Hierarchy, Sizes
from tfodcl.stages.keras_network import KerasNetwork, in_chunks
from tfodcl.task_methods.learning import MiniBatches, TaskLearning, WholeNetworks

CHECKPOINT_EPOCHS, PAIR_EPOCHS = 10, 5
MOST_SHARE = 0.05  # of each tier's records, as published
MOST_COST = 0.05
TEST_COST = 1 / 3  # of training on a record

Decode = Callable[[np.ndarray], np.ndarray]


class Profiler:
    """See the module.

    Args:
      networks: make the network that tries.
      decode: records (n, record_bytes) uint8 -> what the network is fed.
      seed: of mini-batches and of what memory in miniature keeps.

    Attributes:
      num_trained: records in its mini-batches so far, and a third of those that were tested: what it costs.
      batches: that change them at random.
    """

    def __init__(self, networks: WholeNetworks, learning: TaskLearning, decode: Decode, seed: int) -> None:
        self.num_trained = 0
        self._learning, self._decode, self._seed = learning, decode, seed
        self.batches = MiniBatches(learning, seed + 1)
        self._model = networks.whole()
        self._network = KerasNetwork.of(self._model, learning.learning_rate)
        self._step = self._network.minimizer(self._network.cross_entropy)

    def candidates(
        self,
        pairs: Sequence[Sizes],
        memory: Hierarchy,
        weights: list[np.ndarray],
        held_out: tuple[np.ndarray, np.ndarray],
    ) -> list[Candidate]:
        """Tries the pairs, or as many as may be tried: those, in order; none if that is less than two.

        Args:
          memory: with the task's samples in its stream buffer; it stays as it is.
          weights: of the learner's network, as Keras orders them.
          held_out: records (n, record_bytes) uint8 and labels (n,); of none, nothing is tried.
        """
        pairs, share = self._affordable(pairs, memory, len(held_out[1]))
        if len(pairs) < 2:
            return []
        self._model.set_weights(weights)
        self._train(memory, memory.sizes, share, CHECKPOINT_EPOCHS)
        checkpoint, found = self._model.get_weights(), []
        drawing = self.batches.rng.bit_generator.state
        for sizes in pairs:
            self._model.set_weights(checkpoint)
            self.batches.rng.bit_generator.state = drawing  # all see the same changes of samples
            self._train(memory, sizes, share, PAIR_EPOCHS)
            num_trained = self._learning.epochs * _num_records(sizes, memory)
            found.append(Candidate(sizes, self._accuracy(memory, *held_out), num_trained))
        return found

    def _affordable(self, pairs: Sequence[Sizes], memory: Hierarchy, num_tested: int) -> tuple[Sequence[Sizes], float]:
        """Pairs that may be tried, and the share of each tier's records."""
        most = MOST_COST * self._learning.epochs * (len(memory.episodic.filled) + len(memory.stream.filled))
        for num_pairs in range(len(pairs) if num_tested else 0, 1, -1):
            spread = [pairs[i] for i in np.linspace(0, len(pairs) - 1, num_pairs).round().astype(int)]
            for share in (MOST_SHARE, MOST_SHARE / 2, MOST_SHARE / 4):
                now, *scaled = (_scaled(sizes, memory, share) for sizes in (memory.sizes, *spread))
                cost = CHECKPOINT_EPOCHS * _num_records(now, memory) + num_pairs * num_tested * TEST_COST
                cost += PAIR_EPOCHS * sum(_num_records(sizes, memory) for sizes in scaled)
                if cost <= most and len({_records(sizes, memory) for sizes in scaled}) == num_pairs:
                    return spread, share
        return [], 0.0

    def _train(self, memory: Hierarchy, sizes: Sizes, share: float, num_epochs: int) -> None:
        miniature = memory.resized(_scaled(sizes, memory, share), self._seed)
        for _ in range(num_epochs):
            for batch in miniature.epoch(self._learning.batch_size):
                records, labels = miniature.gather(batch)
                self._step(self.batches.prepare(self._decode(records)), labels)
                self.num_trained += len(labels)

    def _accuracy(self, memory: Hierarchy, records: np.ndarray, labels: np.ndarray) -> float:
        """Over all classes so far, each as much as any other."""
        self.num_trained += round(len(records) * TEST_COST)
        scores = in_chunks(lambda some: self._network.scores(self._decode(some)))(records)
        classes = np.array((*memory.episodic.classes, *memory.stream.classes))
        predicted = classes[scores[:, classes].argmax(axis=1)]
        return float(np.mean([np.mean(predicted[labels == label] == label) for label in np.unique(labels)]))


def _scaled(sizes: Sizes, memory: Hierarchy, share: float) -> Sizes:
    """A share of both, at least a record of each class that is there."""

    def part(num_slots: int, num_classes: int) -> int:
        return min(num_slots, max(num_classes, int(share * num_slots)))

    return Sizes(
        part(sizes.num_episodic, len(memory.episodic.classes)), part(sizes.num_stream, len(memory.stream.classes))
    )


def _records(sizes: Sizes, memory: Hierarchy) -> tuple[int, ...]:
    """That tiers of these sizes would hold of each class: its share, or all that there are."""
    counts = memory.storage.num_records
    tiers = ((memory.episodic.classes, sizes.num_episodic), (memory.stream.classes, sizes.num_stream))
    return tuple(min(slots // len(classes), counts.get(label, 0)) for classes, slots in tiers for label in classes)


def _num_records(sizes: Sizes, memory: Hierarchy) -> int:
    return sum(_records(sizes, memory))
