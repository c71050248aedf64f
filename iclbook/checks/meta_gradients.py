"""Exercises of the chapter "Meta-gradients in a real head"."""

import numpy as np

from iclbook.checks.verdict import Mistake, Verdict, mark, weigh


def other_keys(guess, cosine) -> Verdict:
    """What is left of the update if each value is stored at the key of another token: a cosine."""
    happened = "most" if cosine > 0.7 else "half" if cosine > 0.3 else "nothing"
    return weigh(
        guess,
        happened=happened,
        expected="most",
        why="The product of the means does not ask which value belongs to which key, and it has "
        "most of the length in most heads. Only the rest can hold what the demonstrations say.",
        others={
            "nothing": "So it would be if the pairs were all that counts.",
            "half": "The two parts are sides of a right-angled triangle, nearly: a cosine gives "
            "the longer one more than its share.",
        },
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
