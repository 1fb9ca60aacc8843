"""Continual runs: a method learns a stream, class by class or in training batches, and is tested.

Its learning rates are searched before.
"""

import dataclasses
import functools
import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from tfodcl.compress.record import Codec
from tfodcl.errors import InputError
from tfodcl.methods import METHODS, Method
from tfodcl.metrics import accuracy_matrix, forgetting, mean_and_deviation
from tfodcl.package import Learning, Package
from tfodcl.replay.policy import ReplayMemory
from tfodcl.stages.classifier import Encoder
from tfodcl.streams import BatchStream, Stream, TrainingBatch

# Searched on validation classes, as multiples of 1 / mean |z|^2, at which one SGD step moves a sample's own
# logit by at most one: so the grid fits latents of any size. Below it predictions hardly change: after one pass at
# a vanishing rate the weights are the class means but for their scale.
RATE_GRID = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0)
# Of training batches, whose latents pass layers with batch norm first: rates as they are. QLR-CL's is 3e-4.
BATCH_RATE_GRID = (1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1, 3e-1)


class MemoizedEncoder:
    """A frozen encoder is a pure function: every distinct sample is encoded once for all methods and runs.

    Attributes:
      num_inferences: what a device would have had to encode, repetitions included.
      seconds: spent in the inferences really made.
    """

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder
        self._latents: dict[bytes, np.ndarray] = {}
        self.seconds = 0.0
        self.num_inferences = 0

    @property
    def seconds_per_inference(self) -> float:
        return self.seconds / max(1, len(self._latents))

    def quantize(self, x: np.ndarray) -> np.ndarray:
        return self._encoder.quantize(x)

    def encode_quantized(self, q: np.ndarray) -> np.ndarray:
        self.num_inferences += len(q)
        keys = [hashlib.blake2b(sample.tobytes(), digest_size=16).digest() for sample in q]
        new = {key: i for i, key in enumerate(keys) if key not in self._latents}
        if new:
            begin = time.perf_counter()
            latents = self._encoder.encode_quantized(q[list(new.values())])
            self.seconds += time.perf_counter() - begin
            self._latents.update(zip(new, latents, strict=True))
        return np.stack([self._latents[key] for key in keys])


@dataclass(frozen=True, eq=False)
class BatchRun:
    """One method on one stream of training batches.

    Attributes:
      accuracy: (num eval points,) over all classes of the stream.
      learn_seconds: in `learn`, with every inference counted at the encoder's measured time.
      record_bytes: of one replay record, label included; 0 without a memory.
      memory_bytes: RAM or flash by part, at the end.
      bytes_written: to the replay memory.
    """

    accuracy: np.ndarray
    learn_seconds: float
    record_bytes: int
    memory_bytes: dict[str, int]
    bytes_written: int


@dataclass(frozen=True, eq=False)
class Run(BatchRun):
    """One method on one stream of classes; `accuracy` is over all classes learnt so far.

    Attributes:
      matrix: (num eval points, num eval points), see metrics.accuracy_matrix.
      predictions: (m,) int64 labels of the stream's test samples after the last class.
    """

    matrix: np.ndarray
    predictions: np.ndarray


def run_stream(method: Method, encoder: MemoizedEncoder, stream: Stream) -> Run:
    """Teaches `method`, which uses `encoder`, the stream, testing it at the evaluation points."""
    tested, seconds = [], 0.0
    for task in stream.tasks:
        seconds += _seconds_of(functools.partial(method.learn, task), encoder)
        if task.label + 1 in stream.eval_points:
            known = stream.y_test <= task.label
            tested.append((stream.y_test[known], method.predict(stream.x_test[known])))
    memory = method.memory
    return Run(
        accuracy=np.array([np.mean(true == predicted) for true, predicted in tested]),
        matrix=accuracy_matrix(tested, stream.eval_points),
        predictions=tested[-1][1],
        learn_seconds=seconds,
        record_bytes=memory.record_bytes if memory else 0,
        memory_bytes=_memory_bytes(memory, method.classifier.stage.state_bytes, method.codec),
        bytes_written=memory.bytes_written if memory else 0,
    )


def _seconds_of(learn: Callable[[], None], encoder: MemoizedEncoder) -> float:
    """What `learn` takes where every inference is made."""
    num_inferences, encoding = encoder.num_inferences, encoder.seconds
    begin = time.perf_counter()
    learn()
    seconds = time.perf_counter() - begin - (encoder.seconds - encoding)
    return seconds + (encoder.num_inferences - num_inferences) * encoder.seconds_per_inference


def _memory_bytes(memory: ReplayMemory | None, state_bytes: int, codec: Codec | None) -> dict[str, int]:
    return {
        "replay": memory.used_bytes if memory else 0,
        "stage": state_bytes,
        "codec": len(codec.to_bytes()) if codec else 0,
    }


class Stage(Protocol):
    """An adaptive stage, of which `state_bytes` are kept."""

    @property
    def state_bytes(self) -> int: ...


class BatchLearner(Protocol):
    """What learns a stream of training batches; methods.qlr.Qlr is one."""

    @property
    def stage(self) -> Stage: ...

    @property
    def memory(self) -> ReplayMemory: ...

    @property
    def codec(self) -> Codec: ...

    def learn(self, batch: TrainingBatch) -> None: ...

    def predict(self, x: np.ndarray) -> np.ndarray:
        """(m,) integer labels of samples (m, h, w, c)."""
        ...


