"""Answers to the exercises as readers write them, for `test_checks.py`.

`RIGHT[exercise]` lists correct answers in several styles; `WRONG[exercise]` lists what comes out
of a misconception, each with words that its message must contain; `ALMOST[exercise]` lists answers
that are right in general and fail at an edge, with words that name it. `PREDICTIONS` holds what
readers say before an experiment runs. Nothing here is taken from the checks.
"""

from collections import defaultdict
from typing import NamedTuple

import numpy as np

RIGHT = defaultdict(list)
WRONG = defaultdict(list)
ALMOST = defaultdict(list)
PREDICTIONS = {}


def right(exercise):
    """Register a correct answer."""
    return lambda function: RIGHT[exercise].append(function) or function


def wrong(exercise, words):
    """Register an answer that follows from a misconception."""
    return lambda function: WRONG[exercise].append((function, words)) or function


def almost(exercise, words):
    """Register an answer that is right in general and fails at one edge."""
    return lambda function: ALMOST[exercise].append((function, words)) or function


class Prediction(NamedTuple):
    """A question about an experiment: what is right, what else one may say, what is measured."""

    right: str
    wrong: tuple[str, ...]
    measured: tuple  # arguments of the check after the guess, as the experiment gives them
    otherwise: tuple  # the same, had the experiment come out in another way


# Gradient descent is memory


@right("rebuild_weights")
def rebuild_by_loops(W_0, X, errors, eta):
    W = W_0
    for step in errors:
        for e, x in zip(step, X):
            W = W + eta * np.outer(e, x)
    return W


@right("rebuild_weights")
def rebuild_by_einsum(W_0, X, errors, eta):
    return W_0 + eta * np.einsum("tno,ni->oi", errors, X)


@right("rebuild_weights")
def rebuild_in_place(W_0, X, errors, eta):
    for E in errors:
        W_0 += eta * (E.T @ X)
    return W_0


@wrong("rebuild_weights", "direction is reversed")
def rebuild_downhill(W_0, X, errors, eta):
    W = W_0.copy()
    for E in errors:
        W -= eta * E.T @ X
    return W


@wrong("rebuild_weights", "too small by the number of examples")
def rebuild_with_another_mean(W_0, X, errors, eta):
    W, n = W_0, len(X)
    for E in errors:
        W = W + eta / n * sum(np.outer(E[i], X[i]) for i in range(n))
    return W


@wrong("rebuild_weights", "outer product is transposed")
def rebuild_inputs_first(W_0, X, errors, eta):
    W = W_0.copy()
    for E in errors:
        for i in range(len(X)):
            W += eta * np.outer(X[i], E[i])
    return W


@wrong("rebuild_weights", "result is transposed")
def rebuild_all_transposed(W_0, X, errors, eta):
    W = W_0.T
    for E in errors:
        W = W + eta * X.T @ E
    return W


@wrong("rebuild_weights", "Only the last step")
def rebuild_forgets_steps(W_0, X, errors, eta):
    for E in errors:
        W = W_0 + eta * E.T @ X
    return W


@wrong("rebuild_weights", "before the first step")
def rebuild_update_only(W_0, X, errors, eta):
    W = np.zeros_like(W_0)
    for E in errors:
        W = W + eta * E.T @ X
    return W


@wrong("rebuild_weights", "step length is missing")
def rebuild_without_eta(W_0, X, errors, eta):
    W = W_0
    for E in errors:
        W = W + E.T @ X
    return W


@right("momentum_coefficients")
def momentum_closed_form(T, eta, mu):
    return np.array([eta * (1 - mu ** (T - t)) / (1 - mu) for t in range(T)])


@right("momentum_coefficients")
def momentum_by_geometric_sums(T, eta, mu):
    return [sum(eta * mu**k for k in range(T - t)) for t in range(T)]


@right("momentum_coefficients")
def momentum_by_simulation(T, eta, mu):
    c = np.zeros(T)
    for t in range(T):
        v = w = 0.0
        for s in range(T):
            v = mu * v + (s == t)
            w = w + eta * v
        c[t] = w
    return c


@wrong("momentum_coefficients", "plain gradient descent")
def momentum_ignored(T, eta, mu):
    return eta * np.ones(T)


