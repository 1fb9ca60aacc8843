"""What the page says, and that it needs nothing else."""

import copy
import re
import subprocess
import sys
from html.parser import HTMLParser

import pytest

from tfodcl.errors import InputError
from tfodcl.report import write_report
from tfodcl.report.appearance import look
from tfodcl.report.published import LIFELEARNER
from tfodcl.report.task_fields import FIGURES, TASK_ACCURACY

LABELS = {
    "pretrained": "Pretrained",
    "oml": "OML",
    "anml": "ANML",
    "oml_aim": "OML+AIM",
    "anml_aim": "ANML+AIM",
    "oracle": "Oracle",
    "raw_replay": "Raw replay",
    "latent_replay": "Latent replay",
    "pq_replay": "PQ replay",
    "lifelearner": "LifeLearner",
}
VOID = {"meta", "link", "br", "hr", "img", "input"}


def required_only(result):
    for name in ("stages", "runs", "protocol", "versions"):
        del result[name]
    for name in ("name", "codec"):
        del result["encoder"][name]
    for entry in result["methods"].values():
        for name in ("accuracy_matrix", "forgetting_mean", "forgetting_std", "learning_rate", "memory_bytes"):
            del entry[name]
    return result


class Page(HTMLParser):
    """Checks that tags nest, and gathers text, tags, ids and references."""

    def __init__(self, html):
        super().__init__(convert_charrefs=True)
        self.open, self.tags, self.ids, self.references, self.texts = [], [], [], [], []
        self.feed(html)
        self.close()
        assert self.open == []
        self.text = " ".join(" ".join(self.texts).split())  # no-break spaces become spaces

    def handle_starttag(self, tag, attrs):
        self.handle_startendtag(tag, attrs)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)
        for name, value in attrs:
            if name == "id":
                self.ids.append(value)
            if name in ("href", "src", "xlink:href", "data", "action", "srcset"):
                self.references.append(value)
            assert not name.startswith("on")

    def handle_endtag(self, tag):
        assert self.open and self.open.pop() == tag

    def handle_data(self, data):
        if self.open[-1:] != ["style"]:
            self.texts.append(data)


def page(tmp_path, *several):
    path = tmp_path / "report.html"
    write_report(list(several), path)
    return Page(path.read_text(encoding="utf-8"))


def shown(accuracy):
    return f"{100 * accuracy:.1f}"


def test_the_page_is_well_formed_and_names_every_method_with_its_final_accuracy(tmp_path, results):
    result = results()
    text = page(tmp_path, result).text
    assert list(result["methods"]) == list(LABELS)
    for name, label in LABELS.items():
        assert f"{label} {shown(result['methods'][name]['accuracy_mean'][-1])}" in text


def test_the_page_refers_to_nothing_outside_itself(tmp_path, results, tasks):
    parsed = page(tmp_path, results(), tasks())
    html = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert set(parsed.references) == {"data:,", "#chapter-1", "#chapter-2"}
    assert parsed.ids == ["chapter-1", "chapter-2"]
    assert not {"script", "img", "iframe", "object", "base"} & set(parsed.tags)
    for outside in ("http:", "https:", "//", "url(", "@import"):
        assert outside not in html


def test_the_headline_says_what_was_learnt_how_well_and_in_how_many_bytes(tmp_path, results):
    result = results()
    finals = {name: round(100 * entry["accuracy_mean"][-1], 1) for name, entry in result["methods"].items()}
    text = page(tmp_path, result).text
    assert (
        "LifeLearner learnt 15 new classes of cifar100 from 30 samples each and recognises "
        f"{finals['lifelearner']} % of unseen samples." in text
    )
    assert f"{finals['lifelearner'] - finals['anml']:.1f} points below LifeLearner" in text
    assert "546 B 5.6 × smaller than the raw sample (3,074 B)" in text
    assert "30 × smaller than the float32 latent (16,384 B)" in text


def test_training_batches_are_called_so_wherever_they_are_counted(tmp_path, sweep):
    parsed, result = page(tmp_path, sweep()), sweep()["methods"]["qlr"]
    final = shown(result["accuracy_mean"][-1])
    assert f"QLR-CL learnt 30 classes of cifar100 in 141 training batches and recognises {final} %" in parsed.text
    assert "of all classes of the stream, those to come included" in parsed.text and "guessing" not in parsed.text
    assert "Accuracy in % after 141 training batches." in parsed.text
    assert f"QLR-CL, 141 training batches: {final}" in parsed.text
    assert "classes learnt" not in parsed.text and "training batches learnt 1 20 141" in parsed.text
    anonymous = sweep()
    del anonymous["protocol"]
    assert "QLR-CL learnt 141 training batches of cifar100" in page(tmp_path, anonymous).text


