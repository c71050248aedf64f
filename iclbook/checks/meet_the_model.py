"""Exercises of the chapter "Meet the model"."""

import numpy as np

from iclbook.checks.verdict import Mistake, Verdict, mark, weigh, what_became


def page_loss(answer) -> Verdict:
    """The loss of a page, from (logits, page)."""
    from scipy.special import log_softmax  # no other check waits for it

    rng = np.random.default_rng(23)

    def page_of(length, words, shift=0.0):
        return rng.normal(scale=2, size=(length, words)) + shift, rng.integers(words, size=length)

    def terms(logits, page):
        return log_softmax(logits[:-1], axis=1)[np.arange(len(page) - 1), page[1:]]

    def of_itself(logits, page):
        return -log_softmax(logits, axis=1)[np.arange(len(page)), page].mean()

    return mark(
        answer,
        right=lambda logits, page: -terms(logits, page).mean(),
        cases=[page_of(12, 7), page_of(30, 20)],
        edges={"where all logits are large": page_of(9, 5, shift=2000.0)},
        praise="Each token but the first is predicted once, from those before it.",
        hint="For each token but the first: the probability that the model gave it, at the place "
        "before; then the mean of minus the logarithms.",
        mistakes=[
            Mistake(
                lambda logits, page: -terms(logits, page).sum(),
                "This is the loss of all tokens together; a long page would look bad.",
            ),
            Mistake(
                of_itself,
                "At each place the model predicts the token that comes next, not the one that it "
                "reads there.",
            ),
            Mistake(
                lambda logits, page: -terms(logits, page).sum() / len(page),
                "How many tokens are predicted? The first is not one of them.",
            ),
            Mistake(
                lambda logits, page: -terms(logits, page).mean() / np.log(2),
                "These are bits: the book takes natural logarithms.",
            ),
            Mistake(
                lambda logits, page: -logits[np.arange(len(page) - 1), page[1:]].mean(),
                "The model's output is not yet a logarithm of probabilities: over all words of a "
                "place they have to add up to one.",
            ),
        ],
    )


def labels_dealt_out(guess, before, after) -> Verdict:
    """What random labels of the demonstrations do to the accuracy on five classes, in context."""
    return weigh(
        guess,
        happened=what_became(before, after, 1 / 5),
        expected="stays",
        why="What the words mean the model takes from its weights. The demonstrations show which "
        "words are used and how often, and that has not changed.",
        others={
            "guess": "So it would be for a model that learns from the pairs what a word means.",
            "below": "Labels that are wrong all in the same way may lead a model to wrong answers; "
            "these contradict each other.",
        },
    )
