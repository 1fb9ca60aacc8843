"""Multiply-accumulates of one SGD step of an adaptive stage."""

from collections.abc import Iterable
from typing import NamedTuple

from tfodcl.stages.network import Network


class Macs(NamedTuple):
    """Of a mini-batch. Products with padding are counted, as Layer.macs counts them."""

    forward: int
    error: int  # of the loss's gradient with respect to the input
    weight_gradient: int

    @property
    def backward(self) -> int:
        return self.error + self.weight_gradient

    @property
    def total(self) -> int:
        return self.forward + self.backward


def step_macs(network: Network, batch_size: int) -> dict[str, Macs]:
    """By layer, in order. The first one's error, the latent's gradient, is not computed."""
    found = {}
    for number, layer in enumerate(network.layers):
        macs = batch_size * layer.macs
        found[layer.name] = Macs(macs, macs if number > 0 else 0, macs)
    return found


def add(parts: Iterable[Macs]) -> Macs:
    return Macs(*map(sum, zip(*parts, strict=True)))