def run_batches(learner: BatchLearner, encoder: MemoizedEncoder, stream: BatchStream) -> BatchRun:
    """Teaches `learner`, which uses `encoder`, the stream, testing it on all of x_test at the evaluation points."""
    accuracy, seconds = [], 0.0
    for batch in stream.batches:
        seconds += _seconds_of(functools.partial(learner.learn, batch), encoder)
        if batch.number in stream.eval_points:
            accuracy.append(np.mean(learner.predict(stream.x_test) == stream.y_test))
    return BatchRun(
        accuracy=np.array(accuracy),
        learn_seconds=seconds,
        record_bytes=learner.memory.record_bytes,
        memory_bytes=_memory_bytes(learner.memory, learner.stage.state_bytes, learner.codec),
        bytes_written=learner.memory.bytes_written,
    )


def search_batch_rate(
    make: Callable[[float], BatchLearner],
    encoder: MemoizedEncoder,
    streams: Sequence[BatchStream],
    on_trial: Callable[[], None],
) -> float:
    """The learning rate of BATCH_RATE_GRID with which new learners are best, by mean final accuracy on `streams`.

    Args:
      make: a learner that knows nothing yet and uses `encoder`, from a learning rate.
      on_trial: called after each rate of the grid.
    """

    def score(rate: float) -> float:
        with np.errstate(over="ignore", invalid="ignore"):  # a rate may be too high
            runs = [run_batches(make(rate), encoder, stream) for stream in streams]
        on_trial()
        return float(np.mean([run.accuracy[-1] for run in runs]))

    return max(BATCH_RATE_GRID, key=score)  # the first, hence the smallest, of equals


def search_rates(
    name: str,
    package: Package,
    encoder: MemoizedEncoder,
    learning: Learning,
    streams: Sequence[Stream],
    seed: int,
    on_trial: Callable[[], None],
) -> dict[str, float]:
    """Learning rates of a method, chosen by its mean final accuracy on validation streams.

    `learning` gives all but the rates. A method with two rates gets the outer one first, the inner one equal,
    and then the inner one. The smaller of equally good rates wins. `on_trial` is called after each of
    `num_trials(name)` trials. Raises InputError where every latent is zero.
    """
    method = METHODS[name]
    x = np.concatenate([task.x for stream in streams for task in stream.tasks])
    unit = 1.0 / mean_energy(method(package, encoder, learning, seed), x)

    def score(rates: dict[str, float]) -> float:
        trial = with_rates(learning, rates)
        runs = [run_stream(method(package, encoder, trial, seed), encoder, stream) for stream in streams]
        on_trial()
        return float(np.mean([run.accuracy[-1] for run in runs]))

    candidates = [unit * multiple for multiple in RATE_GRID]
    if method.RATES == ("inner", "outer"):
        outer = max(candidates, key=lambda rate: score({"inner": rate, "outer": rate}))
        inner = max(candidates, key=lambda rate: score({"inner": rate, "outer": outer}))
        return {"inner": inner, "outer": outer}
    (only,) = method.RATES
    return {only: max(candidates, key=lambda rate: score({only: rate}))}


def mean_energy(method: Method, x: np.ndarray) -> float:
    """Mean |z|^2 over the samples x, (n, h, w, c), of the latents that the method learns from.

    Raises InputError where every latent is zero.
    """
    classifier = method.classifier
    energy = float(np.mean(np.sum(classifier.dequantize(classifier.encode(x)) ** 2, axis=1)))
    if energy == 0:
        raise InputError(f"the encoder's latents must differ from zero. Received: zeros for all {len(x)} samples.")
    return energy


def num_trials(name: str) -> int:
    return len(RATE_GRID) * len(METHODS[name].RATES)


def with_rates(learning: Learning, rates: Mapping[str, float]) -> Learning:
    """`learning` with the rates named "inner" and "outer", as far as given, in place of its own."""
    return dataclasses.replace(
        learning,
        inner_lr=rates.get("inner", learning.inner_lr),
        outer_lr=rates.get("outer", learning.outer_lr),
    )


def summarize(runs: Sequence[Run], stream: Stream, rates: dict[str, float]) -> dict:
    """What results.json holds of a method (see README): means and deviations over its runs."""
    matrix, _ = mean_and_deviation(np.stack([run.matrix for run in runs]))
    lost, lost_deviation = mean_and_deviation(np.array([forgetting(run.matrix) for run in runs]))
    return _figures(runs, stream.eval_points) | {
        "accuracy_matrix": [[None if np.isnan(value) else value for value in row] for row in matrix.tolist()],
        "forgetting_mean": float(lost),
        "forgetting_std": float(lost_deviation),
        "learning_rate": rates,
    }


def summarize_batches(runs: Sequence[BatchRun], stream: BatchStream, rate: float) -> dict:
    """What results.json holds of a method of training batches, which its numbers of classes count."""
    return _figures(runs, stream.eval_points) | {"unit": "training batches", "learning_rate": {"outer": rate}}


def _figures(runs: Sequence[BatchRun], eval_points: Sequence[int]) -> dict:
    accuracy, deviation = mean_and_deviation(np.stack([run.accuracy for run in runs]))
    last = runs[-1]
    return {
        "num_classes": list(eval_points),
        "accuracy_mean": accuracy.tolist(),
        "accuracy_std": deviation.tolist(),
        "accuracy_runs": [run.accuracy.tolist() for run in runs],
        "bytes_per_record": last.record_bytes,
        "replay_bytes": last.memory_bytes["replay"],
        "state_bytes": last.memory_bytes["stage"],
        "memory_bytes": last.memory_bytes,
        "bytes_written": last.bytes_written,
        "learn_seconds": float(np.mean([run.learn_seconds for run in runs])),
    }
