"""Exercises of the chapter "Do they get the same items right?"."""

import numpy as np

from iclbook.checks.verdict import Mistake, Verdict, mark, weigh


def blind_agreement(answer) -> Verdict:
    """Rec2FTP, and its chance level over all wrong items and within labels, from (p, share).

    Zero-shot tosses a coin between A and B, finetuning always says A, in-context learning says A
    with probability p; a share of the items has the label A.
    """

    def over_all(p, share):
        return share * p + (1 - share) * (1 - p)

    return mark(
        answer,
        right=lambda p, share: np.array([p, over_all(p, share), p]),
        cases=[(0.9, 0.5), (0.7, 0.3), (0.2, 0.6)],
        edges={"where every item has the label A": (0.8, 1.0)},
        praise="Two settings that read nothing agree well, and only the level within labels "
        "says that this is chance.",
        hint="Which labels do the mended items have, and which the wrong ones? How often is "
        "in-context learning right on an item of each label?",
        mistakes=[
            Mistake(
                lambda p, share: np.array([p, 0.5, p]),
                "Over all wrong items this holds only where both labels are equally frequent.",
            ),
            Mistake(
                lambda p, share: np.array([p, p, p]),
                "Some of the wrong items have the label B. On those, saying A is wrong.",
            ),
            Mistake(
                lambda p, share: np.array([p, share * p, p]),
                "On items of label B in-context learning is right as well, now and then.",
            ),
            Mistake(
                lambda p, share: np.array([share * p, over_all(p, share), share * p]),
                "Rec2FTP is a share of the mended items, and those are not spread over the labels.",
            ),
            Mistake(
                lambda p, share: np.array([p, over_all(p, share), over_all(p, share)]),
                "Within labels it is the mended items that count. Which labels do they have?",
            ),
            Mistake(
                lambda p, share: np.array([over_all(p, share), over_all(p, share), p]),
                "That is the accuracy in context. Finetuning mends items of one label only.",
            ),
            Mistake(
                lambda p, share: 100 * np.array([p, over_all(p, share), p]),
                "All three are right in percent; give them as shares between 0 and 1.",
            ),
        ],
    )


def chance_bounds(answer) -> Verdict:
    """Bounds of P(ICL right | ZSL wrong), from (zsl_accuracy, icl_accuracy)."""

    def bounds(low, wrong, icl_accuracy):
        return np.array([low / wrong, min(icl_accuracy, wrong) / wrong])

    return mark(
        answer,
        right=lambda zsl_accuracy, icl_accuracy: bounds(
            max(0.0, icl_accuracy - zsl_accuracy), 1 - zsl_accuracy, icl_accuracy
        ),
        cases=[(0.7, 0.93), (0.35, 0.45), (0.5, 0.3)],
        edges={"where zero-shot is never right": (0.0, 0.4)},
        praise="Two accuracies leave room for almost anything.",
        hint="First let all mistakes in context fall on the wrong items, then as few as possible.",
        mistakes=[
            Mistake(
                lambda zsl_accuracy, icl_accuracy: bounds(
                    icl_accuracy - zsl_accuracy, 1 - zsl_accuracy, icl_accuracy
                ),
                "A share cannot be negative: what if in-context learning is the worse setting?",
            ),
            Mistake(
                lambda zsl_accuracy, icl_accuracy: np.array(
                    [
                        max(0.0, icl_accuracy - zsl_accuracy) / (1 - zsl_accuracy),
                        icl_accuracy / (1 - zsl_accuracy),
                    ]
                ),
                "A share cannot exceed one: there may be fewer wrong items than right answers.",
            ),
            Mistake(
                lambda zsl_accuracy, icl_accuracy: np.array(
                    [max(0.0, icl_accuracy - zsl_accuracy), min(icl_accuracy, 1 - zsl_accuracy)]
                ),
                "These are shares of all items. The question is about the wrong ones.",
            ),
            Mistake(
                lambda zsl_accuracy, icl_accuracy: np.array(
                    [
                        max(0.0, icl_accuracy + zsl_accuracy - 1) / zsl_accuracy,
                        min(icl_accuracy, zsl_accuracy) / zsl_accuracy,
                    ]
                ),
                "These are the bounds among the items that zero-shot gets right.",
            ),
            Mistake(
                lambda zsl_accuracy, icl_accuracy: np.array(
                    [
                        max(0.0, icl_accuracy - zsl_accuracy) / (1 - zsl_accuracy),
                        min(icl_accuracy, 1 - zsl_accuracy) / (1 - zsl_accuracy),
                    ][::-1]
                ),
                "Both are right, in the other order: the smaller one first.",
            ),
            Mistake(
                lambda zsl_accuracy, icl_accuracy: (
                    100
                    * bounds(max(0.0, icl_accuracy - zsl_accuracy), 1 - zsl_accuracy, icl_accuracy)
                ),
                "Both are right in percent; give them as shares between 0 and 1.",
            ),
        ],
    )


