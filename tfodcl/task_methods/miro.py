"""Miro (arXiv 2308.06053): replay from a memory whose tiers are sized while it learns.

A task's samples are stored and fill the stream buffer. Mini-batches are of stream buffer and episodic memory, all of
both once an epoch; of the episodic records in a mini-batch a share is swapped for others from storage. At a task but
the first, as often as it may, the profiler tries the sizes that fit the budget, and choose() takes some; from then on
episodic memory grows with the classes that are added. A budget that falls makes memory smaller at the next epoch,
storage that slows down makes swapping rarer.

What differs from the paper: the loss is softmax cross-entropy, and SGD has neither momentum nor weight decay, as of all
methods here; memory grows between trials of the profiler, which there come with every task: sizes that do for a few
classes are too small for many.
"""

import contextlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any, ClassVar

import numpy as np

from tfodcl.errors import InputError
from tfodcl.replay.hierarchy import (
    Candidate,
    CongestionDetector,
    Hierarchy,
    RawRecords,
    Records,
    SampleStorage,
    Sizes,
    StorageError,
    SwapCounts,
    Swapper,
    SwapSchedule,
    affordable,
    choose,
    slot_bytes,
)
from tfodcl.stages.keras_network import KerasNetwork
from tfodcl.streams import SplitTask
from tfodcl.task_methods.learning import MiniBatches, TaskLearning, WholeNetworks, num_bytes
from tfodcl.task_methods.profiler import Profiler, Trial

HELD_OUT_EVERY = 20  # of each class's samples the second, and every so many after it, are for the profiler
MOST_TESTED = 200  # of these at a task, one of each class at least
_RECEIVED_AT_ONCE = 256  # samples acknowledged together
_SWAPS = 17  # of the seed


