"""Memory and FLOPs of methods that train a whole residual network on a stream of tasks, from its description alone.

| method               | holds beside the network                     | computes beside a mini-batch's own passes    |
|----------------------|----------------------------------------------|----------------------------------------------|
| naive                |                                              |                                              |
| joint                | every sample                                 | all earlier tasks anew after each task       |
| ewc                  | importance of each parameter, anchor         |                                              |
| pnn                  | a network per earlier task, laterals to each | their forwards, laterals                     |
| fdr                  | samples with logits                          | a replayed mini-batch                        |
| er                   | samples                                      | a replayed mini-batch                        |
| derpp                | samples with logits                          | two replayed mini-batches, one for each loss |
| sparcl, sparcl_derpp | as er and derpp, of a sparse network; masks  | as er and derpp, where weights are           |
| lightcl_freezing     | cached outputs of the frozen stage           | that stage once for a sample's every image   |
| lightcl              | the same, and references                     | the same; references, but not that stage     |
| lightcl_sparse       | as lightcl, of a narrower network            | as lightcl, of a narrower network            |
| icarl, bic           | samples; the network before the task         | samples once an epoch; forwards of that      |
| miro                 | both tiers of its memory                     | all that is in them once an epoch            |
| miro_latent          | the same, of encoded latents; codebooks      | the same; the frozen stage once a sample     |

What is trained, and everything of it, is float32. A frozen stage is int8, and so are its outputs. Samples that are
kept are uint8. SparCL is counted as on a machine that skips what its masks leave out. A replayed mini-batch is as
large as a new one, or the buffer where that is smaller; the buffer counts as full, and LightCL's network as pretrained,
from the first step. Miro's tiers have the largest sizes it may take, and are full as far as there are samples.

Left out are labels, moving statistics of batch norms, a framework's temporaries, additions and activation functions,
passes over a few hundred samples once a task (for EWC's importance, SparCL's masks, LightCL's channels), and that
SparCL drops samples.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from tfodcl.compress.record import Codec
from tfodcl.errors import InputError
from tfodcl.replay.hierarchy import Sizes, ram_bytes
from tfodcl.stages.network import Layer, Shape
from tfodcl.stages.resnet import ResNet, Unit, num_parameters, resnet

FLOAT_BYTES = 4
FLOPS_PER_MAC = 2
_CACHED_IMAGES = 2  # of a sample, itself and its mirror image


@dataclass(frozen=True)
class _Traits:
    """What sets a method's cost apart. See the module."""

    replays: int = 0
    keeps_logits: bool = False
    sparse: bool = False
    freezes: bool = False
    refers: bool = False
    thins: bool = False
    sizes_memory: bool = False
    remembers: bool = False


_TRAITS = {
    "naive": _Traits(),
    "joint": _Traits(),
    "ewc": _Traits(),
    "pnn": _Traits(),
    "fdr": _Traits(replays=1, keeps_logits=True),
    "er": _Traits(replays=1),
    "derpp": _Traits(replays=2, keeps_logits=True),
    "sparcl": _Traits(replays=1, sparse=True),
    "sparcl_derpp": _Traits(replays=2, keeps_logits=True, sparse=True),
    "lightcl_freezing": _Traits(freezes=True),
    "lightcl": _Traits(freezes=True, refers=True),
    "lightcl_sparse": _Traits(freezes=True, refers=True, thins=True),
    "icarl": _Traits(remembers=True),
    "bic": _Traits(remembers=True),
    "miro": _Traits(sizes_memory=True),
    "miro_latent": _Traits(freezes=True, sizes_memory=True),
}
METHODS = tuple(_TRAITS)


