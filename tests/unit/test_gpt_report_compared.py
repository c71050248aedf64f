"""Models beside each other, on made-up records."""

import numpy as np
import pytest
from test_gpt_report import record, score, store

from iclbook import records
from iclbook.gpt.report.compared import CLAIMS, gains, of_models, tally
from iclbook.gpt.report.recorded import most_items, recorded_blocks
from iclbook.gpt.report.tables import of_stores, side_by_side


def changed(made, **results):
    """A record with other results."""
    for name, value in results.items():
        made.results.deterministic[name] = {"value": value, "tolerance": 0.0}
    return made


def calibrated(*, model="new"):
    """A record that says what is right once the prior is taken off."""
    accuracies = {"zsl": 0.5, "ft": 0.6, "icl": 0.9}
    return changed(
        record(model=model), calibrated={s: {"accuracy": a} for s, a in accuracies.items()}
    )


def claim(text):
    (found,) = (claim for claim in CLAIMS if claim.text == text)
    return found


def test_a_model_is_one_block_and_large_ones_come_first(tmp_path):
    store(
        tmp_path,
        record(model="small", k=4, origin={"n_parameters": 10}),
        record(model="small", k=8, origin={"n_parameters": 10}),
        record(model="small", k=2, seed=0, origin={"n_parameters": 10}),
        record(model="small", k=2, seed=1, origin={"n_parameters": 10}),
        record(model="large", k=4, origin={"n_parameters": 20}),
        record(model="large", k=8, origin={"n_parameters": 20}),
        record(model="large", k=8, items=5, origin={"n_parameters": 20}),
    )
    found = of_models(tmp_path)
    # the most cells, then the most demonstrations
    assert [block.label for block in found] == ["large, k = 8", "small, k = 2"]


def test_of_each_task_the_cells_with_the_most_items_count(tmp_path):
    store(
        tmp_path,
        *(record(task="sst2", items=9, seed=seed, icl=0.1) for seed in (0, 1, 2)),
        record(task="sst2", items=30, icl=0.7),
        record(task="mr", items=9, icl=0.2),
        record(task="subj", items=0, icl=0.3),
        record(task="subj", items=30, icl=0.1),
        record(task="sst2", items=99, k=8),
    )
    found = {block.settings: block for block in most_items(recorded_blocks(tmp_path))}
    assert found.keys() == {"k = 4", "k = 8"}
    block = found["k = 4"]
    assert {task: block.values(task, "accuracy", "icl", "accuracy") for task in block.cells} == {
        "sst2": [0.7],
        "subj": [0.3],
        "mr": [0.2],
    }
    assert of_models(tmp_path)[0].cells == block.cells


def test_only_trained_models_finetuned_as_in_the_paper_are_compared(tmp_path):
    others = (
        record(settings=("zsl", "ft")),
        record(control="wrong-labels"),
        record(rule="lcgd-paper"),
        record(optimiser="adam"),
        record(parameters="all"),
        record(model="mini@500"),
        record(model="tiny@untrained", origin={"untrained": True}),
    )
    for other in others:
        store(tmp_path, other)
    assert of_models(tmp_path) == []
    store(tmp_path, record(preset="dai-code"), record())
    assert [block.preset for block in of_models(tmp_path)] == ["book", "dai-code"]


def test_a_model_that_was_not_finetuned_has_its_accuracies_alone(tmp_path):
    for seed in (0, 1):
        store(tmp_path, record(model="new", k=8, seed=seed, settings=("zsl", "icl")))
        store(tmp_path, record(k=8, seed=seed, settings=("zsl", "icl")))
    store(tmp_path, record(k=4))
    found = of_models(tmp_path)
    # all settings are more than many cells
    assert {block.model: len(block.settings_run) for block in found} == {"new": 2, "tiny": 3}
    accuracy, *others = side_by_side(found)
    rows = {label: values[0] for label, values in accuracy.rows if label.startswith("new")}
    assert [value and value.mean for value in rows.values()] == pytest.approx([40, None, 80])
    for table in others:
        assert all(v == (None,) for label, v in table.rows if label.startswith("new"))
        assert any(n.startswith("new: not run, and needed here: ft") for n in table.notes)
    counted = {row[0]: row[3:] for row in tally(found, "label")}
    assert counted["SimAOU above chance"][[b.model for b in found].index("new")] == "–"


def test_settings_that_older_records_do_not_name_are_the_defaults(tmp_path):
    old = record(seed=0)
    del old.config["control"]
    (block,) = recorded_blocks(store(tmp_path, old, record(seed=1)))
    assert len(block.cells["sst2"]) == 2


def test_instruct_models_are_named_as_such(tmp_path):
    kinds = {"chat": {"kind": "instruct"}, "plain": {"kind": "base"}, "folder": None}
    store(tmp_path, *(record(model=m, origin={"source": s}) for m, s in kinds.items()))
    found = of_models(tmp_path)
    assert {block.name for block in found} == {"chat (instruct)", "plain", "folder"}
    assert "chat (instruct), k = 4: ICL" in dict(side_by_side(found)[0].rows)


