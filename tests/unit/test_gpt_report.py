"""Recorded cells in blocks, and tables of them, on made-up records."""

import csv
import io
import json
from dataclasses import asdict, replace

import pytest

from iclbook import published, records
from iclbook.__main__ import main
from iclbook.gpt.report import render
from iclbook.gpt.report.controlled import controlled_blocks, find_block
from iclbook.gpt.report.recorded import recorded_blocks
from iclbook.gpt.report.tables import of_stores, side_by_side
from iclbook.gpt.study.cell import Cell
from iclbook.records.provenance import provenance
from iclbook.records.sources import hashes

MODULE = "iclbook.gpt.study.cell"
ORIGIN = provenance(MODULE, hashes(MODULE), 1.0)


def score(mean: float) -> dict:
    references = {name: {"mean": mean / 4} for name in ("chance", "uniform", "isotropic")}
    return {"mean": mean, "references": references}


def record(
    counts=True,
    recall=0.5,
    icl=0.8,
    created="2026-01-01",
    k_used=None,
    inputs=None,
    origin=None,
    **settings,
):
    """A finished cell: settings as of `Cell`, and numbers that are what they are called."""
    cell = Cell(**(dict(model="tiny", task="sst2", k=4, lr=0.1) | settings))
    given = cell.settings
    accuracy = {"zsl": 0.4, "ft": 0.7, "icl": icl}
    found = {
        "items": cell.items or 100,
        "model_origin": {"n_parameters": 1, "source": None, "untrained": False} | (origin or {}),
        "k": cell.k,
        "k_used": cell.k if k_used is None else k_used,
        "diverged": False,
        "inputs": {"model": "w", "dtype": "float32", "task": "t", "rows": "r"} | (inputs or {}),
        "accuracy": {s: {"accuracy": accuracy[s], "counts": counts} for s in given},
    }
    if len(given) == 3:
        found["rec2ftp"] = {"value": recall, "chance": 0.4, "count": 20, "p": 1e-9}
        place = {
            "simaou": {"normalised": score(0.4), "plain": score(0.2)},
            "simam": {name: score(0.8) for name in ("before", "after", "difference")},
            "kendall": score(0.1),
        }
        positions = ("last", "label") if cell.preset == "book" else ("label",)
        found["positions"] = dict.fromkeys(positions, place)
    config = json.loads(json.dumps(asdict(cell)))
    results = records.Results({n: {"value": v, "tolerance": 0.0} for n, v in found.items()})
    digest = records.config_hash(config | found | {"created": created})[:8]
    origin = ORIGIN | {"created": f"{created}T00:00:00+00:00"}
    return records.Record("gpt-cell", f"cell-{digest}", config, results, origin)


def store(folder, *cells):
    for cell in cells:
        records.write(cell, folder)
    return folder


@pytest.fixture
def recorded(tmp_path):
    """Two tasks and two demonstration sets of one model."""
    return store(
        tmp_path,
        *(
            record(task=task, seed=seed, icl=0.6 + 0.1 * seed, counts=task == "sst2")
            for task in ("subj", "sst2")
            for seed in (0, 1)
        ),
    )


def ours(table) -> dict:
    return {label: row for label, row in table.rows if not label.startswith("GPT")}


def test_tables_are_means_over_demonstration_sets(recorded):
    accuracy, *others = of_stores(recorded)
    assert accuracy.columns == ("sst2", "subj")
    icl = ours(accuracy)["ICL"]
    assert [v.mean for v in icl] == pytest.approx([65, 65])
    assert icl[0].half == pytest.approx(5 * 12.7062, rel=1e-4)  # t of one degree of freedom
    assert [v.half for v in ours(accuracy)["ZSL"]] == [None, None]  # no demonstrations, no sets
    assert [table.title[:2] for table in others] == ["2.", "3.", "4.", "5."]
    for table in others:
        for values in ours(table).values():
            assert values[0] is not None
            assert values[1] is None  # no better than its own label frequencies
        assert any("no similarities: subj" in note for note in table.notes)
        assert "2 demonstration sets, 100 items" in table.notes