class Miro:
    """See the module. `close` it when it is no longer used.

    Args:
      learning: with a plan of its memory.
      records: of samples; None: their own bytes.

    Attributes:
      memory: open once there was a task.
      swapper: of it.
      chosen: sizes at the end of each task.
      num_trained: records in mini-batches so far.
      profiler: None where there is nothing to choose.
    """

    STRENGTHS: ClassVar[tuple[float, ...]] = ()

    def __init__(
        self, networks: WholeNetworks, learning: TaskLearning, seed: int, records: Records | None = None
    ) -> None:
        if learning.memory is None:
            raise InputError("miro must have a plan of its memory. Received: none.")
        self._networks, self._learning, self._seed, self._plan = networks, learning, seed, learning.memory
        self._given_records = records
        self._batches = MiniBatches(learning, seed)
        self._model = networks.whole()
        self.network = KerasNetwork.of(self._model, learning.learning_rate)
        self._step = self.network.minimizer(self.network.cross_entropy)
        self._detector, self._schedule = CongestionDetector(), SwapSchedule(self._plan.swap_ratio)
        self._candidates: list[Candidate] = []
        self.memory: Hierarchy | None = None
        self.profiler: Profiler | None = None
        self.chosen: list[Sizes] = []
        self.num_trained = 0
        self._wanted, self._wanted_for = self._plan.grid[0], 0
        self._bytes_read_before = 0  # of storage, before this one was restored

    @property
    def state_bytes(self) -> int:
        return num_bytes(self._model.weights) + self.buffer_bytes

    @property
    def buffer_bytes(self) -> int:
        """Of memory in RAM."""
        return self.memory.num_bytes if self.memory else 0

    def learn(self, task: SplitTask) -> None:
        """Raises InputError where the budget is too small, and StorageError where storage does not take a sample; what
        it took stays."""
        memory = self.memory or self._open(task)
        self._classes = task.classes
        self._keep_to_budget(memory)
        memory.begin(task.classes)
        self._receive(memory, task)
        if self.profiler and task.number > 0:
            self._profile(memory, self.profiler)
        for epoch in self._batches.epochs(self.network):
            self._keep_to_budget(memory)
            self._train(memory, self._schedule.is_on(epoch))
        self.swapper.forget()
        memory.flush()
        self.chosen.append(memory.sizes)

    def scores(self, x: np.ndarray) -> np.ndarray:
        return self.network.scores(x)

    def facts(self) -> dict[str, Any]:
        """What it did, JSON-able: sizes of each task, bytes of a record in RAM, records trained on, in learning and by
        the profiler, its trials, bytes of storage, what was swapped; why storage could not be read, if it could not.
        """
        memory = self._opened()
        storages = (memory.storage, self._held_out)
        failure = self.swapper.failure or memory.failure
        return {
            "sizes": [[sizes.num_episodic, sizes.num_stream] for sizes in self.chosen],
            "bytes_per_record": slot_bytes(self._records.record_bytes),
            "num_trained": self.num_trained,
            "num_profiled": self.profiler.num_trained if self.profiler else 0,
            "trials": [asdict(trial) for trial in self.profiler.trials] if self.profiler else [],
            "bytes_read": self._bytes_read_before + sum(storage.bytes_read for storage in storages),
            "bytes_written": sum(sum(storage.num_records.values()) * storage.record_bytes for storage in storages),
            "swapped": asdict(self.swapper.counts),
            "failure": failure and str(failure),
        }

    def state(self) -> dict[str, np.ndarray]:
        """What learning goes on from after a task, beside storage, whose usual speed is measured anew."""
        memory = self._opened()
        known = {
            "facts": self.facts(),
            "wanted": asdict(self._wanted),
            "wanted_for": self._wanted_for,
            "candidates": [asdict(one) for one in self._candidates],
            "swap_rate": self._schedule.rate,
            "classes": memory.episodic.classes,
            "generators": [generator.bit_generator.state for generator in self._generators()],
        }
        weights = {f"weights_{i}": array for i, array in enumerate(self._model.get_weights())}
        slots = {"labels": memory.episodic.labels, "numbers": memory.episodic.numbers}
        return {**weights, **slots, "known": np.frombuffer(json.dumps(known).encode(), np.uint8)}

    def restore(self, state: Mapping[str, np.ndarray], task: SplitTask) -> None:
        """Goes on from `state`, in a learner that has learnt nothing; `task`: any, for the shape of samples.

        Raises:
          StorageError: storage has not the records of memory.
        """
        known = json.loads(state["known"].tobytes())
        memory = self._open(task)
        self._model.set_weights([state[f"weights_{i}"] for i in range(len(self._model.weights))])
        facts = known["facts"]
        self.chosen = [Sizes(*pair) for pair in facts["sizes"]]
        self.num_trained = facts["num_trained"]
        if self.profiler:
            self.profiler.num_trained = facts["num_profiled"]
            self.profiler.trials = [Trial(**trial) for trial in facts["trials"]]
        self._bytes_read_before = facts["bytes_read"]
        self._wanted, self._wanted_for = Sizes(**known["wanted"]), known["wanted_for"]
        self._candidates = [Candidate(**{**one, "sizes": Sizes(**one["sizes"])}) for one in known["candidates"]]
        self.swapper.counts = SwapCounts(**facts["swapped"])
        self._schedule.rate = known["swap_rate"]
        memory.restore(self.chosen[-1], known["classes"], state["labels"], state["numbers"])
        for generator, content in zip(self._generators(), known["generators"], strict=True):
            generator.bit_generator.state = content

    def _generators(self) -> list[np.random.Generator]:
        memory = self._opened()
        batches = [self._batches] + ([self.profiler.batches] if self.profiler else [])
        return [memory.rng, self.swapper.rng, *(one.rng for one in batches)]

    def _opened(self) -> Hierarchy:
        if self.memory is None:
            raise InputError("miro must have learnt a task to have a state. Received: none.")
        return self.memory

    def close(self) -> None:
        if self.memory and self.swapper.close():
            self.memory.storage.close()
            self._held_out.close()

    def _open(self, task: SplitTask) -> Hierarchy:
        self._records = self._given_records or RawRecords(task.x.shape[1:], task.x.dtype)
        storage = SampleStorage(self._plan.folder, self._records.record_bytes)
        self._held_out = SampleStorage(self._plan.folder / "held_out", self._records.record_bytes)
        self.memory = Hierarchy(storage, self._plan.grid[0], self._seed)
        self.swapper = Swapper(storage, self._plan.swap_ratio, np.random.default_rng([self._seed, _SWAPS]))
        if len(self._plan.grid) > 1:
            self.profiler = Profiler(self._networks, self._learning, self._records.decode, self._seed)
        return self.memory

    def _receive(self, memory: Hierarchy, task: SplitTask) -> None:
        """Stores the samples that storage has not yet: a learner before this one may have been interrupted."""
        rank = ranks(task.labels)
        held, place = np.zeros(len(rank), bool), rank
        if self.profiler:
            held, place = rank % HELD_OUT_EVERY == 1, rank - num_held_out(rank)
        takers: tuple[tuple[Callable, SampleStorage, np.ndarray, np.ndarray], ...] = (
            (self._held_out.append, self._held_out, held, num_held_out(rank)),
            (memory.receive, memory.storage, ~held, place),
        )
        for take, storage, chosen, number in takers:
            counts = storage.num_records
            stored = np.array([counts.get(label, 0) for label in task.labels.tolist()])
            indices = np.flatnonzero(chosen & (number >= stored))
            for start in range(0, len(indices), _RECEIVED_AT_ONCE):
                part = indices[start : start + _RECEIVED_AT_ONCE]
                take(task.labels[part], self._records.encode(task.x[part]))

    def _keep_to_budget(self, memory: Hierarchy) -> None:
        """The sizes that are wanted where the budget affords them, else the best of the profiled ones that it does,
        else the first."""
        wanted = self._grown()
        fitting = self._affordable(memory, [wanted, *self._plan.grid])
        known = [one for one in self._candidates if one.sizes in fitting]
        if wanted in fitting:
            self._resize(memory, wanted)
        else:
            self._resize(memory, choose(known, self._plan.cutline).sizes if known else fitting[0])

    def _grown(self) -> Sizes:
        """The sizes that are wanted: what the profiler chose, with as many episodic records of a class as it had then,
        though classes have been added, as far as the largest sizes have room."""
        if not self._wanted_for:
            return self._wanted
        num_stream, most = self._wanted.num_stream, max(sizes.num_records for sizes in self._plan.grid)
        num_episodic = self._wanted.num_episodic * self._classes.start // self._wanted_for
        return Sizes(min(num_episodic, most - num_stream), num_stream)

    def _affordable(self, memory: Hierarchy, grid: Sequence[Sizes]) -> list[Sizes]:
        budget, classes = self._plan.budget(memory.num_bytes), self._classes
        return affordable(grid, self._records.record_bytes, budget, classes.stop, len(classes))

    def _resize(self, memory: Hierarchy, sizes: Sizes) -> None:
        if sizes != memory.sizes:
            self.swapper.forget()
            memory.resize(sizes)

    def _profile(self, memory: Hierarchy, profiler: Profiler) -> None:
        pairs = self._affordable(memory, self._plan.grid)
        found = profiler.candidates(pairs, memory, self._model.get_weights(), self._read_held_out(), self.num_trained)
        if found:
            self._candidates = found
            self._wanted = choose(self._candidates, self._plan.cutline).sizes
            self._wanted_for = self._classes.start
            self._resize(memory, self._wanted)

    def _read_held_out(self) -> tuple[np.ndarray, np.ndarray]:
        """Records (n, record_bytes) and labels (n,), as far as storage can give them: of each class the first ones. A
        learner before this one, interrupted, may have stored classes that are still to come."""
        records: list[np.ndarray] = []
        labels: list[int] = []
        counts = {label: count for label, count in self._held_out.num_records.items() if label < self._classes.stop}
        for label, count in counts.items():
            for number in range(min(count, max(1, MOST_TESTED // len(counts)))):
                with contextlib.suppress(StorageError):
                    records.append(self._held_out.read(label, number))
                    labels.append(label)
        stacked = np.array(records, np.uint8).reshape(len(records), self._records.record_bytes)
        return stacked, np.array(labels, np.int64)

    def _train(self, memory: Hierarchy, is_swapping: bool) -> None:
        """One epoch."""
        if is_swapping:
            self.swapper.resume()
        self.swapper.paused, self.swapper.ratio = not is_swapping, self._schedule.ratio
        for batch in memory.epoch(self._learning.batch_size):
            for reading in self.swapper.install():
                self._detector.observe(*reading)
            records, labels = memory.gather(batch)
            self._step(self._batches.prepare(self._records.decode(records)), labels)
            self.num_trained += len(labels)
            self.swapper.request(memory.episodic, batch.episodic)
        if is_swapping:
            self._schedule.decide(self._detector.is_congested)


def num_held_out(rank: np.ndarray) -> np.ndarray:
    """Of so many samples of a class."""
    return (rank + HELD_OUT_EVERY - 2) // HELD_OUT_EVERY


def ranks(labels: np.ndarray) -> np.ndarray:
    """(n,) how many of the same label come before."""
    order = np.argsort(labels, kind="stable")
    first = np.searchsorted(labels[order], labels[order])
    found = np.empty(len(labels), np.int64)
    found[order] = np.arange(len(labels)) - first
    return found
