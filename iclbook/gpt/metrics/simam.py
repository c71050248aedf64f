"""SimAM: do in-context learning and finetuning look at the same tokens of the query?

Similarity of attention maps (Dai et al. 2023, section 4.3): the cosine of two rows of scores, the
last token's to the query's own tokens, before the softmax, head by head. The trap: it compares
maps and not updates, so two settings that hardly move the zero-shot map are similar whatever they
do (Deutch et al. 2024). The difference version compares m_ICL - m_ZSL with m_FT - m_ZSL. It has a
trap of its own: where demonstrations cannot change a map, its change is rounding.
"""

import numpy as np
from jaxtyping import Float, Int

from iclbook.gpt.metrics.baseline import random_direction
from iclbook.gpt.metrics.chunks import check_alike, chunks, to_numpy
from iclbook.gpt.metrics.metric import Comparison, Layout, Metric, Row, of_three
from iclbook.gpt.metrics.scores import Scores, check_defined, defined_mean
from iclbook.gpt.metrics.simaou import TINY, cosine

UNMOVED = 1e-3
"""A row that demonstrations change by less than this share of its length has no direction of
change. Such is every row of a first layer with relative positions, whose tokens see no context yet;
what is left there is rounding, of the angles and of float16."""


def sim_am(
    zsl: Float[np.ndarray, "n L H n_q"],
    icl: Float[np.ndarray, "n L H n_q"],
    ft: Float[np.ndarray, "n L H n_q"],
    lengths: Int[np.ndarray, "n"],
    *,
    last_key: bool = True,
    rng: np.random.Generator | None = None,
    device: str = "cpu",
    numbers: int | None = None,
) -> dict[str, Scores]:
    """Cosines of attention rows, mean over heads, for each item and layer.

    Parameters
    ----------
    zsl, icl, ft : array, shape (n, L, H, n_q)
        Scaled scores before the softmax, padded with zeros on the left.
    lengths : int array, shape (n,)
        How many of the n_q scores are real.
    last_key : bool
        Whether the score of the last token with itself takes part, as with the authors.
    rng : numpy.random.Generator, optional
        For the random baselines, which are left out without it.
    device : str
        Where to compute.
    numbers : int, optional
        Size of a block, see `chunks`. It does not change the result.

    Returns
    -------
    dict of str to Scores
        "before": in-context against zero-shot. "after": in-context against finetuned.
        "difference": of the two changes of the zero-shot row. The last two have a reference
        "isotropic", where the change by finetuning has a random direction and its own norm;
        the authors have no random baseline here. A difference is NaN for an item and layer in
        which the context leaves the rows of all heads as they are (`UNMOVED`); single such heads
        are left out of the mean.

    Raises
    ------
    ValueError
        If shapes or lengths do not fit, or an observation is NaN or infinite.
    """
    n, L, H, n_q = check_alike(zsl=zsl, icl=icl, ft=ft)
    _check_lengths(lengths, n, n_q, shortest=1 if last_key else 2)
    heads = {name: np.zeros((n, L, H)) for name in ("before", "after", "difference")}
    noise = {name: np.zeros((n, L, H)) for name in ("after", "difference")} if rng else {}
    unmoved = np.zeros((n, L, H), dtype=bool)
    if rng:
        dims = np.broadcast_to((lengths - (not last_key))[:, None, None], (n, L, H))
        w_along, w_across = random_direction(rng, dims)
        noise["difference"] = w_along
    for rows, z, i, f in chunks(zsl, icl, ft, device=device, numbers=numbers):
        if not last_key:
            z, i, f = (x[..., :-1] for x in (z, i, f))
        heads["before"][rows] = to_numpy(cosine(i, z))
        heads["after"][rows] = to_numpy(cosine(i, f))
        heads["difference"][rows] = to_numpy(cosine(i - z, f - z))
        unmoved[rows] = to_numpy((i - z).norm(dim=-1) < UNMOVED * z.norm(dim=-1))
        if rng:
            size, step, length = (to_numpy(x.norm(dim=-1)) for x in (z, f - z, i))
            along = heads["before"][rows]
            noise["after"][rows] = _noise(along, step, size, w_along[rows], w_across[rows])
            noise["after"][rows] *= length > 0
    for name, values in heads.items():
        check_defined(values.mean(2), f"SimAM ({name})")
    for found in (heads, noise):
        if "difference" in found:
            found["difference"][unmoved] = np.nan
    return {
        name: Scores(
            defined_mean(values, axis=2),
            {"isotropic": defined_mean(noise[name], axis=2)} if name in noise else {},
            heads=defined_mean(values, axis=0),
        )
        for name, values in heads.items()
    }


def _noise(
    cos: np.ndarray, step: np.ndarray, size: np.ndarray, w_along: np.ndarray, w_across: np.ndarray
) -> np.ndarray:
    """Cosine of a row m with z + u, u random of length `step`, from cos(m, z) and `size` = |z|."""
    along = size + step * w_along
    length = np.sqrt(along**2 + step**2 * (1 - w_along**2))
    sine = np.sqrt(np.maximum(1 - cos**2, 0))
    return (cos * along + sine * step * w_across) / (length + TINY)


def _check_lengths(lengths: np.ndarray, n: int, n_q: int, shortest: int) -> None:
    if lengths.shape != (n,) or lengths.min() < shortest or lengths.max() > n_q:
        raise ValueError(
            f"lengths have shape {lengths.shape} and lie in [{lengths.min()}, {lengths.max()}]; "
            f"expected ({n},) within [{shortest}, {n_q}], the number of scores of each item."
        )


def _compute(given: Comparison, rng: np.random.Generator) -> dict | None:
    rows = given.arrays("scores")
    if rows is None:
        return None
    noise, intervals = rng.spawn(2)
    scores = sim_am(
        *rows,
        given.settings["zsl"].lengths[given.position],
        last_key=given.preset.label_key or given.position != "label",
        rng=noise,
        device=given.device,
    )
    return {name: score.summary(intervals, given.preset.random) for name, score in scores.items()}


SIMAM = Metric(
    "simam",
    _compute,
    of_three("scores"),
    placed=True,
    layout=Layout(
        title=lambda preset: "SimAM",
        rows=lambda preset: (
            Row("before FT", ("before", "mean")),
            Row("after FT", ("after", "mean")),
            Row("difference", ("difference", "mean")),
        ),
        published=4,
    ),
)
