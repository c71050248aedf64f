"""Do two settings get the same items right?

Rec2FTP (Dai et al. 2023, section 4.3): of the items that finetuning mends, how many does in-context
learning mend too? The trap: a setting that is right on nine items of ten "recalls" nine of ten of
anything. So the number stands beside its chance level, stratified by gold label because a setting
that prefers one label is right on that label's items, whoever mended them.
"""

from dataclasses import asdict, dataclass

import numpy as np
import scipy  # its parts load when first used: stats takes half a second
from jaxtyping import Bool, Int

from iclbook.gpt.metrics.accuracy import check_rows
from iclbook.gpt.metrics.intervals import share_interval
from iclbook.gpt.metrics.metric import Comparison, Layout, Metric, Row, of_three
from iclbook.validate import check_count

LEAST = 10
"""Below so many items in its denominator, Rec2FTP is not a number to report."""


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
    check_rows(zsl_right=zsl_right, ft_right=ft_right, icl_right=icl_right, gold=gold)
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


def _p_overlap(both: int, strata: list[tuple[int, int, int]]) -> float:
    """P(overlap >= both) where each stratum is (items, marked, drawn): independent draws add up."""
    law = np.ones(1)
    for items, marked, drawn in strata:
        law = np.convolve(
            law, scipy.stats.hypergeom.pmf(np.arange(drawn + 1), items, marked, drawn)
        )
    return float(min(1.0, law[both:].sum()))


def _compute(given: Comparison, rng: np.random.Generator) -> dict:
    right = {name: given.right(name) for name in ("zsl", "ft", "icl")}
    recall = rec2ftp(*right.values(), given.gold, least=given.preset.least_mended)
    interval = None
    if recall.value is not None:
        mended = ~right["zsl"] & right["ft"]
        interval = list(share_interval(right["icl"], rng, among=mended))
    return recall.summary() | {"interval": interval}


REC2FTP = Metric(
    "rec2ftp",
    _compute,
    of_three(),
    layout=Layout(
        title=lambda preset: "Rec2FTP (%)",
        rows=lambda preset: (
            Row("Rec2FTP", ("value",)),
            Row("chance", ("chance",)),
            Row("mended items (number)", ("count",), scaled=False),
        ),
        published=2,
        scale=100.0,
        digits=1,
        few=f"sets with {LEAST} mended items or more",
    ),
)
