"""Exercises of the chapter "A real GPT"."""

import numpy as np

from iclbook.checks.verdict import Mistake, Verdict, mark, weigh, what_became


def label_answers(answer) -> Verdict:
    """The answers that a model gives, from (logits, label_ids)."""
    rng = np.random.default_rng(21)
    cases = [
        (rng.normal(size=(12, 9)), np.array([6, 2])),
        (rng.normal(size=(40, 15)), np.array([11, 3, 7, 0])),
    ]
    return mark(
        answer,
        right=lambda logits, label_ids: logits[:, label_ids].argmax(axis=1),
        cases=cases,
        edges={
            "where all logits lie far below zero": (
                rng.normal(size=(6, 9)) - 50,
                np.array([4, 1, 7]),
            )
        },
        praise="No softmax is needed: it changes no order.",
        hint="For each prompt look at the label words' own columns, and at nothing else.",
        mistakes=[
            Mistake(
                lambda logits, label_ids: logits.argmax(axis=1),
                "These are tokens of the whole vocabulary: most of them are no label words.",
            ),
            Mistake(
                lambda logits, label_ids: label_ids[logits[:, label_ids].argmax(axis=1)],
                "These are the tokens of the chosen words. Which classes do they stand for?",
            ),
            Mistake(
                lambda logits, label_ids: logits[:, np.sort(label_ids)].argmax(axis=1),
                "The classes are numbered in the order of the label words, not of their tokens.",
            ),
            Mistake(
                lambda logits, label_ids: logits[:, label_ids].argmin(axis=1),
                "This picks the least probable word.",
            ),
            Mistake(
                lambda logits, label_ids: logits[:, : len(label_ids)].argmax(axis=1),
                "The first tokens of the vocabulary are not the label words.",
            ),
        ],
    )


def demonstrations_that_fit(answer) -> Verdict:
    """How many demonstrations a window holds, from (window, bos, lengths, longest)."""
    lengths = np.array([9, 12, 30, 8, 8, 5])
    cases = [
        (64, 1, lengths, 12),  # the third fills the window exactly: it is one too many
        (200, 1, lengths, 12),
        (79, 3, lengths, 18),
        (40, 1, lengths, 11),
        (65, 1, lengths, 12),  # the third just fits, but not if the beginning is counted twice
    ]

    def first(window, used, lengths):
        return sum(used + np.cumsum(lengths) < window)

    def skipping(window, bos, lengths, longest):
        used, taken = bos + longest, 0
        for length in lengths:
            if used + length < window:
                used, taken = used + length, taken + 1
        return taken

    return mark(
        answer,
        right=lambda window, bos, lengths, longest: first(window, bos + longest, lengths),
        cases=cases,
        edges={"in a window that holds none": (20, 1, lengths, 12)},
        praise="One number for all queries and all settings.",
        hint="Keep a running sum of what stands before the query, and leave room for the query.",
        mistakes=[
            Mistake(
                lambda window, bos, lengths, longest: first(window + 1, bos + longest, lengths),
                "Everything together has to be shorter than the window, not as long as it.",
            ),
            Mistake(
                skipping,
                "The first that does not fit ends the search, also if a later one would fit.",
            ),
            Mistake(
                lambda window, bos, lengths, longest: first(window, bos, lengths),
                "No room is left for the query and its label.",
            ),
            Mistake(
                lambda window, bos, lengths, longest: first(window, longest, lengths),
                "What stands at the very start of a text takes room, too.",
            ),
            Mistake(
                lambda window, bos, lengths, longest: first(window, 2 * bos + longest, lengths),
                "The beginning is counted twice, as the authors do. A prompt has only one.",
            ),
        ],
    )


def calibrated_answers(answer) -> Verdict:
    """Answers without the prior that texts without content show, from (scores, empty)."""
    from scipy.special import log_softmax, logsumexp  # no other check waits for it

    rng = np.random.default_rng(22)

    def scores_of(n, leaning, spread=1.0):
        return rng.normal(scale=spread, size=(n, len(leaning))) + leaning

    uneven = np.array([[0.0], [-6.0], [-1.0]])  # how much the label words have of the whole
    cases = [
        (scores_of(60, [2, 0, -1, 0.5]), scores_of(3, [3, 0, -2, 1]) + uneven),
        (scores_of(60, [0, 1.5]), scores_of(3, [0, 2], spread=2) + uneven),
    ]

    def less(scores, prior):
        return (scores - prior).argmax(axis=1)

    def of_mean(empty):
        return logsumexp(empty, axis=0) - np.log(len(empty))

    return mark(
        answer,
        right=lambda scores, empty: less(scores, of_mean(log_softmax(empty, axis=1))),
        cases=cases,
        edges={
            "with a single text without content": (
                scores_of(40, [0, 2, 1]),
                scores_of(1, [0, 3, 1]),
            )
        },
        praise="What the model answers to no text is taken off, and the words start level.",
        hint="Shares of each label word among them all, for each text without content; their mean "
        "is the prior, and the scores are compared with its logarithm.",
        mistakes=[
            Mistake(
                lambda scores, empty: scores.argmax(axis=1),
                "These are the answers as they were: the texts without content have no say.",
            ),
            Mistake(
                lambda scores, empty: less(scores, -of_mean(log_softmax(empty, axis=1))),
                "This adds to the word that is preferred anyway.",
            ),
            Mistake(
                lambda scores, empty: less(scores, of_mean(empty)),
                "The words are compared among themselves: first make the shares of each text "
                "without content add up to one, or a text to which the model would say something "
                "else altogether hardly counts.",
            ),
            Mistake(
                lambda scores, empty: less(scores, log_softmax(empty, axis=1).mean(axis=0)),
                "The prior is a mean of probabilities; this is a mean of their logarithms.",
            ),
            Mistake(
                lambda scores, empty: less(scores, np.exp(of_mean(log_softmax(empty, axis=1)))),
                "A probability is taken off a logarithm: bring both to the same scale.",
            ),
        ],
    )


def one_class(guess, mixed, alone) -> Verdict:
    """What demonstrations of one class do to the accuracy on two, less the mean score."""
    return weigh(
        guess,
        happened=what_became(mixed, alone, 1 / 2),
        expected="stays",
        why="How a good review differs from a bad one stands in the weights. The demonstrations "
        "push one word up, and what all reviews have in common was taken off.",
        others={
            "guess": "So it would be as it is, where the model says the same word nearly always.",
            "below": "For that the model would have to take the words in another sense.",
        },
    )