def test_calibrated_accuracy_stands_in_a_table_of_its_own(tmp_path):
    old = side_by_side(of_models(store(tmp_path, record(model="old"))))
    assert [table.title[:2] for table in old] == ["1.", "2.", "3.", "4.", "5."]
    found = side_by_side(of_models(store(tmp_path, calibrated())))
    assert [table.title[:2] for table in found] == ["1.", "2.", "3.", "4.", "5.", "ca"]
    rows = dict(found[-1].rows)
    assert rows["new, k = 4: ICL"][0].mean == pytest.approx(90)
    assert rows["old, k = 4: ICL"] == (None,)
    assert "old: records from before this was measured" in found[-1].notes
    assert len(of_stores(tmp_path, models=["old"])) == 5
    assert len(of_stores(tmp_path, models=["new"])) == 6


def test_items_of_most_tasks_come_first(tmp_path):
    store(tmp_path, *(record(task=t, items=0) for t in ("sst2", "mr")))
    (block,) = recorded_blocks(store(tmp_path, changed(record(task="cb"), items=56)))
    assert block.items() == "100 items (cb 56)"


def test_a_gain_is_one_within_sets(tmp_path):
    store(tmp_path, *(record(seed=s, icl=x) for s, x in enumerate((0.5, 0.6, 0.7))))
    store(tmp_path, record(task="subj", icl=0.3, counts=False))
    (block,) = of_models(tmp_path)
    better = gains(block, claim("accuracy: ICL above ZSL"), "label")
    assert better["sst2"].mean == pytest.approx(0.2)
    assert better["subj"].mean == pytest.approx(-0.1)
    assert better["sst2"].half == pytest.approx(0.1 * 4.3027 / np.sqrt(3), rel=1e-4)
    # a similarity of a task that the model cannot do says nothing
    assert set(gains(block, claim("SimAOU above chance"), "label")) == {"sst2"}


def test_sets_without_a_value_take_no_part_in_a_gain(tmp_path):
    store(tmp_path, *(record(seed=s, recall=r) for s, r in enumerate((0.5, None, 0.7))))
    (block,) = of_models(tmp_path)
    assert gains(block, claim("Rec2FTP above chance"), "label")["sst2"].mean == pytest.approx(0.2)


def test_the_better_zero_shot_number_is_the_one_to_beat(tmp_path):
    def made(seed, raw, free):
        calibrated = {s: {"accuracy": a} for s, a in {"zsl": free, "icl": 0.7}.items()}
        accuracy = record()["accuracy"] | {"zsl": {"accuracy": raw, "counts": True}}
        return changed(record(seed=seed), accuracy=accuracy, calibrated=calibrated)

    text = "calibrated: ICL above better ZSL"
    store(tmp_path / "spoilt", *(made(seed, 0.8, 0.5) for seed in (0, 1)))
    store(tmp_path / "mended", *(made(seed, 0.3, 0.5) for seed in (0, 1)))
    store(tmp_path / "mixed", made(0, 0.3, 0.5), made(1, 0.8, 0.5))
    for name, lead in (("spoilt", -0.1), ("mended", 0.2), ("mixed", 0.15)):
        (block,) = of_models(tmp_path / name)
        (value,) = gains(block, claim(text), "label").values()
        assert value.mean == pytest.approx(lead), name


def test_the_tally_counts_tasks_above_and_clearly_above(tmp_path):
    place = {"simaou": {"normalised": score(0.4)}, "kendall": score(-0.1)}
    place["simam"] = {name: score(0.8) for name in ("before", "after", "difference")}
    for task, values in {"sst2": (0.6, 0.61), "mr": (0.2, 0.9), "subj": (0.3, 0.31)}.items():
        for seed, icl in enumerate(values):
            made = record(task=task, seed=seed, icl=icl)
            store(tmp_path, changed(made, positions={"label": place}))
    rows = {row[0]: row[1:] for row in tally(of_models(tmp_path), "label")}
    assert rows["accuracy: ICL above ZSL"] == ["6/6", "6/6", "2/3 (1)"]
    assert rows["SimAOU above chance"][0] == "–"  # the paper has none
    assert rows["Kendall's tau above random"] == ["6/6", "6/6", "0/3 (0)"]
    assert rows["SimAM: after FT above before"][-1] == "0/3 (0)"  # equal is not above


def test_the_tally_fits_every_preset(tmp_path):
    alone = {"mean": 0.9, "references": {}}
    place = {"simam": dict.fromkeys(("before", "after", "difference"), alone)}
    code = changed(record(preset="dai-code"), positions={"label": place | {"kendall": score(0.1)}})
    store(tmp_path, code, record(counts=False))
    rows = {row[0]: row[3:] for row in tally(of_models(tmp_path), "label")}
    assert rows["Kendall's tau above random"] == ["–", "1/1"]  # the first cannot do its task
    assert rows["SimAM: after FT above random"] == ["–", "–"]  # it has no such baseline


def test_the_records_of_the_package_are_compared():
    found = of_models(records.STORE)
    names = [block.model for block in found]
    assert "mini" in names
    assert len(set(names)) == len(names)
    for block in found:
        values = block.row("accuracy", "icl", "accuracy", similarity=False)
        assert np.isfinite([value.mean for value in values]).all()
