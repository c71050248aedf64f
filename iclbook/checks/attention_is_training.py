"""Exercises of the chapter "Attention is training"."""

import numpy as np

from iclbook.checks.verdict import Mistake, Verdict, mark
from iclbook.dual import crossover


def write_token(answer) -> Verdict:
    """The fast weights after one more demonstration, from (W, k, v)."""

    def right(W, k, v):
        return W + np.outer(v, k)

    rng = np.random.default_rng(5)
    cases = [
        (rng.normal(size=(d_v, d_k)), rng.normal(size=d_k), rng.normal(size=d_v))
        for d_v, d_k in [(3, 3), (2, 4)]
    ]
    return mark(
        answer,
        right=right,
        cases=cases,
        praise="One outer product a token, and the state never grows.",
        hint="Apply your new weights to a query by hand: W q should grow by v (k . q).",
        mistakes=[
            Mistake(
                lambda W, k, v: W + np.outer(k, v),
                "The outer product is transposed. The weights turn a key into a value: which "
                "of the two must give the rows?",
            ),
            Mistake(
                lambda W, k, v: np.outer(v, k),
                "The new token has wiped out the ones before it.",
            ),
            Mistake(
                lambda W, k, v: W - np.outer(v, k),
                "The sign is reversed. A value is like an error: it is already minus the gradient.",
            ),
            Mistake(
                lambda W, k, v: W + np.outer(v - W @ k, k),
                "This first removes what W already answers at k: that is the delta rule, "
                "a different memory. Linear attention only adds.",
            ),
        ],
    )


def targets(answer) -> Verdict:
    """The targets for which one step of gradient descent equals attention, from (W, K, V)."""

    def right(W, K, V):
        return K @ W.T + V

    rng = np.random.default_rng(6)
    cases = [
        tuple(rng.normal(size=s) for s in [(d_v, d_k), (N, d_k), (N, d_v)])
        for N, d_k, d_v in [(5, 3, 2), (4, 2, 3)]
    ]
    return mark(
        answer,
        right=right,
        cases=cases,
        praise="A value says by how much the present answer at its key should change.",
        hint="The error of a demonstration is its target minus the present output. Which error "
        "do you need?",
        mistakes=[
            Mistake(
                lambda W, K, V: V,
                "With these targets the error is v - W k. That equals v only if W is zero.",
            ),
            Mistake(
                lambda W, K, V: K @ W.T - V,
                "The sign is reversed: with these targets the step would go the other way.",
            ),
            Mistake(
                lambda W, K, V: K @ W.T,
                "With these targets there is no error at all, so nothing would be learned.",
            ),
            Mistake(
                lambda W, K, V: K @ W.T + V / len(K),
                "The step of the exercise sums over the demonstrations. No mean, no 1/N.",
            ),
        ],
    )


def shortest_context(answer) -> Verdict:
    """The smallest whole N at which reading the weights is cheaper, from (d_k, d_v)."""

    def right(d_k, d_v):
        return int(np.floor(crossover(d_k, d_v))) + 1

    return mark(
        answer,
        right=right,
        cases=[(64, 64), (3, 4), (16, 80), (128, 32)],
        praise="For equal widths that is d/2 + 1: shorter than one often thinks.",
        hint="Write down the multiply-adds of both forms for one query and compare them.",
        mistakes=[
            Mistake(
                lambda d_k, d_v: d_k * d_v / (d_k + d_v),
                "That is where both cost the same, and it need not be a whole number. From "
                "which N on are the weights cheaper?",
            ),
            Mistake(
                lambda d_k, d_v: np.ceil(d_k * d_v / (d_k + d_v)),
                "Look at d_k = d_v = 64: at your N the two forms cost exactly the same.",
            ),
            Mistake(
                lambda d_k, d_v: np.floor(d_k * d_v / (d_k + d_v)),
                "At this length attention is still no dearer. You were asked for the first "
                "length at which it is.",
            ),
            Mistake(
                lambda d_k, d_v: d_k * d_v + 1,
                "Attention does two things with every token. What does each cost?",
            ),
            Mistake(
                lambda d_k, d_v: np.floor(2 * d_k * d_v / (d_k + d_v)) + 1,
                "That is for a whole sequence, where the weights are written as well. Here the "
                "tokens have been stored and one query is read.",
            ),
        ],
    )
