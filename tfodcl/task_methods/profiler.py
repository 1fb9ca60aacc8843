"""Miro's profiler: what sizes of memory would bring, tried in miniature (arXiv 2308.06053).

    weights now ─► CHECKPOINT_EPOCHS of a task's on a share of memory as it is ─► checkpoint
    each pair of sizes: checkpoint ─► PAIR_EPOCHS of a task's on the same share of memory of these sizes
                                   ─► accuracy on samples held out of learning

Held out are samples of all classes so far that learning never sees; the published profiler looks at test samples.
Energy is in proportion to the records that a task's epochs train on. Where learning rates fall within a task, the last
of a pair's epochs are at the rate after its first fall: at the rate before, which mini-batches come last decides more
than the pair does.

The profiler may train on MOST_COST of the records that the learner trains on, up to the end of the task with the least
of the pairs (more only if the budget falls below that meanwhile); one that is only tested counts a third. It tries as
many pairs as it may, of those that differ in miniature, spread over the list. Where these would be less than
FEWEST_PAIRS, or than all where fewer differ, it tries none until it may: of few, chance would choose. A trial is few
mini-batches a pair (3 to 39 on the data sets of README), so what it says about the effect of each tier is averaged with
what those before said. It says too little of the stream buffer, which would be worth more over a whole task.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from tfodcl.replay.hierarchy import Candidate, Hierarchy, Sizes
from tfodcl.stages.keras_network import KerasNetwork, in_chunks
from tfodcl.task_methods.falling_rate import RATE_STEP
from tfodcl.task_methods.learning import MiniBatches, TaskLearning, WholeNetworks

# Of a task's epochs, one and two at least; published: 10 and 5 of 70. MOST_COST pays for fewer of the checkpoint's on
# memories of some hundred records, which need more of each pair's: these differ by too few mini-batches else.
CHECKPOINT_EPOCHS, PAIR_EPOCHS = 1 / 20, 3 / 20
FALLEN = 0.3  # of a pair's epochs, the last: as in a task
SHARE = 0.2  # of each tier's records, a record of each class at least; published: 0.05
FEWEST_PAIRS = 6
MOST_COST = 0.05
TEST_COST = 1 / 3  # of training on a record

Decode = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Trial:
    """What one told.

    Attributes:
      num_classes: that were known.
      num_pairs: that were tried.
      episodic: accuracy over ln records of episodic memory; None where all pairs had as many.
      stream: the same of the stream buffer.
    """

    num_classes: int
    num_pairs: int
    episodic: float | None
    stream: float | None


class Profiler:
    """See the module.

    Args:
      networks: make the network that tries.
      decode: records (n, record_bytes) uint8 -> what the network is fed.
      seed: of mini-batches and of what memory in miniature keeps.

    Attributes:
      num_trained: records in its mini-batches so far, and a third of those that were tested: what it costs.
      trials: so far.
      batches: that change them at random.
    """

    def __init__(self, networks: WholeNetworks, learning: TaskLearning, decode: Decode, seed: int) -> None:
        self.num_trained = 0
        self.trials: list[Trial] = []
        self._learning, self._decode, self._seed = learning, decode, seed
        self.batches = MiniBatches(learning, seed + 1)
        self._model = networks.whole()
        self._network = KerasNetwork.of(self._model, learning.learning_rate)
        self._checkpoint_epochs = max(1, round(CHECKPOINT_EPOCHS * learning.epochs))
        self._pair_epochs = max(2, round(PAIR_EPOCHS * learning.epochs))
        self._step = self._network.minimizer(self._network.cross_entropy)

    def candidates(
        self,
        pairs: Sequence[Sizes],
        memory: Hierarchy,
        weights: list[np.ndarray],
        held_out: tuple[np.ndarray, np.ndarray],
        num_learnt: int,
    ) -> list[Candidate]:
        """What is expected of each of the pairs, fitted to those that may be tried; nothing if that is too few. Of
        pairs that would hold the same records, the smallest stands for all.

        Args:
          memory: with the task's samples in its stream buffer; it stays as it is.
          weights: of the learner's network, as Keras orders them.
          held_out: records (n, record_bytes) uint8 and labels (n,); of none, nothing is tried.
          num_learnt: records in the learner's mini-batches so far.
        """
        from_largest = sorted(pairs, key=lambda sizes: -sizes.num_records)
        different = {_records(sizes, memory): sizes for sizes in from_largest}
        counts = {sizes: (sum(episodic), sum(stream)) for (episodic, stream), sizes in different.items()}
        totals = [sum(count) for count in counts.values()]
        most = MOST_COST * (num_learnt + self._learning.epochs * min(totals)) - self.num_trained
        tried = self._to_try(list(counts), memory, len(held_out[1]), most)
        if not tried:
            return []
        self._model.set_weights(weights)
        self._train(memory, memory.sizes, [1.0] * self._checkpoint_epochs)
        checkpoint, accuracies = self._model.get_weights(), []
        drawing = self.batches.rng.bit_generator.state
        num_fallen = math.ceil(FALLEN * self._pair_epochs) if self._learning.rate_falls else 0
        rates = [1.0] * (self._pair_epochs - num_fallen) + [RATE_STEP] * num_fallen
        for sizes in tried:
            self._model.set_weights(checkpoint)
            self.batches.rng.bit_generator.state = drawing  # all see the same changes of samples
            self._train(memory, sizes, rates)
            accuracies.append(self._accuracy(memory, *held_out))
        in_miniature = [_tier_counts(_scaled(sizes, memory), memory) for sizes in tried]
        num_classes = len(memory.episodic.classes) + len(memory.stream.classes)
        self.trials.append(Trial(num_classes, len(tried), *_slopes(in_miniature, accuracies)))
        change = _ln(counts.values()) - _ln([counts[sizes] for sizes in tried]).mean(axis=0)
        expected = np.clip(np.mean(accuracies) + change @ self._effects(), 0, 1).tolist()
        num_trained = [self._learning.epochs * total for total in totals]
        return [Candidate(*one) for one in zip(counts, expected, num_trained, strict=True)]

    def _to_try(self, different: Sequence[Sizes], memory: Hierarchy, num_tested: int, most: float) -> list[Sizes]:
        """Pairs that may be tried at a cost of at most `most`."""
        in_miniature = {_records(_scaled(sizes, memory), memory): sizes for sizes in different}
        pairs = [(sizes, sum(map(sum, records))) for records, sizes in in_miniature.items()]
        checkpoint = self._checkpoint_epochs * _num_records(_scaled(memory.sizes, memory), memory)
        fewest = max(2, min(FEWEST_PAIRS, len(pairs)))
        for num_pairs in range(len(pairs), fewest - 1, -1) if num_tested else ():
            spread = [pairs[i] for i in np.linspace(0, len(pairs) - 1, num_pairs).round().astype(int)]
            num_trained = self._pair_epochs * sum(count for _, count in spread)
            if checkpoint + num_trained + num_pairs * _cost_of_test(num_tested) <= most:
                return [sizes for sizes, _ in spread]
        return []

    def _effects(self) -> np.ndarray:
        """Of episodic memory and of the stream buffer, the mean of what all trials told; 0 where none did."""
        told = [[trial.episodic for trial in self.trials], [trial.stream for trial in self.trials]]
        known = [[slope for slope in slopes if slope is not None] for slopes in told]
        return np.array([np.mean(slopes) if slopes else 0.0 for slopes in known])

    def _train(self, memory: Hierarchy, sizes: Sizes, rate_shares: Sequence[float]) -> None:
        """An epoch at each of these rates."""
        miniature = memory.resized(_scaled(sizes, memory), self._seed)
        for rate_share in rate_shares:
            self._network.rate_share.assign(rate_share)
            for batch in miniature.epoch(self._learning.batch_size):
                records, labels = miniature.gather(batch)
                self._step(self.batches.prepare(self._decode(records)), labels)
                self.num_trained += len(labels)

    def _accuracy(self, memory: Hierarchy, records: np.ndarray, labels: np.ndarray) -> float:
        """Over all classes so far, each as much as any other."""
        self.num_trained += _cost_of_test(len(records))
        scores = in_chunks(lambda some: self._network.scores(self._decode(some)))(records)
        classes = np.array((*memory.episodic.classes, *memory.stream.classes))
        predicted = classes[scores[:, classes].argmax(axis=1)]
        return float(np.mean([np.mean(predicted[labels == label] == label) for label in np.unique(labels)]))


def _scaled(sizes: Sizes, memory: Hierarchy) -> Sizes:
    """For a SHARE of the records that tiers of these sizes would hold, at least one of each class."""
    tiers = (memory.episodic, sizes.num_episodic), (memory.stream, sizes.num_stream)
    episodic, stream = (
        min(num_slots, max(len(tier.classes), int(SHARE * count)))
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


def _slopes(counts: Sequence[tuple[int, int]], accuracies: Sequence[float]) -> list[float | None]:
    """b and c of accuracy = a + b ln episodic + c ln stream by least squares, of records in the tiers: where both
    tiers help, a share of each is best, and with more pairs than three, some of chance is averaged out."""
    x, y = _ln(counts), np.array(accuracies)
    slopes = np.linalg.lstsq(x - x.mean(axis=0), y - y.mean())[0].tolist()
    return [slope if varies else None for slope, varies in zip(slopes, np.ptp(x, axis=0) > 0, strict=True)]


def _ln(counts: Iterable[tuple[int, int]]) -> np.ndarray:
    """(n, 2); none is as one."""
    return np.log(np.maximum(list(counts), 1))


def _cost_of_test(num_tested: int) -> int:
    return round(num_tested * TEST_COST)
