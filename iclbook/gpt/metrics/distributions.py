"""Are two settings' whole output distributions alike, beyond the label words?

The measures of Shen et al. 2024, which compare next-token distributions: overlap of the likeliest
tokens, a cosine over them, and sensitivity to the order of the demonstrations. Their formula for
the cosine is known second-hand only, in a form that cannot be right: it divides by zero when all
tokens agree. `additive_cosine` is our reading of it, `union_cosine` a stand-in that rests on no
reading. Neither is theirs, so both go under names of their own.
"""

from collections.abc import Sequence

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


def likeliest(
    distribution: Float[np.ndarray, "n V"], k: int = 10, without: Sequence[int] = ()
) -> tuple[Int[np.ndarray, "n K"], Float[np.ndarray, "n K"]]:
    """The K likeliest tokens of each item, best first, and their probabilities.

    Parameters
    ----------
    distribution : array, shape (n, V)
        Probabilities.
    k : int
        How many; 10 in the paper.
    without : sequence of int
        Tokens that are passed over, such as the label words.

    Raises
    ------
    ValueError
        If there are fewer than `k` tokens left.
    """
    distribution = np.array(distribution)
    distribution[:, list(without)] = -1
    left = distribution.shape[1] - len(set(without))
    if not 1 <= k <= left:
        raise ValueError(f"k is {k}; expected 1 to {left}, the number of tokens.")
    ids = np.argsort(-distribution, axis=1, kind="stable")[:, :k]
    return ids, np.take_along_axis(distribution, ids, axis=1)


def additive_cosine(
    a: tuple[Int[np.ndarray, "n K"], Float[np.ndarray, "n K"]],
    b: tuple[Int[np.ndarray, "n K"], Float[np.ndarray, "n K"]],
) -> Float[np.ndarray, "n"]:
    """Cosine over the shared ones of the K likeliest tokens, less for each that is not shared.

    Our reading of the overlap cosine of Shen et al.: with sums over the m tokens that both have,
    sum p q / sqrt(sum p^2 sum q^2 + (K - m)). As known to us the last sign is a product, which
    has no value where all tokens agree and no penalty where all but one do.

    Parameters
    ----------
    a, b : (int array, array), shapes (n, K)
        As `union_cosine` takes them.

    Raises
    ------
    ValueError
        As `union_cosine`.
    """
    shared, p, q = _probabilities(a, b)
    dot = (shared * p[:, :, None] * q[:, None, :]).sum((1, 2))
    squares = ((p**2) * shared.any(2)).sum(1) * ((q**2) * shared.any(1)).sum(1)
    missing = p.shape[1] - shared.sum((1, 2))
    return dot / np.sqrt(squares + missing)


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
    shared, p, q = _probabilities(a, b)
    dot = (shared * p[:, :, None] * q[:, None, :]).sum((1, 2))
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


def _probabilities(a: tuple, b: tuple) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Which token of `a` is which of `b`, and the probabilities of both."""
    (a_ids, p), (b_ids, q) = a, b
    if p.shape != a_ids.shape or q.shape != b_ids.shape:
        raise ValueError(
            f"ids have shapes {a_ids.shape} and {b_ids.shape}, probabilities {p.shape} and "
            f"{q.shape}; expected one probability an id."
        )
    return _shared(a_ids, b_ids), p.astype(float), q.astype(float)


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