@dataclass(frozen=True)
class Workload:
    """What is trained, on how much.

    Attributes:
      network: with all its channels.
      num_tasks: at least 1.
      num_samples: of all tasks together, at least one a task.
      num_epochs: of each task, at least 1.
      batch_size: new samples of a mini-batch, at least 1.
      buffer_size: samples that are kept, and LightCL's references; at least 0.
      sparsity: of SparCL's parameters, the share that is not there; at least 0, below 1.
      gradient_sparsity: of SparCL's gradients.
      kept: of each stage's channels, the share that is there in LightCL's sparse form; a tenth of ResNet-18 is.
      cache_bytes: most that LightCL keeps of frozen outputs, at least 0; the rest is computed in every epoch.
      frozen_blocks: what LightCL and Miro over latents freeze with the stem; None: all before the last stage, as
        LightCL's paper does.
      sizes: of Miro's memory.
      codec: of the latents that Miro keeps; None: they are kept as int8.
    """

    network: ResNet
    num_tasks: int
    num_samples: int
    num_epochs: int
    batch_size: int = 32
    buffer_size: int = 15
    sparsity: float = 0.9
    gradient_sparsity: float = 0.95
    kept: tuple[float, float, float, float] = (0.8, 0.8, 0.3, 0.2)
    cache_bytes: int = 2 * 2**20
    frozen_blocks: int | None = None
    sizes: Sizes = Sizes(2000, 5000)
    codec: Codec | None = None

    def __post_init__(self) -> None:
        rules = {
            "num_tasks must be at least 1": self.num_tasks >= 1,
            "num_samples must be at least one a task": self.num_samples >= self.num_tasks,
            "num_epochs must be at least 1": self.num_epochs >= 1,
            "batch_size must be at least 1": self.batch_size >= 1,
            "buffer_size must be at least 0": self.buffer_size >= 0,
            "sparsity must be at least 0 and below 1": 0 <= self.sparsity < 1,
            "gradient_sparsity must be at least 0 and below 1": 0 <= self.gradient_sparsity < 1,
            "cache_bytes must be at least 0": self.cache_bytes >= 0,
        }
        for rule, holds in rules.items():
            if not holds:
                field = rule.split()[0]
                raise InputError(f"{rule}. Received: {field}={getattr(self, field)}.")

    @property
    def task_samples(self) -> int:
        """Of the largest task, where they are as even as can be."""
        return math.ceil(self.num_samples / self.num_tasks)


def memory(method: str, workload: Workload) -> dict[str, int]:
    """Bytes of what a learner holds while it trains on the last task, by part; parts that it does not have are absent.

    | part              | is                                                                                         |
    |-------------------|--------------------------------------------------------------------------------------------|
    | parameters        | kernels, scales and offsets that are trained; of SparCL those that its mask leaves         |
    | gradients         | of these                                                                                   |
    | feature_maps      | one copy of every trained 3x3 convolution's output for each sample of a step, replays too  |
    | pointwise_maps    | the same of 1x1 convolutions                                                               |
    | inputs            | what the first trained unit takes, of the same samples                                     |
    | masks             | of SparCL, a bit for each parameter, and one for its gradient                              |
    | frozen_parameters | of the frozen stage, int8                                                                  |
    | frozen_maps       | input and outputs of its largest unit, of one sample at a time, int8                       |
    | frozen_outputs    | of a task's samples and their mirror images, int8, as far as the cache goes                |
    | references        | logits and outputs of the last stage's convolutions, but shortcuts, of buffer_size samples |
    | network_before    | of iCaRL and BiC, parameters before the task                                               |
    | buffer            | kept samples, and their logits where the method compares with them; of joint all samples   |
    | codec             | of Miro over latents, its codebooks                                                        |
    | importance        | of EWC, of each parameter                                                                  |
    | anchor            | of EWC, the parameters after the last task                                                 |
    | columns           | of PNN, parameters of the earlier tasks' networks                                          |
    | laterals          | of PNN, kernels between columns, 1x1 behind each stage, and gradients of the newest ones   |
    | lateral_inputs    | of PNN, what the newest of them take, for each sample of a step                            |

    Raises:
      InputError: the method is not one of METHODS, or a network that is to be thinned has been.
    """
    parts = _network_parts(method, workload) | _method_parts(method, workload)
    return {name: size for name, size in parts.items() if size}


def _network_parts(method: str, workload: Workload) -> dict[str, int]:
    frozen, trained = cut_units(method, workload)
    num_trained = num_parameters(trained)
    weight_share, gradient_share = _shares(method, workload)
    step_bytes = FLOAT_BYTES * (workload.batch_size + num_replayed(method, workload))
    return {
        "parameters": FLOAT_BYTES * round(weight_share * num_trained),
        "gradients": FLOAT_BYTES * round(gradient_share * num_trained),
        "feature_maps": step_bytes * _num_outputs(trained, 3),
        "pointwise_maps": step_bytes * _num_outputs(trained, 1),
        "inputs": step_bytes * math.prod(trained[0].input_shape),
        "frozen_parameters": num_parameters(frozen),
        "frozen_maps": max(map(_values_at_once, frozen), default=0),
    }