def test_each_metric_has_its_rows_chance_and_baselines(recorded):
    found = [{k: v[0].mean for k, v in ours(table).items()} for table in of_stores(recorded)]
    assert found[1:] == [
        {"Rec2FTP": 50, "chance": 40, "mended items (number)": 20},
        {"random update, isotropic": 0.1, "chance": 0.1, "FT update": 0.4},
        {"before FT": 0.8, "after FT": 0.8, "difference": 0.8},
        {"random query": 0.025, "FT": 0.1},
    ]


def test_every_format_holds_the_same_numbers(recorded):
    found = of_stores(recorded)
    icl = ours(found[0])["ICL"]
    rows = list(csv.DictReader(io.StringIO(render.render(found, "csv"))))
    same = [r for r in rows if r["table"] == found[0].title and r["row"] == "ICL"]
    assert [float(r["mean"]) for r in same] == pytest.approx([v.mean for v in icl], rel=1e-5)
    assert {(r["model"], r["settings"], r["demonstration_sets"]) for r in same} == {
        ("tiny", "k = 4", "2")
    }
    paper = [r for r in rows if r["row"] == "GPT 1.3B (paper): ICL"]
    assert {(r["model"], r["settings"], r["demonstration_sets"]) for r in paper} == {
        ("GPT 1.3B (paper)", "", "")
    }
    latex, text = (render.render(found, form) for form in ("latex", "text"))
    assert latex.count(r"\begin{table}") == latex.count(r"\end{table}") == len(found)
    assert r"accuracy (\%)" in latex
    for value in icl:
        assert f"{value.mean:.1f}" in text
        assert f"{value.mean:.1f}" in latex


def test_one_demonstration_set_counts_once(tmp_path):
    """On other threads or another device it is the same set: the latest run of it counts."""
    store(
        tmp_path,
        record(threads=1, icl=0.9, created="2026-01-02"),
        record(threads=2, icl=0.1, created="2026-01-01"),
        record(device="cpu", icl=0.1, created="2026-01-01"),
    )
    (block,) = recorded_blocks(tmp_path)
    assert block.values("sst2", "accuracy", "icl", "accuracy") == [0.9]
    assert block.sets() == "1 demonstration set"


@pytest.mark.parametrize(
    ("other", "settings"),
    [
        (dict(items=50), "k = 4, items 50"),
        (dict(k=8), "k = 8"),
        (dict(preset="dai-code"), "k = 4, preset dai-code"),
        (dict(settings=("zsl", "icl")), "k = 4, settings zsl icl"),
    ],
)
def test_what_differs_makes_a_block_of_its_own(tmp_path, other, settings):
    store(tmp_path, record(), record(**other))
    blocks = {block.settings: block for block in recorded_blocks(tmp_path)}
    assert set(blocks) == {"k = 4", settings}
    assert all(len(block.cells["sst2"]) == 1 for block in blocks.values())


@pytest.mark.parametrize(
    ("other", "settings"),
    [
        (dict(dtype="float64"), {"k = 4, dtype float32", "k = 4, dtype float64"}),
        (dict(model="changed"), {"k = 4, weights w", "k = 4, weights changed"}),
    ],
)
def test_blocks_say_in_which_inputs_they_differ(tmp_path, other, settings):
    store(tmp_path, record(), record(inputs=other))
    assert {block.settings for block in recorded_blocks(tmp_path)} == settings


@pytest.mark.parametrize("name", ["task", "rows"])
def test_sets_of_a_task_before_and_after_it_changed_are_not_averaged(tmp_path, name):
    store(
        tmp_path,
        *(record(seed=seed, icl=0.1) for seed in (0, 1)),
        record(created="2026-01-02", inputs={name: "new"}),
    )
    blocks = {
        b.settings: b.values("sst2", "accuracy", "icl", "accuracy")
        for b in recorded_blocks(tmp_path)
    }
    assert blocks.pop("k = 4") == [0.8]
    ((settings, values),) = blocks.items()
    assert "before the task changed" in settings
    assert values == [0.1, 0.1]


def test_given_demonstrations_are_a_set_a_file(tmp_path):
    store(
        tmp_path,
        *(
            record(demonstrations=f"{name}.jsonl", icl=icl, inputs={"demonstrations": name})
            for name, icl in (("one", 0.5), ("two", 0.7))
        ),
    )
    (block,) = recorded_blocks(tmp_path)
    assert sorted(block.values("sst2", "accuracy", "icl", "accuracy")) == [0.5, 0.7]


