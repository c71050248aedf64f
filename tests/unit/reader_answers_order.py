"""Readers' answers to the exercises of "Do they feel the order alike?"."""

import math

import numpy as np
from reader_answers import PREDICTIONS, Prediction, almost, right, wrong


def step(w, x, y, eta):
    return w - eta * (np.dot(x, w) - y) * np.asarray(x)


@right("order_gap")
def gap_by_steps(w, X, y, eta):
    return step(step(w, X[0], y[0], eta), X[1], y[1], eta) - step(
        step(w, X[1], y[1], eta), X[0], y[0], eta
    )


@right("order_gap")
def gap_by_hessians(w, X, y, eta):
    g = [(x @ w - target) * x for x, target in zip(X, y)]
    return eta**2 * (np.outer(X[1], X[1]) @ g[0] - np.outer(X[0], X[0]) @ g[1])


@wrong("order_gap", "second order minus the first")
def gap_turned_round(w, X, y, eta):
    return gap_by_steps(w, X[::-1], y[::-1], eta)


@wrong("order_gap", "full batch")
def gap_of_a_sum(w, X, y, eta):
    e = X @ w - y
    return w - eta * e @ X - (w - eta * e[::-1] @ X[::-1])


@wrong("order_gap", "which power")
def gap_with_one_rate(w, X, y, eta):
    return gap_by_hessians(w, X, y, eta) / eta


@wrong("order_gap", "nothing in common")
def gap_without_the_angle(w, X, y, eta):
    return eta * eta * ((X[0] @ w - y[0]) * X[1] - (X[1] @ w - y[1]) * X[0])


@wrong("order_gap", "Whose input")
def gap_along_its_own(w, X, y, eta):
    return eta**2 * (X[0] @ X[1]) * ((X[0] @ w - y[0]) * X[0] - (X[1] @ w - y[1]) * X[1])


@wrong("order_gap", "What of the other")
def gap_after_one(w, X, y, eta):
    return step(step(w, X[0], y[0], eta), X[1], y[1], eta)


@almost("order_gap", "the two examples are the same")
def gap_divided_by_the_difference(w, X, y, eta):
    apart = np.linalg.norm(X[0] - X[1])
    return gap_by_steps(w, X, y, eta) / apart * apart


@right("passes_for")
def passes_by_trying(sensitivity, target):
    passes = 1
    while sensitivity / passes > target:
        passes += 1
    return passes


@right("passes_for")
def passes_rounded_up(sensitivity, target):
    return max(int(np.ceil(sensitivity / target)), 1)


@wrong("passes_for", "still above")
def passes_rounded_down(sensitivity, target):
    return int(sensitivity / target) or 1


@wrong("passes_for", "part of a pass")
def passes_in_parts(sensitivity, target):
    return sensitivity / target


@wrong("passes_for", "get as far")
def passes_by_the_root(sensitivity, target):
    return math.ceil((sensitivity / target) ** 0.5)


@wrong("passes_for", "Fewer will do")
def passes_squared(sensitivity, target):
    return math.ceil((sensitivity / target) ** 2)


@wrong("passes_for", "multiplied")
def passes_as_a_rate(sensitivity, target):
    return target / sensitivity


@almost("passes_for", "met exactly")
def passes_and_one(sensitivity, target):
    return int(sensitivity / target) + 1


@almost("passes_for", "met already")
def passes_or_none(sensitivity, target):
    return 0 if sensitivity < target else passes_by_trying(sensitivity, target)


PREDICTIONS["adam_and_order"] = Prediction(
    right="more",
    wrong=("less", "as much"),
    measured=(0.02, 0.1),
    otherwise=(0.1, 0.1),
)
