"""Exercises of the chapter "Why does training stop half way?"."""

import numpy as np

from iclbook.checks.verdict import Mistake, Verdict, mark


def stuck_loss(answer) -> Verdict:
    """The expected loss with all heads on the second route, from (heads, d, N)."""
    s, k = 1 / 12, 1.8

    def with_directions(r, d, N):
        return d * s / 2 - r * s / 2 * N / (N + d + k - 2)

    def right(heads, d, N):
        return with_directions(min(heads, d), d, N)

    return mark(
        answer,
        right=right,
        cases=[(1, 10, 10), (3, 7, 12), (2, 5, 4)],
        edges={"with more heads than inputs": (6, 4, 8), "without any head": (0, 5, 5)},
        praise="Each head brings one direction, and each direction takes an equal share off the "
        "loss.",
        hint="How many directions can so many outer products serve? How much does the loss fall "
        "from predicting zero to the full step, and which part of that does one direction bring?",
        mistakes=[
            Mistake(
                lambda heads, d, N: with_directions(1, d, N),
                "That is one head. What the heads make is added up: can two of them serve two "
                "directions?",
            ),
            Mistake(
                lambda heads, d, N: (d - heads) * s / 2,
                "One step does not predict a learned direction perfectly: even the full step "
                "has a loss.",
            ),
            Mistake(
                lambda heads, d, N: (
                    (d - heads) * s / 2 + heads * s / 2 * (heads + k - 2) / (N + heads + k - 2)
                ),
                "A learned direction is also disturbed by the inputs in all the others.",
            ),
            Mistake(
                lambda heads, d, N: heads * s / 2 * (heads + k - 2) / (N + heads + k - 2),
                "This is the loss of a narrower task. The directions that are not learned still "
                "cost what predicting zero costs.",
            ),
            Mistake(
                lambda heads, d, N: with_directions(d, d, N),
                "This is the loss with all directions learned.",
            ),
            Mistake(
                lambda heads, d, N: 2 * right(heads, d, N),
                "This is the mean squared error. The unit here is half of it.",
            ),
            Mistake(
                lambda heads, d, N: 4 * right(heads, d, N),
                "These are inputs between -1 and 1, as the paper's text has them. Its code, and "
                "this book, halve the range.",
            ),
        ],
    )


def even_part(answer) -> Verdict:
    """The part of a model that is the same for a teacher and its negative, from (model, w)."""
    rng = np.random.default_rng(31)

    def black_box(d):
        offset, m, B = rng.normal(size=d), rng.normal(size=d), rng.normal(size=(d, d))
        return lambda w: B @ w + offset + (w @ B @ w) * m

    return mark(
        answer,
        right=lambda model, w: (model(w) + model(-w)) / 2,
        cases=[(black_box(d), rng.normal(size=d)) for d in (3, 5)],
        edges={
            "for a model that hands back the very array it is given": (
                lambda w: w,
                np.array([1.0, -2.0]),
            )
        },
        praise="Two calls split any function in two, without a look inside.",
        hint="Ask the model about this teacher and about another one. Which one, and what cancels "
        "when you put the two answers together?",
        mistakes=[
            Mistake(
                lambda model, w: (model(w) - model(-w)) / 2,
                "This is what changes its sign with the teacher. What is left over?",
            ),
            Mistake(
                lambda model, w: model(w) + model(-w),
                "What is the same for both teachers stands twice in your result.",
            ),
            Mistake(
                lambda model, w: model(0 * w),
                "A teacher of zero shows the terms that do not know the teacher at all. Another "
                "even term depends on it.",
            ),
            Mistake(
                lambda model, w: model(-w),
                "This is the model of the other teacher, its odd terms included.",
            ),
            Mistake(
                lambda model, w: (model(w) + model(-w)) / 2 - model(0 * w),
                "The term that does not know the teacher is the same for both teachers as well.",
            ),
        ],
    )
