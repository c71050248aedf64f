"""Exercises of the chapter "Do they look at the same things?"."""

import numpy as np

from iclbook.checks.verdict import Mistake, Verdict, mark, weigh


def _cosines(a, b):
    """Row by row."""
    return (a * b).sum(-1) / np.linalg.norm(a, axis=-1) / np.linalg.norm(b, axis=-1)


def _softmax(scores, axis=-1):
    weights = np.exp(scores - scores.max(axis, keepdims=True))
    return weights / weights.sum(axis, keepdims=True)


def turned_around(guess, score, own_score) -> Verdict:
    """What becomes of SimAM if finetuning's change of each map is turned around."""
    happened = "negative" if score < -0.2 else "zero" if score < 0.2 else "positive"
    if abs(score - own_score) < 0.15:
        happened = "stays"
    return weigh(
        guess,
        happened=happened,
        expected="stays",
        why="Both maps are mostly the zero-shot map, and a cosine of two maps sees that first. "
        "The similarity of changes does turn its sign.",
        others={
            "negative": "That is what the similarity of changes does.",
            "zero": "Two changes with nothing in common would give about zero. These are maps.",
        },
    )


def tau_by_pairs(answer) -> Verdict:
    """Kendall's tau without ties, from (x, y)."""
    rng = np.random.default_rng(42)
    cases = [tuple(rng.normal(size=(2, N)) + np.arange(N) / 3) for N in (5, 9, 12)]

    def balance(x, y):
        products = np.sign(np.subtract.outer(x, x) * np.subtract.outer(y, y))
        return np.triu(products, 1).sum()

    def pairs(x):
        return len(x) * (len(x) - 1) / 2

    return mark(
        answer,
        right=lambda x, y: balance(x, y) / pairs(x),
        cases=cases,
        edges={"for two reversed orders": (np.arange(4.0), np.array([3.0, 1.0, 0.5, 0.0]))},
        praise="Only the order counts: no softmax and no positive factor can change it.",
        hint="Go through the pairs of tokens. In which of them do x and y agree on which is "
        "larger? How many pairs are there?",
        mistakes=[
            Mistake(
                lambda x, y: (balance(x, y) / pairs(x) + 1) / 2,
                "This is the share of pairs that agree: it is one half where it should be zero.",
            ),
            Mistake(
                lambda x, y: 2 * balance(x, y) / pairs(x),
                "Each pair is counted twice above, and once below.",
            ),
            Mistake(
                lambda x, y: balance(x, y) / len(x) ** 2,
                "How many pairs are there? A token makes no pair with itself, and order is free.",
            ),
            Mistake(
                lambda x, y: np.corrcoef(x, y)[0, 1],
                "This is Pearson's correlation. It looks at sizes as well.",
            ),
            Mistake(
                lambda x, y: np.corrcoef(x.argsort().argsort(), y.argsort().argsort())[0, 1],
                "This is Spearman's correlation, of the ranks. Kendall counts pairs.",
            ),
        ],
    )


def summed_attention(answer) -> Verdict:
    """Attention on each token, summed over heads, from scores (H, N)."""
    rng = np.random.default_rng(43)
    cases = [(3 * rng.normal(size=shape),) for shape in [(4, 6), (3, 8)]]
    return mark(
        answer,
        right=lambda scores: _softmax(scores).sum(0),
        cases=cases,
        edges={"with a single token": (np.array([[0.3], [-1.0], [2.0]]),)},
        praise="Each head has one vote to give away, however large its scores are.",
        hint="The sum is over heads, of the attention weights of each head. In which order do "
        "softmax and sum come?",
        mistakes=[
            Mistake(
                lambda scores: scores.sum(0),
                "These are raw scores, summed. What does a head do with its scores first?",
            ),
            Mistake(
                lambda scores: _softmax(scores.sum(0)),
                "Softmax came after the sum: this is the order of the raw scores.",
            ),
            Mistake(
                lambda scores: _softmax(scores, axis=0).sum(0),
                "The weights of a head add up to one over the tokens, not over the heads.",
            ),
            Mistake(
                lambda scores: _softmax(scores).mean(0),
                "This is the mean over heads: the same order, with other numbers.",
            ),
            Mistake(
                lambda scores: np.exp(scores).sum(0),
                "The weights of each head have to add up to one before they are summed.",
            ),
        ],
    )
