"""In context with label words of every kind: known, in another sense, arbitrary, and new.

A sheet of examples is written in a task's template, and answered with a model that may have seen
its label words in their usual sense, as labels of other sheets, or never as labels at all. Words of
the last kind stand in the sentences of the language; none of them is in a sentence of the tasks
that are asked here.
"""

import numpy as np

from iclbook.gpt.text.tasks import MINI
from iclbook.mini import language
from iclbook.mini.corpus import LONG, Corpus, token_ids

SHORT = tuple(name for name in MINI if name not in LONG)
"""The tasks with short templates."""

SETTINGS = ("zero_shot", "usual", "swapped", "arbitrary", "new")
"""Usual words, no examples; in context: usual words; usual words for other classes than usual;
words drawn for the sheet from those of arbitrary sheets; and from words that never are labels."""

SAID = tuple(f"said_{setting}" for setting in SETTINGS)

NEW = " ".join(language.NEUTRAL[slot] for slot in ("state", "place", "day")).split()
"""Words that are never labels."""


def answers(
    net, corpus: Corpus, *, sheets: int = 32, examples: int = 12, asked: int = 4, seed: int = 1
) -> dict[str, list[float]]:
    """Return the accuracies of a model in each setting, by task in the order of ``SHORT``.

    Parameters
    ----------
    net : transformers.PreTrainedModel
        A causal language model with the language's tokenizer.
    corpus : Corpus
        Writes the sheets; classes are even, no example repeats another.
    sheets, examples, asked : int
        Sheets a task and setting, examples in each, and how many of these, the last ones, are
        answered, each behind all earlier ones; zero-shot, as many lone examples.
    seed : int
        Of the sheets.

    Returns
    -------
    dict
        Setting to accuracies: the likeliest of the sheet's label words is right. And behind
        ``said_`` and the setting: the likeliest of all tokens is.
    """
    random = np.random.default_rng([seed, 6])
    found = {}
    for setting in SETTINGS:
        shape = (sheets * asked, 1) if setting == "zero_shot" else (sheets, examples)
        pairs = [
            _right(net, *sheet(corpus, task, setting, *shape, random), min(asked, shape[1]))
            for task in SHORT
        ]
        found[setting], found[f"said_{setting}"] = map(list, zip(*pairs))
    return found


def sheet(corpus: Corpus, task: str, setting: str, n: int, count: int, random: np.random.Generator):
    """Write sheets of a task with the label words of a setting; as `Corpus.sheets` returns them."""
    drawn = setting in ("arbitrary", "new")
    rows, spots, words, values = corpus.sheets(task, n, count, drawn, random)
    if setting == "swapped":
        words = np.roll(words, 1, axis=1)  # no word keeps its class
    if setting == "new":
        ids = token_ids()
        new = np.array([ids[f" {word}"] for word in NEW])
        order = random.random((n, len(new))).argsort(axis=1)
        words = new[order[:, : words.shape[1]]]
    np.put_along_axis(rows, spots, np.take_along_axis(words, values, axis=1), axis=1)
    return rows, spots, words, values


def is_label(rows: np.ndarray) -> np.ndarray:
    """Which tokens of rows (rows, length) are label words: those in front of a line's end."""
    found = np.zeros(rows.shape, dtype=bool)
    found[:, :-1] = rows[:, 1:] == token_ids()["\n"]
    return found


def _right(net, rows, spots, words, values, asked):
    """Shares of right answers to the last examples, among the label words and among all tokens."""
    import torch

    with torch.inference_mode():
        scores = net(input_ids=torch.from_numpy(rows)).logits
    sheets, spots, values = np.arange(len(rows))[:, None], spots[:, -asked:], values[:, -asked:]
    shown = scores[sheets, spots - 1].numpy()  # (sheets, asked, vocabulary)
    among = np.take_along_axis(shown, words[:, None, :], axis=2).argmax(axis=2)
    right = np.take_along_axis(words, values, axis=1)
    return float((among == values).mean()), float((shown.argmax(axis=2) == right).mean())
