"""Exercises of the chapter "Does training find it?"."""

import numpy as np

from iclbook.checks.verdict import Mistake, Verdict, mark


def step_size_of(answer) -> Verdict:
    """The eta/N that a trained layer has learned, from its products (A, M)."""
    rng = np.random.default_rng(21)
    cases = [(rng.normal(size=(D, D)), rng.normal(size=(D, D))) for D in (4, 7)]

    def diagonal(M):
        return np.diag(M)[:-1]

    return mark(
        answer,
        right=lambda A, M: -A[-1, -1] * diagonal(M).mean(),
        cases=cases,
        praise="One number for the layer, and the free factor between A and M drops out of it.",
        hint="Put the construction into your function: with A and M of Proposition 1 the answer "
        "is eta/N, also after one is doubled and the other halved.",
        mistakes=[
            Mistake(
                lambda A, M: A[-1, -1] * diagonal(M).mean(),
                "The sign: what does the construction have in A, and what does it do to the "
                "target of a token?",
            ),
            Mistake(
                lambda A, M: -A[-1, -1] * np.diag(M).mean(),
                "The mean runs over one entry too many: which one does the query never meet?",
            ),
            Mistake(
                lambda A, M: -A[-1, -1] * diagonal(M).sum(),
                "This is larger by the number of inputs.",
            ),
            Mistake(
                lambda A, M: -A[-1, -1],
                "Half of the layer is missing: double A and halve M, and your number changes.",
            ),
            Mistake(
                lambda A, M: -(A @ M)[-1, -1],
                "Between A and M stands the Gram matrix of the context, so their own product "
                "has no meaning.",
            ),
        ],
    )


def rank_limited_loss(answer) -> Verdict:
    """The lowest expected loss with only r of the d directions learned, from (r, d, N)."""
    s, k = 1 / 12, 1.8

    def right(r, d, N):
        return d * s / 2 - r * s / 2 * N / (N + d + k - 2)

    return mark(
        answer,
        right=right,
        cases=[(1, 10, 10), (3, 7, 12), (2, 5, 4)],
        praise="Each learned direction takes an equal share off the loss: stairs of equal height.",
        hint="How much does the loss fall from predicting zero to the full step? Which part of "
        "that does one direction bring?",
        mistakes=[
            Mistake(
                lambda r, d, N: (d - r) * s / 2,
                "One step does not predict a learned direction perfectly: even the full step "
                "has a loss.",
            ),
            Mistake(
                lambda r, d, N: (d - r) * s / 2 + r * s / 2 * (r + k - 2) / (N + r + k - 2),
                "A learned direction is also disturbed by the inputs in all the others.",
            ),
            Mistake(
                lambda r, d, N: r * s / 2 * (r + k - 2) / (N + r + k - 2),
                "This is the loss of a narrower task. The directions that are not learned still "
                "cost what predicting zero costs.",
            ),
            Mistake(
                lambda r, d, N: d * s / 2 * (d + k - 2) / (N + d + k - 2),
                "This is the loss with all directions learned.",
            ),
            Mistake(
                lambda r, d, N: 2 * right(r, d, N),
                "This is the mean squared error. The unit here is half of it.",
            ),
            Mistake(
                lambda r, d, N: 4 * right(r, d, N),
                "These are inputs between -1 and 1, as the paper's text has them. Its code, and "
                "this book, halve the range.",
            ),
        ],
    )


def sensitivity_by_differences(answer) -> Verdict:
    """The gradient of a prediction in the query input, from (predict, x_q, h)."""
    rng = np.random.default_rng(22)

    def black_box(d):
        g, H = rng.normal(size=d), rng.normal(size=(d, d))
        return lambda x: float(1 + g @ x + x @ H @ x + (g @ x) ** 3)

    def right(predict, x_q, h):
        steps = h * np.eye(len(x_q))
        return np.array([(predict(x_q + e) - predict(x_q - e)) / (2 * h) for e in steps])

    def forward(predict, x_q, h):
        return np.array([(predict(x_q + e) - predict(x_q)) / h for e in h * np.eye(len(x_q))])

    return mark(
        answer,
        right=right,
        cases=[(black_box(d), rng.normal(size=d), h) for d, h in [(3, 0.1), (4, 0.02)]],
        praise="It reads a model's weights for the query without looking inside, softmax or not.",
        hint="Move one entry of the query up and down by h, the others stay: how much does the "
        "prediction change for each unit of movement?",
        mistakes=[
            Mistake(
                forward,
                "The query moves up only. Moving it down as well makes the error much smaller.",
            ),
            Mistake(
                lambda predict, x_q, h: 2 * right(predict, x_q, h),
                "From down to up the query moves by more than h.",
            ),
            Mistake(
                lambda predict, x_q, h: 2 * h * right(predict, x_q, h),
                "These are differences of predictions. A gradient is a difference for each unit.",
            ),
            Mistake(
                lambda predict, x_q, h: right(predict, np.zeros_like(x_q), h),
                "The differences are taken around zero, not around the query.",
            ),
            Mistake(
                lambda predict, x_q, h: np.array([predict(e) for e in np.eye(len(x_q))]),
                "Predictions at unit vectors are the weights of a linear function without an "
                "offset only. A softmax layer is not one.",
            ),
        ],
    )
