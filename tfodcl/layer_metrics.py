"""Which layers generalise: LightCL's metrics MS and LP of every layer (arXiv 2407.10545), and where to freeze by them.

A network learns tasks one after another. With theta^T its weights after task T, a_t(theta) its accuracy on task t, and
theta_i the weights theta^T with layer i put back to theta^(T-1),

  memory stability     MS_i = a_(T-1)(theta_i) - a_(T-1)(theta^T)
  learning plasticity  LP_i = a_T(theta_i) - a_T(theta^T)

A layer of great MS has forgotten, one of low LP has learnt; one where both are near 0 serves old and new tasks alike.
Accuracy is task-incremental: in a class-incremental one what counts is the head's bias to new classes. A layer is a
convolution with its batch norm, moments included, or the head.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import tf_keras as keras

from tfodcl.stages.resnet import ResNet
from tfodcl.streams import SplitStream
from tfodcl.task_methods.learning import Networks, TaskLearning
from tfodcl.task_methods.naive import Naive
from tfodcl.task_runs import predict_in_task

# A layer generalises if putting it back costs less than this share of what the most plastic one of a block costs.
PLASTIC_SHARE = 0.5
_MEASURES = ("memory_stability", "learning_plasticity")


@dataclass(frozen=True, eq=False)
class LayerMetrics:
    """Of layers in order.

    Attributes:
      names: of the description's layers.
      memory_stability, learning_plasticity: (num_transitions, num layers) each, from each task to the next, in [-1, 1].
    """

    names: tuple[str, ...]
    memory_stability: np.ndarray
    learning_plasticity: np.ndarray

    @classmethod
    def joined(cls, measured: "Sequence[LayerMetrics]") -> "LayerMetrics":
        """The transitions of all, which are of the same layers."""
        stability, plasticity = (np.concatenate([getattr(one, measure) for one in measured]) for measure in _MEASURES)
        return cls(measured[0].names, stability, plasticity)

    def to_json(self) -> dict[str, Any]:
        return {measure: getattr(self, measure).tolist() for measure in _MEASURES}

    @classmethod
    def from_json(cls, content: Any, network: ResNet) -> "LayerMetrics":
        """Raises KeyError, TypeError or ValueError for what is not of `to_json`, or of another network."""
        names = tuple(layer.name for layer in network.layers)
        stability, plasticity = (np.array(content[measure], float) for measure in _MEASURES)
        for values in (stability, plasticity):
            if values.ndim != 2 or values.shape != (len(stability), len(names)) or not (np.abs(values) <= 1).all():
                raise ValueError(f"no values in -1..1 of {len(names)} layers, {values.shape}")
        return cls(names, stability, plasticity)


def measure_layers(
    network: ResNet, networks: Networks, learning: TaskLearning, stream: SplitStream, seed: int
) -> LayerMetrics:
    """Learns the stream with plain SGD, and puts back each layer after each task but the first.

    Args:
      network: description of what `networks` makes.
      stream: its test samples must not be those that results are reported on, if the metrics choose anything.
    """
    learner = Naive(networks, learning, seed)
    names = tuple(layer.name for layer in network.layers)
    stability, plasticity = [], []
    for before, task in zip((None, *stream.tasks), stream.tasks, strict=False):
        kept = {name: _weights(learner.model, name) for name in names}
        learner.learn(task)
        if before is None:
            continue
        parts = [_part(stream, of.classes) for of in (before, task)]
        old, new = (_accuracy(learner, *part, stream.eval_points) for part in parts)
        found = []
        for name in names:
            after = _weights(learner.model, name)
            _set_weights(learner.model, name, kept[name])
            found.append([_accuracy(learner, *part, stream.eval_points) for part in parts])
            _set_weights(learner.model, name, after)
        changed = np.array(found)
        stability.append(changed[:, 0] - old)
        plasticity.append(changed[:, 1] - new)
    return LayerMetrics(names, np.array(stability), np.array(plasticity))


def choose_frozen_blocks(network: ResNet, metrics: LayerMetrics) -> int:
    """How many blocks to freeze, with the stem.

    Those leading blocks are frozen whose layers all generalise: the loss of plasticity, -LP of the mean over
    transitions, is below PLASTIC_SHARE of the greatest in any block. (A sum over leading layers would add up the noise
    of accuracies.) Stem and head have no say, since the one is always frozen and the other never, nor has forgetting:
    what is frozen does not forget. One block at least is trained, and where no block has learnt anything all others are
    frozen.
    """
    lost = dict(zip(metrics.names, -metrics.learning_plasticity.mean(axis=0), strict=True))
    of_blocks = [max(lost[layer.name] for layer in block.trained_layers) for block in network.units[1:-1]]
    bound = PLASTIC_SHARE * max(of_blocks)
    plastic = (number for number, value in enumerate(of_blocks) if value >= bound > 0)
    return next(plastic, network.num_blocks - 1)


def _part(stream: SplitStream, classes: range) -> tuple[np.ndarray, np.ndarray]:
    """Test samples and labels of one task."""
    chosen = (stream.y_test >= classes.start) & (stream.y_test < classes.stop)
    return stream.x_test[chosen], stream.y_test[chosen]


def _accuracy(learner: Naive, x: np.ndarray, labels: np.ndarray, eval_points: Sequence[int]) -> float:
    return float(np.mean(predict_in_task(learner.scores(x), labels, eval_points) == labels))


def _keras_layers(model: keras.Model, name: str) -> Sequence[keras.layers.Layer]:
    names = (name,) if name == "head" else (f"{name}_conv", f"{name}_norm")
    return [model.get_layer(one) for one in names]


def _weights(model: keras.Model, name: str) -> list[list[np.ndarray]]:
    return [layer.get_weights() for layer in _keras_layers(model, name)]


def _set_weights(model: keras.Model, name: str, weights: list[list[np.ndarray]]) -> None:
    for layer, of_layer in zip(_keras_layers(model, name), weights, strict=True):
        layer.set_weights(of_layer)