@wrong("momentum_coefficients", "order is reversed")
def momentum_backwards(T, eta, mu):
    return [sum(eta * mu**k for k in range(t + 1)) for t in range(T)]


@wrong("momentum_coefficients", "Off by one")
def momentum_one_step_short(T, eta, mu):
    return [sum(eta * mu**k for k in range(T - t - 1)) for t in range(T)]


@wrong("momentum_coefficients", "in the velocity at the end")
def momentum_of_the_velocity(T, eta, mu):
    return [eta * mu ** (T - 1 - t) for t in range(T)]


@wrong("momentum_coefficients", "acts for ever")
def momentum_in_the_limit(T, eta, mu):
    return np.repeat(eta / (1 - mu), T)


@wrong("momentum_coefficients", "learning rate is missing")
def momentum_without_a_rate(T, eta, mu):
    return np.array([sum(mu**k for k in range(T - t)) for t in range(T)])


@wrong("momentum_coefficients", "geometric series")
def momentum_without_the_denominator(T, eta, mu):
    return [eta * (1 - mu ** (T - t)) for t in range(T)]


@right("share_of_initial_weights")
def share_by_power(T, eta, lam):
    return (1 - eta * lam) ** T


@right("share_of_initial_weights")
def share_by_loop(T, eta, lam):
    w = 1.0
    for _ in range(T):
        w -= eta * lam * w
    return w


@wrong("share_of_initial_weights", "without decay")
def share_without_decay(T, eta, lam):
    return 1


@wrong("share_of_initial_weights", "inside the gradient")
def share_decoupled(T, eta, lam):
    a = 1.0
    for _ in range(T):
        a *= 1 - lam
    return a


@wrong("share_of_initial_weights", "same amount in every step")
def share_linear(T, eta, lam):
    a = 1.0
    for _ in range(T):
        a -= eta * lam
    return a


@wrong("share_of_initial_weights", "Off by one")
def share_one_step_short(T, eta, lam):
    a = 1.0
    for _ in range(1, T):
        a *= 1 - eta * lam
    return a


# The dual


@right("dual_output")
def dual_by_loop(weights, X, values, x):
    y = weights[0] @ x
    for x_i, e_i in zip(X, values):
        y = y + e_i * (x_i @ x)
    return y


@right("dual_output")
def dual_by_matrices(weights, X, values, x):
    return (weights[0] + values.T @ X) @ x


@right("dual_output")
def dual_by_einsum(weights, X, values, x):
    return np.einsum("oi,i->o", weights[0], x) + np.einsum("ni,i,no->o", X, x, values)


@wrong("dual_output", "counted twice")
def dual_on_trained_weights(weights, X, values, x):
    return weights[-1] @ x + values.T @ (X @ x)


@wrong("dual_output", "primal form")
def dual_not_at_all(weights, X, values, x):
    W = weights[len(weights) - 1]
    return W.dot(x)


@wrong("dual_output", "sign is reversed")
def dual_output_downhill(weights, X, values, x):
    out = weights[0] @ x
    for value, key in zip(values, X):
        out = out - value * (key @ x)
    return out


@wrong("dual_output", "answer before")
def dual_without_start(weights, X, values, x):
    return sum((X[i] @ x) * values[i] for i in range(len(X)))


@wrong("dual_output", "softmax")
def dual_with_softmax(weights, X, values, x):
    a = np.exp(X @ x)
    a = a / a.sum()
    return weights[0] @ x + a @ values


@wrong("dual_output", "become a mean")
def dual_with_mean(weights, X, values, x):
    return weights[0] @ x + np.mean((X @ x)[:, None] * values, axis=0)


@right("contributions")
def contributions_by_loop(X, values, x, gold, rival):
    return [(X[i] @ x) * (values[i][gold] - values[i][rival]) for i in range(len(X))]


@right("contributions")
def contributions_from_all_outputs(X, values, x, gold, rival):
    parts = (X @ x)[:, None] * values
    return parts[:, gold] - parts[:, rival]


@wrong("contributions", "attention scores")
def contributions_scores(X, values, x, gold, rival):
    return np.array([x_i @ x for x_i in X])


