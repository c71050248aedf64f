"""Do two settings get the same items right?

Rec2FTP (Dai et al. 2023, section 4.3): of the items that finetuning mends, how many does in-context
learning mend too? The trap: a setting that is right on nine items of ten "recalls" nine of ten of
anything. So the number stands beside its chance level, stratified by gold label because a setting
that prefers one label is right on that label's items, whoever mended them.
"""

from dataclasses import asdict, dataclass

import numpy as np
from jaxtyping import Bool, Int
from scipy import stats

from iclbook.validate import check_count

LEAST = 10
"""Below so many items in its denominator, Rec2FTP is not a number to report."""


def accuracy(predicted: Int[np.ndarray, "n"], gold: Int[np.ndarray, "n"]) -> float:
    """Share of items that are predicted right.

    Raises
    ------
    ValueError
        If there are no items or the shapes differ.
    """
    _check_rows(predicted=predicted, gold=gold)
    return float((predicted == gold).mean())


@dataclass(frozen=True)
class Recall:
    """Rec2FTP with everything that it has to be read against.

    Attributes
    ----------
    value : float or None
        #{FT right, ZSL wrong, ICL right} / #{FT right, ZSL wrong}; None (n/a) below `least` items.
    count : int
        The denominator.
    table : ((int, int), (int, int))
        Items that zero-shot gets wrong. Rows: finetuning right, wrong. Columns: in-context
        right, wrong.
    chance : float or None
        sum_c n_c P(ICL right | ZSL wrong, gold c) / sum_c n_c, where n_c counts the items with
        gold label c that finetuning mends; None if it mends nothing.
    rest : float or None
        P(ICL right | ZSL wrong, FT wrong); None if there is no such item.
    difference : float or None
        `value` minus `rest`.
    p : float or None
        Exact probability of so large an overlap if the items that finetuning mends were a random
        draw from those that zero-shot gets wrong (hypergeometric, one-sided).
    p_stratified : float or None
        The same for a random draw within each gold label. Its mean is `chance`.
    """

    value: float | None
    count: int
    table: tuple[tuple[int, int], tuple[int, int]]
    chance: float | None
    rest: float | None
    difference: float | None
    p: float | None
    p_stratified: float | None

    def summary(self) -> dict:
        """Plain numbers for a record."""
        return asdict(self) | {"table": [list(row) for row in self.table]}


def rec2ftp(
    zsl_right: Bool[np.ndarray, "n"],
    ft_right: Bool[np.ndarray, "n"],
    icl_right: Bool[np.ndarray, "n"],
    gold: Int[np.ndarray, "n"],
    *,
    least: int = LEAST,
) -> Recall:
    """Recall to finetuning predictions.

    Parameters
    ----------
    zsl_right, ft_right, icl_right : bool array, shape (n,)
        Which items each setting gets right.
    gold : int array, shape (n,)
        Gold labels.
    least : int
        Smallest denominator for which there is a value.

    Returns
    -------
    Recall

    Raises
    ------
    ValueError
        If there are no items or the shapes differ.
    """
    _check_rows(zsl_right=zsl_right, ft_right=ft_right, icl_right=icl_right, gold=gold)
    check_count("least", least)
    wrong = ~zsl_right
    mended, kept = wrong & ft_right, wrong & ~ft_right
    table = tuple(
        (int((group & icl_right).sum()), int((group & ~icl_right).sum()))
        for group in (mended, kept)
    )
    (both, _), (other, neither) = table
    count = int(mended.sum())
    value = both / count if count >= least else None
    rest = other / (other + neither) if other + neither else None
    strata = [
        tuple(int((group & (gold == c)).sum()) for group in (wrong, wrong & icl_right, mended))
        for c in np.unique(gold[mended])
    ]
    return Recall(
        value=value,
        count=count,
        table=table,
        chance=sum(k * n / m for m, k, n in strata) / count if count else None,
        rest=rest,
        difference=None if value is None or rest is None else value - rest,
        p=_p_overlap(both, [(int(wrong.sum()), both + other, count)]) if count else None,
        p_stratified=_p_overlap(both, strata) if count else None,
    )


def beats_own_frequencies(
    predicted: Int[np.ndarray, "n"],
    gold: Int[np.ndarray, "n"],
    rng: np.random.Generator,
    *,
    permutations: int = 9999,
    level: float = 0.05,
) -> dict:
    """Does a task count: is the accuracy above what the predicted frequencies score blindly?

    A setting that has learned only how often to say each word scores
    sum_c p_pred(c) p_gold(c). A similarity with such a setting says nothing about the task.

    Parameters
    ----------
    predicted, gold : int array, shape (n,)
        Label numbers.
    rng : numpy.random.Generator
    permutations : int
        Random pairings of predictions and gold labels for the test.
    level : float
        The task counts if p lies below.

    Returns
    -------
    dict
        `accuracy`, `chance`, `p` (permutation test, one-sided) and `counts` (bool).

    Raises
    ------
    ValueError
        If there are no items or the shapes differ.
    """
    check_count("permutations", permutations)
    reached = accuracy(predicted, gold)
    given, given_counts = np.unique(predicted, return_counts=True)
    right, right_counts = np.unique(gold, return_counts=True)
    same = given[:, None] == right
    if 1 in same.shape:
        p = 1.0  # every pairing is right as often (and SciPy 1.17 draws wrong tables here)
    else:
        # A random pairing matters only through its table of counts, which has these margins.
        table = stats.random_table(given_counts, right_counts)
        hits = table.rvs(permutations, random_state=rng)[:, same].sum(1)
        p = (1 + int((hits >= (predicted == gold).sum()).sum())) / (1 + permutations)
    chance = float(given_counts @ same @ right_counts) / len(gold) ** 2
    return {"accuracy": reached, "chance": chance, "p": p, "counts": p < level}


def _p_overlap(both: int, strata: list[tuple[int, int, int]]) -> float:
    """P(overlap >= both) where each stratum is (items, marked, drawn): independent draws add up."""
    law = np.ones(1)
    for items, marked, drawn in strata:
        law = np.convolve(law, stats.hypergeom.pmf(np.arange(drawn + 1), items, marked, drawn))
    return float(min(1.0, law[both:].sum()))


def _check_rows(**rows) -> None:
    (first, row), *_ = rows.items()
    for name, other in rows.items():
        if np.ndim(other) != 1 or len(other) != len(row) or not len(row):
            raise ValueError(
                f"{name} has shape {np.shape(other)}; expected ({len(row)},) as {first} has, one "
                f"entry an item and at least one item."
            )
