"""Time, energy and battery life by hand, and the devices beside what is published of them."""

import dataclasses

import pytest

from tfodcl import boards
from tfodcl.cost.devices import DEVICES, Cluster, Core, Device, estimate
from tfodcl.cost.macs import Macs

MACS = Macs(forward=300, error=100, weight_gradient=300)
# 100 MHz, 0.1 W at work and 1 mW asleep.
DEVICE = Device("mine", Core("board", stalls=2.0), 100e6, 0.1, 1e-3, 1024, "nobody")


def test_a_core_takes_a_cycle_an_instruction_and_its_stalls():
    assert Core("board", stalls=2.0).cycles(MACS, {"board": 1000.0, "other": 5.0}) == 1000 + 2 * 700


def test_a_cluster_takes_cycles_for_its_multiply_accumulates_alone():
    assert Cluster(forward=3.0, backward=2.0).cycles(MACS, {}) == 300 / 3 + 400 / 2


def test_a_mini_batch_that_ends_within_its_minute_leaves_the_rest_to_sleep():
    """1e9 instructions and 5e8 multiply-accumulates: 2e9 cycles, 20 s, 2 J; with 40 s of sleep 2.04 J a minute.

    The battery's 3 Ah x 3.6 V are 38,880 J: 19,058.8 minutes.
    """
    found = estimate(DEVICE, Macs(200_000_000, 100_000_000, 200_000_000), {"board": 1e9})
    assert (found.seconds, found.joules) == pytest.approx((20, 2))
    assert found.battery_hours == pytest.approx(38_880 / 2.04 / 60)


def test_a_mini_batch_that_takes_longer_leaves_no_sleep():
    """100 s at 0.1 W; the battery lasts 38,880 J / 0.1 W."""
    found = estimate(DEVICE, Macs(0, 0, 0), {"board": 1e10})
    assert (found.seconds, found.joules) == pytest.approx((100, 10))
    assert found.battery_hours == pytest.approx(388_800 / 3600)


def test_our_cores_are_emulated_boards_of_the_same_kind():
    core = {device.name: device.processor.board for device in DEVICES if isinstance(device.processor, Core)}
    assert {name: boards.find(board).core for name, board in core.items()} == {
        "STM32H747": "Cortex-M7",
        "nRF52840": "Cortex-M4F",
        "STM32L4": "Cortex-M4F",
    }
    for target in boards.BOARDS.values():
        (device,) = [device for device in DEVICES if device.name == target.chip]
        assert device.clock_hz == target.ticks_per_second and device.ram_bytes >= target.ram_bytes


def test_the_published_gain_of_vega_over_an_stm32l4_lies_between_its_two_estimates():
    """arXiv 2110.10486: 65 times as fast, at 1/37 of the energy; that MobileNet's layers behind 23, 1.6 instructions a
    multiply-accumulate."""
    macs = Macs(3_247_000_000, 2_173_000_000, 3_247_000_000)
    found = {
        device.name: estimate(device, macs, {board: 1.6 * macs.total for board in boards.BOARDS}) for device in DEVICES
    }
    theirs, at_best, ours = found["VEGA"], found["VEGA, at best"], found["STM32L4"]
    assert ours.seconds / theirs.seconds < 65 < ours.seconds / at_best.seconds
    assert ours.joules / theirs.joules < 37 < ours.joules / at_best.joules


def test_devices_differ_and_name_their_sources():
    assert len({device.name for device in DEVICES}) == len(DEVICES) == 5
    for device in DEVICES:
        values = dataclasses.asdict(device)
        assert all(values.pop(name) for name in values.copy())
        assert device.sleep_watts < device.active_watts / 10
