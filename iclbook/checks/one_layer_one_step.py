"""Exercises of the chapter "One layer, one step"."""

import math

import numpy as np

from iclbook.checks.verdict import Mistake, Verdict, mark


def value_matrix(answer) -> Verdict:
    """W_V of the construction, from (W_0)."""

    def right(W_0):
        return _values(W_0, lower_right=-np.eye(len(W_0)))

    rng = np.random.default_rng(0)
    return mark(
        answer,
        right=right,
        cases=[(rng.normal(size=(1, 4)),), (rng.normal(size=(3, 2)),)],
        praise="The value of a token is its error, and only targets change.",
        hint="The value of token (x, y) should be zero in its input entries and W_0 x - y in its "
        "target entries. Which block meets x, and which meets y?",
        mistakes=[
            Mistake(
                lambda W_0: _values(W_0, lower_right=np.eye(len(W_0))),
                "Try it on one token: its value is now a sum of prediction and target. An error "
                "is their difference.",
            ),
            Mistake(
                lambda W_0: -_values(W_0, lower_right=-np.eye(len(W_0))),
                "The error has the opposite sign here. P holds a positive learning rate, and the "
                "update is added to the token: should the target grow or shrink?",
            ),
            Mistake(
                lambda W_0: _values(0 * W_0, lower_right=-np.eye(len(W_0))),
                "Right for first weights of zero. What is the error of other first weights?",
            ),
            Mistake(
                lambda W_0: _values(W_0, lower_right=np.zeros((len(W_0), len(W_0)))),
                "This value knows the prediction, but not the target.",
            ),
            Mistake(
                lambda W_0: _values(W_0, lower_right=-np.eye(len(W_0))).T,
                "Rows and columns are swapped: in formulas the matrix stands to the left of a "
                "token, so rows belong to the result.",
            ),
            Mistake(
                lambda W_0: np.hstack([W_0, -np.eye(len(W_0))]),
                "These are the lower rows. The matrix is square: what becomes of the inputs?",
            ),
            Mistake(
                lambda W_0: (
                    _values(W_0, lower_right=-np.eye(len(W_0)))
                    + np.diag([1.0] * W_0.shape[1] + [0.0] * len(W_0))
                ),
                "The values now contain the inputs as well. With which P would these be left out, "
                "and what does the construction do instead?",
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
    return mark(
        answer,
        right=right,
        cases=cases,
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


def _values(W_0: np.ndarray, lower_right: np.ndarray) -> np.ndarray:
    """A square matrix with W_0 in its lower left block, zero above."""
    d_out, d = W_0.shape
    W_V = np.zeros((d + d_out, d + d_out))
    W_V[d:, :d], W_V[d:, d:] = W_0, lower_right
    return W_V
