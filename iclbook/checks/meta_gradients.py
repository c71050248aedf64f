"""Exercises of the chapter "Meta-gradients in a real head"."""

import numpy as np

from iclbook.checks.verdict import Mistake, Verdict, mark


def effective_rank(answer) -> Verdict:
    """The effective number of directions of a matrix, from (W)."""

    def shares(W, power=2):
        p = np.linalg.svd(W, compute_uv=False) ** power
        return p / p.sum()

    def entropy(p):
        p = p[p > 0]
        return -(p * np.log(p)).sum()

    def right(W):
        return np.exp(entropy(shares(W)))

    rng = np.random.default_rng(30)
    cases = [(rng.normal(size=(4, n)) * np.arange(1, n + 1),) for n in (4, 6)]
    return mark(
        answer,
        right=right,
        cases=cases,
        edges={
            "on one outer product, where all other shares are exactly zero,": (
                np.outer([0.0, 3.0, 0.0], [0.0, 2.0, 0.0, 0.0]),
            )
        },
        praise="It does not change if the matrix is multiplied by a number.",
        hint="Try it on the identity, where it should be the width, and on one outer product.",
        mistakes=[
            Mistake(
                lambda W: np.exp(entropy(shares(W, power=1))),
                "These shares are of the singular values. Which power of them adds up to the "
                "squared length of the matrix?",
            ),
            Mistake(
                lambda W: entropy(shares(W)),
                "This is the entropy. It is zero for a matrix of rank one: a logarithm of a number "
                "of directions, not a number of them.",
            ),
            Mistake(
                lambda W: np.exp(entropy(shares(W)) / np.log(2)),
                "The logarithm and the exponential have different bases.",
            ),
            Mistake(
                lambda W: 1 / (shares(W) ** 2).sum(),
                "This is another effective number, with squares in place of the entropy. It leans "
                "more to the largest directions.",
            ),
            Mistake(
                lambda W: float(np.linalg.matrix_rank(W)),
                "This counts every direction that is not zero, the faintest like the strongest.",
            ),
            Mistake(
                lambda W: np.exp(entropy(np.linalg.svd(W, compute_uv=False) ** 2)),
                "The shares do not add up to one.",
            ),
        ],
    )


def cosine_of_updates(answer) -> Verdict:
    """How like a matrix the updates of several questions are, from (updates, W)."""

    def cosines(updates, W):
        products = (updates * W).sum((1, 2))
        return products / (np.linalg.norm(updates, axis=(1, 2)) * np.linalg.norm(W))

    def by_rows(updates, W):
        lengths = np.linalg.norm(updates, axis=2) * np.linalg.norm(W, axis=1)
        return ((updates * W).sum(2) / lengths).mean()

    rng = np.random.default_rng(31)
    cases = []
    for n, rows, columns in [(3, 4, 4), (5, 2, 3)]:
        W = rng.normal(size=(rows, columns))
        updates = 0.3 * W + rng.normal(size=(n, rows, columns)) * rng.uniform(0.2, 3, (n, 1, 1))
        updates[0] -= 2 * W
        cases.append((updates, W))
    return mark(
        answer,
        right=lambda updates, W: cosines(updates, W).mean(),
        cases=cases,
        edges={"with a single question": (rng.normal(size=(1, 3, 2)), rng.normal(size=(3, 2)))},
        praise="A question with a long update counts no more than one with a short update.",
        hint="For one question it is the cosine of two long vectors: all entries of each matrix.",
        mistakes=[
            Mistake(
                lambda updates, W: cosines(updates.mean(0)[None], W)[0],
                "The matrices were averaged first. What is special about each question is gone "
                "before you look at it.",
            ),
            Mistake(
                by_rows,
                "This is a mean over rows. A faint row counts as much as a strong one.",
            ),
            Mistake(
                lambda updates, W: (updates * W).sum((1, 2)).mean(),
                "Without the lengths this says how long the matrices are as well.",
            ),
            Mistake(
                lambda updates, W: abs(cosines(updates, W)).mean(),
                "Without the signs, random matrices would look alike too.",
            ),
            Mistake(
                lambda updates, W: np.mean(
                    [(u * W).sum() / (np.linalg.norm(u, 2) * np.linalg.norm(W, 2)) for u in updates]
                ),
                "For a matrix, the length that belongs to this inner product is the root of the "
                "sum of all squared entries. This one is the largest singular value.",
            ),
        ],
    )


def update_of_finetuning(answer) -> Verdict:
    """What trained projections add to the matrix of a head, from (X, W_K, W_V, dW_K, dW_V)."""

    def parts(X, W_K, W_V, dW_K, dW_V):
        return X @ W_K.T, X @ W_V.T, X @ dW_K.T, X @ dW_V.T

    def right(X, W_K, W_V, dW_K, dW_V):
        K, V, dK, dV = parts(X, W_K, W_V, dW_K, dW_V)
        return (V + dV).T @ (K + dK) - V.T @ K

    def of_parts(combine):
        return lambda *given: combine(*parts(*given))

    rng = np.random.default_rng(32)
    cases = [
        (
            rng.normal(size=(n, d)),
            *rng.normal(size=(2, d_k, d)),
            *0.5 * rng.normal(size=(2, d_k, d)),
        )
        for n, d, d_k in [(5, 4, 3), (3, 6, 2)]
    ]
    return mark(
        answer,
        right=right,
        cases=cases,
        edges={
            "where values are wider than keys": (
                rng.normal(size=(4, 3)),
                *(rng.normal(size=(rows, 3)) for rows in (2, 5, 2, 5)),
            )
        },
        praise="Three terms: new values with old keys, old values with new keys, and new with new.",
        hint="Build the matrix of the head twice, with the old and with the new projections, from "
        "the same inputs.",
        mistakes=[
            Mistake(
                of_parts(lambda K, V, dK, dV: dV.T @ dK),
                "This is what both changes do together. Each of them also meets what was there.",
            ),
            Mistake(
                of_parts(lambda K, V, dK, dV: dV.T @ K + V.T @ dK),
                "Right for small steps. What do the two changes make with each other?",
            ),
            Mistake(
                of_parts(lambda K, V, dK, dV: (V + dV).T @ (K + dK)),
                "This is the whole matrix after training. What was there before?",
            ),
            Mistake(
                of_parts(lambda K, V, dK, dV: V.T @ K - (V + dV).T @ (K + dK)),
                "The sign is reversed: after training, less what was there before.",
            ),
            Mistake(
                of_parts(lambda K, V, dK, dV: dV.T @ K),
                "Only the values have changed here. The keys train as well.",
            ),
            Mistake(
                of_parts(lambda K, V, dK, dV: (K + dK).T @ (V + dV) - K.T @ V),
                "The matrix is transposed: it should take a query, which is like a key, and give "
                "something like a value.",
            ),
        ],
    )
