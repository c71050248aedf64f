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
        edges={
            "before the first step": (
                np.eye(2, 3)[None],
                np.ones((4, 3)),
                np.zeros((4, 2)),
                np.ones(3),
            ),
            "with a single training example": (
                np.ones((3, 2, 3)),
                np.ones((1, 3)),
                np.array([[1.0, -2.0]]),
                np.array([1.0, -3.0, 0.5]),
            ),
        },
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


def sign_of_help(answer) -> Verdict:
    """What the signs alone say of a contribution, from (label, gold, rival, score).

    1 if it must help, -1 if it must harm, 0 if they do not decide.
    """

    def right(label, gold, rival, score):
        return float(np.sign(score) * ((label == gold) - (label == rival)))

    def without_scores(label, gold, rival, score):
        return (label == gold) - (label == rival)

    return mark(
        answer,
        right=right,
        cases=[
            (label, gold, rival, score)
            for label, gold, rival in [(3, 3, 8), (8, 3, 8), (5, 3, 8), (0, 9, 0), (9, 9, 0)]
            for score in (2.5, -1.5)
        ],
        praise="The label decides the sign of the value, the score turns it round or not. How "
        "alike the two images are decides only how much.",
        hint="Cross-entropy: which sign has an error at the image's own label, which at any other? "
        "The margin takes the one output minus the other.",
        edges={"where the score is zero": (3, 3, 8, 0.0)},
        mistakes=[
            Mistake(
                without_scores,
                "This was so for pixels that are never negative. Centred images can have a "
                "negative score: what does that do to their vote?",
            ),
            Mistake(
                lambda label, gold, rival, score: np.sign(score),
                "Alike or not is not the question: a similar image of the rival speaks for the "
                "rival. What does the value say?",
            ),
            Mistake(
                lambda label, gold, rival, score: np.sign(score) * (1 if label == gold else -1),
                "An image of a third digit pushes both outputs down, the right one and the "
                "rival's. Is it certain which of them more?",
            ),
            Mistake(
                lambda label, gold, rival, score: 1 if label == gold else -1,
                "Two things are missing: the sign of the score, and the third digits, which push "
                "both outputs down.",
            ),
            Mistake(
                lambda label, gold, rival, score: -right(label, gold, rival, score),
                "Helpful and harmful are swapped: which of the two outputs should win?",
            ),
            Mistake(
                lambda label, gold, rival, score: max(right(label, gold, rival, score), 0.0),
                "Where nothing helps for certain, something may still harm for certain.",
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
        edges={"where a weight is zero": (np.array([1.0, 0.0, -3.0]),)},
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
