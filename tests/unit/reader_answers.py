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


@almost("rebuild_weights", "before the first step")
def rebuild_from_the_first_error(W_0, X, errors, eta):
    total = errors[0]
    for E in errors[1:]:
        total = total + E
    return W_0 + eta * total.T @ X


@almost("rebuild_weights", "with a single example")
def rebuild_with_squeezed_errors(W_0, X, errors, eta):
    return W_0 + eta * np.tensordot(errors.sum(axis=0).squeeze().T, X, axes=1)


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


@almost("momentum_coefficients", "without momentum")
def momentum_seen_from_the_start(T, eta, mu):
    return eta * (1 - mu**T * mu ** -np.arange(float(T))) / (1 - mu)


@almost("momentum_coefficients", "after one step")
def momentum_by_recursion(T, eta, mu):
    c = [eta, eta + mu * eta]
    while len(c) < T:
        c.append(eta + mu * c[-1])
    return c[::-1]


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


@almost("share_of_initial_weights", "overshoots")
def share_without_its_sign(T, eta, lam):
    return abs(1 - eta * lam) ** T


@almost("share_of_initial_weights", "overshoots")
def share_by_logarithm(T, eta, lam):
    return np.exp(T * np.log(1 - eta * lam))


@almost("share_of_initial_weights", "before the first step")
def share_after_at_least_one_step(T, eta, lam):
    a = 1 - eta * lam
    for _ in range(T - 1):
        a *= 1 - eta * lam
    return a


@wrong("share_of_initial_weights", "without decay")
def share_without_decay(T, eta, lam):
    return 1


@wrong("share_of_initial_weights", "ever reach zero")
def share_forgotten(T, eta, lam):
    return 0


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


@almost("dual_output", "before the first step")
def dual_with_first_and_last(weights, X, values, x):
    W_0, *_, _ = weights
    return W_0 @ x + (X @ x) @ values


@almost("dual_output", "single training example")
def dual_with_squeezed_scores(weights, X, values, x):
    return weights[0] @ x + np.squeeze(X @ x[:, None]) @ values


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


@right("sign_of_help")
def sign_by_cases(label, gold, rival, score):
    if score == 0 or label not in (gold, rival):
        return 0
    return 1 if (label == gold) == (score > 0) else -1


@right("sign_of_help")
def sign_of_votes(label, gold, rival, score):
    votes = {gold: 1, rival: -1}
    return votes.get(label, 0) * np.sign(score)


@almost("sign_of_help", "score is zero")
def sign_of_two_kinds_of_scores(label, gold, rival, score):
    side = 1 if score > 0 else -1
    return side * ((label == gold) - (label == rival))


@wrong("sign_of_help", "never negative")
def sign_of_uncentred(label, gold, rival, score):
    return {gold: 1, rival: -1}.get(label, 0)


@wrong("sign_of_help", "Alike or not")
def sign_of_likeness(label, gold, rival, score):
    return 1 if score > 0 else -1


@wrong("sign_of_help", "a third digit")
def sign_for_or_against(label, gold, rival, score):
    return 1 if (label == gold) == (score > 0) else -1


@wrong("sign_of_help", "Two things are missing")
def sign_of_the_class(label, gold, rival, score):
    return 1 if label == gold else -1


@wrong("sign_of_help", "swapped")
def sign_swapped(label, gold, rival, score):
    return {gold: -1, rival: 1}.get(label, 0) * np.sign(score)


@wrong("sign_of_help", "harm for certain")
def sign_of_help_only(label, gold, rival, score):
    return int((label == gold and score > 0) or (label == rival and score < 0))


@right("effective_number")
def effective_by_shares(w):
    p = np.abs(w) / np.abs(w).sum()
    return 1 / (p**2).sum()


@right("effective_number")
def effective_by_norms(w):
    return (np.linalg.norm(w, 1) / np.linalg.norm(w)) ** 2


