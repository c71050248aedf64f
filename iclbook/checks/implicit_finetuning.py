"""Exercises of the chapter "Finetuning on the demonstrations"."""

from functools import wraps

import numpy as np

from iclbook.checks.verdict import Mistake, Verdict, mark, weigh


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


def suffers_from_moved_labels(guess, in_context, finetuned) -> Verdict:
    """Which setting suffers if all labels are moved on, each from (accuracy before, after)."""
    suffers = tuple(before - after > 0.1 for before, after in (in_context, finetuned))
    words = {
        (True, True): "both",
        (False, True): "finetuned",
        (True, False): "in context",
        (False, False): "neither",
    }
    return weigh(
        guess,
        happened=words[suffers],
        expected="finetuned",
        why="Each step makes the wrong word more probable after its sentence, whatever the weights "
        "knew. In context, on a task with five words, this model keeps to the sense that it knows.",
        others={
            "in context": "What a prompt says can be ignored; a change of weights cannot.",
            "both": "For that both would have to believe the labels, and one of them does not.",
            "neither": "For that both would have to ignore the labels, and one of them cannot.",
        },
    )
