"""Exercises of the chapter "Momentum attention"."""

import numpy as np

from iclbook.checks.verdict import Mistake, Verdict, mark, weigh


def share_of_last(answer) -> Verdict:
    """Which share of all weights lies on the last values of a long text, from (eta, n)."""
    return mark(
        answer,
        right=lambda eta, n: 1 - eta**n,
        cases=[(0.5, 3), (0.9, 10), (0.3, 2)],
        edges={"for the last value alone": (0.7, 1), "where all but nothing is left": (0.2, 30)},
        praise="How many values matter depends on the decay alone, not on how loud the sum is.",
        hint="Sum the weights of the last values, then all weights of a text without a beginning. "
        "What is their quotient?",
        mistakes=[
            Mistake(
                lambda eta, n: eta**n, "This is the share of the values that came before those."
            ),
            Mistake(
                lambda eta, n: eta * (1 - eta**n) / (1 - eta),
                "These are the weights themselves. All weights together are no 1 here.",
            ),
            Mistake(
                lambda eta, n: (1 - eta) * eta ** (n - 1),
                "This is the share of one value. What of those that are newer?",
            ),
        ],
    )


def sums_ahead(answer) -> Verdict:
    """The decaying sum one token ahead, at every token, from (v, eta)."""

    def ahead(v, eta, own=True):
        s, found = np.zeros_like(v[0]), []
        for value in v:
            found.append(s)
            s = eta * (s + value)
        return np.array([*found[1:], s] if own else found)

    def undecayed(v, eta):
        s, found = np.zeros_like(v[0]), []
        for value in v:
            s = eta * s + value
            found.append(s)
        return np.array(found)

    v = np.random.default_rng(0).normal(size=(6, 2))
    return mark(
        answer,
        right=ahead,
        cases=[(v, 0.6), (v[:4] + 1, 0.9)],
        edges={"for a text of one token": (v[:1], 0.5)},
        praise="It is what the next token would have read: the memory is the same, only younger.",
        hint="At the first token the sum over past values is zero. What is there once its value "
        "has joined?",
        mistakes=[
            Mistake(
                lambda v, eta: ahead(v, eta, own=False),
                "This is the sum over past values. The token's own is not in it yet.",
            ),
            Mistake(undecayed, "Here the own value has its full weight. It decays once as well."),
            Mistake(
                lambda v, eta: ahead(v, eta, own=False) + v,
                "The own value is added to the sum as it stands. Both of them decay.",
            ),
            Mistake(
                lambda v, eta: ahead(v, eta, own=False) + eta * v,
                "The own value has its weight. But the older ones lie one token further back now.",
            ),
        ],
    )


def long_memory(guess, before, after) -> Verdict:
    """What becomes of accuracy in context when a mean over past values joins, without training."""
    happened = "stays"
    if abs(after - before) >= 0.1:
        happened = "rises" if after > before else "falls"
    return weigh(
        guess,
        happened=happened,
        expected="falls",
        why="What is added is no louder than a value, but nothing in the model was trained with "
        "it: it drowns what attention picks out in what happened to stand before.",
        others={
            "stays": "So it would be if the layers above could take off what all tokens share. "
            "But the sum differs from token to token, and no layer knows of it.",
            "rises": "A summary of the examples might help, if something could read it. Which "
            "weights would?",
        },
    )
