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
