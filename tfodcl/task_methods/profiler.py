"""Miro's profiler: what sizes of memory would bring, tried in miniature (arXiv 2308.06053).

    weights now ─► CHECKPOINT_EPOCHS of a task's on a share of memory as it is ─► checkpoint
    each pair of sizes: checkpoint ─► PAIR_EPOCHS of a task's on the same share of memory of these sizes
                                   ─► accuracy on samples held out of learning

Held out are samples of all classes so far that learning never sees; the published profiler looks at test samples.
Energy is in proportion to the records that a task's epochs train on. A pair's epochs are at the rate of a task's last
ones: at its first one's, which mini-batches came last decides more than the pair does.

The profiler may train on MOST_COST of the records that the learner trains on, up to the end of the task with the least
of the pairs; one that is only tested counts a third. It takes the largest of SHARES of memory, and of the pairs as many
as it may and as differ there, spread over the list; the others' accuracy is that of a fit to these. Where not even
FEWEST_PAIRS can be, it tries none until it may: of few records, chance would choose.
"""

import itertools
from collections.abc import Callable, Sequence

import numpy as np

from tfodcl.replay.hierarchy import Candidate, Hierarchy, Sizes
from tfodcl.stages.keras_network import KerasNetwork, in_chunks
from tfodcl.task_methods.falling_rate import RATE_STEP
from tfodcl.task_methods.learning import MiniBatches, TaskLearning, WholeNetworks

CHECKPOINT_EPOCHS, PAIR_EPOCHS = 10 / 70, 5 / 70  # of a task's, at least one
SHARES = (0.2, 0.1)  # of each tier's records, a record of each class at least; published: 0.05 of ten times as many
FEWEST_PAIRS = 5
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
        epochs = learning.epochs
        self._checkpoint_epochs, self._pair_epochs = (
            max(1, round(share * epochs)) for share in (CHECKPOINT_EPOCHS, PAIR_EPOCHS)
        )
        self._step = self._network.minimizer(self._network.cross_entropy)

    def candidates(
        self,
        pairs: Sequence[Sizes],
        memory: Hierarchy,
        weights: list[np.ndarray],
        held_out: tuple[np.ndarray, np.ndarray],
        num_learnt: int,
    ) -> list[Candidate]:
        """What is expected of each of the pairs, from those that may be tried; nothing if that is too few.

        Args:
          memory: with the task's samples in its stream buffer; it stays as it is.
          weights: of the learner's network, as Keras orders them.
          held_out: records (n, record_bytes) uint8 and labels (n,); of none, nothing is tried.
          num_learnt: records in the learner's mini-batches so far.
        """
        least = min(_num_records(sizes, memory) for sizes in pairs)
        most = MOST_COST * (num_learnt + self._learning.epochs * least) - self.num_trained
        tried, share = self._affordable(pairs, memory, len(held_out[1]), most)
        if not tried:
            return []
        self._model.set_weights(weights)
        self._network.rate_share.assign(1.0)
        self._train(memory, memory.sizes, share, self._checkpoint_epochs)
        self._network.rate_share.assign(RATE_STEP)
        checkpoint, accuracies = self._model.get_weights(), []
        drawing = self.batches.rng.bit_generator.state
        for sizes in tried:
            self._model.set_weights(checkpoint)
            self.batches.rng.bit_generator.state = drawing  # all see the same changes of samples
            self._train(memory, sizes, share, self._pair_epochs)
            accuracies.append(self._accuracy(memory, *held_out))
        fitted = _fit([_tier_counts(sizes, memory) for sizes in tried], accuracies)
        return [
            Candidate(sizes, fitted(_tier_counts(sizes, memory)), self._learning.epochs * _num_records(sizes, memory))
            for sizes in pairs
        ]

    def _affordable(
        self, pairs: Sequence[Sizes], memory: Hierarchy, num_tested: int, most: float
    ) -> tuple[Sequence[Sizes], float]:
        """Pairs that may be tried at a cost of at most `most`, and the share of each tier's records."""
        different = list({_records(sizes, memory): sizes for sizes in pairs}.values())
        fewest = max(2, min(FEWEST_PAIRS, len(different)))
        for share, num_pairs in itertools.product(SHARES, range(len(different), fewest - 1, -1)):
            spread = [different[i] for i in np.linspace(0, len(different) - 1, num_pairs).round().astype(int)]
            now, *scaled = (_scaled(sizes, memory, share) for sizes in (memory.sizes, *spread))
            cost = self._checkpoint_epochs * _num_records(now, memory) + num_pairs * num_tested * TEST_COST
            cost += self._pair_epochs * sum(_num_records(sizes, memory) for sizes in scaled)
            if num_tested and cost <= most and len({_records(sizes, memory) for sizes in scaled}) == num_pairs:
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
    """For a share of the records that tiers of these sizes would hold, at least one of each class."""
    tiers = (memory.episodic, sizes.num_episodic), (memory.stream, sizes.num_stream)
    episodic, stream = (
        min(num_slots, max(len(tier.classes), int(share * count)))
        for (tier, num_slots), count in zip(tiers, _tier_counts(sizes, memory), strict=True)
    )
    return Sizes(episodic, stream)


def _records(sizes: Sizes, memory: Hierarchy) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """That tiers of these sizes would hold of each class: its share, or all that there are."""
    counts = memory.storage.num_records
    tiers = ((memory.episodic.classes, sizes.num_episodic), (memory.stream.classes, sizes.num_stream))
    episodic, stream = (
        tuple(min(slots // len(classes), counts.get(label, 0)) for label in classes) for classes, slots in tiers
    )
    return episodic, stream


def _tier_counts(sizes: Sizes, memory: Hierarchy) -> tuple[int, int]:
    episodic, stream = _records(sizes, memory)
    return sum(episodic), sum(stream)


def _num_records(sizes: Sizes, memory: Hierarchy) -> int:
    return sum(_tier_counts(sizes, memory))


def _fit(counts: Sequence[tuple[int, int]], accuracies: Sequence[float]) -> Callable[[tuple[int, int]], float]:
    """Accuracy over the records in each tier, by least squares a + b ln(1 + episodic) + c ln(1 + stream): at the same
    sum a share of each is best, and chance, which is not small in miniature, is averaged out."""

    def terms(count: tuple[int, int]) -> list[float]:
        return [1.0, *np.log1p(count)]

    coefficients = np.linalg.lstsq(np.array([terms(count) for count in counts]), np.array(accuracies))[0]
    return lambda count: float(np.dot(terms(count), coefficients))
