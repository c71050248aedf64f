"""Recorded cells as tables: blocks, means over seeds, and every format."""

import csv
import io
from dataclasses import replace

import numpy as np
import pytest

from iclbook import published, records
from iclbook.gpt.report import render
from iclbook.gpt.report.recorded import Block, find_block, recorded_blocks
from iclbook.gpt.report.tables import of_stores, side_by_side
from iclbook.gpt.study.run import Group, run_study
from tests.unit.tiny_study import setup_of, tiny_model


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    with tiny_model(tmp_path_factory) as folder:
        yield folder


@pytest.fixture(scope="module")
def recorded(tiny, tmp_path_factory):
    """Records of two tasks and two seeds."""
    folder = tmp_path_factory.mktemp("records")
    groups = [
        Group(setup_of(tiny, task=task, seed=seed), (0.05,))
        for task in ("subj", "sst2")
        for seed in (0, 1)
    ]
    list(run_study(groups, folder))
    return folder


def test_tables_are_means_over_seeds(recorded):
    found = of_stores(recorded)
    accuracy = found[0]
    assert accuracy.columns == ("sst2", "subj")
    cells = [r for r in records.all_records(recorded) if r.config["task"] == "sst2"]
    rows = dict(accuracy.rows)
    expected = [100 * r["accuracy"]["icl"]["accuracy"] for r in cells]
    assert rows["ICL"][0].mean == pytest.approx(np.mean(expected))
    spread = np.std(expected, ddof=1) / np.sqrt(2) * 12.7062  # t of one degree of freedom
    assert rows["ICL"][0].half == pytest.approx(spread, rel=1e-4, abs=1e-9)
    for table in found[1:]:
        for i, task in enumerate(table.columns):
            counts = sum(
                r["accuracy"]["icl"]["counts"]
                for r in records.all_records(recorded)
                if r.config["task"] == task
            )
            ours = [v for label, v in table.rows if not label.startswith("GPT")]
            if counts <= 1:
                assert all(values[i] is None for values in ours)
                assert any(task in note for note in table.notes)


def test_every_format_holds_the_same_numbers(recorded):
    found = of_stores(recorded)
    icl = dict(found[0].rows)["ICL"]
    rows = list(csv.DictReader(io.StringIO(render.render(found, "csv"))))
    same = [r for r in rows if r["table"] == found[0].title and r["row"] == "ICL"]
    assert [float(r["mean"]) for r in same] == pytest.approx([v.mean for v in icl], rel=1e-5)
    latex, text = (render.render(found, form) for form in ("latex", "text"))
    assert latex.count(r"\begin{table}") == latex.count(r"\end{table}") == len(found)
    assert r"accuracy (\%)" in latex
    for value in icl:
        assert f"{value.mean:.1f}" in text
        assert f"{value.mean:.1f}" in latex


def test_rec2ftp_stands_beside_the_chance_of_the_same_sets(tiny, tmp_path):
    def with_recall(seed, value, chance, count):
        record = cells[seed]
        recall = {**record["rec2ftp"], "value": value, "chance": chance, "count": count}
        accuracy = {**record["accuracy"], "icl": {**record["accuracy"]["icl"], "counts": True}}
        known = {"rec2ftp": recall, "accuracy": accuracy}
        changed = record.results.deterministic | {
            name: {"value": entry, "tolerance": 0.03} for name, entry in known.items()
        }
        return replace(record, results=replace(record.results, deterministic=changed))

    groups = [Group(setup_of(tiny, seed=seed), (0.05,)) for seed in (0, 1, 2)]
    list(run_study(groups, tmp_path))
    cells = sorted(records.all_records(tmp_path), key=lambda r: r.config["seed"])
    block = recorded_blocks(tmp_path)[0]
    few = [
        with_recall(0, 0.5, 0.4, 20),
        with_recall(1, None, 0.9, 3),
        with_recall(2, 0.7, 0.6, 40),
    ]
    (table,) = side_by_side([replace(block, cells={"sst2": few})])[1:2]
    ours = {label: values[0].mean for label, values in table.rows if "GPT" not in label}
    assert [round(v) for v in ours.values()] == [60, 50, 30]
    assert any("10 mended items or more: sst2 2 of 3" in note for note in table.notes)
    whole = side_by_side([replace(block, cells={"sst2": few[::2]})])[1]
    assert not any("mended" in note for note in whole.notes)


