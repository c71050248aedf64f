"""Cells against their controls, pair by pair, on made-up records."""

import pytest
from test_gpt_report import record, store

from iclbook import records
from iclbook.gpt.report.controlled import EVERY_CONTROL, controlled_blocks
from iclbook.gpt.report.paired import MEASURES, Measure, against, outcomes
from iclbook.gpt.report.verdict import FAILS, OPEN

RECALL = Measure("Rec2FTP", ("rec2ftp", "value"))
NEW = ("other-draw", "noise", "@embeddings", "@norms")


@pytest.fixture
def found(tmp_path):
    """Two draws of sst2, one of mr at another rate than its control, and subj that is not done."""
    store(
        tmp_path,
        *(record(k=32, seed=seed, recall=0.6 + 0.2 * seed) for seed in (0, 1)),
        *(record(k=32, seed=seed, recall=0.5, control="noise") for seed in (0, 1, 2)),
        record(k=32, task="mr", recall=0.9),
        record(k=32, task="mr", recall=0.1, control="noise", lr=0.3),
        record(k=32, task="subj", counts=False),
        record(k=32, task="subj", recall=0.1, control="noise"),
        record(k=32, control="other-draw", recall=0.75),
        record(k=32, control="subj", recall=0.3),
        record(k=32, model="tiny@embeddings", counts=False, recall=0.1),
        record(k=32, model="tiny@norms", counts=False, recall=0.2),
    )
    return controlled_blocks(tmp_path, controls=EVERY_CONTROL)


def test_new_controls_have_blocks_of_their_own_if_they_are_asked_for(found, tmp_path):
    assert set(found["tiny"]) == {"", "another-task", *NEW}
    usual = controlled_blocks(tmp_path)["tiny"]
    assert set(usual) == {"", "another-task"}
    (cell,) = usual["another-task"].cells["sst2"]
    assert cell.config["control"] == "subj"


def beside(found, control, measure, position="last"):
    """Differences of the pairs; none without a finding."""
    one = against(found, control, lambda c: measure.read(c.results, position), measure.similarity)
    return [] if one is None else [a - b for a, b in zip(one.effects, one.controls)]


def test_draws_are_paired_at_one_rate_and_averaged(found):
    assert beside(found, "noise", RECALL) == [pytest.approx(0.2)]
    assert beside(found, "other-draw", RECALL) == [pytest.approx(-0.15)]
    assert beside(found, "wrong-labels", RECALL) == []


def test_accuracies_count_of_every_task_and_similarities_of_those_it_can_do(found):
    accuracy = Measure("accuracy", ("accuracy", "ft", "accuracy"), similarity=False)
    assert len(beside(found, "noise", accuracy)) == 2
    assert len(beside(found, "noise", RECALL)) == 1


def test_a_similarity_is_read_at_the_position_that_is_asked_for(found):
    for position in ("last", "label"):
        assert beside(found, "@norms", MEASURES["normalised"], position) == [0.0]


def test_a_chance_level_is_taken_off(found):
    (cell,) = found["tiny"]["@norms"].cells["sst2"]
    seen = cell.results.deterministic["positions"]["value"]["last"]["simaou"]["normalised"]
    for chance, left in ((0.1, seen["mean"] - 0.1), (None, None)):
        seen["references"] = {"chance": {"mean": chance}}
        assert MEASURES["less chance"].read(cell.results) == left


def test_a_finding_of_few_pairs_is_not_settled(found):
    ((one,),) = outcomes(found, ["noise"], [RECALL])
    assert (one.word, one.left) == (OPEN, "+0.20, 1/1")


def test_recorded_metrics_meet_the_rule():
    found = controlled_blocks(records.STORE, controls=EVERY_CONTROL)
    ((maps,),) = outcomes({"mini": found["mini"]}, ["noise"], [MEASURES["maps"]])
    assert maps.word == FAILS  # most of it is the map from before any learning


def test_what_a_control_leaves_alone_has_no_outcome(found):
    context = Measure("icl", ("accuracy", "icl", "accuracy"))
    ((recall,), (none,)) = outcomes(found, ["noise"], [RECALL, context])
    assert recall.effects
    assert none is None
