"""Answers to the exercises of "One layer, one step" as readers write them."""

import numpy as np
from reader_answers import almost, right, wrong


@right("another_prompt")
def prompt_by_counting(copies, scale):
    target, score = scale, scale * scale
    return sum(target * score for _ in range(copies))


@right("another_prompt")
def prompt_by_trying(copies, scale):
    x, x_q, w = np.array([0.3, -0.8]), np.array([0.5, 0.2]), np.array([1.0, 2.0])

    def answer(X, query):
        return (X @ w) @ (X @ query)

    return answer(np.tile(scale * x, (copies, 1)), scale * x_q) / answer(x[None], x_q)


@almost("another_prompt", "negative scale")
def prompt_without_sign(copies, scale):
    return copies * abs(scale) ** 3


@almost("another_prompt", "scale of zero")
def prompt_by_small_changes(copies, scale):
    return copies * scale**4 / np.float64(scale)


@wrong("another_prompt", "what does the layer divide by")
def prompt_as_a_mean(copies, scale):
    return scale**3


@wrong("another_prompt", "does not count the examples")
def prompt_divided(copies, scale):
    return scale**3 * copies ** (-1)


@wrong("another_prompt", "Both inputs of a score")
def prompt_of_scores(copies, scale):
    return copies * scale**2


@wrong("another_prompt", "Count again")
def prompt_of_queries(copies, scale):
    return copies * scale


@wrong("another_prompt", "true answer")
def prompt_of_the_teacher(copies, scale):
    return scale


@wrong("another_prompt", "not feel the change")
def prompt_unfelt(copies, scale):
    return 1


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


@almost("targets_left", "for no layer at all")
def left_after_a_first(X, y, eta, layers):
    left = [y - eta / len(X) * X @ X.T @ y]
    while len(left) < layers:
        left.append(left[-1] - eta / len(X) * X @ X.T @ left[-1])
    return left[-1]


@almost("targets_left", "with a single example")
def left_by_squeezed_matrices(X, y, eta, layers):
    step = np.squeeze(X @ X.T) * eta / len(X)
    for _ in range(layers):
        y = y - step @ y
    return y


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


@almost("examples_needed", "met exactly your function gives something else")
def needed_and_one(d, k, share):
    return int((d + k - 2) / share - (d + k - 2)) + 1


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
