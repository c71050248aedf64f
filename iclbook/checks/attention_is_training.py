"""Exercises of the chapter "Attention is training"."""

import numpy as np

from iclbook.checks.verdict import Mistake, Verdict, mark, weigh
from iclbook.dual import crossover


def negatives(guess, accuracy) -> Verdict:
    """What becomes of the answers if all demonstrations are negatives, from the test accuracy."""
    happened = "below chance" if accuracy < 0.05 else "chance" if accuracy < 0.2 else "the same"
    return weigh(
        guess,
        happened=happened,
        expected="below chance",
        why="A negative minus the mean negative is minus the key. Every score changes its sign, so "
        "the update does: the most alike vote against their own label, and the digit that was "
        "first comes last.",
        others={
            "the same": "The shapes are the same, but attention compares numbers, not shapes.",
            "chance": "Chance is what comes out if the context says nothing. It says as much as "
            "before.",
        },
    )


def targets(answer) -> Verdict:
    """The targets for which one step of gradient descent equals attention, from (W, K, V)."""

    def right(W, K, V):
        return K @ W.T + V

    rng = np.random.default_rng(6)
    cases = [
        tuple(rng.normal(size=s) for s in [(d_v, d_k), (N, d_k), (N, d_v)])
        for N, d_k, d_v in [(5, 3, 2), (4, 2, 3)]
    ]
    return mark(
        answer,
        right=right,
        cases=cases,
        praise="A value says by how much the present answer at its key should change.",
        hint="The error of a demonstration is its target minus the present output. Which error "
        "do you need?",
        edges={
            "for a single demonstration": (np.ones((2, 3)), np.ones((1, 3)), np.eye(1, 2)),
        },
        mistakes=[
            Mistake(
                lambda W, K, V: V,
                "With these targets the error is v - W k. That equals v only if W is zero.",
            ),
            Mistake(
                lambda W, K, V: K @ W.T - V,
                "The sign is reversed: with these targets the step would go the other way.",
            ),
            Mistake(
                lambda W, K, V: K @ W.T,
                "With these targets there is no error at all, so nothing would be learned.",
            ),
            Mistake(
                lambda W, K, V: K @ W.T + V / len(K),
                "The step of the exercise sums over the demonstrations. No mean, no 1/N.",
            ),
        ],
    )


def shortest_context(answer) -> Verdict:
    """The smallest whole N at which reading the weights is cheaper, from (d_k, d_v)."""

    def right(d_k, d_v):
        return int(np.floor(crossover(d_k, d_v))) + 1

    return mark(
        answer,
        right=right,
        cases=[(64, 64), (3, 4), (16, 80), (128, 32)],
        edges={"for widths of 1": (1, 1), "where N* is whole, as for 10 and 15,": (10, 15)},
        praise="For equal widths that is d/2 + 1: shorter than one often thinks.",
        hint="Write down the multiply-adds of both forms for one query and compare them.",
        mistakes=[
            Mistake(
                lambda d_k, d_v: d_k * d_v / (d_k + d_v),
                "That is where both cost the same, and it need not be a whole number. From "
                "which N on are the weights cheaper?",
            ),
            Mistake(
                lambda d_k, d_v: np.ceil(d_k * d_v / (d_k + d_v)),
                "Look at d_k = d_v = 64: at your N the two forms cost exactly the same.",
            ),
            Mistake(
                lambda d_k, d_v: np.floor(d_k * d_v / (d_k + d_v)),
                "At this length attention is still no dearer. You were asked for the first "
                "length at which it is.",
            ),
            Mistake(
                lambda d_k, d_v: d_k * d_v + 1,
                "Attention does two things with every token. What does each cost?",
            ),
            Mistake(
                lambda d_k, d_v: np.floor(2 * d_k * d_v / (d_k + d_v)) + 1,
                "That is for a whole sequence, where the weights are written as well. Here the "
                "tokens have been stored and one query is read.",
            ),
        ],
    )
