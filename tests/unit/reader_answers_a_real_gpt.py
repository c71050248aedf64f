"""Readers' answers to the exercises of "A real GPT"."""

import numpy as np
from reader_answers import PREDICTIONS, Prediction, almost, right, wrong


@right("label_answers")
def answers_by_loop(logits, label_ids):
    return [max(range(len(label_ids)), key=lambda c: row[label_ids[c]]) for row in logits]


@right("label_answers")
def answers_by_softmax(logits, label_ids):
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return np.argmax(np.take(p, label_ids, axis=1), axis=1)


@wrong("label_answers", "whole vocabulary")
def answers_of_any_token(logits, label_ids):
    return [int(np.argmax(row)) for row in logits]


@wrong("label_answers", "tokens of the chosen words")
def answers_as_tokens(logits, label_ids):
    return [label_ids[int(np.argmax(row[label_ids]))] for row in logits]


@wrong("label_answers", "in the order of the label words")
def answers_by_mask(logits, label_ids):
    mask = np.zeros(logits.shape[1], dtype=bool)
    mask[label_ids] = True
    return logits[:, mask].argmax(axis=1)


@wrong("label_answers", "least probable")
def answers_by_loss(logits, label_ids):
    loss = np.log(np.exp(logits).sum(axis=1, keepdims=True)) + logits[:, label_ids]
    return loss.argmin(axis=1)


@wrong("label_answers", "first tokens")
def answers_of_first_columns(logits, label_ids):
    return np.argmax(logits[:, : label_ids.size], axis=-1)


@right("demonstrations_that_fit")
def fit_by_loop(window, bos, lengths, longest):
    used = bos + longest
    for taken, length in enumerate(lengths):
        used += length
        if used >= window:
            return taken
    return len(lengths)


@right("demonstrations_that_fit")
def fit_by_search(window, bos, lengths, longest):
    return np.searchsorted(np.cumsum(lengths), window - bos - longest)


@wrong("demonstrations_that_fit", "not as long as it")
def fit_exactly(window, bos, lengths, longest):
    return np.count_nonzero(np.cumsum(lengths) <= window - bos - longest)


@wrong("demonstrations_that_fit", "ends the search")
def fit_what_fits(window, bos, lengths, longest):
    room, taken = window - bos - longest, 0
    for length in lengths:
        if length < room:
            room -= length
            taken += 1
    return taken


@wrong("demonstrations_that_fit", "room is left for the query")
def fit_without_query(window, bos, lengths, longest):
    return np.count_nonzero(np.cumsum(lengths) < window - bos)


@wrong("demonstrations_that_fit", "very start of a text")
def fit_without_bos(window, bos, lengths, longest):
    return np.count_nonzero(np.cumsum(lengths) < window - longest)


@wrong("demonstrations_that_fit", "counted twice")
def fit_with_two_beginnings(window, bos, lengths, longest):
    return np.count_nonzero(bos + np.cumsum(lengths) + bos + longest < window)


@almost("label_answers", "far below zero")
def answers_with_others_at_minus_ten(logits, label_ids):
    masked = np.full_like(logits, -10)
    masked[:, label_ids] = logits[:, label_ids]
    return [list(label_ids).index(token) for token in masked.argmax(axis=1)]


@almost("demonstrations_that_fit", "holds none")
def fit_by_last_index(window, bos, lengths, longest):
    return np.flatnonzero(bos + np.cumsum(lengths) + longest < window)[-1] + 1


@right("calibrated_answers")
def calibrated_by_probabilities(scores, empty):
    shares = np.exp(empty) / np.exp(empty).sum(axis=1, keepdims=True)
    return np.argmax(np.exp(scores) / shares.mean(axis=0), axis=1)


@right("calibrated_answers")
def calibrated_by_loop(scores, empty):
    prior = np.zeros(scores.shape[1])
    for row in empty:
        prior += np.exp(row) / np.exp(row).sum() / len(empty)
    return [int(np.argmax([s - np.log(p) for s, p in zip(row, prior)])) for row in scores]


@wrong("calibrated_answers", "as they were")
def calibrated_not(scores, empty):
    return scores.argmax(axis=1)


@wrong("calibrated_answers", "adds to the word")
def calibrated_backwards(scores, empty):
    shares = np.exp(empty) / np.exp(empty).sum(axis=1, keepdims=True)
    return (scores + np.log(shares.mean(axis=0))).argmax(axis=1)


@wrong("calibrated_answers", "among themselves")
def calibrated_without_shares(scores, empty):
    return (scores - np.log(np.exp(empty).mean(axis=0))).argmax(axis=1)


@wrong("calibrated_answers", "mean of their logarithms")
def calibrated_by_mean_scores(scores, empty):
    shares = empty - np.log(np.exp(empty).sum(axis=1, keepdims=True))
    return (scores - shares.mean(axis=0)).argmax(axis=1)


@wrong("calibrated_answers", "same scale")
def calibrated_by_plain_shares(scores, empty):
    shares = np.exp(empty) / np.exp(empty).sum(axis=1, keepdims=True)
    return (scores - shares.mean(axis=0)).argmax(axis=1)


@almost("calibrated_answers", "single text without content")
def calibrated_by_a_squeezed_mean(scores, empty):
    shares = np.squeeze(np.exp(empty) / np.exp(empty).sum(axis=1, keepdims=True))
    return (scores - np.log(shares.mean(axis=0))).argmax(axis=1)


PREDICTIONS["one_class"] = Prediction(
    right="stays",
    wrong=("guess", "below"),
    measured=(0.76, 0.83),
    otherwise=(0.76, 0.5),
)
