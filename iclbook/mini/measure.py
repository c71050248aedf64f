"""How well a model labels sentences of the language: from the weights, and in context.

Measured on fresh sheets with even classes, one number a task; the experiments of the book use the
engine of :mod:`iclbook.gpt` on fixed rows instead.
"""

import numpy as np

from iclbook.gpt.text.tasks import MINI
from iclbook.mini.corpus import Corpus

SETTINGS = ("zero_shot", "usual", "arbitrary")
"""Usual words and no examples; usual words in context; words drawn for the sheet, in context."""


def accuracy(net, corpus: Corpus, *, sheets: int = 8, seed: int = 1) -> dict[str, list[float]]:
    """Return the accuracy of a model in three settings, for each task in the order of ``MINI``.

    Parameters
    ----------
    net : transformers.PreTrainedModel
        A causal language model with the language's tokenizer.
    corpus : Corpus
        Writes the sheets; no example of them repeats another.
    sheets : int
        Sheets a task and setting. In context, examples 17 to 33 of a sheet are answered, each
        behind all earlier ones; zero-shot, 17 lone examples for every sheet.
    seed : int
        Of the sheets.

    Returns
    -------
    dict
        Setting to six accuracies. The choice is among the sheet's label words.
    """
    random = np.random.default_rng([seed, 2])
    found = {}
    for setting in SETTINGS:
        shape, first = ((sheets * 17, 1), 0) if setting == "zero_shot" else ((sheets, 33), 16)
        found[setting] = [
            right(net, *corpus.sheets(task, *shape, setting == "arbitrary", random), first)
            for task in MINI
        ]
    return found


def right(net, rows, spots, words, values, first: int) -> float:
    """Share of right answers from example `first` on, of sheets as `Corpus.sheets` writes them."""
    import torch

    with torch.inference_mode():
        scores = net(input_ids=torch.from_numpy(rows).to(net.device)).logits.cpu()
        sheet = torch.arange(len(rows))[:, None, None]
        spots, words = torch.from_numpy(spots[:, first:]), torch.from_numpy(words)
        chosen = scores[sheet, spots[..., None] - 1, words[:, None, :]].argmax(-1)
    return float((chosen.numpy() == values[:, first:]).mean())
