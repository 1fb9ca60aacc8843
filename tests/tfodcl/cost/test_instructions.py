"""Instructions of steps from costs that are easy to add up by hand."""

import json

import pytest

from tfodcl.cost.instructions import KernelCosts, read_kernel_costs, step_instructions
from tfodcl.errors import InputError
from tfodcl.stages.network import Network, convolution, head, pool

# Instructions for each multiply-accumulate or value, each another power of ten.
EACH = {
    ("depthwise_3x3_8x8x128", "forward"): 1,
    ("depthwise_3x3_8x8x128", "weight_gradient"): 10,
    ("pointwise_8x8x64_to_128", "forward"): 2,
    ("pointwise_8x8x64_to_128", "error"): 3,
    ("pointwise_8x8x64_to_128", "weight_gradient"): 4,
    ("fully_connected_256_to_50", "forward"): 5,
    ("fully_connected_256_to_50", "error"): 6,
    ("fully_connected_256_to_50", "weight_gradient"): 7,
    ("batch_renorm_8x8x128", "normalize"): 100,
    ("batch_renorm_8x8x128", "map"): 1_000,
    ("batch_renorm_8x8x128", "error"): 10_000,
    ("relu", "forward"): 100_000,
    ("relu", "error"): 200_000,
    ("average_pool_4x4x256", "forward"): 8,
    ("average_pool_4x4x256", "error"): 9,
    ("softmax_cross_entropy", "both"): 50,
    ("sgd", "begin"): 11,
    ("sgd", "end"): 12,
}


def rows(each: dict[tuple[str, str], int], count: int = 40) -> list[dict]:
    return [
        {"layer": layer, "part": part, "count": count, "instructions": count * instructions, "crc32": 7}
        for (layer, part), instructions in each.items()
    ]


@pytest.fixture
def network() -> Network:
    """2x2x3 -> depthwise -> pointwise to 5 -> mean -> 4 classes."""
    first = convolution("first", "depthwise", (2, 2, 3), 3, 3, 1)
    second = convolution("second", "pointwise", first.output_shape, 5, 1, 1)
    mean = pool("mean", second.output_shape)
    return Network((2, 2, 3), (first, second, mean, head(mean.output_shape, 4)))


def test_a_step_adds_up_what_its_kernels_take(network):
    """By hand, a mini-batch of 10; per output of a convolution 100 + 10,000 + 2 x 1,000 + 100,000 + 200,000."""
    per_output, again = 312_100, 101_000
    found = step_instructions(network, 10, KernelCosts(rows(EACH)))
    assert found == {
        "first": 10 * 2 * 2 * 3 * 9 * (1 + 10) + 10 * 12 * per_output + (27 + 3 + 3) * 23,
        "second": 10 * 4 * 15 * (2 + 3 + 4) + 10 * 20 * per_output + 10 * 12 * again + (15 + 5 + 5) * 23,
        "mean": 10 * 20 * (8 + 9),
        "head": 10 * 20 * (5 + 6 + 7) + 10 * 4 * 50 + 20 * 23,
    }


def test_larger_measured_layers_weigh_more():
    small = rows({("conv_3x3_8x8x32_to_64", "forward"): 2}, count=100)
    large = rows({("conv_3x3_4x4x128_to_128", "forward"): 1}, count=300)
    costs = KernelCosts([*small, *large])
    assert costs.each("conv", "forward") == (200 + 300) / 400


def test_a_kernel_that_was_not_measured_is_named(network):
    some = {name: value for name, value in EACH.items() if name[0] != "sgd"}
    with pytest.raises(InputError, match=r"costs of sgd begin must have been measured\. Received: depthwise forward,"):
        step_instructions(network, 10, KernelCosts(rows(some)))


def write(path, **content):
    path.write_text(json.dumps({"schema": 1, "boards": {"one": rows(EACH), "two": rows(EACH)}} | content))
    return path


def test_a_file_is_read_by_board(tmp_path):
    found = read_kernel_costs(write(tmp_path / "costs.json"), ("one", "two"))
    assert list(found) == ["one", "two"] and found["two"].each("sgd", "begin", "end") == 23


@pytest.mark.parametrize(
    "content",
    [
        {"schema": 2},
        {"boards": {"one": rows(EACH)}},
        {"boards": []},
        {"boards": {"one": rows(EACH), "two": 3}},
        {"boards": {"one": rows(EACH), "two": [{"layer": "relu"}]}},
        {"boards": {"one": rows(EACH), "two": rows(EACH, count=0)}},
    ],
)
def test_other_files_are_refused(content, tmp_path):
    with pytest.raises(InputError, match=r"must .*Received: "):
        read_kernel_costs(write(tmp_path / "costs.json", **content), ("one", "two"))


@pytest.mark.parametrize("text", ["", "[]", "no JSON"])
def test_files_that_are_no_object_are_refused(text, tmp_path):
    (tmp_path / "costs.json").write_text(text)
    for path in (tmp_path / "costs.json", tmp_path / "missing.json"):
        with pytest.raises(InputError, match=r"must be what tools/kernel_costs.py writes of one, two\. Received: "):
            read_kernel_costs(path, ("one", "two"))