def test_methods_of_tasks_have_both_accuracies_in_charts_cards_and_tables(tmp_path, tasks, section_text):
    content = tasks(encoder="resnet18_32")
    content["layers"]["published"] = []
    entry = content["methods"]["lightcl"]
    deviations = [entry[name][-1] for name in ("accuracy_std", "task_accuracy_std")]
    both = [
        f"{shown(entry[name][-1])} ± {shown(deviation)} %"
        for name, deviation in zip(("accuracy_mean", "task_accuracy_mean"), deviations, strict=True)
    ]
    finals = section_text([content], "Final accuracy")
    among, told = finals.split("Task-incremental: among the classes of its task, which is told")
    assert "Class-incremental: among all classes learnt" in among
    for text, final in ((among, both[0]), (told, both[1])):
        assert f"LightCL {final}" in text
        assert "0 20 40 60 80 100" in text  # one axis for both
    cards = section_text([content], "Method by method")
    assert f"LightCL {both[0]} {both[1]} with the task told freezes layers" in cards
    assert "Thin: with the task told." in cards
    numbers = section_text([content], "All numbers")
    for kind, name in (("Class", "accuracy_mean"), ("Task", "task_accuracy_mean")):
        table = numbers[numbers.index(f"{kind}-incremental accuracy classes learnt 2 4 6 8 10") :]
        line = table[table.index("LightCL") :].replace("± ", "±")
        assert [cell for cell in line.split() if "±" not in cell][1:6] == [shown(value) for value in entry[name]]
    assert "average incremental" in numbers and "61.2 93.4" in numbers and "Riemer et al." in numbers
    text = page(tmp_path, content).text
    assert f"LightCL learnt 10 new classes of cifar10 and recognises {both[0].split()[0]} %" in text
    assert f"with the task told {both[1].split()[0]} % task-incremental accuracy" in text
    assert "points below LightCL; new data only" in text and "paper" not in text


def test_published_figures_of_tasks_stand_beside_those_of_the_published_network(tmp_path, tasks, section_text):
    content = tasks()
    finals = section_text([content], "Final accuracy")
    among, told = finals.split("Task-incremental:")
    assert "Hollow diamond: paper (Table), 10 classes. Class" in among
    assert "paper 55.5" in among and "paper 96.3" in told and "paper 94.6" in told and "paper 94.6" not in among
    assert "pre-trained on ImageNet" in section_text([content], "Accuracy while learning")
    numbers = section_text([content], "All numbers")
    assert numbers.count("classes learnt 2 4 6 8 10 paper (Table)") == 2
    assert "preset paper" not in page(tmp_path, content).text


def test_task_accuracies_of_some_methods_are_shown_for_these(tasks, section_text):
    content = tasks(encoder="resnet18_32")
    for name in content["methods"]:
        if name not in ("er", "pnn"):
            content["methods"][name] |= dict.fromkeys((*TASK_ACCURACY, *FIGURES, "cost"))
    _, told = section_text([content], "Final accuracy").split("Task-incremental:")
    assert [label for label in ("Naive", "PNN", "ER", "LightCL") if label in told] == ["PNN", "ER"]
    numbers = section_text([content], "All numbers")
    assert re.search("Naive 3 [^A-Z]* – – 0 0 B", numbers) and re.search("PNN 3 [^A-Z]* 61.2 93.4 0 0 B", numbers)
    assert "Naive" not in section_text([content], "Cost of training")


def test_fields_of_tasks_that_are_null_or_absent_leave_nothing(tmp_path, tasks):
    absent, null = tasks(), tasks()
    del absent["layers"]
    null["layers"] = None
    for name in (*TASK_ACCURACY, *FIGURES, "cost"):
        for method in absent["methods"]:
            del absent["methods"][method][name]
            null["methods"][method][name] = None
    write_report([absent], tmp_path / "absent.html")
    write_report([null], tmp_path / "null.html")
    assert (tmp_path / "absent.html").read_bytes() == (tmp_path / "null.html").read_bytes()
    text = page(tmp_path, absent).text
    for part in ("incremental", "task told", "Which layers", "Cost of training", "over memory", "learning accuracy"):
        assert part not in text
    assert "LightCL, sparse learnt 10 new classes" in text  # the most accurate one


def test_methods_without_replay_memory_are_said_to_have_no_records(tmp_path, tasks):
    """Those that have one may not say how large its records are."""
    content = tasks()
    for method in content["methods"].values():
        method |= {"bytes_per_record": 0, "replay_bytes": 0}
    content["methods"]["er"]["replay_bytes"] = 46_080
    content["methods"]["lightcl"] |= {"bytes_per_record": 528, "replay_bytes": 5280}
    text = page(tmp_path, content).text
    silent = [look(name).label for name in content["methods"] if name not in ("er", "lightcl")]
    assert f"its label included. {', '.join(silent)}: no records." in text


