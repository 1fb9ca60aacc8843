"""What serial_eval.py teaches a board whose package trains a head alone: the package's stream, class by class."""

import argparse
import dataclasses
from collections.abc import Sequence

import numpy as np

from tfodcl.bench import Protocol
from tfodcl.boards import Board
from tfodcl.command import parse_count
from tfodcl.compress.record import RECORD_HEADER_BYTES
from tfodcl.continual import MemoizedEncoder, Run, summarize
from tfodcl.data import load
from tfodcl.device.device import Device, Info, Statistics
from tfodcl.device.teaching import Journal, Quantize, check_known, teach
from tfodcl.errors import InputError
from tfodcl.learner import Learner
from tfodcl.metrics import accuracy_matrix
from tfodcl.package import Package
from tfodcl.progress import progress
from tfodcl.replay import items
from tfodcl.replay.log import Geometry
from tfodcl.streams import Stream, class_incremental, with_fewer_tests


class TaughtClasses:
    """See the module.

    Attributes:
      METHOD: of results.json.
      UNIT: what eval_points count.
      PROTOCOL: the fields that a package's protocol has.
      protocol: what results.json says of the stream.
      eval_points: after which the board is tested.
      truths: the labels that are right, for each of eval_points.
      num_samples: to be learnt.
    """

    METHOD, UNIT = "lifelearner", "classes"
    PROTOCOL = tuple(field.name for field in dataclasses.fields(Protocol))

    def __init__(self, package: Package, options: argparse.Namespace, run_number: int, num_tests: int | None) -> None:
        chosen = choose_protocol(options, package)
        self._package, self._stream = package, choose_stream(package, chosen, run_number, num_tests)
        self.protocol = dataclasses.asdict(chosen)
        self.eval_points = self._stream.eval_points
        self.truths = [self._stream.y_test[self._stream.y_test < point] for point in self.eval_points]
        self.num_samples = sum(len(task.x) for task in self._stream.tasks)

    @staticmethod
    def check_options(options: argparse.Namespace) -> None:
        """Raises InputError for those of the other kind."""
        if options.batches is not None:
            raise InputError(
                f"--batches is for a package that learns training batches. Received: --batches {options.batches}."
            )

    def check(self, device: Device, info: Info) -> int:
        """How many classes the board knows: the first of the stream, else InputError."""
        classes = device.classes(info)
        check_known(classes, self._stream)
        return len(classes)

    def teach(self, device: Device, quantize: Quantize, journal: Journal) -> list[np.ndarray]:
        """Predictions at the evaluation points."""
        return teach(device, self._stream, quantize, journal)

    def twin(self, encoder: MemoizedEncoder, geometry: Geometry) -> list[np.ndarray]:
        """What the board's twin in Python predicts at the evaluation points."""
        learner, stream = Learner(self._package, encoder, geometry), self._stream
        predictions = []
        with progress("the same in Python", len(stream.tasks)) as bar:
            for task in stream.tasks:
                label = learner.add_class(task.name)
                for sample in task.x:
                    learner.learn_sample(label, sample)
                learner.end_class(label)
                learner.save()
                if task.label + 1 in stream.eval_points:
                    predictions.append(learner.classify(stream.x_test[stream.y_test <= task.label]))
                bar.update()
        return predictions

    def summary(
        self,
        predictions: Sequence[np.ndarray],
        info: Info,
        statistics: Statistics,
        board: Board,
        geometry: Geometry,
    ) -> dict:
        """The method's entry of results.json.

        Instructions of an emulated board become seconds at one instruction per cycle of the real one's clock.
        """
        package, learning = self._package, self._package.learning
        counted = statistics.commands  # since the board was reset, those that it did
        spent = [counted[name].total for name in ("ADD_CLASS", "LEARN", "END_CLASS", "SAVE") if name in counted]
        record_bytes = RECORD_HEADER_BYTES + package.codec.payload_bytes
        most = items.max_records(learning.replay_budget_bytes, learning.capacity, package.codec, geometry)
        tested = list(zip(self.truths, predictions, strict=True))
        run = Run(
            accuracy=np.array([np.mean(true == predicted) for true, predicted in tested]),
            matrix=accuracy_matrix(tested, self.eval_points),
            predictions=predictions[-1],
            learn_seconds=sum(spent) / board.ticks_per_second,
            record_bytes=record_bytes,
            memory_bytes={
                "replay": min(self.num_samples, most) * record_bytes,
                "stage": 4 * package.latent_dim * (learning.capacity + 1),
                "codec": len(package.codec.to_bytes()),
            },
            bytes_written=statistics.programmed_bytes,
        )
        return summarize([run], self._stream, {"inner": learning.inner_lr, "outer": learning.outer_lr})


def choose_protocol(options: argparse.Namespace, package: Package) -> Protocol:
    """The package's protocol with what the options say instead."""
    own = Protocol(**package.info["protocol"])
    capacity = package.learning.capacity

    def chosen(option: str, text: str | None, default: int, most: int) -> int:
        return default if text is None else parse_count(option, text, 1, most)

    return Protocol(
        num_classes=chosen("--classes", options.classes, min(own.num_classes, capacity), capacity),
        samples_per_class=chosen("--samples", options.samples, own.samples_per_class, 2**16),
        eval_every=chosen("--eval-every", options.eval_every, own.eval_every, 2**16),
    )


def choose_stream(package: Package, protocol: Protocol, run_number: int, num_tests: int | None) -> Stream:
    """The stream of that run of tfodcl.evaluate, with the first `num_tests` test samples of each class."""
    dataset = load(package.info["dataset"], seed=package.info["seed"])
    stream = class_incremental(
        dataset,
        "meta_test",
        protocol.num_classes,
        protocol.samples_per_class,
        protocol.eval_every,
        package.info["seed"],
        run_number,
    )
    return stream if num_tests is None else with_fewer_tests(stream, num_tests)
