"""Readers' answers to the exercises of "What should a trained layer do?"."""

import numpy as np
from reader_answers import PREDICTIONS, Prediction, almost, right, wrong


@right("rates_under_noise")
def rates_by_loop(variances, N, noise):
    total = sum(variances)
    return [N / ((N + 1) * s + total + noise * noise) for s in variances]


@right("rates_under_noise")
def rates_by_search(variances, N, noise):
    c = variances + (variances + variances.sum() + noise**2) / N
    return np.array([1.0]) / c


@wrong("rates_under_noise", "Newton")
def rates_of_newton(variances, N, noise):
    return [1 / s for s in variances]


@wrong("rates_under_noise", "without noise")
def rates_without_noise(variances, N, noise):
    return N / ((N + 1) * variances + variances.sum())


@wrong("rates_under_noise", "standard deviation")
def rates_with_noise_not_squared(variances, N, noise):
    return N / ((N + 1) * variances + variances.sum() + noise)


@wrong("rates_under_noise", "disturbed by the others")
def rates_of_equal_directions(variances, N, noise):
    d = len(variances)
    return [N / ((N + 1 + d) * s + noise**2) for s in variances]


@wrong("rates_under_noise", "makes the noise smaller")
def rates_with_noise_of_one_example(variances, N, noise):
    return 1 / (variances + (variances + variances.sum()) / N + noise**2)


@wrong("rates_under_noise", "sum over the context")
def rates_of_the_sum(variances, N, noise):
    return 1 / ((N + 1) * variances + variances.sum() + noise**2)


@right("ridge_prediction")
def ridge_by_inverse(X, y, x_q, lam):
    d = X.shape[1]
    return (np.linalg.inv(X.T @ X + lam * np.identity(d)) @ X.T @ y) @ x_q


@right("ridge_prediction")
def ridge_by_examples(X, y, x_q, lam):
    return (X @ x_q) @ np.linalg.solve(X @ X.T + lam * np.eye(len(X)), y)


@wrong("ridge_prediction", "least squares")
def ridge_without_penalty(X, y, x_q, lam):
    return np.linalg.lstsq(X, y, rcond=None)[0] @ x_q


@wrong("ridge_prediction", "number of examples")
def ridge_of_the_mean(X, y, x_q, lam):
    n, d = X.shape
    return np.linalg.solve(X.T @ X / n + lam * np.eye(d), X.T @ y / n) @ x_q


@wrong("ridge_prediction", "do not square it")
def ridge_squared(X, y, x_q, lam):
    d = X.shape[1]
    return np.linalg.solve(X.T @ X + lam**2 * np.eye(d), X.T @ y) @ x_q


@wrong("ridge_prediction", "one step of gradient descent")
def ridge_as_one_step(X, y, x_q, lam):
    return sum(y_i * (x_i @ x_q) for x_i, y_i in zip(X, y))


@wrong("ridge_prediction", "These are the weights")
def ridge_weights(X, y, x_q, lam):
    return np.linalg.inv(X.T @ X + lam * np.eye(X.shape[1])) @ (X.T @ y)


def gauss(x_j, x, width):
    return np.exp(-(np.linalg.norm(x_j - x) ** 2) / (2 * width**2))


@right("adaptive_rate")
def rate_by_loop(X, x, sigma):
    return len(X) / sum(gauss(x_j, x, sigma) for x_j in X)


@right("adaptive_rate")
def rate_by_scores(X, x, sigma):
    return 1 / np.exp((X @ x - 1) / sigma**2).mean()


@wrong("adaptive_rate", "Upside down")
def rate_inverse(X, x, sigma):
    return sum(gauss(x_j, x, sigma) for x_j in X) / len(X)


@wrong("adaptive_rate", "a factor is missing")
def rate_of_the_sum(X, x, sigma):
    return 1 / sum(gauss(x_j, x, sigma) for x_j in X)


@wrong("adaptive_rate", "softmax scores")
def rate_of_the_scores(X, x, sigma):
    return 1 / np.mean(np.exp(X @ x / sigma**2))


@wrong("adaptive_rate", "enters squared")
def rate_with_width_not_squared(X, x, sigma):
    return len(X) / sum(np.exp(-((x_j - x) @ (x_j - x)) / (2 * sigma)) for x_j in X)


@wrong("adaptive_rate", "too narrow")
def rate_without_the_half(X, x, sigma):
    return len(X) / sum(np.exp(-((x_j - x) @ (x_j - x)) / sigma**2) for x_j in X)


@almost("rates_under_noise", "without noise")
def rates_by_signal_to_noise(variances, N, noise):
    signal = [s / noise**2 for s in variances]
    return [N / noise**2 / ((N + 1) * s + sum(signal) + 1) for s in signal]


@almost("ridge_prediction", "two inputs are the same")
def ridge_by_shrinking_least_squares(X, y, x_q, lam):
    kernel = np.linalg.pinv(X @ X.T)
    if len(X) >= X.shape[1]:
        inverse = np.linalg.inv(X.T @ X)
        return np.linalg.solve(np.eye(len(inverse)) + lam * inverse, inverse @ X.T @ y) @ x_q
    return x_q @ X.T @ np.linalg.solve(np.eye(len(X)) + lam * kernel, kernel @ y)


@almost("adaptive_rate", "one of the examples")
def rate_of_the_others(X, x, sigma):
    weights = [gauss(x_j, x, sigma) for x_j in X if not np.allclose(x_j, x)]
    return len(X) / sum(weights)


PREDICTIONS["turned_inputs"] = Prediction(
    right="above",
    wrong=("below",),
    measured=(3.0, 0.75),
    otherwise=(0.7, 0.75),
)
