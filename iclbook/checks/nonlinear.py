"""Exercises of the chapter "And non-linear functions?"."""

import numpy as np

from iclbook.checks.verdict import Mistake, Verdict, mark, weigh


def kernel_step(answer) -> Verdict:
    """The prediction after one step on deep features, from (m, y, m_q, eta)."""

    def right(m, y, m_q, eta):
        return eta / len(m) * y @ (m @ m_q)

    rng = np.random.default_rng(21)
    cases = [
        (rng.normal(size=(N, p)), rng.normal(size=N), rng.normal(size=p), eta)
        for N, p, eta in [(10, 3, 0.7), (4, 6, 1.5)]
    ]
    return mark(
        answer,
        right=right,
        cases=cases,
        edges={
            "with a single pair": (
                np.array([[0.5, -1.0]]),
                np.array([2.0]),
                np.array([1.0, 0.3]),
                0.8,
            )
        },
        praise="Nobody needs the weights: the kernel of the features is enough.",
        hint="One step from zero writes every target times its features into W. What does W then "
        "answer to the features of the query?",
        mistakes=[
            Mistake(
                lambda m, y, m_q, eta: y @ (m @ m_q),
                "The learning rate and the mean over the pairs are missing, as they are in "
                "equation 13 of the paper.",
            ),
            Mistake(
                lambda m, y, m_q, eta: eta * y @ (m @ m_q),
                "The loss is a mean over the pairs; this is the step for their sum.",
            ),
            Mistake(
                lambda m, y, m_q, eta: eta / len(m) * (m @ m_q).sum(),
                "This adds up the kernel alone. Where do the targets come in?",
            ),
            Mistake(
                lambda m, y, m_q, eta: -eta / len(m) * y @ (m @ m_q),
                "The sign is reversed: from zero weights the errors are the targets themselves.",
            ),
            Mistake(
                lambda m, y, m_q, eta: y @ (m @ m_q) / (m @ m_q).sum(),
                "This is a weighted mean of the targets. A step of gradient descent does not "
                "divide by the weights.",
            ),
        ],
    )


def guess_without_context(answer) -> Verdict:
    """The best prediction at x before any pair is seen, for the law as it was meant, from (x,)."""

    def right(x):
        return 0.6 / np.pi * np.cos(x)

    return mark(
        answer,
        right=right,
        cases=[(np.linspace(-5, 5, 11),), (np.array([0.3, 2.0]),)],
        edges={"beyond x = 5": (np.array([-7.5, 6.0, 8.0]),)},
        praise="This is what the model should say before it has seen a pair.",
        hint="The best guess under a squared loss is the mean over all tasks. Take the mean over "
        "amplitude and phase separately: they are independent.",
        mistakes=[
            Mistake(
                lambda x: np.zeros_like(x),
                "The phase lies between 0 and pi, so that sin(phase) is never negative: the mean "
                "of all waves is not flat.",
            ),
            Mistake(
                lambda x: 0.3 * np.cos(x),
                "This is the wave with the mean phase. The mean of all waves is flatter.",
            ),
            Mistake(
                lambda x: 2 / np.pi * np.cos(x),
                "The mean over the phase is right. What about the amplitude?",
            ),
            Mistake(
                lambda x: 0.6 / np.pi * np.cos(x) - 0.8 / np.pi**2 * np.sin(x),
                "This is right for the authors' generator. Here amplitude and phase are "
                "independent.",
            ),
            Mistake(
                lambda x: 0.6 / np.pi * np.sin(x),
                "Sine and cosine are interchanged: look at the mean wave at x = 0.",
            ),
        ],
    )


def mean_cosine_of_numbers(answer) -> Verdict:
    """The mean cosine of one-dimensional gradients, task by task, from (g, h)."""

    def right(g, h):
        return np.mean(np.sign(g) * np.sign(h))

    rng = np.random.default_rng(22)
    cases = [(rng.normal(size=B), rng.normal(size=B) + shift) for B, shift in [(25, 0.8), (11, 0)]]
    return mark(
        answer,
        right=right,
        cases=cases,
        edges={"for tiny gradients": (1e-7 * rng.normal(size=9), 1e-7 * rng.normal(size=9))},
        praise="Only signs are left: lengths drop out of a cosine, and a line has two directions.",
        hint="Write down the cosine of two numbers, and then take the mean over the tasks.",
        mistakes=[
            Mistake(
                lambda g, h: np.mean(np.sign(g) == np.sign(h)),
                "This is how often the signs agree. A disagreement counts as -1, not as 0.",
            ),
            Mistake(
                lambda g, h: g @ h / np.linalg.norm(g) / np.linalg.norm(h),
                "This takes all tasks as one long vector. The paper takes the cosine of each "
                "task first.",
            ),
            Mistake(
                lambda g, h: np.mean(g * h),
                "The lengths are still in there. What does a cosine divide by?",
            ),
        ],
    )


def wave_further(guess, here, there) -> Verdict:
    """Does the loss stay or rise, if all inputs move by a whole wave? From both losses."""
    return weigh(
        guess,
        happened="stays" if there < 1.5 * here else "rises",
        expected="rises",
        why="The features come from a network that has seen x between -5 and 5. Beyond, its "
        "hidden units go on as straight lines, not as waves, and products of features grow with "
        "them. It has learned the kernel of the waves on one stretch, not sine and cosine.",
        others={
            "stays": "So it would for sine and cosine, whose kernel only looks at the distance of "
            "two points."
        },
    )