def test_a_sweep_has_a_block_a_rate(tmp_path):
    store(tmp_path, record(lr=0.01), record(lr=0.1))
    assert [b.settings for b in recorded_blocks(tmp_path)] == [
        "k = 4, rate 0.01",
        "k = 4, rate 0.1",
    ]


def test_a_rate_that_differs_from_set_to_set_is_no_sweep(tmp_path):
    store(tmp_path, record(lr=0.01, seed=0), record(lr=0.1, seed=1))
    (block,) = recorded_blocks(tmp_path)
    assert len(block.cells["sst2"]) == 2


def test_models_whose_folders_end_alike_have_names_of_their_own(tmp_path):
    runs = "run-c/checkpoint-500", "run-d/checkpoint-500"
    store(tmp_path, *(record(model=model, k=32) for model in runs), record(model="gpt2"))
    assert {block.model for block in recorded_blocks(tmp_path)} == {*runs, "gpt2"}
    for model in runs:
        assert find_block(model, tmp_path).cells["sst2"][0].config["model"] == model


def test_a_block_is_found_by_its_model_with_the_default_settings(tmp_path):
    store(tmp_path, record(k=32), record(k=16), record(k=32, items=9))
    assert find_block("tiny", tmp_path).settings == "k = 32"
    with pytest.raises(ValueError, match=r"no finished cells of 'gpt2' with .* --model gpt2 "):
        find_block("gpt2", tmp_path)


def test_controls_stand_beside_the_cells_of_their_model(tmp_path):
    """Another task is one control, whichever task it was; items do not tear a model apart."""
    store(
        tmp_path,
        record(k=32),
        record(k=32, task="mr", items=9),
        record(k=32, items=9, icl=0.1),
        record(k=32, control="wrong-labels"),
        record(k=32, control="mr"),
        record(k=32, task="mr", control="sst2"),
        record(k=32, model="tiny@untrained"),
        record(k=32, model="other"),
        record(k=16, control="wrong-labels"),
    )
    found = controlled_blocks(tmp_path)
    tasks = {name: tuple(block.cells) for name, block in found["tiny"].items()}
    assert tasks == {
        "": ("sst2", "mr"),
        "wrong-labels": ("sst2",),
        "another-task": ("sst2", "mr"),
        "@untrained": ("sst2",),
    }
    assert found["tiny"][""].values("sst2", "accuracy", "icl", "accuracy") == [0.8]
    for task, other in (("sst2", "mr"), ("mr", "sst2")):
        (cell,) = found["tiny"]["another-task"].cells[task]
        assert cell.config["control"] == other
    assert list(found["other"]) == [""]
    assert find_block("tiny@untrained", tmp_path) == found["tiny"]["@untrained"]
    for control, block in found["tiny"].items():
        assert find_block("tiny", tmp_path, control=control) == block


def test_networks_with_other_drawn_weights_are_one_control(tmp_path):
    """Of two with the same demonstrations the one of the later weights counts."""
    store(
        tmp_path,
        *(record(k=32, seed=seed) for seed in range(3)),
        *(record(k=32, model="tiny@untrained", seed=seed, icl=0.1) for seed in (0, 1)),
        record(k=32, model="tiny@untrained:2", seed=2, icl=0.3),
        record(k=32, model="tiny@untrained:10", seed=1, icl=0.9),
        record(k=32, model="tiny@untrained:1", seed=1, icl=0.2),
        record(k=32, model="tiny@untrained:3", seed=0, icl=0.4, items=9),
    )
    found = controlled_blocks(tmp_path)["tiny"]["@untrained"]
    assert found.values("sst2", "accuracy", "icl", "accuracy") == [0.1, 0.9, 0.3]
    assert [cell.config["seed"] for cell in found.cells["sst2"]] == [0, 1, 2]
    assert found.model == "tiny@untrained"


