"""Are two settings' whole output distributions alike, beyond the label words?

The measures of Shen et al. 2024, which compare next-token distributions: overlap of the likeliest
tokens, a cosine over them, and sensitivity to the order of the demonstrations. Their formula for
the cosine is known second-hand only, in a form that cannot be right (it divides by zero when all
tokens agree). `union_cosine` is our stand-in and goes under its own name.
"""

import numpy as np
from jaxtyping import Float, Int

from iclbook.gpt.metrics.intervals import bootstrap
from iclbook.gpt.metrics.metric import Comparison, Metric, of_three


def token_overlap(a: Int[np.ndarray, "n K"], b: Int[np.ndarray, "n K"]) -> Float[np.ndarray, "n"]:
    """Share of the K likeliest tokens of `a` that are among those of `b`, for each item.

    Parameters
    ----------
    a, b : int array, shape (n, K)
        Token ids, each row without repetition; K = 10 in the paper.

    Raises
    ------
    ValueError
        If the shapes differ or a row holds an id twice.
    """
    return _shared(a, b).any(2).mean(1)


def union_cosine(
    a: tuple[Int[np.ndarray, "n K"], Float[np.ndarray, "n K"]],
    b: tuple[Int[np.ndarray, "n K"], Float[np.ndarray, "n K"]],
) -> Float[np.ndarray, "n"]:
    """Cosine of two distributions cut to their own K likeliest tokens, for each item.

    Over the union of both sets of tokens, each distribution is zero outside its own. 1 if both
    agree, 0 if they share no token.

    Parameters
    ----------
    a, b : (int array, array), shapes (n, K)
        Token ids, each row without repetition, and their probabilities.

    Raises
    ------
    ValueError
        If the shapes differ or a row holds an id twice.
    """
    (a_ids, p), (b_ids, q) = a, b
    if p.shape != a_ids.shape or q.shape != b_ids.shape:
        raise ValueError(
            f"ids have shapes {a_ids.shape} and {b_ids.shape}, probabilities {p.shape} and "
            f"{q.shape}; expected one probability an id."
        )
    p, q = p.astype(float), q.astype(float)
    dot = (_shared(a_ids, b_ids) * p[:, :, None] * q[:, None, :]).sum((1, 2))
    return dot / (np.linalg.norm(p, axis=1) * np.linalg.norm(q, axis=1))


def order_sensitivity(distributions: Float[np.ndarray, "orders n V"]) -> Float[np.ndarray, "n"]:
    """How much the output depends on the order of the demonstrations, for each item.

    Standard deviation over orders of each token's probability, summed over the tokens. Shen et
    al. take 10 orders. For finetuning each order is a finetuning of its own.

    Parameters
    ----------
    distributions : array, shape (orders, n, V)
        Probabilities, perhaps memory-mapped.

    Raises
    ------
    ValueError
        If there are fewer than two orders.
    """
    orders, n, _ = distributions.shape
    if orders < 2:
        raise ValueError(f"distributions hold {orders} order; expected 2 or more to compare.")

    def scatter(shown: np.ndarray) -> float:
        return (shown - shown[0]).std(axis=0).sum()  # so that equal ones have none, to the last bit

    return np.fromiter((scatter(distributions[:, i].astype(float)) for i in range(n)), float, n)


def _shared(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Which token of `a` is which of `b`; shape (n, K, K)."""
    if a.shape != b.shape:
        raise ValueError(f"ids have shapes {a.shape} and {b.shape}; expected the same (n, K).")
    for ids in (a, b):
        ordered = np.sort(ids, axis=1)
        if (ordered[:, 1:] == ordered[:, :-1]).any():
            raise ValueError("a row of ids holds a token twice; expected the K likeliest tokens.")
    return a[:, :, None] == b[:, None, :]


def _compute(given: Comparison, rng: np.random.Generator) -> dict | None:
    """Token overlap and union cosine of each pair of settings, mean over items with interval."""
    if any(setting.top_ids is None for setting in given.settings.values()):
        return None
    pairs = {}
    for a, b in (("icl", "ft"), ("icl", "zsl"), ("ft", "zsl")):
        first, second = ((given.settings[s].top_ids, given.settings[s].top_probs) for s in (a, b))
        values = {
            "token_overlap": token_overlap(first[0], second[0]),
            "union_cosine": union_cosine(first, second),
        }
        pairs[f"{a}-{b}"] = {
            name: {"mean": float(items.mean()), "interval": list(bootstrap(items, rng))}
            for name, items in values.items()
        }
    return pairs


OVERLAP = Metric("overlap", _compute, of_three("top"))
