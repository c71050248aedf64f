"""Answers to the exercises of "Do they change the output alike?", as readers write them."""

import math

import numpy as np
from reader_answers import PREDICTIONS, Prediction, almost, right, wrong


def ranked(p):
    return sorted(range(len(p)), key=lambda token: -float(p[token]))


@right("overlap_without")
def overlap_by_lists(p, q, labels, k):
    lists = [[token for token in ranked(one) if token not in labels][:k] for one in (p, q)]
    return sum(token in lists[1] for token in lists[0]) / k


@right("overlap_without")
def overlap_by_deleting(p, q, labels, k):
    p, q = np.delete(p, labels), np.delete(q, labels)
    return np.isin(np.argsort(p)[::-1][:k], np.argsort(q)[::-1][:k]).mean()


@wrong("overlap_without", "still in it")
def overlap_with_labels(p, q, labels, k):
    return len(set(ranked(p)[:k]) & set(ranked(q)[:k])) / k


@wrong("overlap_without", "would not score 1")
def overlap_struck_off(p, q, labels, k):
    return len((set(ranked(p)[:k]) & set(ranked(q)[:k])) - set(labels)) / k


@wrong("overlap_without", "When must they go")
def overlap_of_what_is_left(p, q, labels, k):
    first = [token for token in ranked(p)[:k] if token not in labels]
    return sum(token in ranked(q)[:k] for token in first) / len(first)


@wrong("overlap_without", "both lists together")
def overlap_of_jaccard(p, q, labels, k):
    a, b = ({t for t in ranked(one) if t not in labels} for one in (p, q))
    a, b = (set(sorted(one, key=lambda t: -d[t])[:k]) for one, d in ((a, p), (b, q)))
    return len(a & b) / len(a | b)


@wrong("overlap_without", "not yet a share")
def overlap_counted(p, q, labels, k):
    return overlap_by_lists(p, q, labels, k) * k


@almost("overlap_without", "with no label words")
def overlap_that_needs_a_label(p, q, labels, k):
    return overlap_by_lists(p, q, [labels[0], *labels], k)


@almost("overlap_without", "not among the likeliest")
def overlap_of_two_longer_lists(p, q, labels, k):
    skip = len(labels)
    return np.isin(ranked(p)[skip : skip + k], ranked(q)[skip : skip + k]).mean()


@right("additive_score")
def additive_by_hypot(squares, missing):
    return squares / math.hypot(squares, math.sqrt(missing))


@right("additive_score")
def additive_by_angle(squares, missing):
    return math.cos(math.atan2(math.sqrt(missing), squares))


@wrong("additive_score", "as printed")
def additive_as_printed(squares, missing):
    return 1 / missing**0.5


@wrong("additive_score", "two sums of squares")
def additive_with_one_sum(squares, missing):
    return squares * (squares + missing) ** -0.5


@wrong("additive_score", "stand under the root")
def additive_outside(squares, missing):
    return squares / (math.sqrt(squares * squares) + missing)


@wrong("additive_score", "sure of one token")
def additive_of_a_sure_setting(squares, missing):
    return (1 + missing) ** -0.5


@wrong("additive_score", "What is the numerator")
def additive_with_squares_squared(squares, missing):
    return squares * squares / math.sqrt(squares * squares + missing)


@almost("additive_score", "all tokens are shared")
def additive_that_divides_by_missing(squares, missing):
    return squares / math.sqrt(missing) / math.sqrt(1 + squares**2 / missing)


@almost("additive_score", "none is shared")
def additive_that_divides_by_squares(squares, missing):
    return 1 / math.sqrt(1 + missing / squares**2)


PREDICTIONS["left_without_words"] = Prediction(
    right="item",
    wrong=("finetuned", "equal"),
    measured=(0.4, 0.6),
    otherwise=(0.55, 0.6),
)
