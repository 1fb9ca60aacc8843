"""Parts and FLOPs by hand, from what stages/test_resnet.py holds against Keras."""

import dataclasses

import numpy as np
import pytest

from tfodcl.compress.setting import CodecSetting
from tfodcl.cost.training import (
    METHODS,
    Workload,
    cut_units,
    memory,
    network_of,
    num_macs,
    num_replayed,
    sample_flops,
    stream_flops,
)
from tfodcl.errors import InputError
from tfodcl.methods import TASK_METHODS
from tfodcl.replay.hierarchy import Sizes
from tfodcl.stages.resnet import num_parameters, resnet

# ResNet-18, 32x32x3, 10 classes. A stage of width w has one w/2 x w and three w x w kernels of 3x3, but the first four
# w x w; a shortcut of w/2 x w; and 2 w scales and offsets for each convolution.
STAGE_4 = 9 * (256 * 512 + 3 * 512 * 512) + 256 * 512 + 2 * 5 * 512
PARAMETERS = 11_173_952
HEAD = 512 * 10
MAPS = 4 * (64 * 32 * 32 + 128 * 16 * 16 + 256 * 8 * 8 + 512 * 4 * 4) + 64 * 32 * 32  # of 3x3, and the stem's
SHORT_MAPS = 128 * 16 * 16 + 256 * 8 * 8 + 512 * 4 * 4
STAGE_4_MAPS, STAGE_4_SHORT_MAPS, LATENT = 4 * 512 * 4 * 4, 512 * 4 * 4, 256 * 8 * 8
MACS = 555_422_720
STAGE_4_MACS = 16 * (9 * (256 * 512 + 3 * 512 * 512) + 256 * 512) + HEAD
RAW = 32 * 32 * 3


@pytest.fixture(scope="module")
def cifar() -> Workload:
    return Workload(resnet(18, (32, 32, 3), 10), num_tasks=5, num_samples=45_000, num_epochs=50)


def trained_whole(num_samples: int) -> dict[str, int]:
    """Of a step with so many samples."""
    return {
        "parameters": 4 * PARAMETERS,
        "gradients": 4 * PARAMETERS,
        "feature_maps": 4 * num_samples * MAPS,
        "pointwise_maps": 4 * num_samples * SHORT_MAPS,
        "inputs": 4 * num_samples * RAW,
    }


def test_there_is_a_cost_of_each_method():
    assert METHODS == TASK_METHODS


def test_the_counts_above_are_those_of_the_description(cifar):
    network = cifar.network
    assert (num_parameters(network.units), num_macs(network.units)) == (PARAMETERS, MACS)
    trained = network.cut(network.blocks_before_last_stage)[1]
    assert (num_parameters(trained), num_macs(trained)) == (STAGE_4 + HEAD, STAGE_4_MACS)


@pytest.mark.parametrize(
    ("method", "num_samples", "further"),
    [
        ("naive", 32, {}),
        ("joint", 32, {"buffer": 45_000 * RAW}),
        ("ewc", 32, {"importance": 4 * PARAMETERS, "anchor": 4 * PARAMETERS}),
        (
            "pnn",
            32,
            {
                "columns": 4 * 4 * PARAMETERS,
                # Of the newest column 4 of each kernel, with gradients; 1, 2 and 3 of the earlier.
                "laterals": 4 * (2 * 4 + 1 + 2 + 3) * (64**2 + 128**2 + 256**2 + 512**2),
                "lateral_inputs": 4 * 32 * 4 * (64 * 32 * 32 + 128 * 16 * 16 + 256 * 8 * 8 + 512 * 4 * 4),
            },
        ),
        ("er", 32 + 15, {"buffer": 15 * RAW}),
        ("fdr", 32 + 15, {"buffer": 15 * (RAW + 4 * 10)}),
        ("derpp", 32 + 2 * 15, {"buffer": 15 * (RAW + 4 * 10)}),
    ],
)
def test_methods_that_train_all_hold_their_own_beside_what_training_takes(cifar, method, num_samples, further):
    assert memory(method, cifar) == trained_whole(num_samples) | further


