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
        "does not help.",
        others={
            "higher": "Two finetunings have more in common. But what is it that the number counts?",
            "the same": "So it would be if both were right equally often.",
        },
    )
