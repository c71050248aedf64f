"""Sheets of the small language for the layers of Part II: an example is one token.

A layer of Part II reads tokens ``(x_i, y_i)``, an example together with its answer. Here ``x`` says
how often each word stands in a sentence, at unit length, and ``y`` is a vector for its label word,
drawn once for every word of the language. So sentences, classes and label words are those that the
language models read; what is built in is that an answer stands with its question, in one place.

Chapter: "Is the setting the wild one?"
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from jaxtyping import Float, Int

from iclbook.mini.corpus import Corpus, Mixture, different, token_ids
from iclbook.mini.language import ATTRIBUTES, NEUTRAL
from iclbook.regression.tasks import Tasks
from iclbook.validate import check_choice, check_count

KINDS = ("arbitrary", "new")
"""Label words: drawn for each sheet from those of arbitrary sheets, or from words that never are
labels there."""

NEW = " ".join(NEUTRAL[slot] for slot in ("state", "place", "day")).split()


@dataclass(frozen=True)
class SheetLaw:
    """Sheets as tasks: some examples with their label words, and one to be answered.

    Attributes
    ----------
    attribute : str
        What decides the class, of `iclbook.mini.language.ATTRIBUTES`; empty for any.
    labels : str
        Which label words, of ``KINDS``.
    N : int
        Examples with their label words.
    d_out : int
        Width of the vectors of label words.
    """

    attribute: str = ""
    labels: str = "arbitrary"
    N: int = 11
    d_out: int = 8

    def __post_init__(self) -> None:
        check_choice("attribute", self.attribute, ("", *ATTRIBUTES))
        check_choice("labels", self.labels, KINDS)
        check_count("N", self.N)
        check_count("d_out", self.d_out)

    @property
    def d(self) -> int:
        """Width of an input: tokens of the language."""
        return len(token_ids())

    @cached_property
    def label_vectors(self) -> np.ndarray:
        """A vector of length 1 for each token, (d, d_out); the same for all laws of this width."""
        drawn = np.random.default_rng(7).normal(size=(self.d, self.d_out))
        return drawn / np.linalg.norm(drawn, axis=1, keepdims=True)

    def sample(self, B: int, generator: torch.Generator, dtype=torch.float32) -> Tasks:
        """Draw B sheets."""
        return self.answered(B, generator, dtype)[0]

    def answered(self, B: int, generator: torch.Generator, dtype=torch.float32):
        """Draw B sheets; return them with the vectors of their label words, and the right ones.

        Returns
        -------
        Tasks
        list of B tensors (classes, d_out)
        list of B int
        """
        random = np.random.default_rng(torch.randint(2**62, (), generator=generator).item())
        names = [self.attribute] if self.attribute else list(ATTRIBUTES)
        counts = np.bincount(random.integers(len(names), size=B), minlength=len(names))
        x, y, candidates, right = [], [], [], []
        for name, n in zip(names, counts.tolist()):
            if n:
                rows, spots, words, values = sheets(name, self.labels, n, self.N + 1, random)
                x.append(bags(rows, spots, self.d))
                y.append(self.label_vectors[np.take_along_axis(words, values, axis=1)])
                candidates += list(torch.as_tensor(self.label_vectors[words], dtype=dtype))
                right += values[:, -1].tolist()
        x, y = (torch.as_tensor(np.concatenate(parts), dtype=dtype) for parts in (x, y))
        return Tasks(x[:, :-1], y[:, :-1], x[:, -1], y[:, -1]), candidates, right


def sheets(attribute: str, labels: str, n: int, count: int, random: np.random.Generator):
    """Write sheets of bare sentences: `count` examples in each of n.

    Parameters
    ----------
    attribute, labels : str
        As of a `SheetLaw`.
    n, count : int
    random : numpy.random.Generator

    Returns
    -------
    tuple of arrays
        As `iclbook.mini.corpus.Corpus.sheets` returns them.
    """
    corpus = Corpus(Mixture(), 0)
    rows, spots, words, values = corpus.sheets(f"bare {attribute}", n, count, True, random)
    if labels == "new":
        ids = token_ids()
        new = np.array([ids[f" {word}"] for word in NEW])
        words = different(new, n, words.shape[1], random)
        np.put_along_axis(rows, spots, np.take_along_axis(words, values, axis=1), axis=1)
    return rows, spots, words, values


def accuracy(model, law: SheetLaw, *, n: int = 500, seed: int = 0) -> float:
    """Share of n sheets in which the prediction goes most with the right label word's vector."""
    tasks, candidates, right = law.answered(n, torch.Generator().manual_seed(seed))
    with torch.no_grad():
        predictions = model(tasks)
    nearest = [int((words @ p).argmax()) for words, p in zip(candidates, predictions)]
    return float(np.mean(np.equal(nearest, right)))


def bags(
    rows: Int[np.ndarray, "n length"], spots: Int[np.ndarray, "n count"], d: int
) -> Float[np.ndarray, "n count {d}"]:
    """How often each token stands in the sentence of each example, at unit length.

    Parameters
    ----------
    rows, spots : integer arrays
        Sheets, and the places of their label words, as `sheets` returns them.
    d : int
        Tokens of the language.
    """
    example = (np.arange(rows.shape[1]) > spots[:, :, None] + 1).sum(axis=1)  # of each token
    text = rows != 0  # <s>
    for place in (spots, spots + 1):  # the label words, and the ends of their lines
        np.put_along_axis(text, place, False, axis=1)
    sheets, places = np.nonzero(text)
    found = np.zeros((*spots.shape, d))
    np.add.at(found, (sheets, example[sheets, places], rows[sheets, places]), 1.0)
    return found / np.linalg.norm(found, axis=2, keepdims=True)