def _method_parts(method: str, workload: Workload) -> dict[str, int]:
    traits, network = _traits(method), network_of(method, workload)
    copy = FLOAT_BYTES * num_parameters(network.units)
    if method == "ewc":
        return {"importance": copy, "anchor": copy}
    if method == "pnn":
        earlier, kernels = workload.num_tasks - 1, sum(shape[2] ** 2 for shape in _joints(network))
        values = earlier * sum(map(math.prod, _joints(network)))
        return {
            "columns": earlier * copy,
            # Column i has i of each kernel.
            "laterals": FLOAT_BYTES * kernels * (sum(range(earlier + 1)) + earlier),
            "lateral_inputs": FLOAT_BYTES * workload.batch_size * values,
        }
    sample_bytes = math.prod(network.input_shape)
    if method == "joint":
        return {"buffer": workload.num_samples * sample_bytes}
    if traits.remembers:
        return {"network_before": copy, "buffer": workload.buffer_size * sample_bytes}
    if traits.sizes_memory and traits.freezes:
        codec = workload.codec
        record_bytes = codec.payload_bytes if codec else _latent_bytes(method, workload)
        return {"buffer": ram_bytes(workload.sizes, record_bytes), "codec": len(codec.to_bytes()) if codec else 0}
    if traits.sizes_memory:
        return {"buffer": ram_bytes(workload.sizes, sample_bytes)}
    parts = {}
    if traits.sparse:
        parts["masks"] = 2 * math.ceil(num_parameters(network.units) / 8)
    if traits.replays:
        logits = FLOAT_BYTES * network.num_classes if traits.keeps_logits else 0
        parts["buffer"] = workload.buffer_size * (sample_bytes + logits)
    if traits.freezes:
        parts["frozen_outputs"] = _num_cached(method, workload) * _latent_bytes(method, workload)
    if traits.refers:
        held = [unit for unit in cut_units(method, workload)[1] if unit.stage == workload.network.last_stage]
        outputs = [layer.num_outputs for unit in held for layer in unit.layers]
        parts["references"] = FLOAT_BYTES * workload.buffer_size * (sum(outputs) + network.num_classes)
    return parts


def sample_flops(method: str, workload: Workload) -> dict[str, float]:
    """FLOPs for one new sample in one epoch, by part, the mean over the stream; parts without any are absent.

    Two for each multiply-accumulate, products with padding included. A backward pass takes twice a forward, for error
    and weight gradient; the error of what the first trained unit takes is counted, though nothing needs it.

    | part              | is                                                                                         |
    |-------------------|--------------------------------------------------------------------------------------------|
    | forward, backward | of the sample; of joint, of all trainings that it is part of                               |
    | frozen_forward    | of the frozen stage                                                                        |
    | replayed_forward, | of the replays or references that fall to the sample                                       |
    | replayed_backward |                                                                                            |
    | forward_before    | of iCaRL and BiC, of the network before the task                                           |
    | columns           | of PNN, forwards of the earlier columns, (num_tasks - 1) / 2 of them in the mean           |
    | laterals          | of PNN, forward of all columns', weight gradient of the newest's                           |

    Raises InputError as `memory` does.
    """
    frozen, trained = (FLOPS_PER_MAC * num_macs(units) for units in cut_units(method, workload))
    weight_share, gradient_share = _shares(method, workload)
    forward, backward = weight_share * trained, (weight_share + gradient_share) * trained
    new, old = _passes(method, workload)
    parts = {
        "forward": new * forward,
        "backward": new * backward,
        "replayed_forward": old * forward,
        "replayed_backward": old * backward,
    }
    if _traits(method).remembers:
        parts["forward_before"] = (new + old) * forward
    if frozen:
        parts["frozen_forward"] = frozen * _frozen_passes(method, workload)
    if method == "pnn":
        parts |= _column_flops(workload, forward)
    return {name: flops for name, flops in parts.items() if flops}


def _passes(method: str, workload: Workload) -> tuple[float, float]:
    """New samples, and replays or references, that are trained on in an epoch for one new sample."""
    traits, per_task = _traits(method), workload.num_samples / workload.num_tasks

    def earlier(most: int) -> float:
        """Of so many kept samples, or of all earlier ones where these are fewer; the mean over the stream."""
        return sum(min(most, task * per_task) for task in range(workload.num_tasks)) / workload.num_samples

    if method == "joint":
        return (workload.num_tasks + 1) / 2, 0.0
    if traits.sizes_memory:
        return min(1.0, workload.sizes.num_stream / per_task), earlier(workload.sizes.num_episodic)
    if traits.remembers:
        return 1.0, earlier(workload.buffer_size)
    return 1.0, num_replayed(method, workload) / workload.batch_size


