"""Readers' answers to the exercises of "Do they get the same items right?"."""

import numpy as np
from reader_answers import PREDICTIONS, Prediction, almost, right, wrong


@right("chance_bounds")
def bounds_by_counting(zsl_accuracy, icl_accuracy):
    z, a = 1 - zsl_accuracy, icl_accuracy
    return max(0, a + z - 1) / z, min(1, a / z)


@right("chance_bounds")
def bounds_by_clipping(zsl_accuracy, icl_accuracy):
    z = 1 - zsl_accuracy
    return np.clip([1 - (1 - icl_accuracy) / z, icl_accuracy / z], 0, 1)


@wrong("chance_bounds", "negative")
def bounds_below_zero(zsl_accuracy, icl_accuracy):
    z = 1 - zsl_accuracy
    return 1 - (1 - icl_accuracy) / z, min(1, icl_accuracy / z)


@wrong("chance_bounds", "exceed one")
def bounds_above_one(zsl_accuracy, icl_accuracy):
    z = 1 - zsl_accuracy
    return max(0, 1 - (1 - icl_accuracy) / z), icl_accuracy / z


@wrong("chance_bounds", "shares of all items")
def bounds_over_all(zsl_accuracy, icl_accuracy):
    return max(0, icl_accuracy - zsl_accuracy), min(icl_accuracy, 1 - zsl_accuracy)


@wrong("chance_bounds", "gets right")
def bounds_among_the_right(zsl_accuracy, icl_accuracy):
    z, a = zsl_accuracy, icl_accuracy
    return max(0, a + z - 1) / z, min(a, z) / z


@wrong("chance_bounds", "other order")
def bounds_upside_down(zsl_accuracy, icl_accuracy):
    return bounds_by_counting(zsl_accuracy, icl_accuracy)[::-1]


@wrong("chance_bounds", "in percent")
def bounds_in_percent(zsl_accuracy, icl_accuracy):
    return [100 * bound for bound in bounds_by_counting(zsl_accuracy, icl_accuracy)]


@almost("chance_bounds", "never right")
def bounds_by_ratio(zsl_accuracy, icl_accuracy):
    z = 1 - zsl_accuracy
    low = max(0, icl_accuracy / zsl_accuracy - 1) * zsl_accuracy / z
    return low, min(1, icl_accuracy / z)


@right("blind_agreement")
def blind_by_formula(p, share):
    return p, 1 - share - p + 2 * share * p, p


@right("blind_agreement")
def blind_by_counting(p, share):
    right = {"A": p, "B": 1 - p}
    wrong = {"A": share / 2, "B": (1 - share) / 2}
    everything = sum(wrong[c] * right[c] for c in "AB") / sum(wrong.values())
    return np.array([right["A"], everything, right["A"]])


@wrong("blind_agreement", "equally frequent")
def blind_as_in_the_example(p, share):
    return [p, 1 / 2, p]


@wrong("blind_agreement", "saying A is wrong")
def blind_to_label_b(p, share):
    return [p] * 3


@wrong("blind_agreement", "now and then")
def blind_never_right_on_b(p, share):
    return [p, p * share, p]


@wrong("blind_agreement", "not spread")
def blind_over_all_items(p, share):
    return np.array([p * share, p * share + (1 - p) * (1 - share), p * share])


@wrong("blind_agreement", "Which labels do they have")
def blind_with_weights_of_the_wrong(p, share):
    level = p * share + (1 - p) * (1 - share)
    return np.array([p, level, level])


@wrong("blind_agreement", "one label only")
def blind_accuracy_in_context(p, share):
    level = p * share + (1 - p) * (1 - share)
    return np.array([level, level, p])


@wrong("blind_agreement", "in percent")
def blind_in_percent(p, share):
    return [100 * value for value in blind_by_formula(p, share)]


@almost("blind_agreement", "every item")
def blind_by_odds(p, share):
    odds = share / (1 - share)
    return [p, (odds * p + 1 - p) / (odds + 1), p]


PREDICTIONS["recalled_by_finetuning"] = Prediction(
    right="lower",
    wrong=("higher", "the same"),
    measured=(92.0, 84.0),
    otherwise=(92.0, 91.0),
)
