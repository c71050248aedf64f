"""Readers' answers to the exercises of "Momentum attention"."""

import numpy as np
from reader_answers import PREDICTIONS, Prediction, almost, right, wrong


@right("share_of_last")
def share_by_summing(eta, n):
    return sum(eta**i for i in range(1, n + 1)) / (eta / (1 - eta))


@right("share_of_last")
def share_by_what_is_left(eta, n):
    return 1 - np.power(eta, n)


@wrong("share_of_last", "came before")
def share_of_the_others(eta, n):
    return eta**n


@wrong("share_of_last", "together are no 1")
def weight_of_last(eta, n):
    return float(np.sum(eta ** np.arange(1, n + 1)))


@wrong("share_of_last", "share of one value")
def share_of_one(eta, n):
    return eta ** (n - 1) * (1 - eta)


@almost("share_of_last", "the last value alone")
def share_unless_one(eta, n):
    return eta if n == 1 else 1 - eta**n


@right("sums_ahead")
def ahead_by_weights(v, eta):
    lag = np.arange(len(v))[:, None] - np.arange(len(v))
    return np.where(lag >= 0, eta ** (lag + 1.0), 0) @ v


@right("sums_ahead")
def ahead_by_loop(v, eta):
    found = np.zeros_like(v)
    for t in range(len(v)):
        found[t] = eta * (v[t] + (found[t - 1] if t else 0))
    return found


@wrong("sums_ahead", "not in it yet")
def ahead_without_own(v, eta):
    return np.vstack([0 * v[:1], ahead_by_weights(v, eta)[:-1]])


@wrong("sums_ahead", "decays once as well")
def ahead_with_full_weight(v, eta):
    return ahead_by_weights(v, eta) / eta


@wrong("sums_ahead", "Both of them")
def ahead_with_own_added(v, eta):
    return ahead_without_own(v, eta) + v


@wrong("sums_ahead", "one token further back")
def ahead_with_old_left(v, eta):
    return ahead_without_own(v, eta) + eta * v


@almost("sums_ahead", "one token")
def ahead_of_several(v, eta):
    return np.zeros_like(v) if len(v) == 1 else ahead_by_weights(v, eta)


PREDICTIONS["long_memory"] = Prediction(
    right="falls",
    wrong=("stays", "rises"),
    measured=(0.96, 0.71),
    otherwise=(0.96, 0.95),
)
