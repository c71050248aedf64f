"""Cells against their controls, pair by pair, on made-up records."""

import pytest
from test_gpt_report import record, store

from iclbook.gpt.report.controlled import EVERY_CONTROL, controlled_blocks
from iclbook.gpt.report.paired import MEASURES, Measure, Outcome, differences, outcomes

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


def test_draws_are_paired_at_one_rate_and_averaged(found):
    assert differences(found, "noise", RECALL) == {("tiny", "sst2"): pytest.approx(0.2)}
    assert differences(found, "other-draw", RECALL) == {("tiny", "sst2"): pytest.approx(-0.15)}
    assert differences(found, "wrong-labels", RECALL) == {}


def test_accuracies_count_of_every_task_and_similarities_of_those_it_can_do(found):
    accuracy = Measure("accuracy", ("accuracy", "ft", "accuracy"), similarity=False)
    assert set(differences(found, "noise", accuracy)) == {("tiny", "sst2"), ("tiny", "subj")}


def test_a_similarity_is_read_at_the_position_that_is_asked_for(found):
    for position in ("last", "label"):
        assert differences(found, "@norms", MEASURES[0], position) == {("tiny", "sst2"): 0.0}


@pytest.mark.parametrize(
    ("values", "verdict", "text"),
    [
        ([0.3, 0.31, 0.29], "stands", "+0.30 ± 0.02, 3/3"),
        ([0.3, -0.31, -0.29], "killed", "-0.10 ± 0.86, 1/3"),
        ([0.9, 0.1, -0.05], "open", "+0.32 ± 1.27, 2/3"),
        ([0.3, -0.31], "open", "-0.01 ± 3.88, 1/2"),
        ([-0.3, -0.31], "killed", "-0.30 ± 0.06, 0/2"),
        ([0.3], "open", "+0.30, 1/1"),
        ([], "–", "–"),
    ],
)
def test_what_a_control_does_to_a_metric(values, verdict, text):
    one = Outcome.of({("m", str(i)): value for i, value in enumerate(values)})
    assert one.verdict == verdict
    assert str(one) == text


def test_what_a_control_leaves_alone_has_no_outcome(found):
    ((recall, context),) = zip(
        *outcomes(found, ["noise"], [RECALL, Measure("icl", ("accuracy", "icl", "accuracy"))])
    )
    assert recall.pairs == 1
    assert context.pairs == 0
