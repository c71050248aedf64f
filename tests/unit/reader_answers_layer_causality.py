"""Answers to the exercises of "Could gradient descent even do this?", as readers write them."""

import math

import numpy as np
import torch
from reader_answers import PREDICTIONS, Prediction, almost, right, wrong


@right("causal_gradients")
def gradients_by_torch(W_1, W_2, U, x, t):
    W_1, W_2, U, x, t = (torch.tensor(value) for value in (W_1, W_2, U, x, t))
    W_1.requires_grad_(), W_2.requires_grad_()
    y = W_1 @ x
    losses = ((U @ y - t) ** 2).sum() / 2 + ((U @ (W_2 @ y.detach()) - t) ** 2).sum() / 2
    losses.backward()
    return torch.stack([W_1.grad, W_2.grad])


@right("causal_gradients")
def gradients_by_hand(W_1, W_2, U, x, t):
    found = []
    for W in (W_1, W_2):
        y = W @ x
        found.append((U.T @ (U @ y - t))[:, None] * x)
        x = y
    return found


@wrong("causal_gradients", "This is backpropagation")
def gradients_of_the_last_loss(W_1, W_2, U, x, t):
    W_1, W_2, U, x, t = (torch.tensor(value) for value in (W_1, W_2, U, x, t))
    W_1.requires_grad_(), W_2.requires_grad_()
    (((U @ W_2 @ W_1 @ x - t) ** 2).sum() / 2).backward()
    return torch.stack([W_1.grad, W_2.grad])


@wrong("causal_gradients", "two parts here")
def gradients_without_detaching(W_1, W_2, U, x, t):
    W_1, W_2, U, x, t = (torch.tensor(value) for value in (W_1, W_2, U, x, t))
    W_1.requires_grad_(), W_2.requires_grad_()
    y = W_1 @ x
    (((U @ y - t) ** 2).sum() / 2 + ((U @ W_2 @ y - t) ** 2).sum() / 2).backward()
    return torch.stack([W_1.grad, W_2.grad])


@wrong("causal_gradients", "input of the second layer")
def gradients_with_one_input(W_1, W_2, U, x, t):
    outputs = W_1 @ x, W_2 @ W_1 @ x
    return [np.outer(U.T @ (U @ y - t), x) for y in outputs]


@wrong("causal_gradients", "stand behind the head")
def gradients_of_errors_in_front(W_1, W_2, U, x, t):
    y = W_1 @ x
    return [np.outer(U @ y - t, x), np.outer(U @ (W_2 @ y) - t, y)]


@wrong("causal_gradients", "the other way round")
def gradients_of_columns(W_1, W_2, U, x, t):
    y = W_1 @ x
    return [np.outer(x, U.T @ (U @ y - t)), np.outer(y, U.T @ (U @ W_2 @ y - t))]


@almost("causal_gradients", "second layer is zero")
def gradients_by_relative_steps(W_1, W_2, U, x, t):
    def slope(loss, W):
        found = np.zeros_like(W)
        for place in np.ndindex(W.shape):
            step = np.zeros_like(W)
            step[place] = 0.01 * W[place]
            found[place] = (loss(W + step) - loss(W - step)) / (0.02 * W[place])
        return found

    y = W_1 @ x
    return [
        slope(lambda W: ((U @ W @ x - t) ** 2).sum() / 2, W_1),
        slope(lambda W: ((U @ W @ y - t) ** 2).sum() / 2, W_2),
    ]


@right("matched_rate")
def rate_by_squares(rate, plain, causal):
    return rate * math.sqrt(sum(p * p for p in plain) / sum(c * c for c in causal))


@right("matched_rate")
def rate_by_hypot(rate, plain, causal):
    return math.hypot(*plain) / (math.hypot(*causal) / rate)


@wrong("matched_rate", "Upside down")
def rate_upside_down(rate, plain, causal):
    return rate * math.hypot(*causal) / math.hypot(*plain)


@wrong("matched_rate", "do not add up")
def rate_by_sums(rate, plain, causal):
    return rate * sum(plain) / sum(causal)


@wrong("matched_rate", "mean of ratios")
def rate_by_mean_ratio(rate, plain, causal):
    return rate * np.mean([p / c for p, c in zip(plain, causal)])


@wrong("matched_rate", "squares of lengths")
def rate_by_square_lengths(rate, plain, causal):
    return rate * np.sum(plain**2) / np.sum(causal**2)


@wrong("matched_rate", "for every layer")
def rate_by_layer(rate, plain, causal):
    return [rate * p / c for p, c in zip(plain, causal)]


@almost("matched_rate", "stays as it is")
def rate_by_weighted_ratios(rate, plain, causal):
    share = causal**2 / (causal**2).sum()
    return rate * np.sqrt((share * (plain / causal) ** 2).sum())


PREDICTIONS["head_moves"] = Prediction(
    right="descent",
    wrong=("neither", "both"),
    measured=(0.0, 0.02),
    otherwise=(0.01, 0.02),
)
