"""Exercises of the chapter "Softmax"."""

import numpy as np

from iclbook.checks.verdict import Mistake, Verdict, mark
from iclbook.dual import positive_random_features
from iclbook.dual import softmax as normalise


def share_of_demonstrations(answer) -> Verdict:
    """The share lambda of attention on the demonstrations, from (own_scores, demo_scores)."""

    def right(own_scores, demo_scores):
        return np.exp(demo_scores).sum() / (np.exp(demo_scores).sum() + np.exp(own_scores).sum())

    rng = np.random.default_rng(7)
    cases = [(rng.normal(size=n), rng.normal(size=N)) for n, N in [(3, 8), (5, 2)]]
    return mark(
        answer,
        right=right,
        cases=cases,
        praise="It grows with every demonstration, and the zero-shot part shrinks with it.",
        hint="Put both sets of scores through one softmax. What do the demonstrations get?",
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


def softmax_update(answer) -> Verdict:
    """What the demonstrations add to the output, from (lam, zero_shot, demonstrations)."""

    def right(lam, zero_shot, demonstrations):
        return lam * (demonstrations - zero_shot)

    rng = np.random.default_rng(8)
    cases = [(lam, rng.normal(size=4), rng.normal(size=4)) for lam in (0.3, 0.8)]
    return mark(
        answer,
        right=right,
        cases=cases,
        praise="Two things happen at once: the demonstrations come in, the zero-shot part shrinks.",
        hint="Subtract the zero-shot output from the whole output of the split.",
        mistakes=[
            Mistake(
                lambda lam, z, d: lam * d,
                "This is what comes in. What happens to the zero-shot part when attention "
                "moves away from it?",
            ),
            Mistake(
                lambda lam, z, d: (1 - lam) * z + lam * d,
                "This is the whole output. What was there before the demonstrations?",
            ),
            Mistake(
                lambda lam, z, d: d - z,
                "This would be right if all attention fell on the demonstrations.",
            ),
            Mistake(
                lambda lam, z, d: lam * (z - d),
                "The sign is reversed: the output moves towards the demonstrations.",
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
