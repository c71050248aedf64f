"""Readers' answers to the exercises of "What do more layers do?"."""

import numpy as np
from reader_answers import almost, right, wrong


@right("repeats_until_seen")
def seen_by_counting(f, count, calm):
    repeats, loss = 0, 1 / 24
    while loss / count <= calm / 10:
        repeats, loss = repeats + 1, loss * f**2
    return repeats


@right("repeats_until_seen")
def seen_by_logarithms(f, count, calm):
    return max(0, int(np.floor(np.log(2.4 * calm * count) / np.log(f**2))) + 1)


@almost("repeats_until_seen", "seen at once")
def seen_before_the_start(f, count, calm):
    return int(np.floor(np.log(2.4 * calm * count) / np.log(f) / 2)) + 1


@wrong("repeats_until_seen", "its square")
def seen_by_the_error(f, count, calm):
    return seen_by_counting(np.sqrt(f), count, calm)


@wrong("repeats_until_seen", "doubled")
def seen_when_doubled(f, count, calm):
    return seen_by_counting(f, count, 10 * calm)


@wrong("repeats_until_seen", "start at one")
def seen_from_one(f, count, calm):
    return seen_by_counting(f, count, calm / 24)


@wrong("repeats_until_seen", "One repeat short")
def seen_rounded_down(f, count, calm):
    return seen_by_counting(f, count, calm) - 1


@wrong("repeats_until_seen", "from the start")
def seen_at_once(f, count, calm):
    return 0


@right("two_eigenvalues")
def two_by_hand(small, large):
    return [1 / small, 1 / large - np.sqrt(small) / large**1.5]


@right("two_eigenvalues")
def two_by_roots(small, large):
    # large (1 - gamma large)^2 = small
    roots = np.roots([large**3, -2 * large**2, large - small])
    return np.array([1 / small, roots.min()])


@almost("two_eigenvalues", "two equal eigenvalues")
def two_by_a_quotient(small, large):
    gap = np.sqrt(large) - np.sqrt(small)
    return np.array([1 / small, gap**2 / np.float64(gap) / large**1.5])


@wrong("two_eigenvalues", "place of the other")
def two_swapped(small, large):
    return two_by_hand(small, large)[::-1]


@wrong("two_eigenvalues", "in the other order")
def two_with_swapped_arguments(small, large):
    return two_by_hand(large, small)


@wrong("two_eigenvalues", "twice")
def two_without_square(small, large):
    return [1 / small, (large - small) / large**2]


@wrong("two_eigenvalues", "turns the inputs round")
def two_by_the_other_root(small, large):
    return [1 / small, np.roots([large**3, -2 * large**2, large - small]).max()]


@wrong("two_eigenvalues", "settles the large")
def two_the_wrong_way_round(small, large):
    return [1 / large, two_by_hand(small, large)[1]]


@wrong("two_eigenvalues", "cannot see that direction")
def two_by_erasing(small, large):
    return [1 / small, 1 / large]


@wrong("two_eigenvalues", "on top of the curve")
def two_at_the_top(small, large):
    return [1 / small, 1 / large / 3]


@wrong("two_eigenvalues", "best compromise")
def two_by_plain_descent(small, large):
    return [2 / (small + large), 0]


def largest(X):
    return np.array([np.linalg.norm(x, 2) ** 2 for x in X])


@right("stable_damping")
def damping_by_singular_values(X, rate):
    return 2 / rate / max(np.linalg.svd(x, compute_uv=False)[0] ** 2 for x in X)


@right("stable_damping")
def damping_by_the_strictest(X, rate):
    return (2 / (rate * largest(X))).min()


@almost("stable_damping", "with a single context")
def damping_of_squeezed_contexts(X, rate):
    S = np.squeeze(X.transpose(0, 2, 1) @ X)
    return 2 / (rate * np.linalg.eigvalsh(S)[:, -1].max())


@wrong("stable_damping", "change its sign")
def damping_without_overshoot(X, rate):
    return 1 / (rate * largest(X).max())


@wrong("stable_damping", "average one")
def damping_of_the_average(X, rate):
    return 2 / (rate * largest(X).mean())


@wrong("stable_damping", "slow, not dangerous")
def damping_of_the_smallest(X, rate):
    return 2 / rate / min(np.linalg.svd(x, compute_uv=False)[-1] ** 2 for x in X)


@wrong("stable_damping", "is a sum")
def damping_of_the_mean_matrix(X, rate):
    return 2 / (rate * (largest(X) / X.shape[1]).max())


@wrong("stable_damping", "singular value")
def damping_of_singular_values(X, rate):
    return 2 / (rate * np.sqrt(largest(X).max()))


@wrong("stable_damping", "of the single contexts")
def damping_of_each(X, rate):
    return 2 / (rate * largest(X))
