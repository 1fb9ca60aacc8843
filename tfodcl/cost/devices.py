"""Estimates of time, energy and battery life on devices that nobody has measured here, from published constants.

A core takes a cycle for each instruction that the emulated one of its kind counts, and those by which its manual says
that a multiply-accumulate takes longer; wait states, caches and dual issue are left out. A chip that our kernels do not
run on takes the cycles that its makers report for each multiply-accumulate. Power is a chip's, from data sheets at 25
degrees, without the rest of its board; what is marked "not verified" has not been held against the sheet itself.
Between mini-batches it sleeps with its memory kept.
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from tfodcl.cost.macs import Macs

KB = 1024
# One cell of the size 18650, 3,000 mAh at 3.6 V; nothing is lost in converting it.
BATTERY_JOULES = 3.0 * 3.6 * 3600
INTERVAL_SECONDS = 60.0  # from one mini-batch to the next, as in QLR-CL (arXiv 2110.10486)


class Processor(Protocol):
    """What takes cycles."""

    def cycles(self, macs: Macs, instructions: Mapping[str, float]) -> float:
        """Of a mini-batch with so many instructions, by emulated board (boards.BOARDS)."""
        ...


@dataclass(frozen=True)
class Core:
    """One that runs our kernels.

    Attributes:
      board: which emulates it.
      stalls: cycles of a multiply-accumulate beyond the first.
    """

    board: str
    stalls: float

    def cycles(self, macs: Macs, instructions: Mapping[str, float]) -> float:
        return instructions[self.board] + self.stalls * macs.total


@dataclass(frozen=True)
class Cluster:
    """Cores with kernels of their own, which make so many multiply-accumulates in a cycle."""

    forward: float
    backward: float

    def cycles(self, macs: Macs, instructions: Mapping[str, float]) -> float:
        return macs.forward / self.forward + macs.backward / self.backward


@dataclass(frozen=True)
class Device:
    """A chip.

    Attributes:
      clock_hz: at which it computes.
      active_watts, sleep_watts: while it computes, and while it waits with its memory kept.
      ram_bytes: of the chip.
      sources: of these, and of the cycles.
    """

    name: str
    processor: Processor
    clock_hz: float
    active_watts: float
    sleep_watts: float
    ram_bytes: int
    sources: str


@dataclass(frozen=True)
class Estimate:
    """Of one mini-batch every INTERVAL_SECONDS, or without a pause where it takes longer.

    Attributes:
      seconds, joules: of a mini-batch, without sleep.
      battery_hours: until BATTERY_JOULES are used up, sleep included.
    """

    seconds: float
    joules: float
    battery_hours: float


def estimate(device: Device, macs: Macs, instructions: Mapping[str, float]) -> Estimate:
    seconds = device.processor.cycles(macs, instructions) / device.clock_hz
    joules = seconds * device.active_watts
    period = max(seconds, INTERVAL_SECONDS)
    period_joules = joules + (period - seconds) * device.sleep_watts
    return Estimate(seconds, joules, BATTERY_JOULES / period_joules * period / 3600)


# A Cortex-M4 takes three cycles for VMLA (its technical reference manual, "FPU instruction set"); what a Cortex-M7
# takes is not published, and one is assumed, as in boards.py.
_M4 = Core("mps2-an386", stalls=2.0)
_M7 = Core("mps2-an500", stalls=0.0)
_VEGA_SOURCES = "arXiv 2110.09101: 49.4 mW at its peak, 1.7 uW asleep, 1.6 MB of SRAM; 375 MHz are assumed"
_VEGA = Device(
    "VEGA",
    Cluster(forward=2.21, backward=1.70),
    clock_hz=375e6,
    active_watts=0.0494,
    sleep_watts=1.7e-6,
    ram_bytes=1600 * KB,
    sources=f"{_VEGA_SOURCES}; arXiv 2007.13631: 2.21 MAC a cycle forward, 1.70 backward, on 8 cores",
)
DEVICES = (
    Device(
        "STM32H747",
        _M7,
        clock_hz=480e6,
        active_watts=480 * 275e-6 * 3.3,
        sleep_watts=1.4e-3 * 3.3,
        ram_bytes=1024 * KB,
        sources="data sheet of the STM32H743, DS12110: 275 uA/MHz without peripherals, 3.3 V, no SMPS; not verified: "
        "1.4 mA in Stop",
    ),
    Device(
        "nRF52840",
        _M4,
        clock_hz=64e6,
        active_watts=64 * 52e-6 * 3.0,
        sleep_watts=3.16e-6 * 3.0,
        ram_bytes=256 * KB,
        sources="its product specification: 52 uA/MHz from flash, 3 V, DC/DC; not verified: "
        "3.16 uA in System ON with RAM and RTC",
    ),
    Device(
        "STM32L4",
        _M4,
        clock_hz=80e6,
        active_watts=10.2e-3 * 3.0,
        sleep_watts=1.4e-6 * 3.0,
        ram_bytes=128 * KB,
        sources="data sheet of the STM32L476, DS10198; not verified: "
        "10.2 mA at 80 MHz from flash, 1.4 uA in Stop 2 with RTC, 3 V",
    ),
    _VEGA,
    dataclasses.replace(
        _VEGA,
        name="VEGA, at best",
        processor=Cluster(forward=4.39, backward=4.39),
        sources=f"{_VEGA_SOURCES}; PULP-TrainLib (SAMOS 2022): up to 4.39 MAC a cycle on 8 cores",
    ),
)