def _frozen_passes(method: str, workload: Workload) -> float:
    """Through the frozen stage, in an epoch for one new sample."""
    if _traits(method).sizes_memory:
        return 1 / workload.num_epochs
    cached = _num_cached(method, workload) / (_CACHED_IMAGES * workload.task_samples)
    return cached * _CACHED_IMAGES / workload.num_epochs + 1 - cached


def _column_flops(workload: Workload, forward: float) -> dict[str, float]:
    kernel_macs = sum(height * width * channels**2 for height, width, channels in _joints(workload.network))
    tasks = range(workload.num_tasks)  # task i has i earlier columns
    num_laterals = sum(sum(range(task + 1)) + task for task in tasks) / workload.num_tasks
    return {
        "columns": sum(tasks) / workload.num_tasks * forward,
        "laterals": FLOPS_PER_MAC * kernel_macs * num_laterals,
    }


def stream_flops(method: str, workload: Workload) -> dict[str, float]:
    """FLOPs of all tasks and epochs, "forward" and "backward"; PNN's laterals count as forward.

    Raises InputError as `memory` does.
    """
    found = {"forward": 0.0, "backward": 0.0}
    for name, flops in sample_flops(method, workload).items():
        found["backward" if name.endswith("backward") else "forward"] += flops
    return {name: flops * workload.num_samples * workload.num_epochs for name, flops in found.items()}


def num_replayed(method: str, workload: Workload) -> int:
    """Samples of a step beside the new ones: replays, or all of LightCL's references. Raises InputError for another
    method."""
    traits = _traits(method)
    if traits.refers:
        return workload.buffer_size
    return traits.replays * min(workload.batch_size, workload.buffer_size)


def network_of(method: str, workload: Workload) -> ResNet:
    """What the method trains: the workload's network, or its narrower form. Raises InputError as `memory` does."""
    network = workload.network
    if not _traits(method).thins:
        return network
    width = network.units[0].output_shape[2]
    whole = resnet(network.depth, network.input_shape, network.num_classes, width)
    if network != whole:
        raise InputError(
            f"a network to be thinned must have all channels, {num_parameters(whole.units)} parameters with a stem of "
            f"{width}. Received: {num_parameters(network.units)} parameters."
        )
    return resnet(network.depth, network.input_shape, network.num_classes, width, workload.kept)


def cut_units(method: str, workload: Workload) -> tuple[tuple[Unit, ...], tuple[Unit, ...]]:
    """The frozen units, of most methods none, and the trained ones. Raises InputError as `memory` does."""
    network = network_of(method, workload)
    if not _traits(method).freezes:
        return (), network.units
    blocks = workload.frozen_blocks
    return network.cut(network.blocks_before_last_stage if blocks is None else blocks)


def num_macs(units: Iterable[Unit]) -> int:
    """Multiply-accumulates of a sample's forward pass."""
    return sum(layer.macs for unit in units for layer in unit.trained_layers)


def _traits(method: str) -> _Traits:
    if method not in _TRAITS:
        raise InputError(f"method must be one of {', '.join(METHODS)}. Received: {method!r}.")
    return _TRAITS[method]


def _shares(method: str, workload: Workload) -> tuple[float, float]:
    """Of the parameters and of the gradients, what is there."""
    return (1 - workload.sparsity, 1 - workload.gradient_sparsity) if _traits(method).sparse else (1.0, 1.0)


def _convolutions(unit: Unit) -> list[Layer]:
    return [layer for layer in unit.trained_layers if layer.kind == "conv"]


def _num_outputs(units: Iterable[Unit], size: int) -> int:
    """Of the convolutions with kernels of `size`, of a sample."""
    return sum(layer.num_outputs for unit in units for layer in _convolutions(unit) if layer.size == size)


def _values_at_once(unit: Unit) -> int:
    """Input and all outputs of a unit, of a sample."""
    return math.prod(unit.input_shape) + sum(layer.num_outputs for layer in _convolutions(unit))


def _latent_bytes(method: str, workload: Workload) -> int:
    """Of what the frozen stage gives of an image, int8."""
    return math.prod(cut_units(method, workload)[1][0].input_shape)


def _num_cached(method: str, workload: Workload) -> int:
    """Images whose frozen outputs LightCL keeps, a sample's both or none."""
    most = workload.cache_bytes // (_CACHED_IMAGES * _latent_bytes(method, workload))
    return _CACHED_IMAGES * min(workload.task_samples, most)


def _joints(network: ResNet) -> list[Shape]:
    """Of the maps between stages, which PNN's columns hand one another: behind the first, .. the last."""
    last_of_stage = {unit.stage: unit.output_shape for unit in network.units[1:-1]}
    return list(last_of_stage.values())
