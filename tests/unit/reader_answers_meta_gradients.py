"""Answers to the exercises of "Meta-gradients in a real head", as readers write them."""

import numpy as np
from reader_answers import PREDICTIONS, Prediction, almost, right, wrong


@right("patched")
def with_the_whole_matrix(W, z_0, z_C, z):
    patch = np.outer(W @ (z_C - z_0), z_0) / (z_0**2).sum()
    return (W + patch) @ z


@right("patched")
def with_another_input(W, z_0, z_C, z):
    z_new = z + (z_C - z_0) * sum(a * b for a, b in zip(z_0, z)) / np.linalg.norm(z_0) ** 2
    return W.dot(z_new)


@wrong("patched", "whatever z is")
def the_whole_change(W, z_0, z_C, z):
    return W @ (z + z_C - z_0)


@wrong("patched", "Mind the length")
def without_the_length(W, z_0, z_C, z):
    return (W + np.outer(W @ (z_C - z_0), z_0)) @ z


@wrong("patched", "counts twice")
def divided_by_the_length_once(W, z_0, z_C, z):
    return (W + np.outer(W @ (z_C - z_0), z_0) / np.linalg.norm(z_0)) @ z


@wrong("patched", "without it")
def the_patch_alone(W, z_0, z_C, z):
    return np.outer(W @ (z_C - z_0), z_0) @ z / (z_0 @ z_0)


@wrong("patched", "meets z_0")
def with_the_context_in_the_patch(W, z_0, z_C, z):
    return (W + np.outer(W @ (z_C - z_0), z_C) / (z_C @ z_C)) @ z


@wrong("patched", "own question")
def the_answer_in_context(W, z_0, z_C, z):
    return W @ z_C


@almost("patched", "own question")
def by_what_differs(W, z_0, z_C, z):
    rest = z - z_0
    size = rest @ rest
    if not size:
        return W @ z_0
    return W @ z + (z_0 @ z) / (z_0 @ z_0) * (W @ (z_C - z_0))


@right("update_of_finetuning")
def difference_of_two_matrices(X, W_K, W_V, dW_K, dW_V):
    after = (X @ (W_V + dW_V).T).T @ (X @ (W_K + dW_K).T)
    return after - (X @ W_V.T).T @ (X @ W_K.T)


@right("update_of_finetuning")
def update_through_the_gram_matrix(X, W_K, W_V, dW_K, dW_V):
    G = X.T @ X
    return dW_V @ G @ W_K.T + W_V @ G @ dW_K.T + dW_V @ G @ dW_K.T


@wrong("update_of_finetuning", "both changes do together")
def product_of_the_changes(X, W_K, W_V, dW_K, dW_V):
    return dW_V @ X.T @ X @ dW_K.T


@wrong("update_of_finetuning", "small steps")
def first_order(X, W_K, W_V, dW_K, dW_V):
    return dW_V @ X.T @ X @ W_K.T + W_V @ X.T @ X @ dW_K.T


@wrong("update_of_finetuning", "whole matrix after")
def trained_matrix(X, W_K, W_V, dW_K, dW_V):
    return (W_V + dW_V) @ X.T @ X @ (W_K + dW_K).T


@wrong("update_of_finetuning", "sign is reversed")
def before_less_after(X, W_K, W_V, dW_K, dW_V):
    return -difference_of_two_matrices(X, W_K, W_V, dW_K, dW_V)


@wrong("update_of_finetuning", "Only the values")
def values_alone(X, W_K, W_V, dW_K, dW_V):
    return (X @ dW_V.T).T @ (X @ W_K.T)


@wrong("update_of_finetuning", "transposed")
def keys_by_values(X, W_K, W_V, dW_K, dW_V):
    return difference_of_two_matrices(X, W_K, W_V, dW_K, dW_V).T


@almost("update_of_finetuning", "wider than keys")
def added_token_by_token(X, W_K, W_V, dW_K, dW_V):
    total = np.zeros((len(W_K), len(W_K)))
    for x in X:
        total += np.outer((W_V + dW_V) @ x, (W_K + dW_K) @ x) - np.outer(W_V @ x, W_K @ x)
    return total


PREDICTIONS["other_keys"] = Prediction(
    right="most",
    wrong=("half", "nothing"),
    measured=(0.85,),
    otherwise=(0.1,),
)
