"""Readers' answers to the exercises of "What do more layers do?"."""

import numpy as np
from reader_answers import right, wrong


def through(lam, rate, gamma, layers, power=2, before=False):
    share = 1.0
    for _ in range(layers):
        after = lam * (1 - gamma * lam) ** power
        share = share - share * rate * (after if before else lam)
        lam = after
    return share


@right("error_left")
def left_by_loop(lam, rate, gamma, layers):
    return through(lam, rate, gamma, layers)


@right("error_left")
def left_by_recursion(lam, rate, gamma, layers):
    if layers == 0:
        return np.ones(len(lam))
    after = lam - 2 * gamma * lam**2 + gamma**2 * lam**3
    return (1 - rate * lam) * left_by_recursion(after, rate, gamma, layers - 1)


@right("error_left")
def left_one_by_one(lam, rate, gamma, layers):
    return [float(through(value, rate, gamma, layers)) for value in lam]


@wrong("error_left", "plain gradient descent")
def left_of_gd(lam, rate, gamma, layers):
    return through(lam, rate, 0.0, layers)


@wrong("error_left", "before it uses them")
def left_changed_too_early(lam, rate, gamma, layers):
    return through(lam, rate, gamma, layers, before=True)


@wrong("error_left", "how often do they stand")
def left_changed_once(lam, rate, gamma, layers):
    return through(lam, rate, gamma, layers, power=1)


@wrong("error_left", "should stay as it is")
def left_without_the_eigenvalue(lam, rate, gamma, layers):
    share = np.ones(len(lam))
    for _ in range(layers):
        share *= 1 - rate * lam
        lam = (1 - gamma * lam) ** 2
    return share


@wrong("error_left", "of what the first one left")
def left_by_subtraction(lam, rate, gamma, layers):
    share = np.ones(len(lam))
    for _ in range(layers):
        share = share - rate * lam
        lam = lam * (1 - gamma * lam) ** 2
    return share


@wrong("error_left", "takes away")
def left_is_taken(lam, rate, gamma, layers):
    share = np.ones(len(lam))
    for _ in range(layers):
        share = share * (rate * lam)
        lam = lam * (1 - gamma * lam) ** 2
    return share


@right("two_eigenvalues")
def two_by_hand(small, large):
    return [1 / small, 1 / large - np.sqrt(small) / large**1.5]


@right("two_eigenvalues")
def two_by_roots(small, large):
    # large (1 - gamma large)^2 = small
    roots = np.roots([large**3, -2 * large**2, large - small])
    return np.array([1 / small, roots.min()])


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