def test_every_number_of_the_costs_table_is_there(tmp_path, results):
    text = page(tmp_path, results()).text
    for figure in (
        "12.3 ± 1.0",
        "546",
        "240 KiB",
        "121 KiB",
        "6.5 s",
        "inner 0.001, outer 0.0003",
        "7.1 %",
        "98.7 %",
    ):
        assert figure in text
    assert "python -m tfodcl.train --dataset cifar100 --seed 0 --out 'runs/cifar100'" in text
    assert "meta-train" in text and "4,000 steps" in text and "6 min 53 s" in text


@pytest.mark.parametrize("dataset", ["cifar100", "miniimagenet", "speech_commands"])
def test_the_papers_points_are_shown_for_its_data_sets(tmp_path, dataset, results):
    text = page(tmp_path, results(dataset)).text
    num_classes, finals = LIFELEARNER[dataset]
    assert "paper (Fig.)" in text and f"{num_classes} classes" in text
    for accuracy in finals.values():
        assert f"paper {shown(accuracy)}" in text


@pytest.mark.parametrize("dataset", ["arabic_speech_commands", "glyphs", "omniglot"])
def test_other_data_sets_have_no_papers_points(tmp_path, dataset, results):
    assert "paper" not in page(tmp_path, results(dataset)).text


def test_text_from_the_user_is_escaped(tmp_path, results, method):
    hostile = "<script>alert('1')</script>&\"x"
    result = results(hostile, ["lifelearner", "anml"])
    result["methods"][hostile] = method()
    result["methods"][hostile]["memory_bytes"] = {hostile: 5}
    result["methods"][hostile]["cost"] = {"memory_bytes": {hostile: 5}, "flops": {"forward": 1, "backward": 2}}
    entry = {"mean": [0.1], "std": [0.1], "runs": 2}
    result["layers"] = {"names": [hostile], "memory_stability": entry, "learning_plasticity": entry}
    result["command"] = result["preset"] = result["encoder"]["name"] = hostile
    result["stages"] = [{"name": hostile, "seconds": 1.0}]
    result["protocol"] = {hostile: hostile, "samples_per_class": hostile}
    result["versions"] = {hostile: [hostile, {hostile: None}]}
    parsed = page(tmp_path, result, results())
    assert "script" not in parsed.tags
    assert hostile in parsed.text
    assert hostile not in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_a_label_that_is_no_valid_text_does_not_stop_the_report(tmp_path, results):
    assert "learnt 15 new classes of ?" in page(tmp_path, results("\ud800")).text


def test_absent_fields_drop_their_part(tmp_path, results):
    text = page(tmp_path, required_only(results())).text
    for part in (
        "Forgetting",
        "Memory by part",
        "accuracy matrix",
        "Protocol",
        "Versions",
        "Stages of training",
    ):
        assert part not in text
    assert "Final accuracy" in text and "Bytes per record" in text


def test_one_evaluation_point_gives_no_curve(tmp_path, results, method):
    text = page(tmp_path, results() | {"methods": {"lifelearner": method(points=(2,), runs=1)}}).text
    assert "Accuracy while learning" not in text and "Final accuracy" in text and "one run" in text


def test_many_points_and_many_methods_of_ones_own_fit(tmp_path, results, method):
    entries = {f"own_{i}": method(seed=i, points=tuple(range(1, 41))) for i in range(30)}
    text = page(tmp_path, results() | {"methods": entries}).text
    for name in entries:
        assert f"{name} {shown(entries[name]['accuracy_mean'][-1])}" in text


def test_methods_of_different_lengths_share_a_chart(tmp_path, results, method):
    entries = {"anml": method(record=0), "short": method(points=(3, 4), runs=1)}
    text = page(tmp_path, results() | {"methods": entries}).text
    assert "after 4 or 15 classes" in text
    assert "nan" not in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_the_same_results_give_the_same_bytes(tmp_path, results, tasks):
    write_report([results(), tasks(), tasks(seed=1)], tmp_path / "a.html")
    write_report([results(), tasks(), tasks(seed=1)], tmp_path / "b.html")
    assert (tmp_path / "a.html").read_bytes() == (tmp_path / "b.html").read_bytes()


def test_writing_does_not_change_the_results(tmp_path, results, tasks):
    several = [results(), results(seed=1), tasks(), tasks(seed=1)]
    before = copy.deepcopy(several)
    write_report(several, tmp_path / "report.html")
    assert several == before


def test_no_results_are_refused(tmp_path):
    with pytest.raises(InputError, match="at least one results.json"):
        write_report([], tmp_path / "report.html")


def test_the_report_needs_neither_a_display_nor_tensorflow():
    code = "import sys, tfodcl.report; print({'tensorflow', 'matplotlib', 'sklearn'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
