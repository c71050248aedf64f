"""How many items does a setting get right, and is that more than its own label frequencies give?"""

import numpy as np
import scipy  # its parts load when first used: stats takes half a second
from jaxtyping import Int

from iclbook.gpt.metrics.intervals import share_interval
from iclbook.gpt.metrics.metric import Comparison, Layout, Metric, Row
from iclbook.validate import check_count


def accuracy(predicted: Int[np.ndarray, "n"], gold: Int[np.ndarray, "n"]) -> float:
    """Share of items that are predicted right.

    Raises
    ------
    ValueError
        If there are no items or the shapes differ.
    """
    check_rows(predicted=predicted, gold=gold)
    return float((predicted == gold).mean())


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
        table = scipy.stats.random_table(given_counts, right_counts)
        hits = table.rvs(permutations, random_state=rng)[:, same].sum(1)
        p = (1 + int((hits >= (predicted == gold).sum()).sum())) / (1 + permutations)
    chance = float(given_counts @ same @ right_counts) / len(gold) ** 2
    return {"accuracy": reached, "chance": chance, "p": p, "counts": p < level}


def check_rows(**rows) -> None:
    """Refuse rows that do not have one entry an item.

    Raises
    ------
    ValueError
        If there are no items or the shapes differ.
    """
    (first, row), *_ = rows.items()
    for name, other in rows.items():
        if np.ndim(other) != 1 or len(other) != len(row) or not len(row):
            raise ValueError(
                f"{name} has shape {np.shape(other)}; expected ({len(row)},) as {first} has, one "
                f"entry an item and at least one item."
            )


def entry(
    predicted: Int[np.ndarray, "n"],
    gold: Int[np.ndarray, "n"],
    tests: np.random.Generator,
    intervals: np.random.Generator,
) -> dict:
    """What a record holds of an accuracy: `beats_own_frequencies`, and its `interval`."""
    interval = share_interval(predicted == gold, intervals)
    return beats_own_frequencies(predicted, gold, tests) | {"interval": list(interval)}


def rows_of_settings(preset) -> tuple[Row, ...]:
    """A row a setting, the same whatever the preset."""
    return (
        Row("ZSL", ("zsl", "accuracy"), drawn=False),
        Row("FT", ("ft", "accuracy")),
        Row("ICL", ("icl", "accuracy")),
    )


def _compute(given: Comparison, rng: np.random.Generator) -> dict:
    tests, intervals = rng.spawn(2)
    return {
        name: entry(setting.predicted, given.gold, tests, intervals)
        for name, setting in given.settings.items()
    }


ACCURACY = Metric(
    "accuracy",
    _compute,
    layout=Layout(
        title=lambda preset: "accuracy (%)",
        rows=rows_of_settings,
        published=1,
        scale=100.0,
        digits=1,
        similarity=False,
    ),
)
