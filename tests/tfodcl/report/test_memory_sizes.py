"""The sections about what the sizes of Miro's memory cost and bring."""

import re
from xml.etree import ElementTree

import numpy as np
import pytest

from tests.tfodcl.report.conftest import make_pair, make_task_method
from tests.tfodcl.report.test_pareto import marks, named
from tfodcl.report import memory_sizes, pareto, write_report

ENERGY, RATIO = "Accuracy over energy", "Accuracy over swap ratio"
SOURCE = "constants of X, not measured"


def method(joules, accuracy, source=SOURCE):
    entry = make_task_method(runs=2) | {"energy": {"joules": joules, "source": source}}
    entry["accuracy_mean"][-1], entry["accuracy_std"][-1] = accuracy, 0.02
    return entry


def energy_charts(pairs, methods):
    """The wide chart and the narrow one."""
    html = memory_sizes.over_energy(pairs, memory_sizes.with_energy(methods))
    return re.findall(r'<svg class="(?:wide|narrow)".*?</svg>', html)


def dominated_by_none(pairs):
    """The front by its definition."""

    def better(a, b):
        as_good = a["joules"] <= b["joules"] and a["accuracy_mean"] >= b["accuracy_mean"]
        return as_good and (a["joules"], a["accuracy_mean"]) != (b["joules"], b["accuracy_mean"])

    return [pair for pair in pairs if not any(better(other, pair) for other in pairs)]


@pytest.mark.parametrize("seed", range(5))
def test_the_line_goes_through_all_pairs_that_no_other_dominates_and_through_no_other_mark(seed):
    rng = np.random.default_rng(seed)
    pairs = [
        make_pair(f"{i}:1", float(joules), float(accuracy))
        for i, (joules, accuracy) in enumerate(zip(rng.integers(1, 9, 20), rng.integers(1, 9, 20) / 20, strict=True))
    ]
    expected = dominated_by_none(pairs)
    assert sorted(pair["setting"] for pair in pareto.front(pairs, pareto.ENERGY)) == sorted(
        pair["setting"] for pair in expected
    )
    for svg in energy_charts(pairs, {"miro": method(1.0, 0.99), "er": method(20.0, 0.01)}):
        places, pale = marks(svg)
        assert len(places) == 22 and len(pale) == 20 - len(expected)
        (line,) = [one.get("d") for one in ElementTree.fromstring(svg).iter("path") if one.get("class") == "line front"]
        start, *steps = line[1:].split("H")
        corners = [tuple(map(float, start.split(",")))] + [tuple(map(float, step.split("V"))) for step in steps[:-1]]
        assert set(corners) == {named(places, pair["setting"]) for pair in expected}
        assert not set(corners) & {named(places, "Miro"), named(places, "ER")}


def test_marks_stand_by_their_joules_from_zero_and_methods_have_whiskers(sizes):
    content = sizes()
    pairs = memory_sizes.held_fixed(content["ablations"])
    for svg in energy_charts(pairs, content["methods"]):
        places, pale = marks(svg)
        assert set(places) == {
            "500:500, raw, 1\u00a0kJ: 30.0\u00a0±\u00a01.0\u00a0%",
            "2000:500, raw, 2\u00a0kJ: 42.0\u00a0±\u00a01.0\u00a0%",
            "500:2000, raw, 2.2\u00a0kJ: 35.0\u00a0±\u00a01.0\u00a0%",
            "4000:500, raw, 4\u00a0kJ: 47.0\u00a0±\u00a01.0\u00a0%",
            *(title for title in places if title.startswith(("Miro, 2.5\u00a0kJ: 46.0", "ER, 5.2\u00a0kJ: 44.0"))),
        }
        assert len(places) == 6 and [title.partition(",")[0] for title in pale] == ["500:2000"]
        zero = float(re.search(r'<text class="tick" x="([0-9.]+)"[^>]*>0\u00a0J<', svg)[1])
        scale = named(places, "4000:500")[0] - zero
        for name, joules in (("500:500", 1000), ("Miro", 2500), ("ER", 5200)):
            assert (named(places, name)[0] - zero) / scale == pytest.approx(joules / 4000, abs=1e-3)
        whiskers = re.findall(r'<path class="leader" [^>]*d="M([0-9.]+),([0-9.]+)V([0-9.]+)"', svg)
        expected = {named(places, name)[0] for name in ("500:500", "2000:500", "4000:500", "Miro", "ER")}
        assert {float(x) for x, _, _ in whiskers} == expected
        assert all(float(low) > float(high) for _, low, high in whiskers)


