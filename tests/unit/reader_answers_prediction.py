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


@right("pooled_odds")
def pooled_by_loop(tables):
    over = under = 0
    for (a, b), (c, d) in tables:
        n = a + b + c + d
        if n:
            over += a * d / n
            under += b * c / n
    return over / under


@right("pooled_odds")
def pooled_without_empty(tables):
    told = tables[tables.sum(axis=(1, 2)) > 0]
    n = told.sum(axis=(1, 2))
    return sum(told[:, 0, 0] * told[:, 1, 1] / n) / sum(told[:, 0, 1] * told[:, 1, 0] / n)


@wrong("pooled_odds", "missed to mended")
def pooled_upside_down(tables):
    return 1 / pooled_by_loop(tables)


@wrong("pooled_odds", "mean of odds ratios")
def pooled_by_mean(tables):
    return np.mean([t[0, 0] * t[1, 1] / (t[0, 1] * t[1, 0]) for t in tables])


@wrong("pooled_odds", "mean of logarithms")
def pooled_by_mean_of_logs(tables):
    logs = np.log(tables)
    return np.exp((logs[:, 0, 0] + logs[:, 1, 1] - logs[:, 0, 1] - logs[:, 1, 0]).mean())


@wrong("pooled_odds", "liking for a label")
def pooled_in_one_table(tables):
    (a, b), (c, d) = tables.sum(axis=0)
    return a * d / (b * c)


@wrong("pooled_odds", "far too much")
def pooled_without_items(tables):
    over = sum(t[0, 0] * t[1, 1] for t in tables)
    return over / sum(t[0, 1] * t[1, 0] for t in tables)


@wrong("pooled_odds", "half")
def pooled_with_a_half(tables):
    return pooled_by_loop(tables + 1 / 2)


@almost("pooled_odds", "no items")
def pooled_with_a_hole(tables):
    (a, b), (c, d) = np.moveaxis(tables, 0, -1)
    n = a + b + c + d
    return (a * d / n).sum() / (b * c / n).sum()


@almost("pooled_odds", "count is zero")
def pooled_without_zeros(tables):
    told = [t for t in tables if t.all()]
    return pooled_by_loop(told)


PREDICTIONS["recalled_by_finetuning"] = Prediction(
    right="lower",
    wrong=("higher", "the same"),
    measured=(92.0, 84.0),
    otherwise=(92.0, 91.0),
)