def test_one_task_has_one_number_of_items_and_one_precision(tmp_path):
    """Most controls, most items, then the precision of the most cells, which is named."""
    double = {"inputs": {"dtype": "float64"}}
    store(
        tmp_path,
        *(record(k=32, items=100, seed=seed, icl=0.1) for seed in (0, 1, 2)),
        record(k=32, items=300, seed=0, icl=0.9, **double),
        record(k=32, task="mr", seed=0, icl=0.2),
        *(record(k=32, task="mr", seed=seed, icl=0.3, **double) for seed in (0, 1, 2)),
        record(k=32, task="subj", items=100, seed=0, icl=0.4),
        *(record(k=32, task="subj", items=300, seed=seed, icl=0.5) for seed in (0, 1, 2)),
        record(k=32, task="subj", items=100, control="wrong-labels", seed=0),
    )
    found = controlled_blocks(tmp_path)["tiny"]
    block = found[""]
    assert {task: block.values(task, "accuracy", "icl", "accuracy") for task in block.cells} == {
        "sst2": [0.9],
        "subj": [0.4],
        "mr": [0.3] * 3,
    }
    assert block.settings == "k = 32, dtype float32 and float64"
    assert found["wrong-labels"].settings == "k = 32, control wrong-labels"


@pytest.mark.parametrize(
    ("control", "command"),
    [
        ("wrong-labels", "--model tiny --control wrong-labels "),
        ("another-task", "--model tiny --control TASK "),
        ("@untrained", "--model tiny@untrained --seeds"),
    ],
)
def test_a_control_that_is_not_recorded_is_named(tmp_path, control, command):
    store(tmp_path, record(k=32))
    with pytest.raises(ValueError, match=command):
        find_block("tiny", tmp_path, control=control)
    with pytest.raises(ValueError, match="control is 'swapped'; expected"):
        find_block("tiny", tmp_path, control="swapped")


def test_a_mistyped_path_is_no_dash(recorded):
    (block,) = recorded_blocks(recorded)
    for path, key in [
        (("accuracy", "icl", "acuracy"), "acuracy"),
        (("acuracy", "icl"), "acuracy"),
        (("positions", "lst", "simaou"), "lst"),
        (("positions", "last", "simaou", "normalized", "mean"), "normalized"),
        (("rec2ftp", "value", "mean"), "mean"),
        (("positions", "last", "simoau"), "simoau"),
    ]:
        with pytest.raises(ValueError, match=f"'{key}' is no entry of the results of tiny"):
            block.row(*path)


@pytest.mark.parametrize("settings", [("zsl",), ("icl",), ("ft",), ("zsl", "icl"), ("icl", "ft")])
def test_any_settings_have_all_tables_with_dashes_and_their_reason(tmp_path, settings):
    store(tmp_path, record(settings=settings))
    accuracy, *others = of_stores(tmp_path)
    filled = {label.lower() for label, row in ours(accuracy).items() if row[0] is not None}
    assert filled == set(settings)
    assert len(others) == 4
    for table in others:
        assert all(row == (None,) for row in ours(table).values())
        (reason,) = (note for note in table.notes if note.startswith("not run, and needed here"))
        assert all(s in reason for s in {"zsl", "ft", "icl"} - set(settings))


def test_a_position_that_was_not_read_is_dashes_with_the_reason(tmp_path):
    store(tmp_path, record(preset="dai-code"))
    table = of_stores(tmp_path, position="last")[2]
    assert all(row == (None,) for row in ours(table).values())
    assert "the preset dai-code does not read at the last prompt token" in table.notes
    with pytest.raises(ValueError, match="position is 'first'"):
        of_stores(tmp_path, position="first")


def test_rec2ftp_stands_beside_the_chance_of_the_same_sets(tmp_path):
    store(tmp_path, *(record(seed=i, recall=r) for i, r in enumerate((0.5, None, 0.7))))
    table = of_stores(tmp_path)[1]
    assert [row[0].mean for row in ours(table).values()] == pytest.approx([60, 40, 20])
    assert "sets with 10 mended items or more: sst2 2 of 3" in table.notes


