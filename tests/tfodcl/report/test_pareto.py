"""The scatter of codec settings: where marks stand, what the front's line goes through, what is said of each."""

import math
import re
from xml.etree import ElementTree

import pytest

from tests.tfodcl.report.conftest import make_setting, make_sweep
from tfodcl.report import pareto

ENTRIES = [
    make_setting("uniform:8", 194, 0.45),
    make_setting("uniform:1", 26, 0.05),
    make_setting("pq:8", 26, 0.43),
    make_setting("pq:64", 5, 0.40),
    make_setting("bitmap_pq:96:8", 38, 0.44),
    make_setting("bitmap_pq:48:8", 38, 0.41),
]
FRONT = ["pq:64", "pq:8", "bitmap_pq:96:8", "uniform:8"]


def marks(svg):
    """{title: (x, y)} of all marks, and the titles of the pale ones."""
    root = ElementTree.fromstring(svg)
    parent = {child: one for one in root.iter() for child in one}
    places, pale = {}, set()
    for title in root.iterfind(".//g/title"):
        group = parent[title]
        shift = re.fullmatch(r"translate\((.+),(.+)\)", group.find("path").get("transform"))
        places[title.text] = tuple(map(float, shift.groups()))
        if parent[group].get("class") == "dominated":
            pale.add(title.text)
    return places, pale


def named(places, setting):
    (place,) = [place for title, place in places.items() if title.startswith(f"{setting},")]
    return place


def test_the_front_has_what_no_other_setting_dominates_by_rising_bytes():
    assert [one["setting"] for one in pareto.front(ENTRIES)] == FRONT


@pytest.mark.parametrize("wide", [True, False])
def test_every_setting_has_a_mark_and_a_title_with_its_figures(wide):
    places, pale = marks(pareto.chart(ENTRIES, 0.45, wide))
    assert len(places) == len(ENTRIES)
    assert "bitmap_pq:96:8, 38\u00a0B: 44.0\u00a0±\u00a01.0\u00a0%" in places
    assert {title.partition(",")[0] for title in pale} == {"uniform:1", "bitmap_pq:48:8"}


def test_marks_stand_by_the_logarithm_of_their_bytes_and_by_their_accuracy():
    places, _ = marks(pareto.chart(ENTRIES, 0.45, wide=True))
    (x0, y0), (x1, y1), (x2, y2) = (named(places, name) for name in ("pq:64", "pq:8", "uniform:8"))
    assert (x1 - x0) / (x2 - x0) == pytest.approx(math.log2(26 / 5) / math.log2(194 / 5), abs=1e-3)
    assert (y1 - y0) / (y2 - y0) == pytest.approx(0.03 / 0.05, abs=1e-3)
    assert y2 < y0  # upwards


def test_the_line_steps_through_the_front_and_goes_on_to_the_right():
    svg = pareto.chart(ENTRIES, 0.45, wide=True)
    places, _ = marks(svg)
    (line,) = [one.get("d") for one in ElementTree.fromstring(svg).iter("path") if one.get("class") == "line front"]
    start, *steps = re.split("H", line)
    corners = [tuple(map(float, start[1:].split(",")))]
    corners += [tuple(map(float, step.split("V"))) for step in steps[:-1]]
    assert corners == [named(places, name) for name in FRONT]
    assert float(steps[-1]) >= corners[-1][0]


def test_a_mark_far_below_the_front_stands_at_the_foot():
    svg = pareto.chart(ENTRIES, 0.45, wide=True)
    places, _ = marks(svg)
    (foot,) = [one.get("d") for one in ElementTree.fromstring(svg).iter("path") if one.get("class") == "axis"][:1]
    assert named(places, "uniform:1")[1] == float(re.search(",([0-9.]+)H", foot)[1])
    assert named(places, "bitmap_pq:48:8")[1] < named(places, "uniform:1")[1]


def test_the_reference_is_a_line_at_its_accuracy_and_absent_without_one():
    svg = pareto.chart(ENTRIES, 0.45, wide=True)
    (line,) = [one.get("d") for one in ElementTree.fromstring(svg).iter("path") if one.get("class") == "chance"]
    places, _ = marks(svg)
    assert float(re.search(",([0-9.]+)H", line)[1]) == named(places, "uniform:8")[1]
    assert "uncompressed" in svg and "uncompressed" not in pareto.chart(ENTRIES, None, wide=True)


def test_settings_of_a_sweep_stand_by_their_replay_memory_and_look_like_their_layer():
    entries = make_sweep()["ablations"]
    svg = pareto.chart(entries, None, True, pareto.LATENT_REPLAYS)
    places, pale = marks(svg)
    sizes = [500 * 4098, 500 * 3074, 1500 * 514]
    (x0, y0), (x1, y1), (x2, y2) = (
        named(places, name) for name in ("layer 23, uniform:8", "layer 23, uniform:6", "layer 27, uniform:8")
    )
    assert (x0 - x1) / (x0 - x2) == pytest.approx(
        math.log2(sizes[0] / sizes[1]) / math.log2(sizes[0] / sizes[2]), abs=1e-3
    )
    assert (y0 - y1) / (y0 - y2) == pytest.approx(0.01 / 0.06, abs=1e-3)
    assert {title.partition(" replays")[0] for title in pale} == {"layer 27, float32, 1,500"}
    drawn = re.findall(r'<title>(layer \d+)[^<]*</title><path class="mark" style="(--c:[^"]*)" d="([^"]*)"', svg)
    assert len(drawn) == 4
    assert len(set(drawn)) == len({style for _, style, _ in drawn}) == 2


@pytest.mark.parametrize("wide", [True, False])
@pytest.mark.parametrize("accuracy", [0.0, 0.5, 1.0])
def test_one_setting_alone_is_drawn(wide, accuracy):
    places, _ = marks(pareto.chart([make_setting("pq:8", 16, accuracy, 0.0)], None, wide))
    ((x, y),) = places.values()
    assert 0 <= x <= 920 and 0 <= y <= 400


def test_labels_of_the_front_do_not_overlap():
    crowded = [make_setting(f"bitmap_pq:{i}:8", 30 + i, 0.4 + i / 1000) for i in range(40)]
    labels = [
        (float(one.get("x")), float(one.get("y")), len(one.text))  # text ends at x
        for one in ElementTree.fromstring(pareto.chart(crowded, None, wide=True)).iter("text")
        if (one.text or "").startswith("bitmap_pq")
    ]
    assert labels
    for i, (x, y, _) in enumerate(labels):
        for other_x, other_y, other_length in labels[:i]:
            left_of_it = x <= other_x - pareto.CHARACTER_WIDTH * other_length
            assert left_of_it or abs(y - other_y) >= pareto.LABEL_HEIGHT - 0.1