@wrong("contributions", "lifts the rival")
def contributions_gold_only(X, values, x, gold, rival):
    return [(X[i] @ x) * values[i, gold] for i in range(len(X))]


@wrong("contributions", "swapped")
def contributions_swapped(X, values, x, gold, rival):
    parts = (X @ x)[:, None] * values
    return parts[:, rival] - parts[:, gold]


@wrong("contributions", "values alone")
def contributions_values(X, values, x, gold, rival):
    return np.array([e[gold] - e[rival] for e in values])


@right("effective_number")
def effective_by_shares(w):
    p = np.abs(w) / np.abs(w).sum()
    return 1 / (p**2).sum()


@right("effective_number")
def effective_by_norms(w):
    return (np.linalg.norm(w, 1) / np.linalg.norm(w)) ** 2


@wrong("effective_number", "cancel")
def effective_signed(w):
    p = w / w.sum()
    return 1 / (p**2).sum()


@wrong("effective_number", "Upside down")
def effective_inverse(w):
    p = abs(w) / abs(w).sum()
    return (p**2).sum()


@wrong("effective_number", "doubled")
def effective_not_squared(w):
    return np.abs(w).sum() / np.dot(w, w)


@wrong("effective_number", "counts examples")
def effective_count(w):
    return len(w)


# Attention is training


@right("write_token")
def write_outer(W, k, v):
    return W + np.outer(v, k)


@right("write_token")
def write_broadcast(W, k, v):
    return W + v[:, None] * k


@right("write_token")
def write_by_loops(W, k, v):
    for i in range(len(v)):
        for j in range(len(k)):
            W[i, j] += v[i] * k[j]
    return W


@right("write_token")
def write_as_lists(W, k, v):
    return [[W[i, j] + v[i] * k[j] for j in range(len(k))] for i in range(len(v))]


@wrong("write_token", "outer product is transposed")
def write_transposed(W, k, v):
    return W + np.outer(k, v)


@wrong("write_token", "wiped out")
def write_over(W, k, v):
    return v[:, None] @ k[None, :]


@wrong("write_token", "sign is reversed")
def write_minus(W, k, v):
    W -= np.outer(v, k)
    return W


@wrong("write_token", "delta rule")
def write_delta_rule(W, k, v):
    error = v - W @ k
    return W + np.outer(error, k)


@right("targets")
def targets_by_matrices(W, K, V):
    return (W @ K.T + V.T).T


@right("targets")
def targets_by_loop(W, K, V):
    return np.array([W @ k + v for k, v in zip(K, V)])


@wrong("targets", "only if W is zero")
def targets_are_values(W, K, V):
    return V


@wrong("targets", "sign is reversed")
def targets_minus(W, K, V):
    return np.array([W @ k - v for k, v in zip(K, V)])


@wrong("targets", "no error at all")
def targets_are_outputs(W, K, V):
    return np.array([W @ k for k in K])


@wrong("targets", "No mean")
def targets_with_mean(W, K, V):
    N = K.shape[0]
    return np.array([W @ k + v / N for k, v in zip(K, V)])


@right("shortest_context")
def shortest_by_search(d_k, d_v):
    N = 1
    while N * (d_k + d_v) <= d_k * d_v:
        N += 1
    return N


@right("shortest_context")
def shortest_by_division(d_k, d_v):
    return d_k * d_v // (d_k + d_v) + 1


@wrong("shortest_context", "both cost the same")
def shortest_not_whole(d_k, d_v):
    return 1 / (1 / d_k + 1 / d_v)


@wrong("shortest_context", "exactly the same")
def shortest_rounded_up(d_k, d_v):
    N = 1
    while N * (d_k + d_v) < d_k * d_v:
        N += 1
    return N


@wrong("shortest_context", "no dearer")
def shortest_where_attention_is_still_fine(d_k, d_v):
    N = 1
    while (N + 1) * (d_k + d_v) <= d_k * d_v:
        N += 1
    return N


@wrong("shortest_context", "two things with every token")
def shortest_forgets_attention_costs(d_k, d_v):
    N = 1
    while d_k * d_v >= N:
        N += 1
    return N


