"""Exercises of the chapter "Finetuning on the demonstrations"."""

import numpy as np

from iclbook.checks.verdict import Mistake, Verdict, mark, weigh


def trained_entries(answer) -> Verdict:
    """How many entries train, from (layers, width, heads, groups, size)."""

    def entries(layers, width, groups, size):
        return 2 * layers * width * groups * size

    return mark(
        answer,
        right=lambda layers, width, heads, groups, size: entries(layers, width, groups, size),
        cases=[(30, 576, 9, 3, 64), (18, 640, 4, 1, 256)],
        edges={"where each head has keys of its own": (12, 768, 12, 12, 64)},
        praise="In a model whose heads share keys, demonstrations have few entries to change.",
        hint="Which matrices train in a layer, and how tall and wide is each?",
        mistakes=[
            Mistake(
                lambda layers, width, heads, groups, size: entries(layers, width, heads, size),
                "This would be right if every head of queries had keys and values of its own.",
            ),
            Mistake(
                lambda layers, width, heads, groups, size: entries(layers, width, groups, size) / 2,
                "This counts one of the two: keys or values.",
            ),
            Mistake(
                lambda layers, width, heads, groups, size: (
                    layers * width * size * (heads + 2 * groups)
                ),
                "The queries are among these. They do not train.",
            ),
            Mistake(
                lambda layers, width, heads, groups, size: 2 * width * groups * size,
                "These are the entries of one layer.",
            ),
            Mistake(
                lambda layers, width, heads, groups, size: 2 * layers * groups * size,
                "These are the rows. Each has an entry for every input.",
            ),
        ],
    )


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
