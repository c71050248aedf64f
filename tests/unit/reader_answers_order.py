"""Readers' answers to the exercises of "Do they feel the order alike?"."""

import math

import numpy as np
from reader_answers import PREDICTIONS, Prediction, almost, right, wrong


def step(w, x, y, eta):
    return w - eta * (np.dot(x, w) - y) * np.asarray(x)


@right("order_gap")
def gap_by_steps(w, x_1, y_1, x_2, y_2, eta):
    return step(step(w, x_1, y_1, eta), x_2, y_2, eta) - step(step(w, x_2, y_2, eta), x_1, y_1, eta)


@right("order_gap")
def gap_by_hessians(w, x_1, y_1, x_2, y_2, eta):
    g_1, g_2 = (x_1 @ w - y_1) * x_1, (x_2 @ w - y_2) * x_2
    return eta**2 * (np.outer(x_2, x_2) @ g_1 - np.outer(x_1, x_1) @ g_2)


@wrong("order_gap", "second order minus the first")
def gap_turned_round(w, x_1, y_1, x_2, y_2, eta):
    return gap_by_steps(w, x_2, y_2, x_1, y_1, eta)


@wrong("order_gap", "full batch")
def gap_of_a_sum(w, x_1, y_1, x_2, y_2, eta):
    return (
        w
        - eta * ((x_1 @ w - y_1) * x_1 + (x_2 @ w - y_2) * x_2)
        - (w - eta * ((x_2 @ w - y_2) * x_2 + (x_1 @ w - y_1) * x_1))
    )


@wrong("order_gap", "which power")
def gap_with_one_rate(w, x_1, y_1, x_2, y_2, eta):
    return gap_by_hessians(w, x_1, y_1, x_2, y_2, eta) / eta


@wrong("order_gap", "nothing in common")
def gap_without_the_angle(w, x_1, y_1, x_2, y_2, eta):
    return eta * eta * ((x_1 @ w - y_1) * x_2 - (x_2 @ w - y_2) * x_1)


@wrong("order_gap", "Whose input")
def gap_along_its_own(w, x_1, y_1, x_2, y_2, eta):
    return eta**2 * (x_1 @ x_2) * ((x_1 @ w - y_1) * x_1 - (x_2 @ w - y_2) * x_2)


@wrong("order_gap", "What of the other")
def gap_after_one(w, x_1, y_1, x_2, y_2, eta):
    return step(step(w, x_1, y_1, eta), x_2, y_2, eta)


@almost("order_gap", "the two examples are the same")
def gap_divided_by_the_difference(w, x_1, y_1, x_2, y_2, eta):
    found = gap_by_steps(w, x_1, y_1, x_2, y_2, eta)
    apart = np.linalg.norm(x_1 - x_2)
    return found / apart * apart


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
