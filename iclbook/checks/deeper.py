"""Exercises of the chapter "What do more layers do?"."""

import numpy as np

from iclbook.checks.verdict import Mistake, Verdict, mark


def error_left(answer) -> Verdict:
    """The share of the error after some GD++ layers, from (lam, rate, gamma, layers)."""

    def right(lam, rate, gamma, layers):
        left = np.ones_like(lam)
        for _ in range(layers):
            left = left * (1 - rate * lam)
            lam = lam * (1 - gamma * lam) ** 2
        return left

    def wrong(step=None, change=None, first=False):
        """The same with another step, another change, or the change before the step."""
        step = step or (lambda left, lam, rate: left * (1 - rate * lam))
        change = change or (lambda lam, gamma: lam * (1 - gamma * lam) ** 2)

        def answer(lam, rate, gamma, layers):
            left = np.ones_like(lam)
            for _ in range(layers):
                now = change(lam, gamma) if first else lam
                left, lam = step(left, now, rate), change(lam, gamma)
            return left

        return answer

    lam = np.random.default_rng(20).uniform(0.1, 3.5, size=6)
    return mark(
        answer,
        right=right,
        cases=[(lam, 1.35, 0.176, 2), (lam, 0.6, 0.1, 4), (lam[:3], 2.0, 0.2, 1)],
        praise="A polynomial in the eigenvalue: of degree 1, 4, 13, 40 for one to four layers. "
        "Plain gradient descent gets to degree 4 only.",
        hint="Follow one eigenvalue through the layers: which factor does a layer put on the "
        "error, and what does it make of the eigenvalue?",
        mistakes=[
            Mistake(
                lambda lam, rate, gamma, layers: (1 - rate * lam) ** layers,
                "This is plain gradient descent: every layer of yours sees the same eigenvalue.",
            ),
            Mistake(
                wrong(first=True),
                "Your layer changes the inputs before it uses them. The targets are updated with "
                "the inputs as they came in.",
            ),
            Mistake(
                wrong(change=lambda lam, gamma: lam * (1 - gamma * lam)),
                "The inputs are changed once, but how often do they stand in X X^T?",
            ),
            Mistake(
                wrong(change=lambda lam, gamma: (1 - gamma * lam) ** 2),
                "An eigenvalue that no layer touches (gamma zero) should stay as it is. Yours "
                "turns into one.",
            ),
            Mistake(
                wrong(step=lambda left, lam, rate: left - rate * lam),
                "The second step should take a share of what the first one left, and not a share "
                "of the whole.",
            ),
            Mistake(
                wrong(step=lambda left, lam, rate: left * rate * lam),
                "This is what a layer takes away. What does it leave?",
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
