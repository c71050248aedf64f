"""Exercises of the chapter "What should a trained layer do?"."""

import numpy as np

from iclbook.checks.verdict import Mistake, Verdict, mark, weigh


def rates_under_noise(answer) -> Verdict:
    """The best rate in each direction under label noise, from (variances, N, noise)."""

    def right(variances, N, noise):
        return 1 / ((N + 1) / N * variances + (variances.sum() + noise**2) / N)

    cases = [
        (np.array([1.0, 0.25, 0.0625]), 20, 0.5),
        (np.array([2.0, 0.5, 0.5, 0.1]), 7, 1.5),
    ]
    return mark(
        answer,
        right=right,
        cases=cases,
        edges={"without noise": (np.array([1.0, 0.3]), 10, 0.0)},
        praise="Noise acts like extra variance that belongs to no direction.",
        hint="Write down the error of one direction as a parabola in its rate. What does the "
        "noise add to the quadratic term?",
        mistakes=[
            Mistake(
                lambda variances, N, noise: 1 / variances,
                "This is Newton's step: right for an endless context, too bold for a short one.",
            ),
            Mistake(
                lambda variances, N, noise: 1 / ((N + 1) / N * variances + variances.sum() / N),
                "Right without noise. Every noisy target moves the step as well.",
            ),
            Mistake(
                lambda variances, N, noise: (
                    1 / ((N + 1) / N * variances + (variances.sum() + noise) / N)
                ),
                "The noise is given as a standard deviation. What adds up is something else.",
            ),
            Mistake(
                lambda variances, N, noise: (
                    1 / ((N + 1) / N * variances + (len(variances) * variances + noise**2) / N)
                ),
                "Each direction is also disturbed by the others, and these have other variances.",
            ),
            Mistake(
                lambda variances, N, noise: (
                    1 / ((N + 1) / N * variances + variances.sum() / N + noise**2)
                ),
                "The mean over the context makes the noise smaller. By how much?",
            ),
            Mistake(
                lambda variances, N, noise: 1 / ((N + 1) * variances + variances.sum() + noise**2),
                "These rates belong to a sum over the context. The step here takes the mean.",
            ),
        ],
    )


def ridge_prediction(answer) -> Verdict:
    """What ridge regression predicts, from (X, y, x_q, lam)."""

    def solve(X, y, x_q, lam):
        return x_q @ np.linalg.solve(X.T @ X + lam * np.eye(X.shape[1]), X.T @ y)

    rng = np.random.default_rng(11)
    cases = [
        (rng.normal(size=(n, d)), rng.normal(size=n), rng.normal(size=d), lam)
        for n, d, lam in [(6, 4, 0.3), (3, 5, 2.0)]
    ]
    return mark(
        answer,
        right=solve,
        cases=cases,
        edges={
            "where two inputs are the same": (
                np.array([[1.0, 1.0], [0.5, 0.5], [-2.0, -2.0]]),
                np.array([1.0, 0.0, -1.5]),
                np.array([1.0, 0.5]),
                0.4,
            )
        },
        praise="With lam equal to noise variance over teacher variance nothing beats it.",
        hint="Set the gradient of the squared errors plus the penalty to zero, and solve for w.",
        mistakes=[
            Mistake(
                lambda X, y, x_q, lam: x_q @ np.linalg.pinv(X) @ y,
                "This is least squares: the penalty plays no part in it.",
            ),
            Mistake(
                lambda X, y, x_q, lam: solve(X, y, x_q, lam * len(X)),
                "The penalty is too strong by the number of examples: the errors are summed here, "
                "not averaged.",
            ),
            Mistake(
                lambda X, y, x_q, lam: solve(X, y, x_q, lam**2),
                "The penalty is already a ratio of variances: do not square it.",
            ),
            Mistake(
                lambda X, y, x_q, lam: x_q @ X.T @ y,
                "This is one step of gradient descent: it does not look at how inputs overlap.",
            ),
            Mistake(
                lambda X, y, x_q, lam: np.linalg.solve(X.T @ X + lam * np.eye(X.shape[1]), X.T @ y),
                "These are the weights. What do they predict for the query?",
            ),
        ],
    )


def adaptive_rate(answer) -> Verdict:
    """The rate at which softmax attention makes its kernel step, from (X, x, sigma)."""

    def kernel(X, x, sigma):
        return np.exp(-((X - x) ** 2).sum(axis=1) / (2 * sigma**2))

    rng = np.random.default_rng(12)
    cases = []
    for n, d, sigma in [(5, 3, 0.7), (9, 4, 1.6)]:
        points = rng.normal(size=(n + 1, d))
        points /= np.linalg.norm(points, axis=1, keepdims=True)
        cases.append((points[:-1], points[-1], sigma))
    return mark(
        answer,
        right=lambda X, x, sigma: len(X) / kernel(X, x, sigma).sum(),
        cases=cases,
        edges={"where the query is one of the examples": (np.eye(3), np.eye(3)[1], 0.9)},
        praise="Far from all examples the rate grows; among many of them it is smallest.",
        hint="Write softmax attention as kernel values over their sum, and compare with the step.",
        mistakes=[
            Mistake(
                lambda X, x, sigma: kernel(X, x, sigma).mean(),
                "Upside down: this is large where there are many examples.",
            ),
            Mistake(
                lambda X, x, sigma: 1 / kernel(X, x, sigma).sum(),
                "The step takes the mean over the context, so a factor is missing.",
            ),
            Mistake(
                lambda X, x, sigma: len(X) / np.exp(X @ x / sigma**2).sum(),
                "These are the softmax scores. They are the kernel only up to a constant factor: "
                "what is the kernel of a point with itself?",
            ),
            Mistake(
                lambda X, x, sigma: len(X) / kernel(X, x, np.sqrt(sigma)).sum(),
                "The width of the kernel enters squared.",
            ),
            Mistake(
                lambda X, x, sigma: len(X) / kernel(X, x, sigma / np.sqrt(2)).sum(),
                "The kernel is too narrow: look at the exponent again.",
            ),
        ],
    )


def turned_inputs(guess, own, common) -> Verdict:
    """Is the error of learned rates on turned inputs below that of one rate for all, or above?"""
    return weigh(
        guess,
        happened="below" if own < common else "above",
        expected="above",
        why="The rates stand in the weights, each at its direction. After the turn a strong "
        "direction meets a rate that was learned for a weak one, and the step is much too long. "
        "The preconditioner was learned by training, and the prompt cannot change it.",
        others={
            "below": "So it would be if the layer read the variances from its prompt, as GD++ does "
            "in its later layers."
        },
    )
