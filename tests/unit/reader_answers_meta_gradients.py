"""Answers to the exercises of "Meta-gradients in a real head", as readers write them."""

import math

import numpy as np
from reader_answers import PREDICTIONS, Prediction, almost, right, wrong


@right("cosine_of_updates")
def cosines_as_vectors(updates, W):
    flat, w = updates.reshape(len(updates), -1), W.ravel()
    return np.mean(flat @ w / np.linalg.norm(flat, axis=1) / np.linalg.norm(w))


@right("cosine_of_updates")
def cosines_by_traces(updates, W):
    total = 0.0
    for u in updates:
        total += np.trace(u.T @ W) / math.sqrt(np.trace(u.T @ u) * np.trace(W.T @ W))
    return total / len(updates)


@wrong("cosine_of_updates", "averaged first")
def cosine_of_the_mean(updates, W):
    mean = updates.mean(axis=0)
    return (mean * W).sum() / np.linalg.norm(mean) / np.linalg.norm(W)


@wrong("cosine_of_updates", "mean over rows")
def cosine_of_each_row(updates, W):
    return np.mean(
        [r @ w / np.linalg.norm(r) / np.linalg.norm(w) for u in updates for r, w in zip(u, W)]
    )


@wrong("cosine_of_updates", "Without the lengths")
def inner_products(updates, W):
    return np.einsum("nij,ij->", updates, W) / len(updates)


@wrong("cosine_of_updates", "Without the signs")
def absolute_cosines(updates, W):
    return np.mean([abs(cosines_as_vectors(u[None], W)) for u in updates])


@wrong("cosine_of_updates", "largest singular value")
def cosines_by_spectral_norm(updates, W):
    top = np.linalg.norm(updates, 2, axis=(1, 2)) * np.linalg.norm(W, 2)
    return np.mean((updates * W).sum(axis=(1, 2)) / top)


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


@almost("cosine_of_updates", "single question")
def likeness_without_empty_axes(updates, W):
    products = [(u * W).sum() / np.linalg.norm(u) for u in updates.squeeze()]
    return np.mean(products) / np.linalg.norm(W)


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
