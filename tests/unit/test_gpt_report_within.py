"""Mended against missed items: worked by hand, and against published analyses."""

import numpy as np
import pytest
from scipy.stats.contingency import odds_ratio as scipy_odds_ratio

from iclbook.gpt.metrics import seed_interval
from iclbook.gpt.report import within
from iclbook.gpt.report.within import Answers, counts, difference, exact_interval, odds_ratio
from iclbook.records import store

RABBITS = np.array(
    [
        [[0, 6], [0, 5]],
        [[3, 3], [0, 6]],
        [[6, 0], [2, 4]],
        [[5, 1], [6, 0]],
        [[2, 0], [5, 0]],
    ]
).transpose(0, 2, 1)
"""Penicillin in rabbits (Mantel 1963), as R has it; R says what the tests below expect."""


def answers(*columns):
    """Columns (gold, zsl, ft, icl, how many)."""
    gold, zsl, ft, icl = (
        np.repeat([c[i] for c in columns], [c[4] for c in columns]) for i in range(4)
    )
    return Answers(zsl.astype(bool), ft.astype(bool), icl.astype(bool), gold)


HAND = answers(
    (0, 0, 1, 1, 5),
    (0, 0, 1, 0, 1),
    (0, 0, 0, 1, 1),
    (0, 0, 0, 0, 3),
    (1, 0, 1, 1, 2),
    (1, 0, 1, 0, 2),
    (1, 0, 0, 1, 4),
    (1, 0, 0, 0, 12),
    (2, 0, 1, 1, 7),  # no item of this label is missed
    (3, 1, 1, 0, 9),  # nor wrong zero-shot
)


def test_worked_by_hand():
    tables = counts(HAND)
    assert tables.tolist() == [
        [[5, 1], [1, 3]],
        [[2, 2], [4, 12]],
        [[7, 0], [0, 0]],
        [[0, 0], [0, 0]],
    ]
    assert odds_ratio(tables) == pytest.approx(
        (5 * 3 / 10 + 2 * 12 / 20) / (1 * 1 / 10 + 2 * 4 / 20)
    )
    weights = 6 * 4 / 10, 4 * 16 / 20
    gaps = 5 / 6 - 1 / 4, 2 / 4 - 4 / 16
    assert within.weight(tables) == pytest.approx(sum(weights))
    assert difference(tables) == pytest.approx(np.dot(weights, gaps) / sum(weights))


def test_of_a_record():
    record = store.read(min(store.STORE.glob("gpt-cell/mini-mini-sst2-seed-0-*.json")))
    found = counts(Answers.of(record))
    assert found.sum(axis=0).tolist() == record["rec2ftp"]["table"]


def test_as_published():
    assert odds_ratio(RABBITS) == pytest.approx(7)
    assert exact_interval(RABBITS) == pytest.approx((1.0773878, 531.5127829))


@pytest.mark.parametrize("table", [[[20, 3], [5, 9]], [[3, 0], [3, 6]], [[0, 8], [3, 2]]])
@pytest.mark.parametrize("level", [0.9, 0.95])
def test_one_table_has_the_interval_of_scipy(table, level):
    expected = scipy_odds_ratio(table).confidence_interval(level)
    assert exact_interval(np.array([table]), level) == pytest.approx((expected.low, expected.high))


def test_a_liking_for_a_label_is_no_agreement():
    liking = answers(
        (0, 0, 1, 1, 90), (0, 0, 1, 0, 10), (0, 0, 0, 1, 9), (0, 0, 0, 0, 1),
        (1, 0, 1, 1, 1), (1, 0, 1, 0, 9), (1, 0, 0, 1, 10), (1, 0, 0, 0, 90),
    )  # fmt: skip
    tables = counts(liking)
    assert odds_ratio(tables) == pytest.approx(1)
    assert difference(tables) == pytest.approx(0)
    assert odds_ratio(tables.sum(0, keepdims=True)) > 10