def test_the_table_has_pairs_and_methods_by_energy_and_tells_who_is_on_the_front(section_text, sizes):
    content = sizes()
    content["ablations"].append(make_pair("4000:500", 3000.0, 0.41, records="uniform:4"))
    for entry in content["methods"].values():
        entry["accuracy_std"][-1] = 0.02
    text = section_text([content], ENERGY)
    table = text[text.index("setting records") :]
    assert table == (
        "setting records bytes per record energy accuracy, % on the front "
        "500:500 raw 3,074 B 1 kJ 30.0 ± 1.0 yes 2000:500 raw 3,074 B 2 kJ 42.0 ± 1.0 yes "
        "500:2000 raw 3,074 B 2.2 kJ 35.0 ± 1.0 – Miro – – 2.5 kJ 46.0 ± 2.0 – "
        "4000:500 uniform:4 1,540 B 3 kJ 41.0 ± 1.0 – 4000:500 raw 3,074 B 4 kJ 47.0 ± 1.0 yes "
        "ER – – 5.2 kJ 44.0 ± 2.0 –"
    )
    assert "held fixed, raw held fixed, uniform ER Miro" in text
    assert "swap ratio 20 %" in text and "Energy by constants of X, not measured." in text
    assert "different sources" not in text


@pytest.mark.parametrize(
    ("joules", "accuracy", "sentence"),
    [
        (
            2500.0,
            0.46,
            "Miro is 4.0 points above the front at its energy (2000:500, raw); "
            "Miro saves 1.5 kJ (37.5 %) against the cheapest pair of at least its accuracy (4000:500, raw).",
        ),
        (
            4400.0,
            0.45,
            "Miro is 2.0 points below the front at its energy (4000:500, raw); "
            "Miro takes 400 J more than the cheapest pair of at least its accuracy (4000:500, raw).",
        ),
        (4000.0, 0.48, "Miro is 1.0 points above the front at its energy (4000:500, raw); no pair is as accurate."),
        (
            900.0,
            0.30,
            "No pair held fixed takes as little energy as Miro; "
            "Miro saves 100 J (10.0 %) against the cheapest pair of at least its accuracy (500:500, raw).",
        ),
        (0.0, 0.9, "No pair held fixed takes as little energy as Miro; no pair is as accurate."),
    ],
)
def test_a_sentence_tells_how_far_miro_is_from_the_front_and_what_it_saves(
    section_text, sizes, joules, accuracy, sentence
):
    content = sizes()
    content["methods"]["miro"]["accuracy_mean"][-1] = accuracy
    content["methods"]["miro"]["energy"]["joules"] = joules
    assert sentence in section_text([content], ENERGY)


def test_miro_with_latents_has_a_sentence_of_its_own_and_other_methods_have_none(section_text, sizes):
    content = sizes()
    content["methods"]["miro_latent"] = method(2100.0, 0.41)
    text = section_text([content], ENERGY)
    label = pareto.ENERGY.name({"method": "miro_latent"})
    assert f"{label} is 1.0 points below the front at its energy (2000:500, raw)" in text
    assert text.count("the front at its energy") == 2


def test_pairs_that_cost_nothing_are_drawn_and_compared(section_text, sizes):
    content = sizes()
    for entry in (*content["ablations"], *(one["energy"] for one in content["methods"].values())):
        entry["joules"] = 0
    text = section_text([content], ENERGY)
    assert "Miro is 1.0 points below the front at its energy (4000:500, raw); Miro saves 0 J against" in text


def test_several_sources_of_energy_are_all_named_as_not_to_compare(section_text, sizes):
    content = sizes()
    content["methods"]["miro"]["energy"]["source"] = "INA3221 <rail>"
    text = section_text([content], ENERGY)
    assert "Energy by constants of X, not measured; by INA3221 <rail>." in text
    assert "What different sources say does not compare." in text


def test_two_methods_with_energy_are_compared_without_pairs_and_one_is_not(section_text, sizes):
    content = sizes()
    del content["ablations"]
    text = section_text([content], ENERGY)
    assert "ER, 5.2 kJ" in text and "Miro, 2.5 kJ" in text and "Energy by constants of X, not measured." in text
    assert "front)" not in text and "held fixed" not in text.lower() and "at its energy" not in text
    assert "line front" not in "".join(energy_charts([], content["methods"]))
    del content["methods"]["er"]["energy"]
    assert section_text([content], ENERGY) == section_text([content], RATIO) == ""


