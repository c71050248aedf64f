"""Readers' answers to the exercises of "Finetuning on the demonstrations"."""

import numpy as np
from reader_answers import PREDICTIONS, Prediction, almost, right, wrong


@right("trained_entries")
def entries_by_loop(layers, width, heads, groups, size):
    return sum(groups * size * width for _ in range(layers) for _ in "kv")


@right("trained_entries")
def entries_by_shares(layers, width, heads, groups, size):
    return layers * 2 * (heads * size * width) * groups // heads


@wrong("trained_entries", "keys and values of its own")
def entries_without_groups(layers, width, heads, groups, size):
    return layers * 2 * heads * size * width


@wrong("trained_entries", "one of the two")
def entries_of_keys(layers, width, heads, groups, size):
    return layers * groups * size * width


@wrong("trained_entries", "They do not train")
def entries_with_queries(layers, width, heads, groups, size):
    return layers * (heads + groups + groups) * size * width


@wrong("trained_entries", "one layer")
def entries_of_a_layer(layers, width, heads, groups, size):
    return groups * size * width * 2


@wrong("trained_entries", "These are the rows")
def entries_as_rows(layers, width, heads, groups, size):
    return layers * groups * size * 2


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


@almost("trained_entries", "keys of its own")
def entries_where_heads_share(layers, width, heads, groups, size):
    return layers * 2 * (groups if groups < heads else 1) * size * width


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
