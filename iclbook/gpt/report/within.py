"""Within each gold label: is an item that finetuning mends right in context more often than one it
misses?

The chance level of Rec2FTP is a share of all items that zero-shot gets wrong, and the mended items
are among them: where nearly all are mended, nearly no excess is left to see. Here the mended items
are held against the missed ones, in one table of counts a gold label, so that a liking for a label
plays no part. The tables are pooled as Mantel and Haenszel (1959) do it, which needs no correction
for cells that are empty: an empty table, or one with a single row, has no weight.

The traps: all draws of demonstrations share their items, so the items of several draws are no
independent trials; and a table with few missed items tells little, whatever its odds ratio. The
first is met by resampling items together with all of their answers, or leaving out one draw after
the other; the second by an exact interval.

Chapter: "Do they get the same items right?"
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import scipy  # its parts load when first used: stats takes half a second
from jaxtyping import Bool, Float, Int, Shaped

from iclbook.gpt.metrics import seed_interval
from iclbook.records import Record
from iclbook.validate import check_count, check_number

FURTHEST = 60.0
"""No logarithm of an odds ratio is looked for beyond: twenty more digits than counts can tell."""


@dataclass(frozen=True)
class Answers:
    """Which items each setting gets right, for one draw of demonstrations.

    Attributes
    ----------
    zsl, ft, icl : (n,) bool
        Zero-shot, finetuned, in context.
    gold : (n,) int
        Gold labels.
    """

    zsl: Bool[np.ndarray, " n"]
    ft: Bool[np.ndarray, " n"]
    icl: Bool[np.ndarray, " n"]
    gold: Int[np.ndarray, " n"]

    @classmethod
    def of(cls, record: Record) -> "Answers":
        """The answers that a recorded cell holds."""
        gold = np.array(record["gold"])
        right = {s: np.array(record[f"{s}_predicted"]) == gold for s in ("zsl", "ft", "icl")}
        return cls(**right, gold=gold)

    @property
    def mended(self) -> Bool[np.ndarray, " n"]:
        """Wrong zero-shot, right after finetuning."""
        return self.ft & ~self.zsl

    @property
    def missed(self) -> Bool[np.ndarray, " n"]:
        """Wrong before finetuning and after it."""
        return ~self.ft & ~self.zsl


def counts(answers: Answers) -> Int[np.ndarray, "labels 2 2"]:
    """A table a gold label: mended, missed items (rows) by right, wrong in context (columns)."""
    return _cells(answers).sum(-1)


def _cells(answers: Answers) -> Bool[np.ndarray, "labels 2 2 n"]:
    """Which items are counted in which cell of which table."""
    label = np.unique(answers.gold)[:, None] == answers.gold
    row = np.stack([answers.mended, answers.missed])
    column = np.stack([answers.icl, ~answers.icl])
    return label[:, None, None] & row[:, None] & column


def weight(tables: Shaped[np.ndarray, "*rest strata 2 2"]) -> Float[np.ndarray, "*rest"] | float:
    """How much tables can tell: the sum of n1 n0 / (n1 + n0), n1 items mended and n0 missed."""
    (a, b), (c, d) = _entries(tables)
    return ((a + b) * (c + d) / np.maximum(a + b + c + d, 1)).sum(-1)


def difference(
    tables: Shaped[np.ndarray, "*rest strata 2 2"],
) -> Float[np.ndarray, "*rest"] | float:
    """Share of mended items right in context minus that of missed ones, pooled over tables.

    Each table counts with its `weight` (Greenland and Robins 1985): with the precision of its
    difference if nothing but chance is at work.

    Parameters
    ----------
    tables : (..., strata, 2, 2) array
        Counts, see `counts`.

    Returns
    -------
    (...) array
        NaN where no table has both mended and missed items.
    """
    (a, b), (c, d) = _entries(tables)
    items = np.maximum(a + b + c + d, 1)
    return _ratio(((a * (c + d) - c * (a + b)) / items).sum(-1), weight(tables))


def odds_ratio(
    tables: Shaped[np.ndarray, "*rest strata 2 2"],
) -> Float[np.ndarray, "*rest"] | float:
    """The odds of being right in context, mended to missed, pooled over tables.

    sum(a d / n) / sum(b c / n), with the counts (a, b), (c, d) of each table and their sum n
    (Mantel and Haenszel 1959).

    Parameters
    ----------
    tables : (..., strata, 2, 2) array
        Counts, see `counts`.

    Returns
    -------
    (...) array
        Infinite where only the denominator is zero, NaN where both sums are.
    """
    (a, b), (c, d) = _entries(tables)
    items = np.maximum(a + b + c + d, 1)
    return _ratio((a * d / items).sum(-1), (b * c / items).sum(-1))


def log_odds_ratio(
    tables: Shaped[np.ndarray, "*rest strata 2 2"],
) -> Float[np.ndarray, "*rest"] | float:
    """Natural logarithm of `odds_ratio`: what an interval is symmetric in."""
    with np.errstate(divide="ignore"):
        return np.log(odds_ratio(tables))


def exact_interval(
    tables: Int[np.ndarray, "strata 2 2"], level: float = 0.95
) -> tuple[float, float]:
    """Exact conditional interval of the odds ratio that the tables have in common.

    Given the margins of all tables, the number of mended items that are right in context follows
    Fisher's noncentral hypergeometric law in each, and its sum over the tables is tested (Gart
    1970). The unit is the item: other items of the task, with the same demonstrations.

    Parameters
    ----------
    tables : (strata, 2, 2) int array
        Counts of one draw of demonstrations, see `counts`.
    level : float
        Coverage, between 0 and 1; it is at least this.

    Returns
    -------
    low, high : float
        0 and infinity if the margins leave only one possibility: the tables tell nothing.
    """
    check_number("level", level, low=0.0, high=1.0, open_low=True)
    told = tables[tables.sum((1, 2)) > 0]
    (a, b), (c, d) = _entries(told)
    items, right, mended = (x.astype(int) for x in (a + b + c + d, a + c, a + b))
    least, most = np.maximum(0, mended + right - items), np.minimum(mended, right)
    reach = [np.arange(low, high + 1) for low, high in zip(least, most)]
    central = [scipy.stats.hypergeom.logpmf(*law) for law in zip(reach, items, right, mended)]
    over = int((a - least).sum())  # above the smallest possible sum

    def law(log_odds: float) -> np.ndarray:
        total = np.ones(1)
        for count, log_chance in zip(reach, central):
            total = np.convolve(total, scipy.special.softmax(log_chance + log_odds * count))
        return total

    def bound(tail) -> float:
        return float(np.exp(scipy.optimize.brentq(tail, -FURTHEST, FURTHEST)))

    outside = (1 - level) / 2
    low = bound(lambda x: law(x)[over:].sum() - outside) if over else 0.0
    last = over == (most - least).sum()
    high = np.inf if last else bound(lambda x: law(x)[: over + 1].sum() - outside)
    return low, high


def other_items(
    draws: Sequence[Answers], rng: np.random.Generator, resamples: int = 2000
) -> Int[np.ndarray, "resamples draws labels 2 2"]:
    """Tables of resampled items: an item is drawn together with its answers in all draws.

    Parameters
    ----------
    draws : sequence of Answers
        On the same items, one for each draw of demonstrations.
    rng : numpy.random.Generator
    resamples : int

    Raises
    ------
    ValueError
        If there are no draws, or they are not on the same items.
    """
    check_count("resamples", resamples)
    if not draws or any(not np.array_equal(one.gold, draws[0].gold) for one in draws):
        raise ValueError(
            f"the {len(draws)} draws do not have the same gold labels; expected at least one draw, "
            "and all on the same items in the same order."
        )
    cells = np.stack([_cells(one) for one in draws])
    items = cells.shape[-1]
    weights = rng.multinomial(items, np.full(items, 1 / items), size=resamples)
    flat = weights.astype(float) @ cells.reshape(-1, items).T  # exact, and faster than in integers
    return flat.astype(int).reshape(resamples, *cells.shape[:-1])


def over_draws(
    tables: Int[np.ndarray, "draws labels 2 2"],
    statistic: Callable = difference,
    level: float = 0.95,
) -> tuple[float, float]:
    """Interval of a pooled number for other demonstrations, leaving out one draw each time.

    The jackknife with Student's law. Labels of different draws are tables of their own.

    Parameters
    ----------
    tables : (draws, labels, 2, 2) int array
        See `counts`.
    statistic : callable
        `difference` or `log_odds_ratio`.
    level : float
        Coverage, between 0 and 1.

    Returns
    -------
    low, high : float
        NaN for a single draw, or where the number is not finite without one of the draws.
    """
    draws = len(tables)
    if draws == 1:
        return np.nan, np.nan
    every, *without = (
        float(statistic(np.concatenate(some)))
        for some in (tables, *(np.delete(tables, draw, axis=0) for draw in range(draws)))
    )
    if not np.isfinite([every, *without]).all():
        return np.nan, np.nan
    _, low, high = seed_interval(draws * every - (draws - 1) * np.array(without), level)
    return low, high


def _entries(tables):
    """The four counts of each table, as (a, b), (c, d)."""
    return np.moveaxis(tables.astype(float), (-2, -1), (0, 1))


def _ratio(over, under):
    """NaN for 0/0, infinite for another number over 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.divide(over, under)
