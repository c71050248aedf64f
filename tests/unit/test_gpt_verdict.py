"""The verdict on a claim: what its control may and may not do."""

import pytest

from iclbook import records
from iclbook.gpt.report.block import entry
from iclbook.gpt.report.controlled import controlled_blocks
from iclbook.gpt.report.verdict import FAILS, HOLDS, LIMIT, OPEN, Finding, against, verdict

NEAR = (-0.02, 0.0, 0.02, 0.0)


def finding(effect, control, spread=NEAR):
    return Finding.of([effect + s for s in spread], [control + 0.5 * s for s in spread], "draws")


@pytest.mark.parametrize(
    ("effect", "control", "word"),
    [
        (0.5, 0.0, HOLDS),
        (0.5, -0.4, HOLDS),
        (0.5, 0.5, FAILS),  # the control has it too
        (0.3, 0.6, FAILS),  # the control scores higher
        (-0.5, -0.9, FAILS),  # below chance
        (0.0, 0.0, OPEN),
        (0.0, -0.5, OPEN),  # no effect, however low the control
    ],
)
def test_a_word_follows_the_rule(effect, control, word):
    assert finding(effect, control).word == word


def test_a_wide_interval_settles_nothing():
    wide = (-1.0, 1.0, -0.9, 0.9)
    assert finding(0.5, 0.0, wide).word == OPEN
    assert finding(0.5, 0.5, wide).word == OPEN


def test_two_units_settle_nothing():
    assert finding(0.5, 0.0, NEAR[:2]).word == OPEN
    assert finding(0.5, 0.0, NEAR[:3]).word == HOLDS


def test_a_single_unit_has_no_interval():
    one = Finding.of([0.5], [0.1], "draws")
    assert str(one) == "0.50, control 0.10, difference 0.40 (1 draw)"
    assert one.word == OPEN


def test_kinds_of_models_are_weighed_together():
    holds, fails, open_ = finding(0.5, 0.0), finding(0.5, 0.5), finding(0.0, 0.0)
    assert verdict({"a": holds, "b": holds}) == HOLDS
    assert verdict({"a": holds, "b": fails}) == LIMIT
    assert verdict({"a": holds, "b": open_}) == LIMIT
    assert verdict({"a": open_, "b": fails}) == FAILS
    assert verdict({"a": open_}) == OPEN
    assert verdict({}) == "–"


def test_unequal_rows_are_refused():
    with pytest.raises(ValueError, match="2 effects and 1 controls"):
        Finding.of([0.1, 0.2], [0.1], "draws")


def test_recorded_cells_meet_only_the_control_of_their_own_draw():
    found = controlled_blocks(records.STORE)
    only = {"mini": found["mini"]}

    def seed(cell):
        return cell.config["seed"]

    draws = against(only, "wrong-labels", seed)
    assert draws.effects == draws.controls
    tasks = [t for t in only["mini"][""].cells if only["mini"][""].can_do(t)]
    assert len(draws.effects) == len(tasks)
    right = against(only, "wrong-labels", lambda c: entry(c, ("accuracy", "ft", "accuracy")))
    assert right.word == HOLDS  # wrong labels ruin the finetuned answers
    assert against(only, "wrong-labels", lambda cell: None) is None
