"""Exercises of the chapter "One layer, one step"."""

import math

import numpy as np

from iclbook.checks.verdict import Mistake, Verdict, mark


def another_prompt(answer) -> Verdict:
    """The factor on the prediction for another prompt, weights as before, from (copies, scale)."""
    return mark(
        answer,
        right=lambda copies, scale: copies * scale**3,
        cases=[(3, 0.5), (2, 1.5), (1, 1.0)],
        edges={"for a negative scale": (2, -1.5), "for a scale of zero": (4, 0.0)},
        praise="A score holds two inputs, a target one more, and a sum does not divide by the "
        "number of its terms: the learning rate is a weight.",
        hint="Write the prediction as a sum over the examples. How often does an input stand in "
        "one of its terms, and how many terms are there?",
        mistakes=[
            Mistake(
                lambda copies, scale: scale**3,
                "Every copy adds its term to the sum. Gradient descent would divide by the number "
                "of examples; what does the layer divide by?",
            ),
            Mistake(
                lambda copies, scale: scale**3 / copies,
                "The N of the construction is the one that it was made for. The layer does not "
                "count the examples in its prompt.",
            ),
            Mistake(
                lambda copies, scale: copies * scale**2,
                "Both inputs of a score have grown. What about the target that is weighed with it?",
            ),
            Mistake(
                lambda copies, scale: copies * scale,
                "One input has grown in your terms. Count again: the query, the input of an "
                "example, and its target.",
            ),
            Mistake(
                lambda copies, scale: scale,
                "This is what becomes of the true answer. The layer takes a step, which is not "
                "the true answer.",
            ),
            Mistake(
                lambda copies, scale: 1.0,
                "So the prediction would not feel the change at all. Look at the scores of the "
                "query with a copied example, or with a larger one.",
            ),
        ],
    )


def targets_left(answer) -> Verdict:
    """The context targets after some layers of the construction, from (X, y, eta, layers)."""

    def right(X, y, eta, layers):
        for _ in range(layers):
            y = y - eta / len(X) * X @ (X.T @ y)
        return y

    def without_mean(X, y, eta, layers):
        for _ in range(layers):
            y = y - eta * X @ (X.T @ y)
        return y

    rng = np.random.default_rng(1)
    cases = [
        (rng.normal(size=(n, d)), rng.normal(size=n), 0.3, layers)
        for n, d, layers in [(6, 3, 4), (4, 5, 3)]
    ]
    X, y = rng.normal(size=(3, 2)), rng.normal(size=3)
    return mark(
        answer,
        right=right,
        cases=cases,
        edges={
            "for no layer at all": (X, y, 0.3, 0),
            "with a single example": (X[:1], y[:1], 1, 2),
        },
        praise="The targets carry what is still to be learned from layer to layer.",
        hint="Start with one layer. Which weights does a step from zero reach, and what do they "
        "say about the context inputs? That much is gone. The next layer sees the rest.",
        mistakes=[
            Mistake(
                lambda X, y, eta, layers: right(X, y, eta, 1),
                "This is one layer, however many were asked for.",
            ),
            Mistake(
                lambda X, y, eta, layers: y - layers * eta / len(X) * X @ (X.T @ y),
                "Each of your layers takes the same step. The second one should see what the "
                "first has left over.",
            ),
            Mistake(
                without_mean,
                "Your steps are too large: the loss of the context is a mean over its examples.",
            ),
            Mistake(
                lambda X, y, eta, layers: y - right(X, y, eta, layers),
                "This is what the layers have explained. What stands in the tokens is the rest.",
            ),
            Mistake(
                lambda X, y, eta, layers: right(X, y, -eta, layers),
                "The targets grow from layer to layer. Look at the sign of the step.",
            ),
        ],
    )


def examples_needed(answer) -> Verdict:
    """Smallest N for which the best step leaves a share of the loss, from (d, k, share)."""

    def exact(d, k, share):
        return (d + k - 2) * (1 / share - 1)

    def right(d, k, share):
        return math.ceil(exact(d, k, share))

    return mark(
        answer,
        right=right,
        cases=[(10, 1.8, 0.15), (5, 3.0, 0.28), (20, 6.0, 0.07)],
        edges={"where the share is met exactly": (4, 3.0, 0.25)},
        praise="The number grows like one over the share. Least squares needs no more than d.",
        hint="Divide the smallest loss by the loss at a learning rate of zero, and solve for N.",
        mistakes=[
            Mistake(
                exact,
                "The right equation. A number of examples is a whole number, and the loss has "
                "to be at most the share.",
            ),
            Mistake(
                lambda d, k, share: math.floor(exact(d, k, share)),
                "One example short: with this many the loss is still above the share.",
            ),
            Mistake(
                lambda d, k, share: round(exact(d, k, share)),
                "Rounding to the nearest number is sometimes one example short.",
            ),
            Mistake(
                lambda d, k, share: math.ceil((d + k - 2) / share),
                "Your equation leaves the examples themselves out of the denominator. Look at the "
                "smallest loss again.",
            ),
            Mistake(
                lambda d, k, share: math.ceil((d + k - 2) * (1 / (1 - share) - 1)),
                "You solved for the share of the loss that is removed. What is asked for is what "
                "is left.",
            ),
            Mistake(
                lambda d, k, share: d,
                "So many examples determine the teacher. One step of gradient descent does not "
                "solve for it.",
            ),
        ],
    )
