"""Exercises of the chapter "Finetuning on the demonstrations"."""

from functools import wraps

import numpy as np

from iclbook.checks.verdict import Mistake, Verdict, mark


def demonstration_loss(answer) -> Verdict:
    """The mean next-token loss of a demonstration, from (logits, ids)."""

    def log_softmax(logits):
        return logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))

    def picked(log_p, ids):
        return log_p[np.arange(len(ids)), ids]

    def right(logits, ids):
        return -picked(log_softmax(logits[:-1]), ids[1:]).mean()

    rng = np.random.default_rng(31)
    cases = [
        (rng.normal(size=(7, 11)), rng.integers(11, size=7)),
        (2 * rng.normal(size=(12, 6)), rng.integers(6, size=12)),
    ]
    return mark(
        answer,
        right=right,
        cases=cases,
        edges={"for a text of two tokens": (rng.normal(size=(2, 5)), np.array([3, 1]))},
        praise="The label is the last target, one of many.",
        hint="Which output speaks of which token? Write down the pairs for a text of three tokens.",
        mistakes=[
            Mistake(
                lambda logits, ids: -picked(log_softmax(logits), ids).mean(),
                "Each output is compared with the token that it has just read, not with the next.",
            ),
            Mistake(
                lambda logits, ids: right(logits, ids) * (len(ids) - 1),
                "This is the sum over tokens. The step follows the mean.",
            ),
            Mistake(
                lambda logits, ids: right(logits, ids) * (len(ids) - 1) / len(ids),
                "The mean is over the tokens that are predicted: how many are there?",
            ),
            Mistake(
                lambda logits, ids: -picked(log_softmax(logits), np.roll(ids, -1)).mean(),
                "The last output would have to predict the first token: it has no target.",
            ),
            Mistake(
                lambda logits, ids: -picked(log_softmax(logits[:-1]), ids[1:])[-1],
                "This is the loss of the label alone. Here all tokens of the text count.",
            ),
            Mistake(
                lambda logits, ids: -right(logits, ids),
                "A loss is large where the model is surprised: look at the sign.",
            ),
            Mistake(
                lambda logits, ids: -picked(logits[:-1], ids[1:]).mean(),
                "These are raw outputs. They have to become logarithms of probabilities first.",
            ),
        ],
    )


def trained_rows(answer) -> Verdict:
    """The numbers of the rows of a fused matrix that train, from (heads, size)."""

    def rows(shape, axis):
        """All rows but the first ones along an axis of this shape."""
        numbers = np.moveaxis(np.arange(np.prod(shape)).reshape(shape), axis, 0)
        return np.sort(numbers[1:].ravel())

    return mark(
        _with_masks_as_numbers(answer),
        right=lambda heads, size: rows((heads, 3, size), 1),
        cases=[(4, 5), (2, 3)],
        edges={"with a single head": (1, 4)},
        praise="Two stripes in three, in each head.",
        hint="Draw the rows of the first head on paper, then those of the second.",
        mistakes=[
            Mistake(
                lambda heads, size: rows((3, heads * size), 0),
                "This is how GPT-2 sorts its outputs: all queries first. Here heads come first.",
            ),
            Mistake(
                lambda heads, size: rows((heads * size, 3), 1),
                "Here query, key and value take turns row by row; within a head they are blocks.",
            ),
            Mistake(
                lambda heads, size: (
                    np.arange(size) + 3 * size * np.arange(heads)[:, None]
                ).ravel(),
                "These are the rows that stay as they are.",
            ),
            Mistake(
                lambda heads, size: np.arange(3 * heads * size),
                "All rows would train. Which of the three kinds stays as it is?",
            ),
            Mistake(
                lambda heads, size: np.arange(size, 3 * size),
                "These are the rows of one head. There are more heads.",
            ),
            Mistake(
                lambda heads, size: rows((heads, 3, size), 1) + 1,
                "The rows are counted from 0.",
            ),
            Mistake(
                lambda heads, size: (np.arange(3 * heads * size) // size % 3 > 0).astype(int),
                "This is a mask, one entry for each row. Return the numbers of the rows instead.",
            ),
        ],
    )


def _with_masks_as_numbers(answer):
    """An answer that gives 0 and 1 for a Boolean array, so that `mark` can compare it."""
    if not callable(answer):
        return answer

    @wraps(answer)
    def numbers(*arguments):
        found = answer(*arguments)
        mask = isinstance(found, np.ndarray) and found.dtype.kind == "b"
        return found.astype(int) if mask else found

    return numbers


def honest_accuracy(answer) -> Verdict:
    """The accuracy that one may report, from (selection, evaluation)."""

    def at(evaluation, best):
        return evaluation[np.arange(len(evaluation)), best].mean()

    rng = np.random.default_rng(33)
    cases = [
        (rng.random((seeds, rates)), rng.random((seeds, rates)))
        for seeds, rates in [(5, 7), (4, 6)]
    ]
    return mark(
        answer,
        right=lambda selection, evaluation: at(evaluation, selection.argmax(axis=1)),
        cases=cases,
        edges={"with a single rate": (rng.random((4, 1)), rng.random((4, 1)))},
        praise="The reported rows had no say in the choice.",
        hint="Each seed makes its own choice. Which array makes it, and which one is reported?",
        mistakes=[
            Mistake(
                lambda selection, evaluation: evaluation.max(axis=1).mean(),
                "The rate was chosen on the rows that are reported: that is what we avoid here.",
            ),
            Mistake(
                lambda selection, evaluation: selection.max(axis=1).mean(),
                "The rows that chose a rate make it look good. Report the others.",
            ),
            Mistake(
                lambda selection, evaluation: at(selection, evaluation.argmax(axis=1)),
                "The two arrays have changed places.",
            ),
            Mistake(
                lambda selection, evaluation: evaluation[:, selection.mean(axis=0).argmax()].mean(),
                "This is one rate for all seeds. Here each seed may have its own.",
            ),
            Mistake(
                lambda selection, evaluation: evaluation.mean(),
                "This is the mean over all rates: nothing was chosen.",
            ),
        ],
    )
