"""Methods side by side: packages by recipe, one data set's streams, learning rates from validation classes."""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tfodcl.continual import MemoizedEncoder, Run, mean_energy, num_trials, run_stream, search_rates, with_rates
from tfodcl.data import Dataset
from tfodcl.errors import InputError
from tfodcl.methods import METHODS
from tfodcl.package import Learning, Package
from tfodcl.progress import progress
from tfodcl.stages.tflite import TfliteEncoder
from tfodcl.streams import Stream, class_incremental, codec_samples

UNLIMITED_BYTES = 2**32 - 1  # every record of a stream is kept, as LifeLearner's comparison does
# Learning rates are chosen by so many streams that they bring 40 validation classes together, repetitions included:
# with two streams of five classes the choice is a matter of luck (speech: 85.9 +- 4.0 %, with eight 89.1 +- 1.7).
VALIDATION_CLASSES, FEWEST_STREAMS, MOST_STREAMS = 40, 2, 8


@dataclass(frozen=True)
class Protocol:
    """The stream that is learnt: classes, training samples of each, and how often it is tested."""

    num_classes: int
    samples_per_class: int
    eval_every: int


@dataclass(frozen=True, eq=False)
class Bench:
    """Packages by recipe with their encoders, and the streams of one data set.

    Args:
      found: a package for every recipe that the methods need.
      dataset: what is learnt.
      protocol: of the streams.
      seed: of streams and methods.
      replay_bytes: budget of every replay memory.
    """

    found: dict[str, Package]
    encoders: dict[str, MemoizedEncoder]
    dataset: Dataset
    protocol: Protocol
    seed: int
    replay_bytes: int

    def stream(self, run_number: int) -> Stream:
        """The meta-test stream of a run, the same for all methods."""
        protocol = self.protocol
        return class_incremental(
            self.dataset,
            "meta_test",
            protocol.num_classes,
            protocol.samples_per_class,
            protocol.eval_every,
            self.seed,
            run_number,
        )

    def validation_streams(self) -> list[Stream]:
        """Streams of validation classes, as long as there are classes for, tested at the end."""
        count = min(self.protocol.num_classes, len(self.dataset.split.validation))
        samples = self.protocol.samples_per_class
        num_streams = min(max(-(-VALIDATION_CLASSES // count), FEWEST_STREAMS), MOST_STREAMS)
        return [
            class_incremental(self.dataset, "validation", count, samples, count, self.seed, number)
            for number in range(num_streams)
        ]

    def check(self, names: Sequence[str]) -> None:
        """Raises InputError, before anything is computed, where a run of the methods `names` could not end."""
        self.stream(0)
        self.validation_streams()
        kind = self.dataset.front_end["kind"]
        for name in names:
            recipe, num_classes = METHODS[name].RECIPE, self.protocol.num_classes
            package, encoder = self.found[recipe], self.encoders[recipe]
            if package.info["front_end"]["kind"] != kind:
                expected = package.info["front_end"]["kind"]
                raise InputError(f"the encoder was trained on {expected} data. Received: {self.dataset.name}, {kind}.")
            encoder.quantize(self.dataset.x_train[:1])  # has the encoder's shape
            if package.learning.capacity < num_classes:
                received = package.learning.capacity
                raise InputError(f"capacity must be at least {num_classes}. Received: capacity={received}.")
            memory = METHODS[name](package, encoder, self.learning(name, {}), self.seed).memory
            if memory is not None:
                memory.check_room(num_classes)

    def learning(self, name: str, rates: Mapping[str, float]) -> Learning:
        learning = self.found[METHODS[name].RECIPE].learning
        return with_rates(dataclasses.replace(learning, replay_budget_bytes=self.replay_bytes), rates)

    def search(self, name: str, title: str = "") -> dict[str, float]:
        """Learning rates of a method, from validation classes. `title`: of the progress bar, instead of the name.

        Raises InputError where the encoder was trained on these.
        """
        recipe = METHODS[name].RECIPE
        if self.found[recipe].info.get("refit"):
            raise InputError(
                "learning rates can be searched only where the encoder has not seen the validation classes. "
                f"Received: {name}, with an encoder trained by --refit."
            )
        with progress(f"{title or name}: learning rates", num_trials(name)) as bar:
            package, encoder, streams = self.found[recipe], self.encoders[recipe], self.validation_streams()
            return search_rates(name, package, encoder, self.learning(name, {}), streams, self.seed, bar.update)

    def carry_over(self, name: str, reference: "Bench") -> dict[str, float]:
        """The learning rates of a method in `reference`, as multiples of 1 / mean |z|^2, for the latents here."""
        recipe = METHODS[name].RECIPE
        x, _ = codec_samples(self.dataset, self.seed)
        here, there = (
            mean_energy(METHODS[name](bench.found[recipe], bench.encoders[recipe], bench.learning(name, {}), 0), x)
            for bench in (self, reference)
        )
        rates = reference.found[recipe].info["learning_rates"][name]
        return {which: rate * there / here for which, rate in rates.items()}

    def run(self, name: str, rates: Mapping[str, float], number: int) -> Run:
        """The method on the meta-test stream of a run."""
        recipe = METHODS[name].RECIPE
        encoder = self.encoders[recipe]
        method = METHODS[name](self.found[recipe], encoder, self.learning(name, rates), self.seed + number)
        return run_stream(method, encoder, self.stream(number))

    def measure(self, name: str, rates: Mapping[str, float], num_runs: int, title: str = "") -> list[Run]:
        """Runs 0 .. num_runs - 1. `title`: of the progress bar, instead of the name."""
        runs = []
        with progress(f"{title or name}: continual runs", num_runs) as bar:
            for number in range(num_runs):
                runs.append(self.run(name, rates, number))
                bar.update()
        return runs


def encoder_of(package: Package) -> MemoizedEncoder:
    return MemoizedEncoder(TfliteEncoder(package.encoder))
