"""Answers to the exercises of "Meta-gradients in a real head", as readers write them."""

import numpy as np
from reader_answers import PREDICTIONS, Prediction, almost, right, wrong


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