@almost("effective_number", "weight is zero")
def effective_with_signs_divided_out(w):
    size = w * (w / np.sqrt(w**2))
    return size.sum() ** 2 / (w**2).sum()


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


PREDICTIONS["negatives"] = Prediction(
    right="below chance", wrong=("the same", "chance"), measured=(0.01,), otherwise=(0.88,)
)


@right("targets")
def targets_by_matrices(W, K, V):
    return (W @ K.T + V.T).T


@right("targets")
def targets_by_loop(W, K, V):
    return np.array([W @ k + v for k, v in zip(K, V)])


@almost("targets", "single demonstration")
def targets_with_squeezed_keys(W, K, V):
    return (W @ K.squeeze().T + V.T).T


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


@almost("shortest_context", "widths of 1")
def shortest_that_looks_from_two_on(d_k, d_v):
    N = 1
    while True:
        N += 1
        if N * (d_k + d_v) > d_k * d_v:
            return N


@almost("shortest_context", "N* is whole")
def shortest_by_rounded_division(d_k, d_v):
    return int(1 / (1 / d_k + 1 / d_v)) + 1


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
    scores = np.concatenate([demo_scores, own_scores])
    a = np.exp(scores - scores.max())
    return (a / a.sum())[: len(demo_scores)].sum()


@right("share_of_demonstrations")
def share_by_sigmoid(own_scores, demo_scores):
    gap = np.logaddexp.reduce(own_scores) - np.logaddexp.reduce(demo_scores)
    return 1 / (1 + np.exp(gap))


@almost("share_of_demonstrations", "scores near 1000")
def share_that_overflows(own_scores, demo_scores):
    Z, Z_demo = np.exp(own_scores).sum(), np.exp(demo_scores).sum()
    return Z_demo / (Z_demo + Z)


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


@right("share_of_copies")
def copies_by_sums(lam, copies):
    Z, Z_demo = 1 - lam, lam
    return copies * Z_demo / (Z + copies * Z_demo)


@right("share_of_copies")
def copies_by_what_is_left(lam, copies):
    return 1 - (1 - lam) / (1 + (copies - 1) * lam)


@almost("share_of_copies", "share of 1")
def copies_by_odds(lam, copies):
    odds = copies * lam / (1 - lam)
    return odds / (1 + odds)


@almost("share_of_copies", "share of 0")
def copies_by_ratio(lam, copies):
    return 1 / (1 + (1 - lam) / (copies * lam))


@almost("share_of_copies", "no copy at all")
def copies_added_to_the_first(lam, copies):
    Z_demo = lam
    for _ in range(1, copies):
        Z_demo += lam
    return Z_demo / (Z_demo + 1 - lam)


@wrong("share_of_copies", "linear attention")
def copies_multiply(lam, copies):
    return lam * copies


@wrong("share_of_copies", "run into it")
def copies_until_full(lam, copies):
    return min(1, lam * copies)


@wrong("share_of_copies", "is a mean and stays")
def copies_do_nothing(lam, copies):
    return lam


@wrong("share_of_copies", "the same part of the rest")
def copies_one_after_another(lam, copies):
    left = 1.0
    for _ in range(copies):
        left *= 1 - lam
    return 1 - left


@wrong("share_of_copies", "query's own tokens")
def copies_leave_to_the_own_tokens(lam, copies):
    return 1 - copies * lam / (1 - lam + copies * lam)


@wrong("share_of_copies", "pass 1. A share")
def copies_as_odds(lam, copies):
    return copies * lam / (1 - lam)


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


@almost("positive_features", "single feature")
def features_with_a_squeezed_count(X, Omega):
    half = (X**2).sum(axis=1, keepdims=True) / 2
    return np.exp(X @ Omega.T - half) / np.sqrt(len(Omega.squeeze()))


@almost("positive_features", "inputs of zero")
def features_of_directions(X, Omega):
    length = np.linalg.norm(X, axis=1, keepdims=True)
    towards = (X / length) @ Omega.T
    return np.exp(length * towards - length**2 / 2) / np.sqrt(len(Omega))


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
