"""Answers to the exercises of "The exact update", as readers write them."""

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


@right("mean_patch")
def patch_by_patch(W, Z_0, Z_C):
    total = np.zeros_like(W)
    for z_0, z_C in zip(Z_0, Z_C):
        total += np.outer(W @ (z_C - z_0), z_0) / (z_0 @ z_0)
    return total / len(Z_0)


@right("mean_patch")
def all_patches_at_once(W, Z_0, Z_C):
    scaled = Z_0 / (Z_0**2).sum(axis=1, keepdims=True)
    return W @ (Z_C - Z_0).T @ scaled / len(scaled)


@wrong("mean_patch", "not the product of the means")
def patch_of_the_mean_question(W, Z_0, Z_C):
    z_0, z_C = Z_0.mean(axis=0), Z_C.mean(axis=0)
    return np.outer(W @ (z_C - z_0), z_0) / (z_0 @ z_0)


@wrong("mean_patch", "sum of the patches")
def patches_added(W, Z_0, Z_C):
    return len(Z_0) * patch_by_patch(W, Z_0, Z_C)


@wrong("mean_patch", "squared length of each z_0 is missing")
def mean_without_the_lengths(W, Z_0, Z_C):
    return np.mean([np.outer(W @ (c - b), b) for b, c in zip(Z_0, Z_C)], axis=0)


@wrong("mean_patch", "of its own z_0")
def mean_with_one_length_for_all(W, Z_0, Z_C):
    return W @ (Z_C - Z_0).T @ Z_0 / np.sum(Z_0**2)


@wrong("mean_patch", "transposed")
def mean_turned_around(W, Z_0, Z_C):
    return patch_by_patch(W, Z_0, Z_C).T


@wrong("mean_patch", "patched matrix")
def mean_added_to_the_matrix(W, Z_0, Z_C):
    return W + patch_by_patch(W, Z_0, Z_C)


@almost("mean_patch", "single question")
def mean_with_an_unbiased_number(W, Z_0, Z_C):
    n = len(Z_0)
    return patch_by_patch(W, Z_0, Z_C) if n > 1 else 0 * W


PREDICTIONS["other_labels"] = Prediction(
    right="as good",
    wrong=("worse",),
    measured=(0.85, 0.82),
    otherwise=(0.85, 0.55),
)
