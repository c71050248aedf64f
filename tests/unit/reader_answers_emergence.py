"""Readers' answers to the exercises of "Is the setting the wild one?"."""

import numpy as np
from reader_answers import PREDICTIONS, Prediction, almost, right, wrong


@right("labels_seen")
def labels_by_product(steps, pages, examples, share):
    return steps * pages * share * examples


@right("labels_seen")
def labels_step_by_step(steps, pages, examples, share):
    return sum(pages * share * examples for _ in range(steps))


@wrong("labels_seen", "Stories hold no labels")
def labels_of_all_pages(steps, pages, examples, share):
    return steps * pages * examples


@wrong("labels_seen", "labelled pages")
def labels_by_page(steps, pages, examples, share):
    return steps * (pages * share)


@wrong("labels_seen", "one step")
def labels_of_a_step(steps, pages, examples, share):
    return share * pages * examples


@wrong("labels_seen", "counted the stories")
def labels_of_stories(steps, pages, examples, share):
    return (1 - share) * steps * pages * examples


@almost("labels_seen", "no page is labelled")
def labels_at_least_one_page(steps, pages, examples, share):
    return steps * max(1, pages * share) * examples


@right("zeros_of_keys")
def zeros_by_counting(d, d_out):
    W = np.zeros((d + d_out, d + d_out))
    W[np.arange(d), np.arange(d)] = 1
    return (W == 0).mean()


@right("zeros_of_keys")
def zeros_by_formula(d, d_out):
    D = d + d_out
    return (D * D - d) / D**2


@wrong("zeros_of_keys", "share of the ones")
def zeros_as_ones(d, d_out):
    return d / (d + d_out) ** 2


@wrong("zeros_of_keys", "identity")
def zeros_beside_a_full_block(d, d_out):
    return 1 - (d / (d + d_out)) ** 2


@wrong("zeros_of_keys", "targets have none")
def zeros_of_the_whole_identity(d, d_out):
    return 1 - 1 / (d + d_out)


@wrong("zeros_of_keys", "whole tokens")
def zeros_of_inputs_alone(d, d_out):
    return 1 - 1 / d


@almost("zeros_of_keys", "width one")
def zeros_never_below_nine_tenths(d, d_out):
    return 1 - d / (d + d_out) ** 2 if d + d_out > 2 else 0.5


PREDICTIONS["moved_answers"] = Prediction(
    right="a guess",
    wrong=("learns",),
    measured=(0.86, 0.37),
    otherwise=(0.86, 0.8),
)
