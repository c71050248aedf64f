"""Readers' answers to the exercises of "Finetuning on the demonstrations"."""

import numpy as np
from reader_answers import PREDICTIONS, Prediction, almost, right, wrong


@right("trained_rows")
def rows_by_loop(heads, size):
    return [
        (3 * head + part) * size + row
        for head in range(heads)
        for part in (1, 2)
        for row in range(size)
    ]


@right("trained_rows")
def rows_by_remainder(heads, size):
    return np.flatnonzero(np.arange(3 * heads * size) // size % 3)


@wrong("trained_rows", "GPT-2")
def rows_as_in_gpt2(heads, size):
    return list(range(heads * size, 3 * heads * size))


@wrong("trained_rows", "row by row")
def rows_in_turn(heads, size):
    return np.flatnonzero(np.arange(3 * heads * size) % 3)


@wrong("trained_rows", "stay as they are")
def rows_of_queries(heads, size):
    return np.flatnonzero(np.arange(3 * heads * size) // size % 3 == 0)


@wrong("trained_rows", "All rows would train")
def rows_all(heads, size):
    return list(range(3 * heads * size))


@wrong("trained_rows", "There are more heads")
def rows_of_one_head(heads, size):
    return [size + row for row in range(2 * size)]


@wrong("trained_rows", "counted from 0")
def rows_counted_from_one(heads, size):
    return [row + 1 for row in rows_by_loop(heads, size)]


@wrong("trained_rows", "This is a mask")
def rows_as_mask(heads, size):
    return np.arange(3 * heads * size) // size % 3 > 0


@right("honest_accuracy")
def honest_by_loop(selection, evaluation):
    return np.mean([e[np.argmax(s)] for s, e in zip(selection, evaluation)])


@right("honest_accuracy")
def honest_by_mask(selection, evaluation):
    return evaluation[selection == selection.max(axis=1, keepdims=True)].mean()


@wrong("honest_accuracy", "chosen on the rows that are reported")
def chosen_on_evaluation(selection, evaluation):
    return np.mean([max(e) for e in evaluation])


@wrong("honest_accuracy", "make it look good")
def reported_on_selection(selection, evaluation):
    return np.mean([max(s) for s in selection])


@wrong("honest_accuracy", "changed places")
def exchanged(selection, evaluation):
    return np.mean([s[np.argmax(e)] for s, e in zip(selection, evaluation)])


@wrong("honest_accuracy", "one rate for all seeds")
def one_rate(selection, evaluation):
    return evaluation.mean(axis=0)[selection.sum(axis=0).argmax()]


@wrong("honest_accuracy", "nothing was chosen")
def nothing_chosen(selection, evaluation):
    return np.mean(evaluation)


@almost("trained_rows", "single head")
def rows_without_empty_axes(heads, size):
    return np.arange(3 * heads * size).reshape(heads, 3, size).squeeze()[:, 1:].ravel()


@almost("honest_accuracy", "single rate")
def accuracy_without_empty_axes(selection, evaluation):
    best = selection.squeeze().argmax(axis=1)
    return evaluation[range(len(best)), best].mean()


PREDICTIONS["suffers_from_moved_labels"] = Prediction(
    right="finetuned",
    wrong=("in context", "both", "neither"),
    measured=((0.92, 0.9), (0.93, 0.57)),
    otherwise=((0.92, 0.5), (0.93, 0.57)),
)
