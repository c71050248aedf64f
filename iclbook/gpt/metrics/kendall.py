"""Kendall: do in-context learning and finetuning weigh the training tokens alike?

In context, the last token has a score for each token of the demonstrations, summed over heads. In
the dual form of finetuning its weight for a training token is the product of two attention
queries, the training token's (recorded at the step that trained on it) with the last token's after
finetuning (Dai et al. 2023, section 4.3). Kendall's tau compares the two orders. A softmax over
tokens would not change either order. The trap: the sum over heads comes before it, of raw scores.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from iclbook.gpt.metrics.chunks import chunks, to_numpy
from iclbook.gpt.metrics.metric import Comparison, Layout, Metric, Row, of_three
from iclbook.gpt.metrics.rank import tau_of_tensors
from iclbook.gpt.metrics.scores import Scores
from iclbook.validate import check_count


def kendall(
    context_scores: Float[np.ndarray, "n L c"],
    training_queries: Sequence[Float[np.ndarray, "L _ d_q"]],
    queries: Float[np.ndarray, "n L d_q"],
    *,
    bos: int = 1,
    separator: int = 1,
    first: int | None = None,
    rng: np.random.Generator | None = None,
    device: str = "cpu",
    numbers: int | None = None,
) -> Scores:
    """Tau-b between the two weights of the training tokens, for each item and layer.

    Parameters
    ----------
    context_scores : array, shape (n, L, c)
        In context: scores to the c tokens of the context, which is `bos` tokens, then each
        demonstration and `separator` tokens. Summed over heads, before the softmax; NaN where a
        window hides the token.
    training_queries : sequence of array, shape (L, T, d_q)
        One a demonstration, in order: queries of its tokens during finetuning, `bos` tokens and
        then the demonstration. Examples beyond those in the context are left out.
    queries : array, shape (n, L, d_q)
        After finetuning: query of the last token.
    bos, separator : int
        Numbers of tokens, as above. They take no part.
    first : int, optional
        Only so many items; the authors take 100.
    rng : numpy.random.Generator, optional
        For the random baselines, which are left out without it.
    device : str
        Where to compute.
    numbers : int, optional
        Size of a block, see `chunks`. It does not change the result.

    Returns
    -------
    Scores
        NaN where fewer than two tokens are visible. With references "uniform" (the authors'
        baseline: weights from U[0, 1)) and "isotropic" (the last token's query replaced by one of
        random direction: zero on average, but as rough as the real one, item by item).

    Raises
    ------
    ValueError
        If the token counts of context and training examples do not fit, or shapes differ.
    """
    check_count("bos", bos, low=0), check_count("separator", separator, low=0)
    if first is not None:
        check_count("first", first)
        context_scores, queries = context_scores[:first], queries[:first]
    n, L, c = context_scores.shape
    places, used = _places([q.shape[1] for q in training_queries], c, bos, separator)
    trained = np.concatenate([np.asarray(q)[:, bos:] for q in training_queries[:used]], axis=1)
    if queries.shape[:2] != (n, L) or (len(trained), trained.shape[2]) != (L, queries.shape[2]):
        raise ValueError(
            f"queries have shape {queries.shape} and training queries (L, T, d_q) = "
            f"{trained.shape}; expected ({n}, {L}, d_q) and ({L}, T, d_q) of the same model."
        )
    names = ("uniform", "isotropic") if rng else ()
    out = {name: np.zeros((n, L)) for name in ("score", *names)}
    uniform, isotropic = rng.spawn(2) if rng else (None, None)
    _, trained = next(chunks(trained[None], device=device))
    # (L, d_q, N), each layer's training queries as columns
    columns = trained[0].mT.contiguous()

    def products(q):
        """Weights of the training tokens; shape (rows, L, N)."""
        # Rounded, so that what is equal but for the order of a sum stays a tie.
        return (q.transpose(0, 1) @ columns).transpose(0, 1).float()

    for rows, scores, q in chunks(context_scores, queries, device=device, numbers=numbers):
        scores = scores[..., places]
        others = {"score": products(q)}
        if rng:
            others["uniform"] = scores.new_tensor(uniform.random(scores.shape))
            others["isotropic"] = products(q.new_tensor(isotropic.standard_normal(q.shape)))
        for name, other in others.items():
            tau = tau_of_tensors(scores.flatten(0, 1), other.flatten(0, 1))
            out[name][rows] = to_numpy(tau).reshape(-1, L)
    return Scores(out.pop("score"), out)


def _places(lengths: list[int], c: int, bos: int, separator: int) -> tuple[np.ndarray, int]:
    """Where in the context the training tokens stand, and how many training examples it holds."""
    start, places = bos, []
    for used, length in enumerate(lengths, start=1):
        places.append(np.arange(start, start + length - bos))
        start += length - bos + separator
        if start == c:
            return np.concatenate(places), used
    raise ValueError(
        f"the context has {c} tokens, but {bos} at its start and training examples of "
        f"{[length - bos for length in lengths]} tokens with {separator} after each do not add up "
        f"to it. Expected the demonstrations of the context, in order, to be the first training "
        f"examples; check `bos` and `separator`."
    )


def _compute(given: Comparison, rng: np.random.Generator) -> dict | None:
    context = given.settings["icl"].context_scores.get(given.position)
    queries = given.settings["ft"].queries.get(given.position)
    if context is None or queries is None or given.training_queries is None:
        return None
    noise, intervals = rng.spawn(2)
    tau = kendall(
        context,
        given.training_queries,
        queries,
        bos=given.bos,
        separator=given.separator,
        first=given.preset.kendall_items,
        rng=noise,
        device=given.device,
    )
    return tau.summary(intervals, given.preset.random)


_UNTRAINED = {"isotropic": "random query", "uniform": "random weights"}
"""What stands in the place of finetuning in the random row."""

KENDALL = Metric(
    "kendall",
    _compute,
    of_three(icl={"context_scores"}, ft={"queries"}),
    placed=True,
    layout=Layout(
        title=lambda preset: "Kendall's tau",
        rows=lambda preset: (
            Row(_UNTRAINED[preset.random[0]], ("references", preset.random[0], "mean")),
            Row("FT", ("mean",)),
        ),
        published=5,
    ),
)
