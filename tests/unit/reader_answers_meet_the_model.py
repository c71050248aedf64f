"""Readers' answers to the exercises of "Meet the model"."""

import numpy as np
import torch
from reader_answers import PREDICTIONS, Prediction, almost, right, wrong


def log_shares(row):
    return row - row.max() - np.log(np.exp(row - row.max()).sum())


@right("page_loss")
def loss_by_loop(logits, page):
    total = 0.0
    for t in range(1, len(page)):
        total -= log_shares(logits[t - 1])[page[t]]
    return total / (len(page) - 1)


@right("page_loss")
def loss_by_torch(logits, page):
    outputs, targets = torch.as_tensor(logits), torch.as_tensor(page, dtype=torch.long)
    return torch.nn.functional.cross_entropy(outputs[:-1], targets[1:])


@wrong("page_loss", "all tokens together")
def loss_summed(logits, page):
    return -sum(log_shares(logits[t - 1])[page[t]] for t in range(1, len(page)))


@wrong("page_loss", "comes next")
def loss_not_moved(logits, page):
    return -np.mean([log_shares(row)[token] for row, token in zip(logits, page)])


@wrong("page_loss", "first is not one")
def loss_of_too_many(logits, page):
    return -sum(log_shares(logits[t - 1])[page[t]] for t in range(1, len(page))) / len(page)


@wrong("page_loss", "bits")
def loss_in_bits(logits, page):
    return loss_by_loop(logits, page) / np.log(2)


@wrong("page_loss", "add up to one")
def loss_of_logits(logits, page):
    return -np.mean([logits[t - 1][page[t]] for t in range(1, len(page))])


@almost("page_loss", "all logits are large")
def loss_by_plain_exponentials(logits, page):
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return -np.mean([np.log(shares[t - 1][page[t]]) for t in range(1, len(page))])


PREDICTIONS["labels_dealt_out"] = Prediction(
    right="stays",
    wrong=("guess", "below"),
    measured=(0.92, 0.9),
    otherwise=(0.92, 0.25),
)
