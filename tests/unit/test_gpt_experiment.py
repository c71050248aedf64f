"""Cells, the search for a learning rate, studies and their tables, and the command line."""

import csv
import errno
import io
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest

from iclbook import published, records
from iclbook.__main__ import main
from iclbook.gpt.model.load import load_model
from iclbook.gpt.reading.score import predict
from iclbook.gpt.report import render
from iclbook.gpt.report.recorded import Block, find_block, recorded_blocks
from iclbook.gpt.report.tables import of_stores, side_by_side
from iclbook.gpt.study import cell
from iclbook.gpt.study import setup as gpt_setup
from iclbook.gpt.study.cell import Cell
from iclbook.gpt.study.estimate import check
from iclbook.gpt.study.rate import Rate
from iclbook.gpt.study.run import Group, run_study
from iclbook.gpt.study.setup import Setup
from iclbook.gpt.text import prompts, tasks
from iclbook.gpt.tuning.finetune import Finetuning, finetune
from tests.unit.classification_rows import data_folder
from tests.unit.tiny_models import save_tiny


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    """A tiny random model in a folder, and the data folder in the environment."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ICLBOOK_DATA", str(data_folder(tmp_path_factory.mktemp("data"))))
        yield str(save_tiny("gpt2", tmp_path_factory.mktemp("models") / "tiny", n_positions=1024))


def setup_of(tiny, **settings) -> Setup:
    return Setup(**(dict(model=tiny, task="sst2", k=4, items=20, threads=1) | settings))


def cell_of(tiny, lr=0.05, **settings) -> Cell:
    return Cell(**asdict(setup_of(tiny, **settings)), lr=lr)


def test_a_cell_is_its_parts_put_together(tiny):
    found = {k: v["value"] for k, v in cell_of(tiny).run().deterministic.items()}
    setup = setup_of(tiny)
    model = load_model(tiny)
    rows, demos, items = setup.rows()
    prepared = prompts.build(tasks.get("sst2"), demos, items, model.tokenizer, window=model.window)
    assert found["k_used"] == 4
    assert found["items"] == 20
    assert found["data"]["train_rows"] == len(rows.train)
    gold = np.array([row["label"] for row in items])
    assert found["gold"] == gold.tolist()
    for setting, context in (("zsl", False), ("icl", True)):
        expected = predict(model, prepared, context).argmax(axis=1)
        assert found[f"{setting}_predicted"] == expected.tolist()
        assert found[f"{setting}_accuracy"] == pytest.approx((expected == gold).mean())
    with finetune(model, prepared, Finetuning(lr=0.05)):
        expected = predict(model, prepared, False).argmax(axis=1)
    assert found["ft_predicted"] == expected.tolist()
    assert len(found["ft_losses"]) == 4
    for position in ("last", "label"):
        assert {"simaou", "simam", "kendall"} == found["positions"][position].keys()


def test_a_sweep_reads_the_prompts_once(tiny, monkeypatch):
    cell._prompted.cache_clear()
    seen, real = [], cell.observe
    monkeypatch.setattr(
        cell, "observe", lambda *a, **k: (seen.append(k["context"]), real(*a, **k))[1]
    )
    for lr in (0.01, 0.02, 0.03):
        cell_of(tiny, lr).run()
    assert seen == [False, True, False, False, False]


def test_settings_can_be_left_out(tiny):
    found = cell_of(tiny, settings=("icl",)).run().deterministic
    assert "icl_accuracy" in found
    assert not {"zsl_accuracy", "ft_accuracy", "positions"} & found.keys()


def test_a_diverged_cell_is_recorded_as_such(tiny):
    result = cell_of(tiny, lr=1e30).run()
    assert result.deterministic["diverged"]["value"] is True
    assert "icl_accuracy" in result.deterministic
    assert "ft_accuracy" not in result.deterministic


def test_all_demonstrations_can_be_finetuned_on(tiny):
    long = dict(task="cb", k=32)
    cut = cell_of(tiny, **long).run().deterministic
    assert cut["k_used"]["value"] < 32
    assert len(cut["ft_losses"]["value"]) == cut["k_used"]["value"]
    whole = cell_of(tiny, **long, ft_all_k=True).run().deterministic
    assert len(whole["ft_losses"]["value"]) == 32


def test_the_rate_is_found_on_other_items(tiny):
    rates = (1e-4, 0.3, 1e30)
    search = Rate(**asdict(setup_of(tiny)), rates=rates, selection=30)
    found = {k: v["value"] for k, v in search.run().deterministic.items()}
    assert found["items"] == 30
    assert found["diverged"] == [False, False, True]
    assert found["best"] == rates[int(np.argmax(found["accuracy"]))]
    on_evaluation = Rate(**asdict(setup_of(tiny, preset="dai-code")), rates=rates[:1])
    assert on_evaluation.run().deterministic["items"]["value"] == 20


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (dict(k=0), "k is 0"),
        (dict(preset="mine"), "preset is 'mine'"),
        (dict(settings=("zsl", "few")), "settings is 'few'"),
        (dict(settings=()), "settings is 'none'"),
        (dict(rule="adam"), "rule is 'adam'"),
        (dict(task="sst3"), "Did you mean"),
        (dict(k=10**6), "training rows"),
        (dict(model="./nowhere"), "looks like a folder"),
        (dict(scheme="authors"), "cannot be reproduced"),
    ],
)
def test_bad_settings_are_named_before_any_work(tiny, settings, message):
    with pytest.raises(ValueError, match=message):
        check(Group(setup_of(tiny, **settings), (0.1,)), speed=1e9)


def test_the_authors_draw_takes_rows_that_are_evaluated_too(tiny, tmp_path, monkeypatch):
    folder = tmp_path / "mr"
    folder.mkdir()
    lines = [json.dumps({"text": f"text {i}", "label": i % 2}) for i in range(8530)]
    (folder / "train.jsonl").write_text("\n".join(lines))
    (folder / "validation.jsonl").write_text("\n".join(lines[:20]))
    monkeypatch.setenv("ICLBOOK_DATA", str(tmp_path))
    gpt_setup._rows.cache_clear()
    for preset in ("book", "dai-code"):
        setup = setup_of(tiny, task="mr", k=32, scheme="authors", preset=preset)
        rows, demos, _ = setup.rows()
        assert rows.origin["dropped"] == 0
        expected = np.random.default_rng(0).permutation(8530)[:32]
        assert [demo["text"] for demo in demos] == [f"text {i}" for i in expected]
    gpt_setup._rows.cache_clear()


def test_an_estimate_counts_the_tokens(tiny):
    found = check(Group(setup_of(tiny), (0.1,)), speed=1e9)
    model = load_model(tiny)
    _, demos, items = setup_of(tiny).rows()
    prepared = prompts.build(tasks.get("sst2"), demos, items, model.tokenizer, window=model.window)
    assert found.context == len(prepared.context)
    assert found.queries == sum(map(len, prepared.queries))
    assert found.n_parameters == model.net.num_parameters()
    assert found.seconds > 0
    more = check(Group(setup_of(tiny, parameters="all"), (0.1,)), speed=1e9)
    alone = check(Group(setup_of(tiny, settings=("zsl", "icl")), (0.1,)), speed=1e9)
    assert alone.memory < found.memory < more.memory
    half = check(Group(setup_of(tiny, dtype="bfloat16"), (0.1,)), speed=1e9)
    assert half.memory < found.memory


def test_an_estimate_of_a_search_counts_the_items_that_decide(tiny):
    for preset, expected in (("dai-code", 20), ("book", Rate.selection)):
        setup = setup_of(tiny, preset=preset)
        deciding = min(expected, len(setup.rows()[0].train))
        alone, searched = (
            check(Group(setup, (0.1, 0.2), search), speed=1.0) for search in (False, True)
        )
        one_cell = check(Group(setup, (0.1,)), speed=1.0)
        reading = deciding * alone.queries / alone.items
        more = 2 * alone.n_parameters * 2 * (4 * alone.training + reading)
        assert searched.seconds == pytest.approx(one_cell.seconds + more)


def test_a_study_goes_on_where_it_stopped(tiny, tmp_path, monkeypatch):
    groups = [Group(setup_of(tiny, seed=seed), (0.01, 0.1)) for seed in (0, 1)]
    real, calls = records.run, []

    def stops(kind, config, *, name):
        calls.append(config["seed"])
        if len(calls) == 2:
            raise KeyboardInterrupt
        return real(kind, config, name=name)

    monkeypatch.setattr(records, "run", stops)
    with pytest.raises(KeyboardInterrupt):
        list(run_study(groups, tmp_path))
    assert len(list(tmp_path.glob("*/*.json"))) == 1
    lines = []
    done = dict(run_study(groups, tmp_path, progress=lines.append))
    assert [len(paths) for paths in done.values()] == [2, 2]
    assert sum("done before" in line for line in lines) == 1
    assert len(list(tmp_path.glob("*/*.json"))) == 4
    broken = next(iter(done.values()))[0]
    broken.write_text(broken.read_text()[:100])
    list(run_study(groups, tmp_path, progress=lines.append))
    assert records.validate(broken)


def test_an_executor_gets_the_groups(tiny, tmp_path):
    groups = [Group(setup_of(tiny, task=task), (0.01,)) for task in ("sst2", "mr")]
    with ThreadPoolExecutor(1) as executor:
        done = dict(run_study(groups, tmp_path, executor))
    assert {group.setup.task for group in done} == {"sst2", "mr"}
    assert all(path.is_file() for paths in done.values() for path in paths)


def test_one_failing_group_does_not_stop_the_others(tiny, tmp_path):
    groups = [Group(setup_of(tiny, task="sst2", k=10**6), (0.01,)), Group(setup_of(tiny), (0.01,))]
    first, second = (outcome for _, outcome in run_study(groups, tmp_path))
    assert isinstance(first, ValueError)
    assert len(second) == 1


def test_no_space_left_stops_the_study(tiny, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(records, "write", full)
    with pytest.raises(OSError, match="make room and give the same command again"):
        list(run_study([Group(setup_of(tiny), (0.01,))], tmp_path))


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
    expected = [100 * r["icl_accuracy"] for r in cells]
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
    assert rows["small: ICL"] == block.row("icl_accuracy", scale=100.0, similarity=False)
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


def run(capsys, *arguments) -> tuple[int, str, str]:
    try:
        code = main([str(a) for a in arguments])
    except SystemExit as stop:
        code = stop.code
    return code, *capsys.readouterr()


def test_the_commands_work_together(tiny, tmp_path, capsys):
    out = tmp_path / "records"
    asked = ("run", "--model", tiny, "--tasks", "sst2", "--k", 4, "--items", 10, "--threads", 1)
    code, text, _ = run(capsys, *asked, "--out", out, "--dry-run")
    assert code == 0
    assert "4/  4" in text
    assert not out.exists()
    code, text, errors = run(capsys, *asked, "--lr", 0.01, "--out", out)
    assert code == 0, errors
    assert "python -m iclbook table" in text
    code, text, _ = run(capsys, "table", "--out", out)
    assert code == 0
    assert "1. accuracy (%): tiny, k = 4" in text
    search = json.loads(next((out / "gpt-cell").glob("*.json")).read_text())
    assert search["config"]["lr"] == 0.01


def test_the_search_picks_the_cell(tiny, tmp_path, capsys):
    out = tmp_path / "records"
    asked = ("run", "--model", tiny, "--tasks", "sst2", "--k", 2, "--items", 5, "--threads", 1)
    assert run(capsys, *asked, "--out", out)[0] == 0
    (search,), (cell,) = (
        [r for r in records.all_records(out) if r.experiment == name]
        for name in ("gpt-rate", "gpt-cell")
    )
    assert cell.config["lr"] == search["best"]


def test_the_choices_of_the_paper_go_with_its_models(tiny, tmp_path, capsys):
    model = Path(tiny).with_name("fairseq-dense-1.3B")
    if not model.exists():
        model.symlink_to(tiny)
    out = tmp_path / "records"
    asked = ("run", "--model", model, "--tasks", "sst2", "mr", "--k", 2, "--items", 5)
    assert run(capsys, *asked, "--seeds", "paper", "--lr", "paper", "--out", out)[0] == 0
    assert sorted(
        (r.config["task"], r.config["seed"], r.config["lr"]) for r in records.all_records(out)
    ) == [("mr", 5, 0.003), ("sst2", 2, 0.0005)]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("run", "--tasks", "sst3"), "Did you mean"),
        (("run", "--lr", "fast"), "expected numbers, or one of search, grid, paper"),
        (("run", "--seeds", "one"), "expected whole numbers, or paper"),
        (("run", "--seeds", "paper"), "not for mini and mini-cb"),
        (("run", "--lr", "nan"), "lr is nan"),
        (("run", "--model", "./nowhere"), "looks like a folder"),
        (("table", "--out", "nowhere"), "is no folder"),
        (("tasks", "sst3"), "Did you mean"),
    ],
)
def test_the_command_line_says_what_is_wrong(tiny, capsys, arguments, message):
    code, _, errors = run(capsys, *arguments)
    assert code == 1
    assert message in errors


def test_tasks_and_models_are_listed(tiny, capsys):
    _, text, _ = run(capsys, "tasks")
    assert all(name in text for name in tasks.TASKS)
    _, text, _ = run(capsys, "tasks", "mr")
    assert "training rows" in text
    assert "Sentiment:" in text
    _, text, _ = run(capsys, "models")
    assert "KoboldAI/fairseq-dense-1.3B" in text
