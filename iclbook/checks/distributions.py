"""Exercises of the chapter "Do they change the output alike?"."""

import numpy as np

from iclbook.checks.verdict import Mistake, Verdict, mark, weigh


def _likeliest(p, k, without=()):
    p = np.array(p, dtype=float)
    p[list(without)] = -1
    return set(np.argsort(-p, kind="stable")[:k].tolist())


def _two(k, seed):
    """Two distributions over 12 tokens with their label words on top."""
    p, q = np.random.default_rng(seed).dirichlet(np.ones(12), size=2)
    for one in (p, q):
        one[[2, 5]] += 1
    return p / p.sum(), q / q.sum(), np.array([2, 5]), k


def overlap_without(answer) -> Verdict:
    """Overlap of the K likeliest tokens that are no label words, from (p, q, labels, k)."""

    def right(p, q, labels, k):
        return len(_likeliest(p, k, labels) & _likeliest(q, k, labels)) / k

    def after(p, q, labels, k):
        return [_likeliest(one, k) - set(labels) for one in (p, q)]

    def over_what_is_left(p, q, labels, k):
        a, b = after(p, q, labels, k)
        return len(a & b) / len(a)

    def over_the_union(p, q, labels, k):
        a, b = _likeliest(p, k, labels), _likeliest(q, k, labels)
        return len(a & b) / len(a | b)

    return mark(
        answer,
        right=right,
        cases=[_two(5, 1), _two(4, 2), _two(6, 5)],
        edges={
            "with no label words": (*_two(5, 1)[:2], np.array([], dtype=int), 5),
            "where a label word is not among the likeliest": (
                np.array([0.4, 0.3, 0.15, 0.1, 0.05]),
                np.array([0.4, 0.1, 0.05, 0.3, 0.15]),
                np.array([0, 4]),
                2,
            ),
        },
        praise="What is left is what the two settings say besides the answer.",
        hint="Each setting has its own list of K tokens. Which tokens may stand on it, and how "
        "many of one list stand on the other?",
        mistakes=[
            Mistake(
                lambda p, q, labels, k: len(_likeliest(p, k) & _likeliest(q, k)) / k,
                "The label words are still in it.",
            ),
            Mistake(
                lambda p, q, labels, k: len(set.intersection(*after(p, q, labels, k))) / k,
                "Here the label words were struck off lists of K, so that fewer than K tokens "
                "stand on each: two equal settings would not score 1. When must they go?",
            ),
            Mistake(
                over_what_is_left,
                "Here the label words were struck off lists of K, so that fewer than K tokens "
                "were compared. When must they go?",
            ),
            Mistake(
                over_the_union,
                "This is divided by the tokens of both lists together. By how many is the score "
                "of the chapter divided?",
            ),
            Mistake(
                lambda p, q, labels, k: len(_likeliest(p, k, labels) & _likeliest(q, k, labels)),
                "This is a number of tokens, not yet a share.",
            ),
        ],
    )


def left_without_words(guess, finetuned, item) -> Verdict:
    """What is nearer to the model in context once the label words are gone."""
    near = finetuned - item
    happened = "equal" if abs(near) <= 0.05 else "finetuned" if near > 0 else "item"
    return weigh(
        guess,
        happened=happened,
        expected="item",
        why="In context the other tokens are those of the answer's kind, nearly whatever the "
        "review. Finetuning on the label alone pushes the label words up and the rest about.",
        others={
            "finetuned": "So it would be if finetuning moved all tokens as demonstrations do.",
            "equal": "Another review under the same context keeps much more.",
        },
    )


def additive_score(answer) -> Verdict:
    """The additive score of two settings that agree on what they share, from (squares, missing)."""
    return mark(
        answer,
        right=lambda squares, missing: squares / np.sqrt(squares**2 + missing),
        cases=[(0.9, 1), (0.1, 2), (0.45, 5)],
        edges={
            "where all tokens are shared": (0.3, 0),
            "where none is shared": (0.0, 10),
        },
        praise="One missing token takes a third from a setting that is sure of its first token, "
        "and nearly all from one that is not: the score measures confidence as well.",
        hint="Put equal probabilities into the additive formula: what do its numerator and its "
        "two sums of squares become?",
        mistakes=[
            Mistake(
                lambda squares, missing: squares / np.sqrt(squares**2 * missing),
                "This is the formula as printed. What would it be with no token missing?",
            ),
            Mistake(
                lambda squares, missing: squares / np.sqrt(squares + missing),
                "There are two sums of squares under the root, one of each setting.",
            ),
            Mistake(
                lambda squares, missing: squares / (squares + missing),
                "The missing tokens stand under the root.",
            ),
            Mistake(
                lambda squares, missing: 1 / np.sqrt(1 + missing),
                "This is right for a setting that is sure of one token. In general the numerator "
                "is not 1.",
            ),
            Mistake(
                lambda squares, missing: squares**2 / np.sqrt(squares**2 + missing),
                "What is the numerator if both probabilities of a token are the same?",
            ),
        ],
    )
