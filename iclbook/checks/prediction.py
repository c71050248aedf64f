"""Exercises of the chapter "Do they get the same items right?"."""

import numpy as np

from iclbook.checks.verdict import Mistake, Verdict, mark


def _answers(seed: int, n: int, labels: int):
    """Which items three settings get right, and gold labels, related as real ones are."""
    rng = np.random.default_rng(seed)
    gold = rng.integers(labels, size=n)
    zsl = rng.random(n) < 0.3 + 0.3 * (gold == 0)
    ft = rng.random(n) < np.where(gold == 1, 0.8, 0.35)
    icl = rng.random(n) < np.where(gold == 1, 0.85, 0.4)
    return zsl, ft, icl, gold


CASES = [_answers(31, 90, 2), _answers(32, 150, 3)]


def recall_to_finetuning(answer) -> Verdict:
    """Rec2FTP, from (zsl, ft, icl): which items each setting gets right."""
    return mark(
        answer,
        right=lambda zsl, ft, icl: icl[ft & ~zsl].mean(),
        cases=[case[:3] for case in CASES],
        edges={
            "where nothing that was mended is right in context": (
                np.array([True, False, False, False]),
                np.array([True, True, True, False]),
                np.array([True, False, False, True]),
            )
        },
        praise="Mended first, then looked up in context.",
        hint="Which items does finetuning mend? Of those alone, how many are right in context?",
        mistakes=[
            Mistake(
                lambda zsl, ft, icl: icl[ft].mean(),
                "Some of these items were right before finetuning: it did not mend them.",
            ),
            Mistake(
                lambda zsl, ft, icl: icl[~zsl].mean(),
                "These are all items that zero-shot gets wrong. Finetuning mends some of them.",
            ),
            Mistake(
                lambda zsl, ft, icl: ft[icl & ~zsl].mean(),
                "The roles are swapped: this is the recall to what in-context learning mends.",
            ),
            Mistake(
                lambda zsl, ft, icl: icl[ft & zsl].mean(),
                "These items were right before. Which ones were wrong?",
            ),
            Mistake(
                lambda zsl, ft, icl: (ft & ~zsl & icl).sum() / (ft & ~icl).sum(),
                "The denominator should be what finetuning mends, whatever happens in context.",
            ),
            Mistake(
                lambda zsl, ft, icl: (ft & ~zsl & icl).mean(),
                "This is a share of all items. Of which items should it be a share?",
            ),
            Mistake(
                lambda zsl, ft, icl: (ft & ~zsl & icl).sum(),
                "This is the count on top. What does it have to be divided by?",
            ),
            Mistake(
                lambda zsl, ft, icl: 100 * icl[ft & ~zsl].mean(),
                "Right in percent; give it as a share between 0 and 1.",
            ),
        ],
    )


def chance_by_label(answer) -> Verdict:
    """Chance level of Rec2FTP within gold labels, from (zsl, ft, icl, gold)."""

    def shares(zsl, icl, gold, labels):
        return np.array([icl[~zsl & (gold == c)].mean() for c in labels])

    def weighted(zsl, icl, gold, chosen):
        labels, counts = np.unique(gold[chosen], return_counts=True)
        return np.average(shares(zsl, icl, gold, labels), weights=counts)

    return mark(
        answer,
        right=lambda zsl, ft, icl, gold: weighted(zsl, icl, gold, ft & ~zsl),
        cases=CASES,
        edges={
            "where zero-shot makes no mistake on one label": (
                np.array([True, True, False, False, False]),
                np.array([True, True, True, False, True]),
                np.array([False, True, True, False, False]),
                np.array([0, 0, 1, 1, 2]),
            )
        },
        praise="A liking for one label can no longer pass for agreement.",
        hint="For each label take the share of right answers among the wrong items; then weigh "
        "the labels.",
        mistakes=[
            Mistake(
                lambda zsl, ft, icl, gold: icl[~zsl].mean(),
                "This is one share for all labels, or labels weighed by their wrong items. The "
                "mended items may have other labels.",
            ),
            Mistake(
                lambda zsl, ft, icl, gold: icl.mean(),
                "This is the accuracy in context. Only items that zero-shot gets wrong can be "
                "mended.",
            ),
            Mistake(
                lambda zsl, ft, icl, gold: shares(
                    zsl, icl, gold, np.unique(gold[ft & ~zsl])
                ).mean(),
                "Each label counts the same here. How often does finetuning mend each of them?",
            ),
            Mistake(
                lambda zsl, ft, icl, gold: np.mean(
                    [icl[gold == c].mean() for c in gold[ft & ~zsl]]
                ),
                "The shares are over all items of a label, also those that were right before.",
            ),
            Mistake(
                lambda zsl, ft, icl, gold: icl[ft & ~zsl].mean(),
                "This is Rec2FTP itself. What would it be if the mended items were drawn blindly?",
            ),
            Mistake(
                lambda zsl, ft, icl, gold: weighted(zsl, icl, gold, ft),
                "The weights count all items that finetuning gets right. Which did it mend?",
            ),
            Mistake(
                lambda zsl, ft, icl, gold: np.mean(
                    [icl[~zsl & ~ft & (gold == c)].mean() for c in gold[ft & ~zsl]]
                ),
                "A blind draw may take any wrong item, also one that finetuning does mend.",
            ),
            Mistake(
                lambda zsl, ft, icl, gold: (ft & ~zsl).sum() * weighted(zsl, icl, gold, ft & ~zsl),
                "This is a number of items. What does it have to be divided by, to be a share?",
            ),
            Mistake(
                lambda zsl, ft, icl, gold: 100 * weighted(zsl, icl, gold, ft & ~zsl),
                "Right in percent; give it as a share between 0 and 1.",
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