def test_zeros():
    nothing = np.array([[[4, 2], [0, 0]], [[0, 0], [3, 3]]])  # no label has both
    assert np.isnan(difference(nothing))
    assert np.isnan(odds_ratio(nothing))
    assert exact_interval(nothing) == (0, np.inf)
    assert odds_ratio(np.array([[[4, 0], [1, 3]]])) == np.inf
    assert odds_ratio(np.array([[[0, 4], [1, 3]]])) == 0
    assert np.isnan(odds_ratio(np.array([[[4, 0], [3, 0]]])))  # ICL always right
    padded = np.concatenate([RABBITS, np.zeros((1, 2, 2), int)])
    assert odds_ratio(padded) == odds_ratio(RABBITS)
    assert difference(padded) == difference(RABBITS)
    assert exact_interval(padded) == exact_interval(RABBITS)


def test_the_exact_interval_covers():
    """Of items with a true odds ratio of 4 in both labels, at least 95% of the time."""
    rng, inside = np.random.default_rng(0), 0
    for _ in range(200):
        tables = []
        for odds_missed in (0.5, 2):
            mended, missed = (
                rng.binomial(n, odds / (1 + odds))
                for n, odds in ((9, 4 * odds_missed), (12, odds_missed))
            )
            tables.append([[mended, 9 - mended], [missed, 12 - missed]])
        low, high = exact_interval(np.array(tables))
        inside += low <= 4 <= high
    assert inside >= 185  # 190 expected at least; standard deviation 3


def test_large_counts_keep_their_precision():
    table = np.array([[[1500, 400], [700, 1400]]])
    low, high = exact_interval(table)
    assert low < odds_ratio(table) < high < 1.4 * low


def test_other_items_come_with_all_their_answers():
    other = answers(*((g, z, 1 - f, i, n) for g, z, f, i, n in [
        (0, 0, 1, 1, 5), (0, 0, 1, 0, 1), (0, 0, 0, 1, 1), (0, 0, 0, 0, 3),
        (1, 0, 1, 1, 2), (1, 0, 1, 0, 2), (1, 0, 0, 1, 4), (1, 0, 0, 0, 12),
        (2, 0, 1, 1, 7), (3, 1, 1, 0, 9),
    ]))  # fmt: skip
    found = within.other_items([HAND, other], np.random.default_rng(0), resamples=300)
    assert found.shape == (300, 2, 4, 2, 2)
    # What one draw mends the other misses: the rows of the tables are exchanged, in each resample.
    assert np.array_equal(found[:, 0], found[:, 1, :, ::-1])
    assert np.allclose(found.mean(0), [counts(HAND), counts(other)], atol=0.6)
    assert found[:, 0].sum((1, 2, 3)).std() > 0  # how many are wrong zero-shot varies


def test_other_items_refuses_draws_on_different_items():
    shorter = answers((0, 0, 1, 1, 3))
    with pytest.raises(ValueError, match="the same gold labels"):
        within.other_items([HAND, shorter], np.random.default_rng(0))
    with pytest.raises(ValueError, match="0 draws"):
        within.other_items([], np.random.default_rng(0))


TABLES = np.array([[[[9, 2], [4, 5]]], [[[8, 3], [5, 5]]], [[[10, 1], [4, 7]]]])


@pytest.mark.parametrize("statistic", [difference, within.log_odds_ratio])
def test_over_draws(statistic):
    low, high = within.over_draws(TABLES, statistic)
    assert low < statistic(np.concatenate(TABLES)) < high
    same = within.over_draws(TABLES[[0, 0, 0]], statistic)  # they do not differ
    assert same == pytest.approx((statistic(TABLES[0]),) * 2)
    for untold in (TABLES[:1], np.array([[[[0, 0], [1, 3]]]] * 3)):
        assert np.isnan(within.over_draws(untold, statistic)).all()


def test_over_draws_of_a_mean_is_the_interval_of_seeds():
    """With as many items each, the pooled difference is the mean: the jackknife changes nothing."""
    tables = np.array([[[[9, 1], [4, 6]]], [[[8, 2], [5, 5]]], [[[10, 0], [2, 8]]]])
    _, low, high = seed_interval(difference(tables))
    assert within.over_draws(tables) == pytest.approx((low, high))


def test_an_odds_ratio_that_hangs_on_one_draw_has_no_interval():
    tables = np.array([[[[9, 0], [4, 5]]], [[[8, 0], [5, 5]]], [[[10, 1], [4, 7]]]])
    assert np.isfinite(within.log_odds_ratio(np.concatenate(tables)))
    assert np.isnan(within.over_draws(tables, within.log_odds_ratio)).all()