@wrong("shortest_context", "whole sequence")
def shortest_of_a_sequence(d_k, d_v):
    N = 1
    while N * N * (d_k + d_v) <= 2 * N * d_k * d_v:
        N += 1
    return N


# Softmax


@right("share_of_demonstrations")
def share_by_one_softmax(own_scores, demo_scores):
    a = np.exp(np.concatenate([demo_scores, own_scores]))
    return (a / a.sum())[: len(demo_scores)].sum()


@right("share_of_demonstrations")
def share_by_sigmoid(own_scores, demo_scores):
    gap = np.log(np.exp(own_scores).sum()) - np.log(np.exp(demo_scores).sum())
    return 1 / (1 + np.exp(gap))


@wrong("share_of_demonstrations", "query's own tokens")
def share_of_own_tokens(own_scores, demo_scores):
    a = np.exp(np.concatenate([own_scores, demo_scores]))
    return a[: len(own_scores)].sum() / a.sum()


@wrong("share_of_demonstrations", "raw scores")
def share_of_raw_scores(own_scores, demo_scores):
    return sum(demo_scores) / (sum(own_scores) + sum(demo_scores))


@wrong("share_of_demonstrations", "counts tokens")
def share_by_number(own_scores, demo_scores):
    n, N = len(own_scores), len(demo_scores)
    return N / (n + N)


@wrong("share_of_demonstrations", "pass 1")
def share_as_odds(own_scores, demo_scores):
    return np.exp(demo_scores).sum() / np.exp(own_scores).sum()


@right("softmax_update")
def update_by_difference(lam, zero_shot, demonstrations):
    return (1 - lam) * zero_shot + lam * demonstrations - zero_shot


@right("softmax_update")
def update_by_loop(lam, zero_shot, demonstrations):
    return [lam * (d - z) for z, d in zip(zero_shot, demonstrations)]


@wrong("softmax_update", "what comes in")
def update_comes_in(lam, zero_shot, demonstrations):
    return lam * demonstrations


@wrong("softmax_update", "whole output")
def update_whole_output(lam, zero_shot, demonstrations):
    return zero_shot + lam * (demonstrations - zero_shot)


@wrong("softmax_update", "all attention fell")
def update_without_share(lam, zero_shot, demonstrations):
    return demonstrations - zero_shot


@wrong("softmax_update", "sign is reversed")
def update_backwards(lam, zero_shot, demonstrations):
    return [lam * (z - d) for z, d in zip(zero_shot, demonstrations)]


@right("positive_features")
def features_by_loops(X, Omega):
    m = len(Omega)
    phi = np.zeros((len(X), m))
    for i, x in enumerate(X):
        for j, omega in enumerate(Omega):
            phi[i, j] = np.exp(omega @ x - x @ x / 2) / np.sqrt(m)
    return phi


@right("positive_features")
def features_by_einsum(X, Omega):
    half = np.einsum("nd,nd->n", X, X)[:, None] / 2
    return np.exp(np.einsum("nd,md->nm", X, Omega) - half) * len(Omega) ** -0.5


def features(X, Omega, correction, divisor):
    """The shape that every attempt has."""
    return np.exp(np.array([Omega @ x - correction(x) for x in X])) / divisor


@wrong("positive_features", "Without a correction")
def features_uncorrected(X, Omega):
    return features(X, Omega, lambda x: 0, np.sqrt(len(Omega)))


@wrong("positive_features", "a sum, not a mean")
def features_without_mean(X, Omega):
    return features(X, Omega, lambda x: x @ x / 2, 1)


@wrong("positive_features", "applied twice")
def features_divided_by_m(X, Omega):
    return features(X, Omega, lambda x: x @ x / 2, len(Omega))


@wrong("positive_features", "twice too strong")
def features_overcorrected(X, Omega):
    return features(X, Omega, lambda x: x @ x, np.sqrt(len(Omega)))


@wrong("positive_features", "squared length")
def features_of_the_length(X, Omega):
    return features(X, Omega, lambda x: np.sqrt(x @ x) / 2, np.sqrt(len(Omega)))


@wrong("positive_features", "sum to one")
def features_normalised(X, Omega):
    a = np.exp(X @ Omega.T)
    return a / a.sum(axis=1, keepdims=True)
