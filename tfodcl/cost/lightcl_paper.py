"""How the LightCL paper (Wang et al., ASP-DAC 2025, arXiv 2407.10545) counts memory and FLOPs in its comparison.

Read off its table, which gives sums only: ResNet-18, mini-batches of 32, 15 kept samples, MiB. With it a figure of ours
can stand beside a printed one; what a learner of ours takes is in training.py. The paper's counting differs in that

- memory is parameters, all of them float32, gradients and 3x3 convolutions' outputs, with one further array of EWC's
  two, a progressive network's earlier columns without laterals, and LightCL's references; nothing else;
- joint training costs naive training once per task;
- a progressive network runs one column less than there are earlier tasks;
- SparCL's weight gradients cost as much as what else it computes;
- LightCL runs its frozen stage on every sample of every step, references too;
- a channel that LightCL's sparse form hides saves its own products, but is still multiplied by the layer behind it.

Where no rule was found that gives the printed figures, ours differ:

- A sample's feature maps take 5 bytes more for each of its image's pixels, 0.2 % of them.
- On Tiny-ImageNet it seems to take the network of CIFAR-10, with 10 classes instead of 200, and of a progressive
  network 4 earlier columns, not 9: it prints the same differences between methods for both.
- SparCL over DER++ holds 2 MiB more than over ER and its further maps, as if its gradients were twice as dense.
- LightCL's memory. From images of 32x32 to 64x64 it grows by 35.2 MiB, so that 11.7 MiB go with the smaller image, but
  20.7 MiB in the sparse form, none of whose maps is larger: no sum of a network's parts gives both. What the method is
  known to need is 10 and 22 MiB below the printed figures, and 18 and 75 MiB in the sparse form.
"""

from tfodcl.cost.training import (
    FLOAT_BYTES,
    FLOPS_PER_MAC,
    METHODS,
    Workload,
    memory,
    network_of,
    num_macs,
    num_replayed,
    sample_flops,
)
from tfodcl.errors import InputError
from tfodcl.stages.resnet import num_parameters

_COUNTED_PARTS = ("parameters", "gradients", "feature_maps", "importance", "columns", "references")
_NOT_COUNTED = ("lightcl_freezing", "icarl", "bic", "miro", "miro_latent")
COUNTED_METHODS = tuple(method for method in METHODS if method not in _NOT_COUNTED)


def counted_memory(method: str, workload: Workload) -> dict[str, int]:
    """Bytes by part, of those of training.memory that the paper counts. Raises InputError as that, or for a method that
    is not in the paper."""
    _check(method)
    parts = memory(method, workload)
    counted = {name: parts[name] for name in _COUNTED_PARTS if name in parts}
    if "frozen_parameters" in parts:
        counted["parameters"] = FLOAT_BYTES * num_parameters(network_of(method, workload).units)
    return counted


def counted_flops(method: str, workload: Workload) -> float:
    """FLOPs of a whole stream. Raises InputError as training.stream_flops, or for a method that is not in the paper."""
    _check(method)
    return _sample_flops(method, workload) * workload.num_samples * workload.num_epochs


def _sample_flops(method: str, workload: Workload) -> float:
    naive = sum(sample_flops("naive", workload).values())
    if method == "joint":
        return workload.num_tasks * naive
    if method == "pnn":
        columns = [max(0, task - 1) for task in range(workload.num_tasks)]
        return naive + sum(columns) / workload.num_tasks * FLOPS_PER_MAC * num_macs(workload.network.units)
    replays = num_replayed(method, workload) / workload.batch_size
    if method == "lightcl":
        return (1 + replays) * _frozen_flops(workload, (1.0, 1.0, 1.0, 1.0))
    if method == "lightcl_sparse":
        return (1 + replays) * _frozen_flops(workload, workload.kept)
    share = 1 - workload.sparsity if method.startswith("sparcl") else 1.0
    return share * (1 + replays) * naive


def _frozen_flops(workload: Workload, kept: tuple[float, ...]) -> float:
    """Of a sample, backward through the last stage and the head only. Of a layer's products there is such a share left
    as of its own channels, and not of its inputs'."""
    *body, head = workload.network.units
    shares = (kept[0], *kept)  # of stem and stages
    flops = [(unit.stage, shares[unit.stage] * FLOPS_PER_MAC * num_macs([unit])) for unit in body]
    flops.append((head.stage, FLOPS_PER_MAC * num_macs([head])))
    last = workload.network.last_stage
    return sum(each for _, each in flops) + 2 * sum(each for stage, each in flops if stage >= last)


def _check(method: str) -> None:
    if method not in COUNTED_METHODS:
        raise InputError(f"method must be one of {', '.join(COUNTED_METHODS)}. Received: {method!r}.")
