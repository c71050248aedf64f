"""Exercises of the chapter "Softmax and copying"."""

import numpy as np

from iclbook.checks.verdict import Mistake, Verdict, mark, weigh


def _softmax(logits):
    weights = np.exp(logits - logits.max())
    return weights / weights.sum()


def opposite_heads(answer) -> Verdict:
    """Difference of two softmax averages of opposite sharpness, from (X, y, x_q, sharpness)."""
    rng = np.random.default_rng(21)
    cases = [
        (rng.normal(size=(N, d)), rng.normal(size=N), rng.normal(size=d), m)
        for N, d, m in [(5, 3, 0.8), (7, 2, 2.5)]
    ]
    return mark(
        answer,
        right=lambda X, y, x_q, sharpness: (
            (_softmax(sharpness * X @ x_q) - _softmax(-sharpness * X @ x_q)) @ y
        ),
        cases=cases,
        edges={
            "with a single pair": (
                np.array([[0.4, -0.2]]),
                np.array([1.5]),
                np.array([1.0, 0.5]),
                2.0,
            )
        },
        praise="The mean of the targets is in both averages, and gone from the difference.",
        hint="Each head averages the targets with softmax weights. What happens to the logits of "
        "the second head, and with which sign does its average count?",
        mistakes=[
            Mistake(
                lambda X, y, x_q, m: (_softmax(m * X @ x_q) + _softmax(-m * X @ x_q)) @ y,
                "Here the offsets add up. How should the second head count?",
            ),
            Mistake(
                lambda X, y, x_q, m: 0.0 * m,
                "With the same logits in both heads nothing is left. What has to differ?",
            ),
            Mistake(
                lambda X, y, x_q, m: _softmax(m * X @ x_q) @ y,
                "This is one head alone, with its offset.",
            ),
            Mistake(
                lambda X, y, x_q, m: (_softmax(-m * X @ x_q) - _softmax(m * X @ x_q)) @ y,
                "The sign is reversed: similar inputs should count with a plus.",
            ),
            Mistake(
                lambda X, y, x_q, m: (np.exp(m * X @ x_q) - np.exp(-m * X @ x_q)) @ y,
                "The weights of a head have to add up to one.",
            ),
            Mistake(
                lambda X, y, x_q, m: 2 * m * (X @ x_q) @ y / len(y),
                "This is the linear picture, for small logits. Take the softmax itself.",
            ),
        ],
    )


def logit_for_share(answer) -> Verdict:
    """The logit that gives one of n keys a share of the attention, from (share, keys)."""
    cases = [(0.9, 21), (0.12, 21), (0.6, 2), (0.99, 128)]
    return mark(
        answer,
        right=lambda share, keys: np.log(share * (keys - 1) / (1 - share)),
        cases=cases,
        edges={"for less than an even share": (0.02, 21)},
        praise="It grows with the logarithm of the number of keys: longer prompts need more.",
        hint="Write the share of a key with logit s among keys with logit 0, and solve for s.",
        mistakes=[
            Mistake(
                lambda share, keys: np.log(share * keys / (1 - share)),
                "How many keys have the logit 0? The copied one is not among them.",
            ),
            Mistake(
                lambda share, keys: np.log(share / (1 - share)),
                "This is right for two keys. Who else takes part in the softmax?",
            ),
            Mistake(
                lambda share, keys: np.log(share * keys),
                "This would be right if the sum below the fraction did not change.",
            ),
            Mistake(
                lambda share, keys: share * (keys - 1) / (1 - share),
                "This is how many times larger the exponential is. And the logit?",
            ),
            Mistake(
                lambda share, keys: np.log((1 - share) / (share * (keys - 1))),
                "The sign is reversed: a larger share needs a larger logit.",
            ),
            Mistake(
                lambda share, keys: np.log2(share * (keys - 1) / (1 - share)),
                "Softmax uses the exponential to the base e.",
            ),
        ],
    )


def other_tokens(answer) -> Verdict:
    """Mean sensitivity to tokens other than j and j + 1, from (norms, j)."""
    rng = np.random.default_rng(22)
    cases = [(rng.uniform(0.1, 1, size=T), j) for T, j in [(8, 2), (12, 0), (6, 4)]]

    def right(norms, j):
        return np.delete(norms, [j, j + 1]).mean()

    return mark(
        answer,
        right=right,
        cases=cases,
        edges={"where two tokens react alike": (np.array([0.2, 0.7, 0.4, 0.2, 0.5]), 0)},
        praise="Now this curve and that of the next token can move apart.",
        hint="Which tokens are neither j nor the next one, and how many are they?",
        mistakes=[
            Mistake(
                lambda norms, j: np.delete(norms, j).mean(),
                "The next token is still part of this mean, as in the published code.",
            ),
            Mistake(
                lambda norms, j: np.delete(norms, j).sum() / len(norms),
                "The next token is still in the sum, and the token itself in the count.",
            ),
            Mistake(
                lambda norms, j: np.delete(norms, [j, j + 1]).sum() / (len(norms) - 1),
                "The sum leaves out two tokens; the count leaves out one.",
            ),
            Mistake(
                lambda norms, j: np.delete(norms, [j, j + 1]).sum() / len(norms),
                "The sum leaves out two tokens; the count leaves out none.",
            ),
            Mistake(
                lambda norms, j: np.delete(norms, j + 1).mean(),
                "Token j itself is still part of this mean, and it is the largest.",
            ),
            Mistake(
                lambda norms, j: np.delete(norms, [j - 1, j]).mean(),
                "This leaves out the token before. Where does the target of an input stand?",
            ),
            Mistake(
                lambda norms, j: np.delete(norms, [j, j + 1]).sum(),
                "This is a sum. The curve shows one token on average.",
            ),
        ],
    )


def average_of_examples(guess, factor) -> Verdict:
    """What becomes of a softmax prediction if each pair is shown twice: measured as a factor."""
    changed = "doubles" if factor > 1 else "halves"
    return weigh(
        guess,
        happened="stays" if abs(factor - 1) < 0.02 else changed,
        expected="stays",
        why="A softmax head takes an average. A pair that stands there twice counts twice above "
        "the fraction and twice below it, so the head cannot tell.",
        others={
            "doubles": "So it would with linear attention, which adds: there the layer overshoots.",
            "halves": "Each single token does get half of its attention, but there are two of it.",
        },
    )
