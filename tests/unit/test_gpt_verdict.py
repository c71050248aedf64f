"""The verdict on a claim: what its control may and may not do."""

import pytest

from iclbook import records
from iclbook.gpt.report.block import entry
from iclbook.gpt.report.controlled import controlled_blocks
from iclbook.gpt.report.paired import against
from iclbook.gpt.report.verdict import FAILS, HOLDS, OPEN, Finding, verdict

NEAR = (-0.02, 0.0, 0.02, 0.0)


def finding(effect, control, spread=NEAR):
    return Finding.of([effect + s for s in spread], [control + 0.5 * s for s in spread], "draws")


@pytest.mark.parametrize(
    ("effect", "control", "word"),
    [
        (0.5, 0.0, HOLDS),
        (0.5, -0.4, HOLDS),
        (0.5, 0.3, HOLDS),  # less than half is left, but clearly something
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


@pytest.mark.parametrize(("spread", "word"), [(0.1, FAILS), (0.13, FAILS), (0.3, OPEN)])
def test_a_control_that_may_have_less_kills_only_if_at_most_half_is_left(spread, word):
    """Mean difference 0.05; its upper end is 0.20, 0.24 and 0.49, half of the effect 0.25."""
    ends = (-1.0, 1.0, -0.5, 0.5)
    one = Finding.of([0.5] * 4, [0.45 - spread * e for e in ends], "draws")
    assert one.difference[1] < 0
    assert one.word == word


def test_two_units_settle_nothing():
    assert finding(0.5, 0.0, NEAR[:2]).word == OPEN
    assert finding(0.5, 0.0, NEAR[:3]).word == HOLDS


def test_a_single_unit_has_no_interval():
    one = Finding.of([0.5], [0.1], "draws")
    assert str(one) == "0.50, control 0.10, difference 0.40 (1 draw)"
    assert one.left == "+0.40, 1/1"
    assert one.word == OPEN


def test_no_word_for_the_whole_hides_a_kind():
    holds, fails, open_ = finding(0.5, 0.0), finding(0.5, 0.5), finding(0.0, 0.0)
    assert verdict({"a": holds, "b": holds}) == "holds (a, b)"
    assert verdict({"a": holds, "b": fails}) == "holds (a), fails its control (b)"
    assert verdict({"a": open_, "b": fails}) == "fails its control (b), not settled (a)"
    assert verdict({"a": open_}) == "not settled (a)"
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
