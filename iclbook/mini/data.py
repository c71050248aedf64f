"""Fixed rows of the six tasks on the small language: training rows and evaluation rows."""

from functools import cache

import numpy as np

from iclbook.gpt.text.tasks import MINI, get
from iclbook.mini import language
from iclbook.mini.corpus import ATTRIBUTE, token_ids
from iclbook.validate import check_choice

TRAIN, EVALUATION = 600, 500
"""Rows of each task."""


def data(task: str) -> tuple[list[dict], list[dict]]:
    """Return the training and the evaluation rows of a task.

    The rows are always the same. Classes are even, no text stands twice, and no text of one part
    stands in the other. The model's pretraining draws its sentences from the same language, so it
    may have seen a sentence before, in a story or with some label.

    Parameters
    ----------
    task : str
        A name such as ``"mini-sst2"``.

    Returns
    -------
    tuple of two lists of dict
        Each row holds the task's columns and ``label``.

    Raises
    ------
    ValueError
        If there is no such task.
    """
    rows = [dict(row) for row in _rows(check_choice("task", task, MINI))]
    return rows[:TRAIN], rows[TRAIN:]


@cache
def _rows(name: str) -> tuple[dict, ...]:
    task, ids = get(name), token_ids()
    words = {i: token for token, i in ids.items()} | {-1: ""}
    template = "\n".join(f" {{{column}}}" for column in task.columns)
    writer = language.Writer(ATTRIBUTE[name], template, task.columns, ids)
    random = np.random.default_rng([20, MINI.index(name)])
    wanted, classes = TRAIN + EVALUATION, len(task.labels)
    found: dict[str, int] = {}
    full = -(-wanted // classes)
    counts = [0] * classes
    while min(counts) < full:
        values = random.integers(classes, size=wanted)
        for line, value in zip(writer.write(values, random), values.tolist(), strict=True):
            text = "".join(words[i] for i in line.tolist())
            if text not in found and counts[value] < full:
                found[text] = value
                counts[value] += 1
    texts = random.permutation(list(found))[:wanted]
    return tuple(
        dict(zip(task.columns, (part.strip() for part in text.split("\n")), strict=True))
        | {"label": found[str(text)]}
        for text in map(str, texts)
    )
