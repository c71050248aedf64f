"""Answers to the exercises of "Softmax and copying", as readers write them."""

import math

import numpy as np
from reader_answers import PREDICTIONS, Prediction, almost, right, wrong


def shares(logits):
    return np.exp(logits) / np.exp(logits).sum()


@right("opposite_heads")
def heads_one_by_one(X, y, x_q, sharpness):
    logits = sharpness * (X @ x_q)
    return (shares(logits) * y).sum() - (shares(-logits) * y).sum()


@right("opposite_heads")
def heads_by_loops(X, y, x_q, sharpness):
    up = [math.exp(sharpness * sum(a * b for a, b in zip(x, x_q))) for x in X]
    down = [1 / u for u in up]
    return sum(t * (u / sum(up) - v / sum(down)) for t, u, v in zip(y, up, down))


@wrong("opposite_heads", "offsets add up")
def heads_added(X, y, x_q, sharpness):
    logits = sharpness * (X @ x_q)
    return shares(logits) @ y + shares(-logits) @ y


@wrong("opposite_heads", "same logits")
def heads_alike(X, y, x_q, sharpness):
    logits = sharpness * (X @ x_q)
    return shares(logits) @ y - shares(logits) @ y


@wrong("opposite_heads", "one head alone")
def only_one_head(X, y, x_q, sharpness):
    return shares(sharpness * (X @ x_q)) @ y


@wrong("opposite_heads", "sign is reversed")
def heads_reversed(X, y, x_q, sharpness):
    logits = sharpness * (X @ x_q)
    return shares(-logits) @ y - shares(logits) @ y


@wrong("opposite_heads", "add up to one")
def heads_without_their_sum(X, y, x_q, sharpness):
    logits = sharpness * (X @ x_q)
    return np.exp(logits) @ y - np.exp(-logits) @ y


@wrong("opposite_heads", "linear picture")
def heads_for_small_logits(X, y, x_q, sharpness):
    return 2 * sharpness * np.mean(y * (X @ x_q))


@right("logit_for_share")
def logit_by_algebra(share, keys):
    return math.log(share) + math.log(keys - 1) - math.log(1 - share)


@right("logit_for_share")
def logit_by_bisection(share, keys):
    low, high = -50.0, 50.0
    for _ in range(200):
        middle = (low + high) / 2
        if math.exp(middle) / (math.exp(middle) + keys - 1) < share:
            low = middle
        else:
            high = middle
    return middle


@wrong("logit_for_share", "not among them")
def logit_against_all_keys(share, keys):
    return np.log(share * keys / (1 - share))


@wrong("logit_for_share", "right for two keys")
def logit_of_two(share, keys):
    return -np.log(1 / share - 1)


@wrong("logit_for_share", "did not change")
def logit_times_uniform(share, keys):
    return np.log(share / (1 / keys))


@wrong("logit_for_share", "how many times larger")
def exponential_of_the_logit(share, keys):
    return (keys - 1) * share / (1 - share)


@wrong("logit_for_share", "larger share needs")
def negative_logit(share, keys):
    return -np.log(share * (keys - 1) / (1 - share))


@wrong("logit_for_share", "base e")
def logit_to_the_base_two(share, keys):
    return np.log2(keys - 1) + np.log2(share / (1 - share))


@right("other_tokens")
def others_by_mask(norms, j):
    keep = np.ones(len(norms), dtype=bool)
    keep[[j, j + 1]] = False
    return norms[keep].mean()


@right("other_tokens")
def others_by_subtraction(norms, j):
    return (norms.sum() - norms[j] - norms[j + 1]) / (len(norms) - 2)


@wrong("other_tokens", "published code")
def others_as_published(norms, j):
    return (norms[:j].sum() + norms[j + 1 :].sum()) / (len(norms) - 1)


@wrong("other_tokens", "itself in the count")
def others_over_all_tokens(norms, j):
    return (norms.sum() - norms[j]) / len(norms)


@wrong("other_tokens", "count leaves out one")
def others_with_one_too_many(norms, j):
    return (norms.sum() - norms[j] - norms[j + 1]) / (len(norms) - 1)


@wrong("other_tokens", "count leaves out none")
def others_with_two_too_many(norms, j):
    return (norms.sum() - norms[j] - norms[j + 1]) / len(norms)


@wrong("other_tokens", "it is the largest")
def others_with_the_token_itself(norms, j):
    return (norms.sum() - norms[j + 1]) / (len(norms) - 1)


@wrong("other_tokens", "token before")
def others_but_the_previous(norms, j):
    return np.mean([n for i, n in enumerate(norms) if i not in (j, (j - 1) % len(norms))])


@wrong("other_tokens", "This is a sum")
def sum_of_others(norms, j):
    return norms.sum() - norms[j] - norms[j + 1]


@almost("opposite_heads", "single pair")
def heads_without_empty_axes(X, y, x_q, sharpness):
    logits = sharpness * (x_q @ X.squeeze().T)
    return (shares(logits) - shares(-logits)) @ y


@almost("logit_for_share", "less than an even share")
def logit_by_search_above_zero(share, keys):
    low, high = 0.0, 50.0
    for _ in range(200):
        middle = (low + high) / 2
        small = math.exp(middle) / (math.exp(middle) + keys - 1) < share
        low, high = (middle, high) if small else (low, middle)
    return middle


@almost("other_tokens", "react alike")
def others_by_value(norms, j):
    return np.mean([n for n in norms if n not in (norms[j], norms[j + 1])])


PREDICTIONS["average_of_examples"] = Prediction(
    right="stays",
    wrong=("doubles", "halves"),
    measured=(0.9999,),
    otherwise=(1.3,),
)
