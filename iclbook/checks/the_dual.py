"""Exercises of the chapter "The dual"."""

import numpy as np

from iclbook.checks.verdict import Mistake, Verdict, mark
from iclbook.dual import softmax


def dual_output(answer) -> Verdict:
    """The layer's output from (weights, X, values, x); weights is the stack W_0 ... W_T."""

    def right(weights, X, values, x):
        return weights[0] @ x + (X @ x) @ values

    rng = np.random.default_rng(2)
    cases = [
        tuple(rng.normal(size=s) for s in [(4, o, i), (n, i), (n, o), (i,)])
        for n, i, o in [(6, 5, 3), (4, 3, 2)]
    ]
    return mark(
        answer,
        right=right,
        cases=cases,
        praise="No trained weight was read: the training set and its values are enough.",
        hint="The dual form has two parts: the untrained layer, and one term a training example.",
        mistakes=[
            Mistake(
                lambda W, X, e, x: W[-1] @ x + (X @ x) @ e,
                "Training is counted twice: the last weights already hold what the examples "
                "wrote. Which weights belong in the first term?",
            ),
            Mistake(
                lambda W, X, e, x: W[-1] @ x,
                "This is the primal form. The exercise is to do without the trained weights.",
            ),
            Mistake(
                lambda W, X, e, x: W[0] @ x - (X @ x) @ e,
                "The sign is reversed. A value is a sum of errors, and an error is what should be "
                "added.",
            ),
            Mistake(
                lambda W, X, e, x: (X @ x) @ e,
                "This is what training has added. What did the layer answer before?",
            ),
            Mistake(
                lambda W, X, e, x: W[0] @ x + softmax(X @ x) @ e,
                "The scores went through a softmax. Does anything in the derivation divide by "
                "their sum?",
            ),
            Mistake(
                lambda W, X, e, x: W[0] @ x + (X @ x) @ e / len(X),
                "The sum has become a mean. The 1/n of the loss is inside the values already.",
            ),
        ],
    )


def contributions(answer) -> Verdict:
    """How much each training example moves the margin between two classes.

    From (X, values, x, gold, rival): an array with one number a training example.
    """

    def right(X, values, x, gold, rival):
        return (X @ x) * (values[:, gold] - values[:, rival])

    rng = np.random.default_rng(3)
    cases = [
        (rng.normal(size=(n, 4)), rng.normal(size=(n, 5)), rng.normal(size=4), gold, rival)
        for n, gold, rival in [(6, 1, 3), (5, 4, 0)]
    ]
    return mark(
        answer,
        right=right,
        cases=cases,
        praise="Attention says how loudly an example speaks, the value says for whom.",
        hint="The margin is one output minus another. Write both as sums over the training "
        "examples and subtract them term by term.",
        mistakes=[
            Mistake(
                lambda X, e, x, g, r: X @ x,
                "These are the attention scores: how loudly each example speaks. What does it say?",
            ),
            Mistake(
                lambda X, e, x, g, r: (X @ x) * e[:, g],
                "This moves the output of the right class. An example that lifts the rival "
                "just as much does not help: look at the definition of the margin.",
            ),
            Mistake(
                lambda X, e, x, g, r: (X @ x) * (e[:, r] - e[:, g]),
                "Helpful and harmful are swapped: which of the two outputs should win?",
            ),
            Mistake(
                lambda X, e, x, g, r: e[:, g] - e[:, r],
                "These are the values alone. How much of each value does this test point receive?",
            ),
        ],
    )


def effective_number(answer) -> Verdict:
    """The effective number of training examples behind a vector of weights, from (w)."""

    def right(w):
        return np.abs(w).sum() ** 2 / (w**2).sum()

    rng = np.random.default_rng(4)
    return mark(
        answer,
        right=right,
        cases=[(rng.normal(size=20),), (np.array([0.5, -2.0, 0.1]),)],
        praise="It is 1 if one example carries everything, and n if all weigh the same.",
        hint="Try it on weights that you know: n equal ones should give n, a single one 1.",
        mistakes=[
            Mistake(
                lambda w: w.sum() ** 2 / (w**2).sum(),
                "Positive and negative weights cancel in your sum, and the number can even fall "
                "below 1. What should count is how large they are.",
            ),
            Mistake(
                lambda w: (w**2).sum() / np.abs(w).sum() ** 2,
                "Upside down: with n equal weights this gives 1/n.",
            ),
            Mistake(
                lambda w: np.abs(w).sum() / (w**2).sum(),
                "This changes when all weights are doubled. A number of examples should not.",
            ),
            Mistake(
                lambda w: float(np.count_nonzero(w)),
                "This counts examples, however little they weigh.",
            ),
        ],
    )