def pooled_odds(answer) -> Verdict:
    """The odds ratio of Mantel and Haenszel, from tables of shape (labels, 2, 2)."""

    def sums(tables):
        (a, b), (c, d) = np.moveaxis(tables, 0, -1)
        items = np.maximum(a + b + c + d, 1)
        return a * d / items, b * c / items

    return mark(
        answer,
        right=lambda tables: np.divide(*(part.sum() for part in sums(tables))),
        cases=[
            (np.array([[[30, 4], [6, 10]], [[9, 5], [20, 31]]]),),
            (np.array([[[12, 3], [5, 9]], [[40, 2], [3, 4]], [[7, 7], [2, 11]]]),),
        ],
        edges={
            "where a label has no items": (np.array([[[30, 4], [6, 10]], [[0, 0], [0, 0]]]),),
            "where a count is zero": (np.array([[[30, 0], [6, 10]], [[9, 5], [20, 31]]]),),
        },
        praise="A label without mended or without missed items has no weight in it, as it should.",
        hint="Both sums run over labels, and each of their terms is divided by that label's items.",
        mistakes=[
            Mistake(
                lambda tables: 1 / np.divide(*(part.sum() for part in sums(tables))),
                "This is the odds ratio of missed to mended.",
            ),
            Mistake(
                lambda tables: np.mean(np.divide(*sums(tables))),
                "This is a mean of odds ratios: a label with few items counts as much as any.",
            ),
            Mistake(
                lambda tables: np.exp(np.mean(np.log(np.divide(*sums(tables))))),
                "This is a mean of logarithms: a label with few items counts as much as any.",
            ),
            Mistake(
                lambda tables: np.divide(*(part.sum() for part in sums(tables.sum(0)[None]))),
                "All labels in one table: a liking for a label would look like agreement.",
            ),
            Mistake(
                lambda tables: np.divide(
                    *(part.sum() for part in np.multiply(sums(tables), tables.sum((1, 2))))
                ),
                "Without the number of items in each term, large labels count far too much.",
            ),
            Mistake(
                lambda tables: np.divide(*(part.sum() for part in sums(tables + 0.5))),
                "Where does the half in your counts come from? The pooled form needs no repair.",
            ),
        ],
    )


def recalled_by_finetuning(guess, in_context, finetuned) -> Verdict:
    """Is Rec2FTP higher with another finetuning in place of in-context learning? Both in points."""
    happened = "the same"
    if abs(finetuned - in_context) > 2:
        happened = "higher" if finetuned > in_context else "lower"
    return weigh(
        guess,
        happened=happened,
        expected="lower",
        why="Rec2FTP is high for whoever is often right on the items that zero-shot gets wrong, "
        "and in-context learning is right there more often than finetuning. Being the same method "
        "makes up for little of that.",
        others={
            "higher": "Two finetunings have more in common. But what is it that the number counts?",
            "the same": "So it would be if both were right equally often.",
        },
    )
