"""Exercises of the chapter "Gradient descent is memory"."""

import numpy as np

from iclbook.checks.verdict import Mistake, Verdict, mark
from iclbook.dual import coefficients


def rebuild_weights(answer) -> Verdict:
    """W_T of plain gradient descent from (W_0, X, errors, eta); errors has shape (T, n, d_out)."""

    def right(W_0, X, errors, eta):
        return W_0 + eta * errors.sum(axis=0).T @ X

    rng = np.random.default_rng(1)
    cases = [
        (rng.normal(size=(o, i)), rng.normal(size=(n, i)), rng.normal(size=(T, n, o)), eta)
        for n, i, o, T, eta in [(5, 4, 3, 6, 0.3), (7, 3, 3, 4, 0.05)]
    ]
    return mark(
        answer,
        right=right,
        cases=cases,
        praise="The trained weights are the first ones plus what each example wrote.",
        hint="Start from the sum over all steps: which sum runs over steps, which over examples?",
        edges={
            "before the first step": (np.eye(2, 3), np.ones((4, 3)), np.zeros((0, 4, 2)), 0.1),
            "with a single example": (np.eye(2, 3), np.ones((1, 3)), np.ones((5, 1, 2)), 0.1),
        },
        mistakes=[
            Mistake(
                lambda W, X, E, eta: W - eta * E.sum(0).T @ X,
                "The direction is reversed. The errors are already minus the gradient at the "
                "output: is another minus sign needed?",
            ),
            Mistake(
                lambda W, X, E, eta: W + eta * E.sum(0).T @ X / len(X),
                "The update is too small by the number of examples. Where is the 1/n of the "
                "mean loss already contained?",
            ),
            Mistake(
                lambda W, X, E, eta: W + eta * X.T @ E.sum(0),
                "The outer product is transposed: which factor gives the rows, the error (an "
                "output) or the input?",
            ),
            Mistake(
                lambda W, X, E, eta: W.T + eta * X.T @ E.sum(0),
                "The result is transposed. Its rows should belong to outputs, its columns to "
                "inputs.",
            ),
            Mistake(
                lambda W, X, E, eta: W + eta * E[-1].T @ X,
                "Only the last step has written something. What about the earlier ones?",
            ),
            Mistake(
                lambda W, X, E, eta: eta * E.sum(0).T @ X,
                "This is what training has added. What was there before the first step?",
            ),
            Mistake(
                lambda W, X, E, eta: W + E.sum(0).T @ X,
                "The step length is missing: how far does one step go along the gradient?",
            ),
        ],
    )


def momentum_coefficients(answer) -> Verdict:
    """The weights c_{T,t} of heavy ball from (T, eta, mu), as an array of length T."""

    def right(T, eta, mu):
        return eta * (1 - mu ** (T - np.arange(T))) / (1 - mu)

    return mark(
        answer,
        right=right,
        cases=[(6, 0.1, 0.9), (3, 0.5, 0.4)],
        praise="An early gradient has been repeated many times, the last one only once.",
        hint="Follow one single gradient: how much of it is in the velocity one, two, three "
        "steps later, and how much has it moved the weights in total by step T?",
        edges={"without momentum, mu = 0,": (4, 0.1, 0.0), "after one step": (1, 0.1, 0.9)},
        mistakes=[
            Mistake(
                lambda T, eta, mu: np.full(T, eta),
                "This is plain gradient descent. Momentum keeps a share of every earlier "
                "gradient in the velocity: how often does step t's gradient move the weights?",
            ),
            Mistake(
                lambda T, eta, mu: eta * (1 - mu ** (np.arange(T) + 1)) / (1 - mu),
                "The order is reversed. Which gradient has had more time to act, the first or "
                "the last?",
            ),
            Mistake(
                lambda T, eta, mu: eta * (1 - mu ** (T - 1 - np.arange(T))) / (1 - mu),
                "Off by one step. The gradient of the last step, t = T - 1, does move the "
                "weights once: what should its coefficient be?",
            ),
            Mistake(
                lambda T, eta, mu: eta * mu ** (T - 1 - np.arange(T)),
                "This is how much of the gradient is in the velocity at the end. The weights "
                "have moved along all velocities on the way: add them up.",
            ),
            Mistake(
                lambda T, eta, mu: np.full(T, eta / (1 - mu)),
                "This is the limit of a gradient that acts for ever. How many steps has "
                "gradient t really had?",
            ),
            Mistake(
                lambda T, eta, mu: (1 - mu ** (T - np.arange(T))) / (1 - mu),
                "The learning rate is missing: how far do the weights move along a velocity?",
            ),
            Mistake(
                lambda T, eta, mu: eta * (1 - mu ** (T - np.arange(T))),
                "Nearly: sum the geometric series once more. What does 1 + mu + mu^2 + ... give?",
            ),
        ],
    )


def share_of_initial_weights(answer) -> Verdict:
    """W_T over W_0 at a pixel that is blank in all images, from (T, eta, lam)."""

    def right(T, eta, lam):
        return coefficients(T, eta, lam=lam)[0]

    return mark(
        answer,
        right=right,
        cases=[(10, 0.2, 0.5), (3, 0.1, 0.7)],
        praise="No error reaches a blank pixel, so only the decay acts there, by the same factor "
        "in each step.",
        hint="The input is zero at this pixel. What is left of one step of the heavy ball without "
        "momentum, if you write it for this column of the weights alone?",
        edges={
            "where the decay overshoots, at a large lam,": (3, 0.02, 75.0),
            "before the first step": (0, 0.1, 0.5),
        },
        mistakes=[
            Mistake(
                lambda T, eta, lam: 1.0,
                "This holds without decay: no example writes to this column. With decay, the "
                "gradient of the penalty pulls at it all the same.",
            ),
            Mistake(
                lambda T, eta, lam: 0.0,
                "Decay makes a weight smaller in each step. Does a step of it ever reach zero?",
            ),
            Mistake(
                lambda T, eta, lam: (1 - lam) ** T,
                "The decay sits inside the gradient here. What is a gradient multiplied with "
                "before it is subtracted?",
            ),
            Mistake(
                lambda T, eta, lam: 1 - T * eta * lam,
                "This subtracts the same amount in every step. Each step shrinks what is left, "
                "not what was there at the start.",
            ),
            Mistake(
                lambda T, eta, lam: (1 - eta * lam) ** (T - 1),
                "Off by one step: how many times is W_0 itself shrunk in T steps?",
            ),
        ],
    )