def test_models_stand_side_by_side_under_the_paper(recorded):
    (block,) = recorded_blocks(recorded)
    small = replace(block, model="small", cells={"mini-" + t: c for t, c in block.cells.items()})
    one = replace(block, model="one", cells={"subj": block.cells["subj"][:1]})
    found = side_by_side([small, one])
    accuracy = found[0]
    assert accuracy.columns == ("sst2", "subj")
    rows = dict(accuracy.rows)
    assert rows["GPT 1.3B (paper): ICL"][0].mean == 92.7
    assert [v.mean for v in rows["small, k = 4: ICL"]] == pytest.approx([65, 65])
    missing, alone = rows["one, k = 4: ICL"]
    assert missing is None
    assert alone.half is None
    html = render.render(found, "html")
    assert html.count("<table>") == html.count("</table>") == 5
    assert "65.0 <small>± " in html
    assert 'scope="rowgroup">small, k = 4</th>' in html
    assert "&lt;" not in html
    assert "one: no records: sst2" in accuracy.notes
    assert "read at the last prompt token" in found[2].notes  # it holds for both
    with pytest.raises(ValueError, match="no blocks"):
        side_by_side([])


def test_tables_say_where_demonstrations_do_not_fit(tmp_path):
    store(tmp_path, record(k=200, k_used=19))
    for table in of_stores(tmp_path):
        assert "demonstrations that fit the window: sst2 19" in table.notes


def test_means_of_the_paper_are_those_that_it_prints(recorded):
    (block,) = recorded_blocks(recorded)
    six = tuple(published.table("dai2023-5").columns[:6])
    cells = dict.fromkeys(six, block.cells["sst2"])
    kendall = side_by_side([replace(block, cells=cells)])[4]
    one = side_by_side([replace(block, cells={"subj": block.cells["subj"]})])[4]
    assert [line[-1] for line in one.text() if line[0].startswith("GPT 1.3B")] == ["0.001", "0.181"]
    printed = {label: line[-1] for label, *line in kendall.text()}
    assert printed["GPT 1.3B (paper): FT"] == "0.193"  # of the rounded values: 0.194
    assert printed["GPT 2.7B (paper): FT"] == "0.214"


def test_no_minus_stands_before_a_zero():
    table = render.Table("t", ("a",), (("r", (render.Value(-0.0004),)),))
    assert render.render([table]).split()[-1] == "0.000"


def test_a_displayed_table_has_its_text(recorded, monkeypatch):
    shown = []
    monkeypatch.setattr("iclbook.controls.display", lambda data, raw: shown.append(data))
    found = of_stores(recorded)
    render.show(*found)
    assert shown[0]["text/plain"] == render.render(found)
    assert shown[0]["text/html"].count('class="comparison"') == len(found)


def test_the_table_command_shows_only_what_is_asked_for(tmp_path, capsys):
    store(tmp_path, record(), record(task="subj"), record(model="gpt2"), record(k=8))
    show = ["table", "--out", str(tmp_path), "--format", "csv"]

    def shown(*more):
        assert main([*show, *more]) == 0
        rows = csv.DictReader(io.StringIO(capsys.readouterr().out))
        return {(r["model"], r["settings"], r["task"]) for r in rows if "paper" not in r["model"]}

    everything = shown()
    store(tmp_path, record(model="runs/own"))
    assert shown("--model", "own") == shown("--model", "runs/own") == {("own", "k = 4", "sst2")}
    everything = shown()
    assert shown("--model", "gpt2") == {("gpt2", "k = 4", "sst2")}
    assert shown("--tasks", "subj") == {("tiny", "k = 4", "subj")}
    assert shown("--k", "8") == {("tiny", "k = 8", "sst2")}
    assert everything == shown("--k", "4", "8")
    assert main([*show, "--model", "gpt3"]) == 1
    errors = capsys.readouterr().err
    assert "no finished cells" in errors
    assert "there are models gpt2, own, tiny, tasks sst2, subj, k 4, 8;" in errors


def test_without_cells_there_is_no_table(tmp_path):
    with pytest.raises(ValueError, match="python -m iclbook run"):
        of_stores(tmp_path)


def test_a_value_over_seeds_has_the_interval_of_its_seeds():
    value = render.Value.over_seeds([0.2, 0.4])
    assert value.mean == pytest.approx(0.3)
    assert value.half == pytest.approx(0.1 * 12.7062, rel=1e-4)  # t of one degree of freedom
    assert f"{value:.2f}" == "0.30 ± 1.27"
    assert f"{render.Value.over_seeds([0.25]):.1f}" == "0.2"
    assert f"{render.Value(-0.001):.2f}" == "0.00"
