"""Exercises of the chapter "What do more layers do?"."""

import math

import numpy as np

from iclbook.checks.verdict import Mistake, Verdict, mark


def repeats_until_seen(answer) -> Verdict:
    """The smallest number of repeats at which one context moves the mean, from (f, count, calm)."""

    def needed(f, count, calm, share=0.1, start=1 / 24, power=2):
        growth = share * calm * count / start
        return max(0, math.floor(math.log(growth) / (power * math.log(f))) + 1)

    return mark(
        answer,
        right=lambda f, count, calm: needed(f, count, calm),
        cases=[(1.045, 10_000, 0.045), (1.2, 2000, 0.06), (1.01, 500, 0.05)],
        edges={"where the one context is seen at once": (1.1, 2, 0.1)},
        praise="The error has to outgrow the number of tasks first. One unstable context is enough "
        "only if the layer is repeated often enough.",
        hint="Write down the loss of the unstable context after some repeats, and what it adds to "
        "the mean over all tasks. When is that more than a tenth of what the others leave?",
        mistakes=[
            Mistake(
                lambda f, count, calm: needed(f, count, calm, power=1),
                "That long it takes the error. The loss is its square.",
            ),
            Mistake(
                lambda f, count, calm: needed(f, count, calm, share=1.0),
                "Here the mean has doubled. A tenth more was asked for.",
            ),
            Mistake(
                lambda f, count, calm: needed(f, count, calm, start=1.0),
                "The loss of the context does not start at one: see what it is along one "
                "direction before the first repeat.",
            ),
            Mistake(
                lambda f, count, calm: needed(f, count, calm) - 1,
                "One repeat short: there it is not above the tenth yet.",
            ),
            Mistake(
                lambda f, count, calm: 0,
                "An unstable context is there from the start, but it begins with the same loss as "
                "all others, and the mean is over all of them. How fast does it grow?",
            ),
        ],
    )


def two_eigenvalues(answer) -> Verdict:
    """The pair [eta/N, gamma] with which two layers leave no error at two eigenvalues.

    From (small, large): the first layer settles the small one, the second the large one.
    """

    def right(small, large):
        return np.array([1 / small, (1 - np.sqrt(small / large)) / large])

    return mark(
        answer,
        right=right,
        cases=[(0.5, 2.0), (0.7, 3.1)],
        edges={"for two equal eigenvalues": (1.5, 1.5)},
        praise="Plain gradient descent with one rate settles one eigenvalue, however many layers.",
        hint="The first layer leaves nothing where its factor is zero. After it, the large "
        "eigenvalue should stand where the small one stood.",
        mistakes=[
            Mistake(
                lambda a, b: [1 / a, (1 - a / b) / b],
                "Put your gamma back in: where does the large eigenvalue end? The inputs stand "
                "in X X^T twice.",
            ),
            Mistake(
                lambda a, b: [1 / a, (1 + np.sqrt(a / b)) / b],
                "That works too, but it turns the inputs round on the way. Which other gamma "
                "brings the large eigenvalue to the same place?",
            ),
            Mistake(
                lambda a, b: [1 / b, (1 - np.sqrt(a / b)) / b],
                "Your first layer settles the large eigenvalue. The eigenvalues shrink, so the "
                "rate has to fit the small one.",
            ),
            Mistake(
                lambda a, b: [(1 - np.sqrt(a / b)) / b, 1 / a],
                "Both numbers are right, and each stands in the place of the other.",
            ),
            Mistake(
                lambda a, b: [1 / b, (1 - np.sqrt(b / a)) / a],
                "You took the two eigenvalues in the other order: the small one comes first.",
            ),
            Mistake(
                lambda a, b: [1 / a, 1 / b],
                "Now the large eigenvalue is zero after the first layer: the second one cannot "
                "see that direction any more, and the error there stays.",
            ),
            Mistake(
                lambda a, b: [1 / a, 1 / (3 * b)],
                "At this gamma the large eigenvalue sits on top of the curve. Where should it be?",
            ),
            Mistake(
                lambda a, b: [2 / (a + b), 0.0],
                "The best compromise without gamma. Two layers with a gamma need none.",
            ),
        ],
    )


def stable_damping(answer) -> Verdict:
    """The largest damping with which repeated steps stay bounded, from (X, rate).

    X is an array (B, N, d) of contexts, rate is eta/N.
    """

    def eigenvalues(X):
        return np.linalg.eigvalsh(np.swapaxes(X, 1, 2) @ X)

    rng = np.random.default_rng(21)
    cases = [
        (rng.uniform(-0.5, 0.5, size=(20, 10, 4)), 0.6),
        (rng.uniform(-1, 1, size=(7, 5, 3)), 1.1),
    ]
    return mark(
        answer,
        right=lambda X, rate: 2 / (rate * eigenvalues(X).max()),
        cases=cases,
        edges={"with a single context": (rng.uniform(-1, 1, size=(1, 5, 3)), 0.4)},
        praise="One context decides for all of them.",
        hint="Which factor does one damped step put on the error along an eigenvalue, and "
        "between which two numbers does it have to lie?",
        mistakes=[
            Mistake(
                lambda X, rate: 1 / (rate * eigenvalues(X).max()),
                "Up to there the error does not even change its sign. May it?",
            ),
            Mistake(
                lambda X, rate: 2 / (rate * eigenvalues(X)[:, -1].mean()),
                "Half of the contexts are worse than the average one. Do their errors stay small?",
            ),
            Mistake(
                lambda X, rate: 2 / (rate * eigenvalues(X).min()),
                "The smallest eigenvalues are slow, not dangerous.",
            ),
            Mistake(
                lambda X, rate: 2 * X.shape[1] / (rate * eigenvalues(X).max()),
                "The rate here is eta/N already, and X X^T is a sum.",
            ),
            Mistake(
                lambda X, rate: 2 / (rate * np.sqrt(eigenvalues(X).max())),
                "This is a singular value of X. Which matrix does the error meet in a step?",
            ),
            Mistake(
                lambda X, rate: 2 / (rate * eigenvalues(X)[:, -1]),
                "These are the limits of the single contexts. Which of them holds for all?",
            ),
        ],
    )
