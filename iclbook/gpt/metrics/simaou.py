"""SimAOU: do in-context learning and finetuning move the attention output the same way?

Similarity of attention output updates (Dai et al. 2023, section 4.3): the cosine of
h_ICL - h_ZSL and h_FT - h_ZSL, layer by layer. The authors normalise the three vectors first. The
trap (Deutch et al. 2024): normalising leaves a piece of h_ZSL in both differences, so that pure
noise scores above zero. With c_S = 1 - cos(h_S, h_ZSL) it scores (1/2) sqrt(c_ICL c_FT), which the
data tell; this chance level stands beside every score.
"""

from functools import partial

import numpy as np
import torch
from jaxtyping import Float

from iclbook.gpt.metrics.baseline import random_direction
from iclbook.gpt.metrics.chunks import check_alike, chunks, to_numpy
from iclbook.gpt.metrics.metric import Comparison, Layout, Metric, Row, of_three
from iclbook.gpt.metrics.scores import Scores, check_defined

TINY = 1e-20
"""The smallest norm; in the authors' code it is added to every norm."""

cosine = partial(torch.cosine_similarity, dim=-1, eps=TINY)
"""Along the last axis of two tensors; 0 if one of them is 0."""


def sim_aou(
    zsl: Float[np.ndarray, "n L d"],
    icl: Float[np.ndarray, "n L d"],
    ft: Float[np.ndarray, "n L d"],
    *,
    normalise: bool = True,
    rng: np.random.Generator | None = None,
    device: str = "cpu",
    numbers: int | None = None,
) -> Scores:
    """Cosine of the updates of attention outputs, for each item and layer.

    Parameters
    ----------
    zsl, icl, ft : array, shape (n, L, d)
        Attention-block outputs at one position in the three settings.
    normalise : bool
        Bring each output to norm 1 before the difference, as the authors do.
    rng : numpy.random.Generator, optional
        For the random baselines, which are left out without it.
    device : str
        Where to compute.
    numbers : int, optional
        Size of a block, see `chunks`. It does not change the result.

    Returns
    -------
    Scores
        With references "chance" (0 when not normalised), "uniform" (the authors' baseline: the
        finetuning update replaced by numbers from U[0, 1), that is, nearly the all-ones
        direction) and "isotropic" (h_FT replaced by h_ZSL + u, where u has a random direction and
        the norm of h_FT - h_ZSL of that item and layer).

    Raises
    ------
    ValueError
        If the shapes differ, or an observation is NaN or infinite.
    """
    n, L, d = check_alike(zsl=zsl, icl=icl, ft=ft)
    names = ("score", "chance", *(("uniform", "isotropic") if rng else ()))
    out = {name: np.zeros((n, L)) for name in names}
    uniform, isotropic = rng.spawn(2) if rng else (None, None)
    w = random_direction(isotropic, np.full((n, L), d)) if rng else None
    for rows, z, i, f in chunks(zsl, icl, ft, device=device, numbers=numbers):
        size = z.norm(dim=-1) + TINY
        step = (f - z).norm(dim=-1) / size
        if normalise:
            z, i, f = (x / (x.norm(dim=-1, keepdim=True) + TINY) for x in (z, i, f))
        a, b = i - z, f - z
        out["score"][rows] = to_numpy(cosine(a, b))
        # For unit vectors |a|^2 = 2 c; unlike 1 - cos it keeps its digits when c is small.
        c_icl, c_ft = (to_numpy(x.square().sum(-1)) / 2 for x in (a, b))
        if normalise:
            out["chance"][rows] = np.sqrt(c_icl * c_ft) / 2
        if rng:
            out["uniform"][rows] = to_numpy(cosine(a, a.new_tensor(uniform.random(a.shape))))
            here = w[0][rows], w[1][rows]
            out["isotropic"][rows] = (
                _normalised_noise(c_icl, to_numpy(step), *here) if normalise else here[0]
            )
    check_defined(out["score"], "SimAOU")
    return Scores(out.pop("score"), out)


def _normalised_noise(
    c: np.ndarray, step: np.ndarray, w_along: np.ndarray, w_across: np.ndarray
) -> np.ndarray:
    """Cosine of the in-context update with that of unit(z + u), u random of length `step`, |z| = 1.

    Only two coordinates matter: along z, and along the part of the in-context update that is
    orthogonal to z. Both updates have unit vectors at both ends.

    Parameters
    ----------
    c : array
        1 - cos(h_ICL, h_ZSL).
    step : array
        |h_FT - h_ZSL| / |h_ZSL|.
    w_along, w_across : array
        Coordinates of the random unit vector along those two directions.
    """
    along, across = step * w_along, step * w_across
    length = np.sqrt((1 + along) ** 2 + step**2 - along**2)
    b_along = (1 + along) / (length + TINY) - 1
    b_across = across / (length + TINY)
    a_along, a_across = -c, np.sqrt(np.maximum(2 * c - c**2, 0))
    sizes = np.sqrt(2 * c) * np.sqrt(np.maximum(-2 * b_along, 0))
    return (a_along * b_along + a_across * b_across) / (sizes + TINY)


def _compute(given: Comparison, rng: np.random.Generator) -> dict | None:
    outputs = given.arrays("hidden")
    if outputs is None:
        return None
    noise, intervals = rng.spawn(2)
    return {
        update: sim_aou(
            *outputs, normalise=update == "normalised", rng=noise, device=given.device
        ).summary(intervals, given.preset.random)
        for update in given.preset.updates
    }


SIMAOU = Metric(
    "simaou",
    _compute,
    of_three("hidden"),
    placed=True,
    layout=Layout(
        title=lambda preset: f"SimAOU, {preset.updates[0]}",
        rows=lambda preset: (
            Row(
                f"random update, {preset.random[0]}",
                (preset.updates[0], "references", preset.random[0], "mean"),
            ),
            Row("chance", (preset.updates[0], "references", "chance", "mean")),
            Row("FT update", (preset.updates[0], "mean")),
        ),
        published=3,
    ),
)
