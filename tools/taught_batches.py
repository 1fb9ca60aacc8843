"""What serial_eval.py teaches a board whose package trains layers before the head too: a stream of training batches."""

import argparse
from collections.abc import Sequence

import numpy as np

from tfodcl import native_log
from tfodcl.boards import Board
from tfodcl.command import parse_count
from tfodcl.compress.record import RECORD_HEADER_BYTES
from tfodcl.continual import BatchRun, MemoizedEncoder, summarize_batches
from tfodcl.data import load
from tfodcl.device.batch_teaching import check_progress, teach_batches
from tfodcl.device.device import Device, Info, Statistics
from tfodcl.device.teaching import Journal, Quantize
from tfodcl.errors import InputError
from tfodcl.methods.qlr import Qlr
from tfodcl.package import Package
from tfodcl.progress import progress
from tfodcl.replay import items
from tfodcl.replay.log import Geometry
from tfodcl.stages import network_section
from tfodcl.streams import nicv2_of, with_fewer_tests


class TaughtBatches:
    """See the module; attributes are those of taught_classes.TaughtClasses."""

    METHOD, UNIT = Qlr.RECIPE, "training batches"
    PROTOCOL = ("num_classes", "first_classes", "samples_per_class", "groups_per_batch", "eval_every")

    def __init__(self, package: Package, options: argparse.Namespace, run_number: int, num_tests: int | None) -> None:
        self._package, self._stored = package, network_section.read(package)
        self.protocol = package.info["protocol"]
        dataset = load(package.info["dataset"], seed=package.info["seed"])
        classes = dataset.split.meta_test[: self.protocol["num_classes"]]
        stream = nicv2_of(dataset, classes, self.protocol, package.info["seed"], run_number)
        if options.batches is not None:
            stream = stream.first(parse_count("--batches", options.batches, 1, stream.num_batches))
        if num_tests is not None:
            stream = with_fewer_tests(stream, num_tests)
        self._stream = stream
        self._names = [dataset.class_names[class_id] for class_id in stream.class_ids]
        self.eval_points = stream.eval_points
        self.truths = [stream.y_test] * len(self.eval_points)
        self.num_samples = sum(map(len, stream.indices))

    @staticmethod
    def check_options(options: argparse.Namespace) -> None:
        """Raises InputError for those of the other kind."""
        if {options.classes, options.samples, options.eval_every} != {None}:
            raise InputError(
                "a package that learns training batches takes --batches, no --classes, --samples or --eval-every. "
                "Received: one of them."
            )

    def check(self, device: Device, info: Info) -> int:
        """How many training batches the board has learnt. Raises InputError where classes are not the stream's."""
        return check_progress(device, info, self._stream, self._names)

    def teach(self, device: Device, quantize: Quantize, journal: Journal) -> list[np.ndarray]:
        """Predictions at the evaluation points."""
        return teach_batches(device, self._stream, self._names, quantize, journal)

    def twin(self, encoder: MemoizedEncoder, geometry: Geometry) -> list[np.ndarray]:
        """What the same learner in Python predicts at the evaluation points."""
        with native_log.quiet():
            from tfodcl.split_bench import learner_of  # imports TensorFlow

        num_replays = self._max_records(geometry)
        learner = learner_of(self._package, self._stored, encoder, self._package.codec, num_replays, seed=0)
        predictions = []
        with progress("the same in Python", self._stream.num_batches) as bar:
            for batch in self._stream.batches:
                learner.learn(batch)
                if batch.number in self.eval_points:
                    predictions.append(learner.predict(self._stream.x_test))
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
        """The method's entry of results.json; seconds as those of TaughtClasses."""
        package, network = self._package, self._stored.network
        counted = statistics.commands
        spent = [counted[name].total for name in ("ADD_CLASS", "LEARN", "END_BATCH") if name in counted]
        record_bytes = RECORD_HEADER_BYTES + package.codec.payload_bytes
        run = BatchRun(
            accuracy=np.array([np.mean(predicted == self._stream.y_test) for predicted in predictions]),
            learn_seconds=sum(spent) / board.ticks_per_second,
            record_bytes=record_bytes,
            memory_bytes={
                "replay": min(self.num_samples, self._max_records(geometry)) * record_bytes,
                "stage": 4 * (network.num_values + network.num_parameters),
                "codec": len(package.codec.to_bytes()),
            },
            bytes_written=statistics.programmed_bytes,
        )
        return summarize_batches([run], self._stream, package.learning.outer_lr)

    def _max_records(self, geometry: Geometry) -> int:
        learning, network = self._package.learning, self._stored.network
        budget, codec = learning.replay_budget_bytes, self._package.codec
        return items.max_batch_records(budget, learning.capacity, network.num_values, codec, geometry)
