"""Exercises of the chapter "Do they feel the order alike?"."""

import math

import numpy as np

from iclbook.checks.verdict import Mistake, Verdict, mark, weigh


def order_gap(answer) -> Verdict:
    """Weights after the steps on two examples, in one order minus in the other.

    From (w, X, y, eta), the examples in the rows of X; squared loss of a linear model, halved.
    """

    def gap(w, X, y, eta):
        e = X @ w - y
        return eta**2 * (X[0] @ X[1]) * (e[0] * X[1] - e[1] * X[0])

    def of_first_order(w, X, y, eta):
        return gap(w, X, y, eta) / eta

    def without_overlap(w, X, y, eta):
        e = X @ w - y
        return eta**2 * (e[0] * X[1] - e[1] * X[0])

    def own_gradients(w, X, y, eta):
        e = X @ w - y
        return eta**2 * (X[0] @ X[1]) * (e[0] * X[0] - e[1] * X[1])

    def one_order(w, X, y, eta):
        e = X @ w - y
        return w - eta * e @ X + eta**2 * (X[0] @ X[1]) * e[0] * X[1]

    w, x = np.array([0.5, -1.0, 2.0]), np.array([1.0, 0.5, -0.5])
    return mark(
        answer,
        right=gap,
        cases=[
            (w, np.array([x, [0.3, -0.8, 1.0]]), np.array([0.7, -0.4]), 0.1),
            (np.array([1.0, 0.2]), np.array([[2.0, 1.0], [0.5, -2.0]]), np.array([1.0, 2.0]), 0.3),
        ],
        edges={
            "where the two examples are the same": (w, np.array([x, x]), np.array([0.7, 0.7]), 0.2)
        },
        praise="Two examples with inputs at a right angle could be taken in any order.",
        hint="Take both steps by hand, the second at the weights that the first leaves. What is "
        "there in one order and not in the other?",
        mistakes=[
            Mistake(
                lambda *given: -gap(*given),
                "This is the second order minus the first. Mind which step moves whose gradient.",
            ),
            Mistake(
                lambda *given: 0 * given[0],
                "So it would be if both gradients were taken at the start. That is a full batch.",
            ),
            Mistake(of_first_order, "The effect of an order is smaller: which power of the rate?"),
            Mistake(
                without_overlap,
                "Examples whose inputs have nothing in common do not touch each other's "
                "gradients. Your answer says that they do.",
            ),
            Mistake(
                own_gradients,
                "The step on one example changes the gradient of the other. Whose input does the "
                "changed gradient point along?",
            ),
            Mistake(one_order, "These are the weights after one order. What of the other?"),
        ],
    )


def passes_for(answer) -> Verdict:
    """How many passes make one pass no more sensitive than a target, from (sensitivity, target)."""
    return mark(
        answer,
        right=lambda sensitivity, target: max(1, math.ceil(sensitivity / target)),
        cases=[(0.7, 0.2), (0.55, 0.03), (0.11, 0.04)],
        edges={
            "where the target is met already": (0.1, 0.25),
            "where it is met exactly": (0.75, 0.25),
        },
        praise="Any sensitivity can be had at one and the same distance, down to none.",
        hint="At the same distance, what do twice as many passes at half the rate do to it?",
        mistakes=[
            Mistake(
                lambda sensitivity, target: max(1, math.floor(sensitivity / target)),
                "With so many passes the sensitivity is still above the target.",
            ),
            Mistake(
                lambda sensitivity, target: sensitivity / target,
                "There is no such thing as a part of a pass.",
            ),
            Mistake(
                lambda sensitivity, target: max(1, math.ceil(math.sqrt(sensitivity / target))),
                "The square belongs to one pass at a smaller rate, which does not get as far.",
            ),
            Mistake(
                lambda sensitivity, target: max(1, math.ceil((sensitivity / target) ** 2)),
                "Fewer will do: the sensitivity falls in proportion to the rate.",
            ),
            Mistake(
                lambda sensitivity, target: target / sensitivity,
                "This is by what the rate has to be multiplied, not how many passes it takes.",
            ),
        ],
    )


def adam_and_order(guess, sgd, adam) -> Verdict:
    """Is one pass of Adam more sensitive to the order than one of SGD that moves as far?

    From the two quotients of sensitivity and distance.
    """
    happened = "as much"
    if abs(math.log(adam / sgd)) > math.log(1.25):
        happened = "more" if adam > sgd else "less"
    return weigh(
        guess,
        happened=happened,
        expected="more",
        why="Adam divides by a running size of the gradient. Its first step is as long as its "
        "rate in every entry, whatever the example, and later steps are measured by those before: "
        "who comes first sets the scale.",
        others={
            "less": "Its running mean blurs what a single example says. But it forgets slowly, "
            "too: whose gradients are in that mean, and in the size that divides it?",
            "as much": "So it would be if only the distance counted. But a step of Adam depends "
            "on the steps before it in one way more.",
        },
    )
