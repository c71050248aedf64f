"""Answers to the exercises of "One layer, one step" as readers write them."""

import numpy as np
from reader_answers import right, wrong


@right("value_matrix")
def values_by_blocks(W_0):
    d_out, d = W_0.shape
    return np.block([[np.zeros((d, d)), np.zeros((d, d_out))], [W_0, -np.eye(d_out)]])


@right("value_matrix")
def values_by_tokens(W_0):
    d_out, d = W_0.shape
    tokens = np.eye(d + d_out)
    return np.array([np.concatenate([np.zeros(d), W_0 @ e[:d] - e[d:]]) for e in tokens]).T


@wrong("value_matrix", "sum of prediction and target")
def values_with_plus(W_0):
    return abs(np.sign(values_by_blocks(0 * W_0))) + values_by_blocks(W_0) * _lower_left(W_0)


def _lower_left(W_0):
    mask = np.zeros((sum(W_0.shape),) * 2)
    mask[W_0.shape[1] :, : W_0.shape[1]] = 1
    return mask


@wrong("value_matrix", "opposite sign")
def values_reversed(W_0):
    return values_by_blocks(W_0) * -1


@wrong("value_matrix", "first weights of zero")
def values_from_zero(W_0):
    return values_by_blocks(np.zeros_like(W_0))


@wrong("value_matrix", "but not the target")
def values_without_target(W_0):
    return values_by_blocks(W_0) * _lower_left(W_0)


@wrong("value_matrix", "swapped")
def values_of_row_vectors(W_0):
    return values_by_blocks(W_0).T


@wrong("value_matrix", "what becomes of the inputs")
def values_lower_rows(W_0):
    return np.concatenate([W_0, -np.identity(len(W_0))], axis=1)


@wrong("value_matrix", "contain the inputs as well")
def values_with_inputs(W_0):
    W_V = values_by_blocks(W_0)
    W_V[: W_0.shape[1], : W_0.shape[1]] = np.eye(W_0.shape[1])
    return W_V


@right("targets_left")
def left_by_matrix_power(X, y, eta, layers):
    step = np.eye(len(X)) - eta / len(X) * X @ X.T
    return np.linalg.matrix_power(step, layers) @ y


@right("targets_left")
def left_by_weights(X, y, eta, layers):
    W = np.zeros(X.shape[1])
    for _ in range(layers):
        W += eta * np.mean((y - X @ W)[:, None] * X, axis=0)
    return y - X @ W


@wrong("targets_left", "however many")
def left_by_one(X, y, eta, layers):
    return left_by_weights(X, y, eta, 1)


@wrong("targets_left", "the same step")
def left_without_looking_again(X, y, eta, layers):
    for delta in [X @ X.T @ y * eta / len(X)] * layers:
        y = y - delta
    return y


@wrong("targets_left", "mean over its examples")
def left_by_sums(X, y, eta, layers):
    return left_by_weights(X, y, eta * len(X), layers)


@wrong("targets_left", "the rest")
def left_explained(X, y, eta, layers):
    return y - left_by_weights(X, y, eta, layers)


@wrong("targets_left", "grow from layer to layer")
def left_uphill(X, y, eta, layers):
    for _ in range(layers):
        y = y + eta / len(y) * X @ X.T @ y
    return y


@right("examples_needed")
def needed_by_counting(d, k, share):
    N = 1
    while (d + k - 2) / (N + d + k - 2) > share:
        N += 1
    return N


@right("examples_needed")
def needed_by_formula(d, k, share):
    free = d + k - 2
    return -int(-(free - share * free) // share)


@wrong("examples_needed", "whole number")
def needed_in_fractions(d, k, share):
    return (d + k - 2) / share - (d + k - 2)


@wrong("examples_needed", "One example short")
def needed_cut_off(d, k, share):
    return int((d + k - 2) / share - (d + k - 2))


@wrong("examples_needed", "nearest number")
def needed_rounded(d, k, share):
    return int(np.round((d + k - 2) / share - (d + k - 2)))


@wrong("examples_needed", "out of the denominator")
def needed_by_ratio(d, k, share):
    return np.ceil((d + k - 2) / share)


@wrong("examples_needed", "what is left")
def needed_to_remove(d, k, share):
    return needed_by_counting(d, k, 1 - share)


@wrong("examples_needed", "does not solve")
def needed_by_least_squares(d, k, share):
    return d
