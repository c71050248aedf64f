"""Intervals, and the unit that each of them is about.

Seeds share their evaluation items, so a pool of all seeds' items is not a sample of independent
trials. A claim about a task takes the seed as its unit. A bootstrap over items is about one
demonstration set: how much would the number move with other items of the same task?
"""

import numpy as np
import scipy  # its parts load when first used: stats takes half a second
from jaxtyping import Bool, Float

from iclbook.validate import check_count, check_number


def seed_interval(
    values: Float[np.ndarray, "seeds"], level: float = 0.95
) -> tuple[float, float | None, float | None]:
    """Mean over seeds with a Student t interval: the interval for a claim about a task.

    Parameters
    ----------
    values : array, shape (seeds,)
        One number a seed, perhaps a difference of two settings under the same seed.
    level : float
        Coverage, between 0 and 1.

    Returns
    -------
    mean, low, high : float
        The bounds are None for a single seed: one seed says nothing about the spread.

    Raises
    ------
    ValueError
        If there are no values, or one is not finite.
    """
    values = _check(values)
    check_number("level", level, low=0.0, high=1.0, open_low=True)
    mean, count = float(values.mean()), len(values)
    if count == 1:
        return mean, None, None
    half = scipy.special.stdtrit(count - 1, (1 + level) / 2) * values.std(ddof=1) / np.sqrt(count)
    return mean, float(mean - half), float(mean + half)


def bootstrap(
    values: Float[np.ndarray, "n"],
    rng: np.random.Generator,
    *,
    among: Float[np.ndarray, "n"] | None = None,
    draws: int = 2000,
    level: float = 0.95,
) -> tuple[float, float]:
    """Percentile interval of a mean over items, for one demonstration set.

    Parameters
    ----------
    values : array, shape (n,)
        One number an item.
    rng : numpy.random.Generator
    among : array, shape (n,), optional
        Weights, mostly 0 or 1, for the mean over a subset whose size is itself random, as in
        Rec2FTP: the mean is sum(values * among) / sum(among) in each draw. Draws without any
        weight are left out.
    draws : int
        Number of resamples.
    level : float
        Coverage, between 0 and 1.

    Returns
    -------
    low, high : float

    Raises
    ------
    ValueError
        If there are no values, one is not finite, the shapes differ or all weights are zero.
    """
    values = _check(values)
    check_count("draws", draws), check_number("level", level, low=0.0, high=1.0, open_low=True)
    n = len(values)
    among = np.ones(n) if among is None else _check(among)
    if among.shape != values.shape or not among.any():
        raise ValueError(
            f"among has shape {among.shape} and sums to {among.sum():g}; expected a weight for "
            f"each of the {n} items, not all zero."
        )
    means, step = [], max(1, 2**22 // n)
    for start in range(0, draws, step):
        picked = rng.integers(n, size=(min(step, draws - start), n))
        means.append((values * among)[picked].sum(1) / _or_nan(among[picked].sum(1)))
    bounds = np.nanquantile(np.concatenate(means), [(1 - level) / 2, (1 + level) / 2])
    return float(bounds[0]), float(bounds[1])


def share_interval(
    right: Bool[np.ndarray, "n"],
    rng: np.random.Generator,
    *,
    among: Bool[np.ndarray, "n"] | None = None,
    level: float = 0.95,
) -> tuple[float, float]:
    """Interval of a share of items, for one demonstration set.

    A bootstrap, but where none or all of the items are right: every resample would give the same
    share and an interval without width. There it is the exact one of Clopper and Pearson (1934).

    Parameters
    ----------
    right : bool array, shape (n,)
        Which items count.
    rng : numpy.random.Generator
    among : bool array, shape (n,), optional
        The items that the share is of; all by default.
    level : float
        Coverage, between 0 and 1.

    Returns
    -------
    low, high : float

    Raises
    ------
    ValueError
        As `bootstrap`.
    """
    chosen = right if among is None else right[among]
    if len(chosen) and (chosen.all() or not chosen.any()):
        exact = scipy.stats.binomtest(int(chosen.sum()), len(chosen)).proportion_ci(level, "exact")
        return float(exact.low), float(exact.high)
    weights = None if among is None else among.astype(float)
    return bootstrap(right.astype(float), rng, among=weights, level=level)


def _check(values) -> np.ndarray:
    values = np.asarray(values, dtype=float)
    if values.ndim != 1 or len(values) == 0 or not np.isfinite(values).all():
        raise ValueError(
            f"values have shape {values.shape} and "
            f"{int((~np.isfinite(values)).sum())} entries that are not finite; expected a row of "
            f"at least one finite number. Leave out runs that diverged."
        )
    return values


def _or_nan(total: np.ndarray) -> np.ndarray:
    return np.where(total == 0, np.nan, total)
