"""Rec2FTP and its chance level, worked by hand; which tasks count."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import fisher_exact

from iclbook.gpt.metrics import accuracy, beats_own_frequencies, rec2ftp

NO, YES = False, True


def rows(*columns):
    """Columns (gold, zsl, ft, icl, how many) as the arguments of `rec2ftp`."""
    gold, zsl, ft, icl = (
        np.repeat([c[i] for c in columns], [c[4] for c in columns]) for i in range(4)
    )
    return zsl.astype(bool), ft.astype(bool), icl.astype(bool), gold


def test_a_table_worked_by_hand():
    # Zero-shot is wrong on 8 items of label 0 and 20 of label 1; ICL is right on 6 and 5 of them.
    # Finetuning mends 6 of label 0 (5 of which ICL mends) and 4 of label 1 (2 of which).
    found = rec2ftp(
        *rows(
            (0, NO, YES, YES, 5),
            (0, NO, YES, NO, 1),
            (0, NO, NO, YES, 1),
            (0, NO, NO, NO, 1),
            (1, NO, YES, YES, 2),
            (1, NO, YES, NO, 2),
            (1, NO, NO, YES, 3),
            (1, NO, NO, NO, 13),
            (0, YES, YES, YES, 7),
            (1, YES, NO, YES, 3),
        )
    )
    assert found.table == ((7, 3), (4, 14))
    assert found.count == 10
    assert found.value == 0.7
    assert found.chance == pytest.approx((6 * 6 / 8 + 4 * 5 / 20) / 10)  # 0.55
    assert found.rest == pytest.approx(4 / 18)
    assert found.difference == pytest.approx(0.7 - 4 / 18)
    assert found.p == pytest.approx(fisher_exact(found.table, alternative="greater").pvalue)
    # Overlap 7 or more is (5, 2+), (6, 1+): label 0 draws 6 of 8 with 6 marked, label 1 4 of 20
    # with 5 marked.
    of_0 = {6: 1 / 28, 5: 12 / 28, 4: 15 / 28}
    of_1 = {k: n / 4845 for k, n in {0: 1365, 1: 5 * 455, 2: 10 * 105, 3: 10 * 15, 4: 5}.items()}
    expected = sum(p * q for a, p in of_0.items() for b, q in of_1.items() if a + b >= 7)
    assert found.p_stratified == pytest.approx(expected)


def test_a_small_denominator_is_not_a_number_but_keeps_its_table():
    found = rec2ftp(*rows((0, NO, YES, YES, 8), (0, NO, YES, NO, 1), (0, NO, NO, NO, 5)))
    assert (found.value, found.difference) == (None, None)
    assert found.table == ((8, 1), (0, 5))
    assert found.p is not None
    assert rec2ftp(
        *rows((0, NO, YES, YES, 8), (0, NO, YES, NO, 1)), least=9
    ).value == pytest.approx(8 / 9)


def test_nothing_mended():
    found = rec2ftp(*rows((0, NO, NO, YES, 4), (0, YES, YES, YES, 5)))
    assert found.summary() == {
        "value": None,
        "count": 0,
        "table": [[0, 0], [4, 0]],
        "chance": None,
        "rest": 1.0,
        "difference": None,
        "p": None,
        "p_stratified": None,
    }


def test_a_setting_that_always_says_one_word_recalls_what_chance_says():
    """It is right on all items of its word: high recall, and the same chance level."""
    found = rec2ftp(
        *rows((0, NO, YES, YES, 19), (0, NO, NO, YES, 6), (1, NO, YES, NO, 1), (1, NO, NO, NO, 29))
    )
    assert found.value == found.chance == 0.95
    assert found.p_stratified == 1
    assert found.p < 1e-5  # the unstratified test is taken in


@given(st.lists(st.tuples(st.integers(0, 2), *[st.booleans()] * 3), min_size=1, max_size=60))
def test_items_in_any_order_and_probabilities_within_bounds(items):
    gold, *right = (np.array(column) for column in zip(*items))
    found, turned = (
        rec2ftp(*(r[::step] for r in right), gold[::step], least=1) for step in (1, -1)
    )
    assert found == turned
    assert sum(map(sum, found.table)) == (~right[0]).sum()
    for p in (found.value, found.chance, found.p, found.p_stratified, found.rest):
        assert p is None or 0 <= p <= 1 + 1e-12


def test_a_task_counts_when_it_beats_its_own_label_frequencies():
    gold = np.repeat([0, 1], [70, 30])
    rng = np.random.default_rng(0)
    for label, reached in ((0, 0.7), (1, 0.3), (2, 0.0)):  # one answer to everything
        always = beats_own_frequencies(np.full(100, label), gold, rng)
        assert (always["accuracy"], always["chance"], always["p"]) == (reached, reached, 1.0)
        assert not always["counts"]
    good = np.where(np.arange(100) % 10 == 0, 1 - gold, gold)
    found = beats_own_frequencies(good, gold, rng)
    assert found["chance"] == pytest.approx(0.66 * 0.7 + 0.34 * 0.3)
    assert found["accuracy"] == accuracy(good, gold) == 0.9
    assert found["p"] == 1e-4
    assert found["counts"]


@pytest.mark.parametrize(
    ("predicted", "gold", "reached"),
    [
        ([1, 1, 1, 1], [0, 1, 1, 2], 0.5),
        ([0, 1, 1, 2], [1, 1, 1, 1], 0.5),
        ([1, 1, 1, 1], [1, 1, 1, 1], 1.0),
        ([0, 0, 0, 0], [1, 1, 1, 1], 0.0),
        ([1], [1], 1.0),
    ],
)
def test_a_table_of_counts_with_one_row_or_column_cannot_be_beaten(predicted, gold, reached):
    """Every pairing is right as often; SciPy 1.17's random_table draws wrong tables here."""
    found = beats_own_frequencies(np.array(predicted), np.array(gold), np.random.default_rng(0))
    assert (found["accuracy"], found["p"], found["counts"]) == (reached, 1.0, False)
    assert found["chance"] == reached


@pytest.mark.parametrize("labels", [(0, 1, 2), (1, 2), (0, 2), (2, 3)])
def test_the_permutation_test_agrees_with_shuffling(labels):
    """Also where answers are none of some gold labels, or are labels that gold does not have."""
    rng = np.random.default_rng(1)
    gold, predicted = rng.integers(3, size=40), rng.choice(labels, size=40)
    predicted[:6] = np.where(np.isin(gold[:6], labels), gold[:6], predicted[:6])
    shuffled = np.array([(rng.permutation(predicted) == gold).sum() for _ in range(4000)])
    expected = (shuffled >= (predicted == gold).sum()).mean()
    assert beats_own_frequencies(predicted, gold, rng)["p"] == pytest.approx(expected, abs=0.03)


def test_rows_of_different_lengths_are_refused(plain_python):
    with pytest.raises(ValueError, match=r"gold has shape \(3,\)"):
        accuracy(np.zeros(4, int), np.zeros(3, int))