def test_pairs_are_shown_where_no_method_knows_its_energy(section_text, sizes):
    content = sizes()
    for entry in content["methods"].values():
        entry["energy"] = None
    text = section_text([content], ENERGY)
    assert "4000:500" in text and "Miro" not in text and "ER" not in text


def test_pairs_of_the_front_have_miros_own_ratio_that_most_pairs_have_or_else_the_usual_one():
    own = [make_pair("1:1", 1, 0.1, 0.5), make_pair("2:1", 1, 0.1, 0.5), make_pair("1:1", 1, 0.1, 0.2)]
    assert memory_sizes.held_fixed(own) == own[:2]
    ratios = [make_pair("1:1", 1, 0.1, ratio) for ratio in (0, 0.05, 0.2, 1)]
    assert memory_sizes.held_fixed(ratios) == [ratios[2]]
    assert memory_sizes.held_fixed([]) == []


def test_the_pair_with_most_swap_ratios_is_shown_by_them(section_text, sizes):
    content = sizes()
    content["ablations"].append(make_pair("4000:500", 3900.0, 0.4, swap_ratio=0))
    text = section_text([content], RATIO)
    assert "sizes held at 2000:500, raw," in text and "published knee, 15 % to 20 %" in text
    table = text[text.index("swap ratio accuracy") :]
    assert table == ("swap ratio accuracy, % energy 5 % 38.0 ± 1.0 1.8 kJ 20 % 42.0 ± 1.0 2 kJ 100 % 43.0 ± 1.0 2.9 kJ")
    assert text.count("5 % swapped, 1.8 kJ: 38.0 ± 1.0 %") == 2  # wide and narrow


def test_one_swap_ratio_has_no_section_of_its_own(section_text, sizes):
    content = sizes()
    content["ablations"] = content["ablations"][:4] + [make_pair("2000:500", 1.0, 0.4, 0.3, records="uniform:4")]
    assert section_text([content], RATIO) == ""
    assert section_text([content], ENERGY)


@pytest.mark.parametrize("wide", [True, False])
def test_marks_stand_by_their_ratio_from_0_to_100_with_whiskers_on_a_line_and_the_knee_behind(sizes, wide):
    entries = memory_sizes.swap_ratios(sizes()["ablations"])
    svg = re.findall(r'<svg class="(?:wide|narrow)".*?</svg>', memory_sizes.over_ratio(entries))[0 if wide else 1]
    places, _ = marks(svg)
    (zero, hundred) = (
        float(re.search(rf'<text class="tick" x="([0-9.]+)"[^>]*middle">{text}<', svg)[1]) for text in (0, 100)
    )
    shares = [(x - zero) / (hundred - zero) for x, _ in places.values()]
    assert shares == pytest.approx([0.05, 0.2, 1], abs=1e-3)
    line = re.search('<path class="line front" [^>]*d="M([^"]*)"', svg)[1]
    assert [tuple(map(float, place.split(","))) for place in line.split("L")] == list(places.values())
    whiskers = re.findall(r'class="leader" [^>]*d="M([0-9.]+),([0-9.]+)V([0-9.]+)"', svg)
    for (x, y), (whisker_x, low, high) in zip(places.values(), whiskers, strict=True):
        assert float(whisker_x) == x
        assert (float(low) + float(high)) / 2 == pytest.approx(y, abs=0.2) and float(low) > float(high)
    knee = ElementTree.fromstring(svg).find("rect")
    left, width = float(knee.get("x")), float(knee.get("width"))
    assert (left - zero) / (hundred - zero) == pytest.approx(0.15, abs=1e-3)
    assert width / (hundred - zero) == pytest.approx(0.05, abs=1e-3)


def test_texts_of_pairs_are_escaped(tmp_path, sizes):
    content, hostile = sizes(), "<script>&\"'"
    for entry in content["ablations"]:
        entry |= {"setting": hostile, "records": f"{hostile}:4", "energy_source": hostile}
    content["ablations"][1]["setting"] += "2"
    content["methods"]["miro"]["energy"]["source"] = hostile
    write_report([content], tmp_path / "report.html")
    html = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "<script" not in html and "&lt;script&gt;" in html
