"""All metrics, in the order of the tables, and what they compute of one cell."""

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np

from iclbook.gpt.metrics.accuracy import ACCURACY
from iclbook.gpt.metrics.calibrated import CALIBRATED
from iclbook.gpt.metrics.distributions import OVERLAP
from iclbook.gpt.metrics.kendall import KENDALL
from iclbook.gpt.metrics.metric import Comparison, Metric
from iclbook.gpt.metrics.rec2ftp import REC2FTP
from iclbook.gpt.metrics.simam import SIMAM
from iclbook.gpt.metrics.simaou import SIMAOU

METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (ACCURACY, REC2FTP, SIMAOU, SIMAM, KENDALL, OVERLAP, CALIBRATED)
}
"""The metrics by name."""


def register(metric: Metric) -> None:
    """Add a metric of your own: cells that run from now on compute it.

    Raises
    ------
    ValueError
        If there is one of this name.
    """
    if metric.name in METRICS:
        raise ValueError(f"a metric {metric.name!r} is registered already; choose another name.")
    METRICS[metric.name] = metric


def wanted(settings: Collection[str]) -> dict[str, frozenset[str]]:
    """What has to be observed of each of these settings, besides its answers."""
    asked = [metric.needs for metric in METRICS.values() if set(metric.needs) <= set(settings)]
    nothing = frozenset()
    return {
        setting: frozenset().union(*(needs.get(setting, nothing) for needs in asked))
        for setting in settings
    }


def measure(
    preset: Any,
    zsl: Any = None,
    icl: Any = None,
    ft: Any = None,
    training_queries: Sequence[np.ndarray] | None = None,
    *,
    rng: np.random.Generator,
    bos: int = 1,
    separator: int = 1,
    device: str = "cpu",
) -> dict:
    """All metrics of one cell, as plain numbers for a record.

    Parameters
    ----------
    preset : Preset
    zsl, icl, ft : Observations, optional
        The settings on the same items. Metrics that need another setting, or what was not
        observed, are left out.
    training_queries : sequence of array, shape (L, T, d_q), optional
        Queries recorded during finetuning, one array a demonstration.
    rng : numpy.random.Generator
        For baselines, tests and bootstrap.
    bos, separator : int
        Numbers of tokens at the start of the context and after each demonstration.
    device : str
        Where similarities are computed.

    Returns
    -------
    dict
        `preset`, `items`, an entry for each metric, and in `positions` those read at a position.

    Raises
    ------
    ValueError
        If there are no settings, if they do not have the same items, or observations are not
        finite.
    """
    settings = {"zsl": zsl, "ft": ft, "icl": icl}
    settings = {name: setting for name, setting in settings.items() if setting is not None}
    if not settings:
        raise ValueError("there are no observations; expected those of zsl, icl or ft.")
    given = Comparison(settings, preset, training_queries, bos, separator, device)
    for name, setting in settings.items():
        if not np.array_equal(setting.gold, given.gold):
            raise ValueError(
                f"{name} has other gold labels than {next(iter(settings))}; expected the same "
                f"items."
            )
    seed = int(rng.integers(2**63))

    result = {"preset": preset.name, "items": len(given.gold)}
    for metric in METRICS.values():
        for place, entry in metric.entries(given, seed).items():
            home = result
            if place:
                home = result.setdefault("positions", {}).setdefault(place, {})
            home[metric.name] = entry
    return result
