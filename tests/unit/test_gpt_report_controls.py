"""A number beside its controls: tables and figures of made-up records."""

import numpy as np
import pytest
from test_gpt_report import record, store

from iclbook.gpt.report.controlled import controlled_blocks
from iclbook.gpt.report.controls import beside_controls, draw

PATH = ("rec2ftp", "value")
CHANCE = {"chance": ("rec2ftp", "chance")}


@pytest.fixture
def blocks(tmp_path):
    """Two draws of one task, one of another that the model cannot do, and three controls."""
    for seed, more in ((0, 0.0), (1, 0.2)):
        store(
            tmp_path,
            record(k=32, seed=seed, recall=0.6 + more),
            record(k=32, seed=seed, control="wrong-labels", recall=0.2 + more),
            record(k=32, seed=seed, control="mr", recall=0.1 + more),
            record(
                k=32, seed=seed, model="tiny@untrained", counts=False, recall=0.05, icl=0.3 + more
            ),
        )
    store(tmp_path, record(k=32, task="mr", counts=False))
    return controlled_blocks(tmp_path)["tiny"]


def test_controls_stand_under_the_number_they_control(blocks):
    table = beside_controls("T", blocks, *PATH, references=CHANCE)
    assert table.columns == ("sst2", "mr")
    found = dict(table.rows)
    first = {label: values[0].mean for label, values in found.items()}
    assert first == {
        "finetuned": pytest.approx(0.7),
        "on wrong labels": pytest.approx(0.3),
        "on another task": pytest.approx(0.2),
        "untrained network": 0.05,
        "chance": 0.4,
    }
    assert found["finetuned"][0].half == pytest.approx(0.1 * 12.7062, rel=1e-4)
    assert {values[1] for values in found.values()} == {None}
    notes = " | ".join(table.notes)
    assert "no better than its own label frequencies, so no similarities: mr" in notes
    assert "another task: mr for sst2" in notes
    assert "on wrong labels, not recorded: mr" in notes


def test_only_draws_that_a_control_has_too_are_compared(tmp_path):
    store(
        tmp_path,
        *(record(k=32, seed=seed, recall=0.5 + 0.1 * seed) for seed in range(4)),
        *(record(k=32, seed=seed, control="mr", recall=0.1 * seed) for seed in (1, 3, 7)),
        *(record(k=32, seed=seed, model="tiny@untrained", recall=0.1) for seed in (1, 2, 3)),
    )
    table = beside_controls("T", controlled_blocks(tmp_path)["tiny"], *PATH, references=CHANCE)
    means = {label: row[0] and row[0].mean for label, row in table.rows}
    assert means == {
        "finetuned": pytest.approx(0.7),  # of the draws 1 and 3
        "on wrong labels": None,
        "on another task": pytest.approx(0.2),
        "untrained network": pytest.approx(0.1),
        "chance": 0.4,
    }
    assert "4 demonstration sets, 100 items" in table.notes
    assert "demonstration sets that the controls have too: sst2 2 of 4" in table.notes


@pytest.mark.parametrize(
    "other", [dict(items=300), dict(seed=1), dict(inputs={"dtype": "float64"})]
)
def test_a_control_of_other_items_draws_or_precision_is_left_out(tmp_path, other):
    store(
        tmp_path,
        record(k=32, recall=0.5),
        record(k=32, **({"control": "wrong-labels", "recall": 0.2} | other)),
        record(k=32, model="tiny@untrained", recall=0.1),
    )
    table = beside_controls("T", controlled_blocks(tmp_path)["tiny"], *PATH)
    means = [row[0] and row[0].mean for _, row in table.rows]
    assert means == [0.5, None, None, 0.1]
    notes = " | ".join(table.notes)
    assert "on wrong labels, left out, as no draw has the same items and precision: sst2" in notes
    assert "on another task, not recorded: sst2" in notes


def test_an_untrained_network_is_shown_though_it_can_do_nothing(blocks):
    alone = {name: blocks[name] for name in ("", "@untrained")}
    rows = dict(beside_controls("T", alone, *PATH).rows)
    assert rows["untrained network"][0].mean == 0.05
    assert rows["on wrong labels"] == (None, None)


def test_controls_alone_are_no_comparison(blocks):
    with pytest.raises(ValueError, match="only controls: wrong-labels"):
        beside_controls("T", {"wrong-labels": blocks["wrong-labels"]}, *PATH)


def test_the_figure_has_a_panel_a_model_and_a_dot_a_value(blocks):
    table = beside_controls("T", blocks, *PATH, references=CHANCE)
    figure = draw({"one": table, "two": table}, "share")
    assert [axis.get_title() for axis in figure.axes] == ["one", "two"]
    drawn = {
        bars.get_label(): bars.lines[0].get_ydata().tolist() for bars in figure.axes[0].containers
    }
    assert drawn["finetuned"] == pytest.approx([0.7])
    assert drawn["on wrong labels"] == pytest.approx([0.3])
    (chance,) = figure.axes[0].collections[-1].get_segments()
    assert np.array(chance)[:, 1].tolist() == [0.4, 0.4]
    assert [text.get_text() for text in figure.axes[0].texts] == ["–"]  # of the task it cannot do
