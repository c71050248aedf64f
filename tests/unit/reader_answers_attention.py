"""Answers to the exercises of "Do they look at the same things?", as readers write them."""

import numpy as np
from reader_answers import PREDICTIONS, Prediction, almost, right, wrong
from scipy import special, stats


def cosine(a, b):
    return float(np.dot(a, b) / np.linalg.norm(a) / np.linalg.norm(b))


@right("tau_by_pairs")
def tau_of_scipy(x, y):
    return stats.kendalltau(x, y).statistic


@right("tau_by_pairs")
def tau_by_loops(x, y):
    agree = disagree = 0
    for i in range(len(x)):
        for j in range(i):
            if (x[i] > x[j]) == (y[i] > y[j]):
                agree += 1
            else:
                disagree += 1
    return (agree - disagree) / (agree + disagree)


@wrong("tau_by_pairs", "share of pairs that agree")
def share_of_agreeing_pairs(x, y):
    return (tau_of_scipy(x, y) + 1) / 2


@wrong("tau_by_pairs", "counted twice above")
def tau_with_both_orders(x, y):
    pairs = len(x) * (len(x) - 1) / 2
    return np.sign(np.subtract.outer(x, x) * np.subtract.outer(y, y)).sum() / pairs


@wrong("tau_by_pairs", "no pair with itself")
def tau_over_too_many(x, y):
    return tau_of_scipy(x, y) * (len(x) - 1) / (2 * len(x))


@wrong("tau_by_pairs", "Pearson")
def pearson(x, y):
    return stats.pearsonr(x, y).statistic


@wrong("tau_by_pairs", "Spearman")
def spearman(x, y):
    return stats.spearmanr(x, y).statistic


@right("summed_attention")
def attention_of_scipy(scores):
    return special.softmax(scores, axis=1).sum(axis=0)


@right("summed_attention")
def attention_by_loop(scores):
    total = 0
    for head in scores:
        weights = np.exp(head)
        total = total + weights / weights.sum()
    return total


@wrong("summed_attention", "raw scores, summed")
def summed_scores(scores):
    return np.add.reduce(scores)


@wrong("summed_attention", "Softmax came after")
def softmax_of_the_sum(scores):
    return special.softmax(scores.sum(axis=0))


@wrong("summed_attention", "not over the heads")
def softmax_over_heads(scores):
    return special.softmax(scores, axis=0).sum(axis=0)


@wrong("summed_attention", "mean over heads")
def mean_attention(scores):
    return special.softmax(scores, axis=1).mean(axis=0)


@wrong("summed_attention", "before they are summed")
def summed_exponentials(scores):
    return np.exp(scores).sum(axis=0)


@almost("tau_by_pairs", "reversed orders")
def tau_without_sign(x, y):
    return abs(tau_of_scipy(x, y))


@almost("summed_attention", "single token")
def attention_without_empty_axes(scores):
    return special.softmax(scores.squeeze(), axis=-1).sum(axis=0)


PREDICTIONS["turned_around"] = Prediction(
    right="stays",
    wrong=("negative", "zero"),
    measured=(0.86, 0.89),
    otherwise=(-0.3, 0.89),
)