@pytest.mark.parametrize(("method", "dense"), [("sparcl", "er"), ("sparcl_derpp", "derpp")])
def test_sparcl_holds_a_tenth_of_the_parameters_and_a_twentieth_of_the_gradients_but_whole_maps(cifar, method, dense):
    sparse = {"parameters": 4 * 1_117_395, "gradients": 4 * 558_698, "masks": PARAMETERS // 4}
    assert memory(method, cifar) == memory(dense, cifar) | sparse


FREEZING = {
    "parameters": 4 * (STAGE_4 + HEAD),
    "gradients": 4 * (STAGE_4 + HEAD),
    "feature_maps": 4 * 32 * STAGE_4_MAPS,
    "pointwise_maps": 4 * 32 * STAGE_4_SHORT_MAPS,
    "inputs": 4 * 32 * LATENT,
    "frozen_parameters": PARAMETERS - STAGE_4 - HEAD,
    "frozen_maps": 3 * 64 * 32 * 32,
    "frozen_outputs": 2 * 2**20,
}


def test_freezing_leaves_the_last_stage_in_float32_and_the_rest_in_int8_with_a_full_cache(cifar):
    assert memory("lightcl_freezing", cifar) == FREEZING


def test_lightcl_holds_references_too_and_their_maps_in_each_step(cifar):
    assert memory("lightcl", cifar) == FREEZING | {
        "feature_maps": 4 * 47 * STAGE_4_MAPS,
        "pointwise_maps": 4 * 47 * STAGE_4_SHORT_MAPS,
        "inputs": 4 * 47 * LATENT,
        "references": 4 * 15 * (STAGE_4_MAPS + 10),
    }


def test_a_cache_holds_both_images_of_a_tasks_samples_and_no_half_pairs(cifar):
    for cache_bytes, expected in ((10**12, 2 * 9_000 * LATENT), (7 * LATENT, 6 * LATENT), (2 * LATENT - 1, None)):
        workload = dataclasses.replace(cifar, cache_bytes=cache_bytes)
        assert memory("lightcl", workload).get("frozen_outputs") == expected


def test_sparse_lightcl_is_lightcl_of_a_narrower_network(cifar):
    narrow = dataclasses.replace(cifar, network=resnet(18, (32, 32, 3), 10, kept=cifar.kept))
    assert network_of("lightcl_sparse", cifar) == narrow.network
    assert memory("lightcl_sparse", cifar) == memory("lightcl", narrow)
    assert sample_flops("lightcl_sparse", cifar) == sample_flops("lightcl", narrow)


def test_methods_that_keep_no_samples_do_not_depend_on_the_buffer(cifar):
    smaller = dataclasses.replace(cifar, buffer_size=0)
    for method in ("naive", "joint", "ewc", "pnn"):
        assert memory(method, smaller) == memory(method, cifar)
        assert sample_flops(method, smaller) == sample_flops(method, cifar)


def test_no_replay_is_larger_than_a_mini_batch_but_all_references_are_looked_at(cifar):
    larger = dataclasses.replace(cifar, buffer_size=200)
    found = {method: num_replayed(method, larger) for method in ("naive", "er", "derpp", "lightcl")}
    assert found == {"naive": 0, "er": 32, "derpp": 64, "lightcl": 200}


FORWARD, STAGE_4_FORWARD = 2 * MACS, 2 * STAGE_4_MACS
LATERAL = 2 * 4 * 64**2 * 32**2  # one of each kernel: positions fall as channels rise


@pytest.mark.parametrize(
    ("method", "parts"),
    [
        ("naive", {}),
        ("ewc", {}),
        # Of task i: forwards of i columns; of column k, k laterals; of the newest the weight gradient.
        ("pnn", {"columns": (0 + 1 + 2 + 3 + 4) / 5 * FORWARD, "laterals": (0 + 2 + 5 + 9 + 14) / 5 * LATERAL}),
        ("er", {"replayed_forward": 15 / 32 * FORWARD, "replayed_backward": 15 / 32 * 2 * FORWARD}),
        ("fdr", {"replayed_forward": 15 / 32 * FORWARD, "replayed_backward": 15 / 32 * 2 * FORWARD}),
        ("derpp", {"replayed_forward": 30 / 32 * FORWARD, "replayed_backward": 30 / 32 * 2 * FORWARD}),
    ],
)
def test_flops_are_a_forward_and_twice_as_many_backward_and_those_of_the_method(cifar, method, parts):
    expected = {"forward": FORWARD, "backward": 2 * FORWARD} | parts
    assert sample_flops(method, cifar) == pytest.approx(expected)
    assert sum(stream_flops(method, cifar).values()) == pytest.approx(45_000 * 50 * sum(expected.values()))


def test_joint_training_trains_after_each_task_on_all_so_far(cifar):
    naive = stream_flops("naive", cifar)
    every = {name: flops * (1 + 2 + 3 + 4 + 5) / 5 for name, flops in naive.items()}
    assert stream_flops("joint", cifar) == pytest.approx(every)


def test_sparcl_computes_forward_and_error_of_a_tenth_and_weight_gradients_of_a_twentieth(cifar):
    for sparse, dense in (("sparcl", "er"), ("sparcl_derpp", "derpp")):
        totals = [sum(stream_flops(name, cifar).values()) for name in (sparse, dense)]
        assert totals[0] == pytest.approx((0.1 + 0.1 + 0.05) / 3 * totals[1])


LAST_STAGE = {
    "forward": STAGE_4_FORWARD,
    "backward": 2 * STAGE_4_FORWARD,
    "replayed_forward": 15 / 32 * STAGE_4_FORWARD,
    "replayed_backward": 15 / 32 * 2 * STAGE_4_FORWARD,
}


@pytest.mark.parametrize(
    ("cached_samples", "frozen_forwards"),
    [(9_000, 2 / 50), (0, 1.0), (4_500, (2 / 50 + 1) / 2)],
)
def test_lightcl_computes_its_frozen_stage_once_of_what_is_cached_and_else_in_each_of_50_epochs(
    cifar, cached_samples, frozen_forwards
):
    workload = dataclasses.replace(cifar, cache_bytes=cached_samples * 2 * LATENT)
    frozen = {"frozen_forward": frozen_forwards * (FORWARD - STAGE_4_FORWARD)}
    assert sample_flops("lightcl", workload) == pytest.approx(LAST_STAGE | frozen)
    new = {name: flops for name, flops in LAST_STAGE.items() if not name.startswith("replayed")}
    assert sample_flops("lightcl_freezing", workload) == pytest.approx(new | frozen)


@pytest.mark.parametrize("method", ["icarl", "bic"])
def test_icarl_and_bic_hold_the_network_before_the_task_and_run_it_too(cifar, method):
    assert memory(method, cifar) == trained_whole(32) | {"network_before": 4 * PARAMETERS, "buffer": 15 * RAW}
    old = 4 * 15 / 45_000  # in each task but the first
    expected = {
        "forward": 2 * MACS,
        "backward": 4 * MACS,
        "replayed_forward": old * 2 * MACS,
        "replayed_backward": old * 4 * MACS,
        "forward_before": (1 + old) * 2 * MACS,
    }
    assert sample_flops(method, cifar) == pytest.approx(expected)
    found = stream_flops(method, cifar)
    epochs = cifar.num_samples * cifar.num_epochs
    assert found["forward"] == pytest.approx(epochs * (1 + old) * 4 * MACS)


def test_miro_trains_on_both_tiers_in_every_epoch(cifar):
    workload = dataclasses.replace(cifar, sizes=Sizes(2000, 3000))  # of 9,000 samples a task
    assert memory("miro", workload) == trained_whole(32) | {"buffer": 5000 * (RAW + 16)}
    per_epoch = 5 * 3000 + 4 * 2000
    flops = stream_flops("miro", workload)
    assert flops["forward"] == pytest.approx(cifar.num_epochs * per_epoch * 2 * MACS)
    assert flops["backward"] == pytest.approx(2 * flops["forward"])
    roomy = dataclasses.replace(cifar, sizes=Sizes(20_000, 50_000))
    everything = 45_000 + 9_000 + 18_000 + 2 * 20_000  # what there is, then what fits
    assert stream_flops("miro", roomy)["forward"] == pytest.approx(cifar.num_epochs * everything * 2 * MACS)


@pytest.mark.parametrize(
    ("setting", "record_bytes", "codec_bytes"),
    [(None, LATENT, None), ("uniform:4", LATENT // 2, 32), ("pq:8", LATENT // 8, 32 + 256 * LATENT)],
)
def test_miro_over_latents_runs_its_frozen_stage_once_a_sample_and_keeps_records(
    cifar, setting, record_bytes, codec_bytes
):
    codec = CodecSetting.parse(setting).fit(np.zeros((1, LATENT), np.int8), 0, 0) if setting else None
    workload = dataclasses.replace(cifar, sizes=Sizes(2000, 3000), codec=codec)
    found = memory("miro_latent", workload)
    assert found.pop("buffer") == 5000 * (record_bytes + 16) and found.pop("codec", None) == codec_bytes
    assert found == {name: size for name, size in FREEZING.items() if name != "frozen_outputs"}
    trained = 50 * (5 * 3000 + 4 * 2000) * STAGE_4_FORWARD
    flops = stream_flops("miro_latent", workload)
    assert flops["forward"] == pytest.approx(trained + 45_000 * (FORWARD - STAGE_4_FORWARD))
    assert flops["backward"] == pytest.approx(2 * trained)


def test_a_deeper_network_holds_more_in_its_pointwise_maps_than_in_the_others(cifar):
    deeper = dataclasses.replace(cifar, network=resnet(50, (32, 32, 3), 10))
    for method in METHODS:
        parts = memory(method, deeper)
        assert parts["pointwise_maps"] > 2 * parts["feature_maps"]
        assert all(isinstance(size, int) and size > 0 for size in parts.values())


@pytest.mark.parametrize(
    ("bad", "received"),
    [
        ({"num_tasks": 0}, "num_tasks must be at least 1. Received: num_tasks=0."),
        ({"num_samples": 4}, "num_samples must be at least one a task. Received: num_samples=4."),
        ({"num_epochs": 0}, "num_epochs must be at least 1. Received: num_epochs=0."),
        ({"batch_size": 0}, "batch_size must be at least 1. Received: batch_size=0."),
        ({"buffer_size": -1}, "buffer_size must be at least 0. Received: buffer_size=-1."),
        ({"sparsity": 1.0}, "sparsity must be at least 0 and below 1. Received: sparsity=1.0."),
        (
            {"gradient_sparsity": -0.1},
            "gradient_sparsity must be at least 0 and below 1. Received: gradient_sparsity=-0.1.",
        ),
        ({"cache_bytes": -1}, "cache_bytes must be at least 0. Received: cache_bytes=-1."),
    ],
)
def test_workloads_out_of_range_are_named(cifar, bad, received):
    with pytest.raises(InputError) as caught:
        dataclasses.replace(cifar, **bad)
    assert str(caught.value) == received


def test_other_methods_are_named(cifar):
    for function in (memory, sample_flops, stream_flops, num_replayed, network_of, cut_units):
        with pytest.raises(InputError, match=r"method must be one of naive, joint, .* Received: 'agem'\."):
            function("agem", cifar)


def test_a_narrow_network_is_not_thinned_again(cifar):
    narrow = dataclasses.replace(cifar, network=network_of("lightcl_sparse", cifar))
    with pytest.raises(
        InputError, match=r"must have all channels, .* with a stem of 51\. Received: 1030352 parameters"
    ):
        memory("lightcl_sparse", narrow)


def test_shares_of_channels_out_of_range_are_named(cifar):
    with pytest.raises(InputError, match="shares of channels must be above 0"):
        memory("lightcl_sparse", dataclasses.replace(cifar, kept=(0.8, 0.8, 0.3, 0.0)))
