"""Published numbers: complete, consistent with each other, and known mismatches by name."""

import re
import subprocess
import sys
from pathlib import Path
from statistics import mean, stdev

import pytest

from iclbook import published

ROOT = Path(__file__).parents[2]
TASKS = ("sst2", "sst5", "mr", "subj", "agnews", "cb")


def test_every_table_is_complete():
    for name in published.tables():
        table = published.table(name)
        assert table.id == name
        assert table.read in ("paper", "files", "second-hand")
        assert all((table.title, table.unit, table.where, table.rows))
        abouts = [
            tuple(v for k, v in row.items() if k not in ("values", "spread")) for row in table.rows
        ]
        assert len(set(abouts)) == len(abouts)
        for row in table.rows:
            assert len(row["values"]) == len(table.columns)
            tasks = [column for column in table.columns if column != "average"]
            assert "spread" not in row or len(row["spread"]) == len(tasks)


def test_the_tables_that_the_book_compares_itself_with_are_there():
    wanted = {f"dai2023-{number}" for number in (1, 2, 3, 4, 5, 6, 7, 9)}
    wanted |= {f"deutch2024-{what}" for what in (1, 2, 3, "runs", "layers")}
    assert wanted <= set(published.tables())


def test_every_source_is_in_the_bibliography():
    keys = set(re.findall(r"@\w+\{(\w+),", (ROOT / "book/references.bib").read_text()))
    assert {published.table(name).source.cite for name in published.tables()} <= keys


def test_second_hand_numbers_are_marked():
    marked = {name for name in published.tables() if published.table(name).read == "second-hand"}
    assert marked == {name for name in published.tables() if name.startswith("shen2024")}


def test_averages_are_those_of_their_cells_but_for_two():
    units = {"dai2023-2": 0.01, "dai2023-7": 0.1}
    different = {}
    for table in map(published.table, published.tables()):
        for row in table.rows if "average" in table.columns else ():
            *cells, average = row["values"]
            if abs(mean(cells) - average) > units.get(table.id, 0.001) / 2 + 1e-9:
                different[table.id, row.get("metric"), row.get("rule")] = round(mean(cells), 3)
    assert different == {
        ("deutch2024-2", "simaou-normalised", "lcgd"): 0.280,  # printed as 0.279
        ("deutch2024-2", "simam-difference", "lcgd"): 0.337,  # printed as 0.336
    }


def runs(column, task, rule):
    """The three stored runs of a task and rule."""
    table = published.table("deutch2024-runs")
    return [table.value(column, task=task, rule=rule, run=run) for run in (1, 2, 3)]


@pytest.mark.parametrize("metric", ["simaou-normalised", "simam-difference"])
@pytest.mark.parametrize("rule", ["gd", "lcgd"])
def test_stored_runs_give_the_table_of_the_paper(metric, rule):
    table = published.table("deutch2024-2")
    for task in TASKS:
        stored = runs(metric, task, rule)
        assert mean(stored) == pytest.approx(
            table.value(task, metric=metric, rule=rule), abs=0.0051
        )
        spread = table.spread(metric=metric, rule=rule)[task]
        assert stdev(stored) == pytest.approx(spread, abs=0.0051)
    average = mean(mean(runs(metric, task, rule)) for task in TASKS)
    assert average == pytest.approx(table.value("average", metric=metric, rule=rule), abs=0.003)


@pytest.mark.parametrize("metric", ["simaou-normalised", "simam-difference"])
@pytest.mark.parametrize("rule", ["gd", "lcgd"])
def test_layers_average_to_the_stored_runs(metric, rule):
    layers = published.table("deutch2024-layers").row(metric=metric, rule=rule)
    expected = mean(value for task in TASKS for value in runs(metric, task, rule))
    assert len(layers) == 24
    assert mean(layers.values()) == pytest.approx(expected, abs=0.001)


def test_the_first_stored_run_repeats_dai_except_where_the_window_cuts():
    dai = published.table("dai2023-3").row(model="1.3B", update="ft")
    different = {
        task for task in TASKS if abs(runs("simaou-normalised", task, "gd")[0] - dai[task]) > 5e-4
    }
    assert different == {"agnews", "cb"}


def test_untrained_runs_give_the_table_but_for_three_cells():
    paper, stored = published.table("deutch2024-1"), published.table("deutch2024-untrained-runs")
    different = {}
    for metric in stored.columns:
        for model in ("embeddings", "untrained"):
            for task in paper.columns:
                three = [stored.value(metric, model=model, task=task, run=r) for r in (1, 2, 3)]
                if abs(mean(three) - paper.value(task, metric=metric, model=model)) > 0.0051:
                    different[metric, model, task] = round(mean(three), 3)
    assert different == {
        ("simaou", "untrained", "subj"): 0.165,  # 0.06 in the paper
        ("simaou", "embeddings", "mr"): 0.246,  # 0.24
        ("simam-difference", "embeddings", "sst2"): 0.085,  # 0.09
    }


def test_the_follow_up_starts_from_the_papers_settings():
    dai, deutch = published.table("dai2023-9"), published.table("deutch2024-settings")
    assert dai.row(model="1.3B", quantity="lr") == deutch.row(quantity="lr")
    for run in (1, 2, 3):
        assert deutch.row(quantity="seed", run=run) == {
            task: seed + run - 1 for task, seed in dai.row(model="1.3B", quantity="seed").items()
        }


def test_a_wrong_question_is_answered_with_what_there_is():
    with pytest.raises(ValueError, match="the published tables are dai2023-1, "):
        published.table("dai2023-8")
    with pytest.raises(ValueError, match=r"fits 2 rows of dai2023-2; they are: model='1.3B'"):
        published.table("dai2023-2").row()
    with pytest.raises(ValueError, match="column is 'rte'"):
        published.table("dai2023-2").value("rte", model="1.3B")


def test_it_is_light_to_import():
    code = (
        "import sys; from iclbook import published; published.table('dai2023-1'); "
        "print({'numpy', 'scipy', 'torch'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, text=True, capture_output=True)
    assert done.stdout.strip() == "set()", done.stderr