def test_models_stand_side_by_side_under_the_paper(recorded):
    (block,) = recorded_blocks(recorded)
    small = Block("small", block.preset, {"mini-" + t: c for t, c in block.cells.items()})
    one = Block("one", block.preset, {"subj": block.cells["subj"][:1]})
    found = side_by_side([small, one])
    assert [table.title[:2] for table in found] == ["1.", "2.", "3.", "4.", "5."]
    accuracy = found[0]
    assert accuracy.columns == ("sst2", "subj")
    rows = dict(accuracy.rows)
    assert rows["GPT 1.3B (paper): ICL"][0].mean == 92.7
    percent = dict(scale=100.0, similarity=False)
    assert rows["small: ICL"] == block.row("accuracy", "icl", "accuracy", **percent)
    missing, alone = rows["one: ICL"]
    assert missing is None
    assert alone.half is None
    html = render.render(found, "html")
    assert html.count("<table>") == html.count("</table>") == 5
    assert html.count(f"{rows['small: ICL'][0].mean:.1f} <small>± ") >= 1
    assert '<th colspan="3" scope="colgroup">small</th>' in html
    assert "&lt;" not in html
    with pytest.raises(ValueError, match="no blocks"):
        side_by_side([])


def test_only_what_depends_on_demonstrations_has_an_interval(recorded):
    rows = dict(of_stores(recorded)[0].rows)
    assert [value.half for value in rows["ZSL"]] == [None, None]
    assert None not in [value.half for value in rows["FT"] + rows["ICL"]]


def test_tables_say_where_demonstrations_do_not_fit(tiny, tmp_path):
    list(run_study([Group(setup_of(tiny, k=200), (0.05,))], tmp_path))
    used = records.all_records(tmp_path)[0]["k_used"]
    assert 0 < used < 200
    for table in of_stores(tmp_path):
        assert f"demonstrations that fit the window: sst2 {used}" in table.notes


def test_means_of_the_paper_are_those_that_it_prints(recorded):
    (block,) = recorded_blocks(recorded)
    six = tuple(published.table("dai2023-5").columns[:6])
    cells = dict.fromkeys(six, block.cells["subj"])
    kendall = side_by_side([Block("ours", block.preset, cells)])[4]
    one = side_by_side([Block("ours", block.preset, {"subj": cells["subj"]})])[4]
    assert [line[-1] for line in one.text() if line[0].startswith("GPT 1.3B")] == ["0.001", "0.181"]
    printed = {label: line[-1] for label, *line in kendall.text()}
    assert printed["GPT 1.3B (paper): FT"] == "0.193"  # of the rounded values: 0.194
    assert printed["GPT 2.7B (paper): FT"] == "0.214"


def test_no_minus_stands_before_a_zero():
    table = render.Table("t", ("a",), (("r", (render.Value(-0.0004),)),))
    assert render.render([table]).split()[-1] == "0.000"


def test_a_displayed_table_has_its_text(recorded, capsys, monkeypatch):
    shown = []
    monkeypatch.setattr("iclbook.controls.display", lambda data, raw: shown.append(data))
    found = of_stores(recorded)
    render.show(*found)
    assert shown[0]["text/plain"] == render.render(found)
    assert shown[0]["text/html"].count('class="comparison"') == len(found)


def test_a_sweep_has_a_block_a_rate(tiny, tmp_path):
    list(run_study([Group(setup_of(tiny), (0.01, 0.1))], tmp_path))
    assert [b.label.split(", ")[-1] for b in recorded_blocks(tmp_path)] == ["rate 0.01", "rate 0.1"]


def test_a_block_is_found_by_its_model(tiny, tmp_path):
    list(run_study([Group(setup_of(tiny, k=32), (0.01,))], tmp_path))
    assert find_block(tiny, tmp_path) == recorded_blocks(tmp_path)[0]
    with pytest.raises(ValueError, match=r"no finished cells of 'gpt2, k = 32'.* --model gpt2 "):
        find_block("gpt2", tmp_path)


def test_without_cells_there_is_no_table(tmp_path):
    with pytest.raises(ValueError, match="python -m iclbook run"):
        of_stores(tmp_path)
