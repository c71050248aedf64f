"""Exercises of the chapter "Softmax"."""

import numpy as np

from iclbook.checks.verdict import Mistake, Verdict, mark
from iclbook.dual import positive_random_features
from iclbook.dual import softmax as normalise


def share_of_demonstrations(answer) -> Verdict:
    """The share lambda of attention on the demonstrations, from (own_scores, demo_scores)."""

    def right(own_scores, demo_scores):
        weights = normalise(np.concatenate([own_scores, demo_scores]))
        return weights[len(own_scores) :].sum()

    rng = np.random.default_rng(7)
    cases = [(rng.normal(size=n), rng.normal(size=N)) for n, N in [(3, 8), (5, 2)]]
    return mark(
        answer,
        right=right,
        cases=cases,
        praise="It grows with every demonstration, and the zero-shot part shrinks with it.",
        hint="Put both sets of scores through one softmax. What do the demonstrations get?",
        edges={
            "for scores near 1000": (np.array([1000.0, 999.0]), np.array([1001.0, 998.0, 1000.0]))
        },
        mistakes=[
            Mistake(
                lambda own, demo: np.exp(own).sum() / (np.exp(demo).sum() + np.exp(own).sum()),
                "This is the share that stays with the query's own tokens.",
            ),
            Mistake(
                lambda own, demo: demo.sum() / (demo.sum() + own.sum()),
                "These are raw scores, which can be negative. What does softmax do first?",
            ),
            Mistake(
                lambda own, demo: len(demo) / (len(demo) + len(own)),
                "This counts tokens as if all had the same score.",
            ),
            Mistake(
                lambda own, demo: np.exp(demo).sum() / np.exp(own).sum(),
                "A ratio of the two parts, which can pass 1. A share is a part of the whole.",
            ),
        ],
    )


def share_of_copies(answer) -> Verdict:
    """The share of attention on the demonstrations, each shown several times, from (lam, copies).

    lam is their share when each is shown once.
    """

    def right(lam, copies):
        return copies * lam / (1 - lam + copies * lam)

    return mark(
        answer,
        right=right,
        cases=[(0.2, 3), (0.5, 2), (0.9, 10)],
        praise="The demonstrations' sum grows with every copy, and the budget does not: shown "
        "often enough, they take nearly everything, and never more.",
        hint="Write the share with the two sums Z and Z'. Which of them does a copy change?",
        edges={
            "for a share of 1": (1.0, 4),
            "for a share of 0": (0.0, 4),
            "for no copy at all": (0.3, 0),
        },
        mistakes=[
            Mistake(
                lambda lam, copies: copies * lam,
                "So it would be in linear attention. A share cannot pass 1: what else do the "
                "copies make larger?",
            ),
            Mistake(
                lambda lam, copies: min(copies * lam, 1.0),
                "It does stay below 1, but it does not run into it: each further copy adds less.",
            ),
            Mistake(
                lambda lam, copies: lam,
                "Attention over the demonstrations alone is a mean and stays. Their share of "
                "the whole does not.",
            ),
            Mistake(
                lambda lam, copies: 1 - (1 - lam) ** copies,
                "That is what a share would be that takes the same part of the rest every time. "
                "Here all copies are weighed at once.",
            ),
            Mistake(
                lambda lam, copies: (1 - lam) / (1 - lam + copies * lam),
                "This is the share that stays with the query's own tokens.",
            ),
            Mistake(
                lambda lam, copies: copies * lam / (1 - lam),
                "A ratio of the two sums, which can pass 1. A share is a part of the whole.",
            ),
        ],
    )


def positive_features(answer) -> Verdict:
    """Positive random features of the exponential kernel, from (X, Omega)."""

    rng = np.random.default_rng(9)
    cases = [
        (0.5 * rng.normal(size=(n, d)), rng.normal(size=(m, d)))
        for n, d, m in [(3, 4, 6), (5, 2, 3)]
    ]
    return mark(
        answer,
        right=positive_random_features,
        cases=cases,
        praise="Their inner product is the kernel on average, and no weight is ever negative.",
        hint="Check it on many random directions: phi(x) . phi(y) should come near exp(x . y).",
        edges={
            "for a single feature": (np.eye(2), np.array([[0.5, -1.0]])),
            "for inputs of zero": (np.zeros((2, 3)), np.ones((4, 3))),
        },
        mistakes=[
            Mistake(
                lambda X, Omega: np.exp(X @ Omega.T) / np.sqrt(len(Omega)),
                "Without a correction the mean is exp(|x + y|^2 / 2). Which factor turns that "
                "into exp(x . y)?",
            ),
            Mistake(
                lambda X, Omega: np.exp(X @ Omega.T - (X**2).sum(1, keepdims=True) / 2),
                "The inner product grows with the number of features: a sum, not a mean.",
            ),
            Mistake(
                lambda X, Omega: (
                    np.exp(X @ Omega.T - (X**2).sum(1, keepdims=True) / 2) / len(Omega)
                ),
                "The 1/m is applied twice: it belongs to the product of two features.",
            ),
            Mistake(
                lambda X, Omega: (
                    np.exp(X @ Omega.T - (X**2).sum(1, keepdims=True)) / np.sqrt(len(Omega))
                ),
                "The correction is twice too strong: each of the two features brings half.",
            ),
            Mistake(
                lambda X, Omega: (
                    np.exp(X @ Omega.T - np.linalg.norm(X, axis=1, keepdims=True) / 2)
                    / np.sqrt(len(Omega))
                ),
                "The correction needs the squared length of x, not the length.",
            ),
            Mistake(
                lambda X, Omega: normalise(X @ Omega.T),
                "These features sum to one, so their inner product is not the kernel.",
            ),
        ],
    )
