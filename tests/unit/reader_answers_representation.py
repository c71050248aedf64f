"""Answers to the exercises of "Do they move the output the same way?", as readers write them."""

import math

import numpy as np
from reader_answers import PREDICTIONS, Prediction, almost, right, wrong
from scipy import optimize


def length(v):
    return math.sqrt(sum(x * x for x in v))


def angle_between(a, b):
    return sum(x * y for x, y in zip(a, b)) / length(a) / length(b)


@right("chance_of_noise")
def chance_by_angles(rho_a, rho_b):
    c_a, c_b = (1 - math.cos(math.atan(rho)) for rho in (rho_a, rho_b))
    return 0.5 * math.sqrt(c_a * c_b)


@right("chance_of_noise")
def chance_by_half_angles(rho_a, rho_b):
    # 1 - cos t = 2 sin(t/2)^2, so the root is a product of sines
    return math.sin(math.atan(rho_a) / 2) * math.sin(math.atan(rho_b) / 2)


def far(rho):
    return 1 - (1 + rho * rho) ** -0.5


@wrong("chance_of_noise", "Twice too large")
def chance_twice(rho_a, rho_b):
    return math.sqrt(far(rho_a) * far(rho_b))


@wrong("chance_of_noise", "geometric mean")
def chance_without_root(rho_a, rho_b):
    return 0.5 * far(rho_a) * far(rho_b)


@wrong("chance_of_noise", "right for equal sizes")
def chance_of_the_mean(rho_a, rho_b):
    return 0.5 * np.mean([far(rho_a), far(rho_b)])


@wrong("chance_of_noise", "its own angle")
def chance_of_a_middle_size(rho_a, rho_b):
    return 0.5 * far(math.sqrt(rho_a * rho_b))


@wrong("chance_of_noise", "joins the cosines")
def chance_of_cosines(rho_a, rho_b):
    return 0.5 * math.sqrt(math.cos(math.atan(rho_a)) * math.cos(math.atan(rho_b)))


@right("size_for_score")
def size_by_the_tangent(score):
    return math.tan(math.acos(1 - 2 * score))


@right("size_for_score")
def size_by_bisection(score):
    low, high = 0.0, 100.0
    for _ in range(100):
        middle = (low + high) / 2
        if far(middle) / 2 < score:
            low = middle
        else:
            high = middle
    return middle


@wrong("size_for_score", "square of the size")
def squared_size(score):
    return math.tan(math.acos(1 - 2 * score)) ** 2


@wrong("size_for_score", "taken for c")
def size_of_twice_the_score(score):
    return math.tan(math.acos(1 - score))


@wrong("size_for_score", "Has it been undone")
def size_without_the_square(score):
    return math.sqrt(1 / (1 - 2 * score) - 1)


@wrong("size_for_score", "sine of the angle")
def sine_for_score(score):
    return math.sin(math.acos(1 - 2 * score))


@almost("chance_of_noise", "does not move")
def chance_by_sines(rho_a, rho_b):
    c = [1 - math.sin(math.atan(rho)) / rho for rho in (rho_a, rho_b)]
    return math.sqrt(c[0] * c[1]) / 2


@almost("size_for_score", "score of zero")
def size_by_search_above_a_hundredth(score):
    return optimize.brentq(lambda rho: (1 - 1 / math.sqrt(1 + rho**2)) / 2 - score, 0.01, 1e4)


PREDICTIONS["another_item"] = Prediction(
    right="chance",
    wrong=("stays", "halves"),
    measured=(0.018, 0.074),
    otherwise=(0.07, 0.074),
)
