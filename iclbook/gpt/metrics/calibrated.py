"""How many items does a setting get right once its prior over label words is taken off?"""

import numpy as np
from jaxtyping import Float, Int
from scipy.special import softmax

from iclbook.gpt.metrics.accuracy import entry, rows_of_settings
from iclbook.gpt.metrics.metric import Comparison, Layout, Metric


def calibrate(
    scores: Float[np.ndarray, "n C"], prior: Float[np.ndarray, " C"]
) -> Int[np.ndarray, " n"]:
    """Predictions from scores less the prior (Zhao et al. 2021, section 5).

    Parameters
    ----------
    scores : float array, shape (n, C)
        Log-probability of each label word behind each item.
    prior : float array, shape (C,)
        The same behind texts without content, see `iclbook.gpt.reading.calibrate.prior`.

    Raises
    ------
    ValueError
        If the shapes do not fit.
    """
    if np.ndim(scores) != 2 or np.shape(prior) != np.shape(scores)[1:]:
        raise ValueError(
            f"scores has shape {np.shape(scores)} and prior {np.shape(prior)}; expected (n, C) and "
            f"(C,)."
        )
    return (scores - prior).argmax(axis=1)


def _compute(given: Comparison, rng: np.random.Generator) -> dict | None:
    found = {}
    tests, intervals = rng.spawn(2)
    for name, setting in given.settings.items():
        if setting.prior is None:
            continue
        predicted = calibrate(setting.log_probs, setting.prior)
        found[name] = entry(predicted, given.gold, tests, intervals)
        found[name]["prior"] = softmax(setting.prior).tolist()
    return found or None


CALIBRATED = Metric(
    "calibrated",
    _compute,
    layout=Layout(
        title=lambda preset: "calibrated accuracy (%)",
        rows=rows_of_settings,
        scale=100.0,
        digits=1,
        similarity=False,
    ),
)
