"""Exercises of the chapter "Does training find it?"."""

import numpy as np

from iclbook.checks.verdict import Mistake, Verdict, mark


def step_size_of(answer) -> Verdict:
    """The eta/N that a trained layer has learned, from its products (A, M)."""
    rng = np.random.default_rng(21)
    cases = [(rng.normal(size=(D, D)) - 4 * np.eye(D), rng.normal(size=(D, D))) for D in (4, 7)]

    def diagonal(M):
        return np.diag(M)[:-1]

    for _, M in cases:
        M[np.diag_indices(len(M))] = rng.uniform(0.5, 1.5, size=len(M))
    uphill = -cases[0][0], cases[0][1]

    return mark(
        answer,
        right=lambda A, M: -A[-1, -1] * diagonal(M).mean(),
        cases=cases,
        edges={"for a layer that steps uphill": uphill},
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


def mixed_rate(answer) -> Verdict:
    """The rate of the mean of (A, M) and (A / c, c M), over that of each, from (c)."""
    return mark(
        answer,
        right=lambda c: (1 + c) * (1 + 1 / c) / 4,
        cases=[(20.0,), (0.4,), (1.0,)],
        edges={"for a negative c": (-1.0,)},
        praise="A mean of weights is not a mean of functions. Balance first, then mix.",
        hint="Write down the mean of the two matrices A, and that of the two matrices M. What does "
        "the layer do with the two means?",
        mistakes=[
            Mistake(
                lambda c: 1.0,
                "Both are the same function, so the mean of their predictions is theirs. But it "
                "is their weights that are mixed.",
            ),
            Mistake(
                lambda c: (1 + c) / 2,
                "One of the two matrices is mixed here. The other one is, too.",
            ),
            Mistake(
                lambda c: (1 + 1 / c) / 2,
                "This is the mean of the values alone. What happens to the keys?",
            ),
            Mistake(
                lambda c: (c + 1 / c) / 2,
                "Only the terms that cross the twins are left here. Multiply out all four.",
            ),
            Mistake(
                lambda c: (1 + c) * (1 + 1 / c) / 2,
                "For c of one the twins are equal, and so is their mean. What does yours say?",
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
        edges={"for a query of whole numbers": (black_box(3), np.array([1, 0, -2]), 0.1)},
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
