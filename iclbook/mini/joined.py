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

from iclbook.mini.corpus import Corpus, Mixture, token_ids
from iclbook.mini.language import ATTRIBUTES
from iclbook.mini.newwords import sheet
from iclbook.regression.tasks import Tasks
from iclbook.validate import check_choice, check_count


@dataclass(frozen=True)
class SheetLaw:
    """Sheets as tasks: some examples with their label words, and one to be answered.

    Attributes
    ----------
    attribute : str
        What decides the class, of `iclbook.mini.language.ATTRIBUTES`; empty for any.
    setting : str
        Label words: arbitrary (drawn for each sheet from those of arbitrary sheets), or new (from
        words that are never labels there).
    N : int
        Examples with their label words.
    d_out : int
        Width of the vectors of label words.
    """

    attribute: str = ""
    setting: str = "arbitrary"
    N: int = 11
    d_out: int = 8

    def __post_init__(self) -> None:
        check_choice("attribute", self.attribute, ("", *ATTRIBUTES))
        check_choice("setting", self.setting, ("arbitrary", "new"))
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
                drawn = sheet(self._corpus, f"bare {name}", self.setting, n, self.N + 1, random)
                x.append(_bags(*drawn[:2], self.d))
                y.append(self.label_vectors[np.take_along_axis(drawn[2], drawn[3], axis=1)])
                candidates += list(torch.as_tensor(self.label_vectors[drawn[2]], dtype=dtype))
                right += drawn[3][:, -1].tolist()
        x, y = (torch.as_tensor(np.concatenate(parts), dtype=dtype) for parts in (x, y))
        return Tasks(x[:, :-1], y[:, :-1], x[:, -1], y[:, -1]), candidates, right

    @cached_property
    def _corpus(self) -> Corpus:
        return Corpus(Mixture(), 0)


def accuracy(model, law: SheetLaw, *, sheets: int = 500, seed: int = 0) -> float:
    """Share of sheets in which the prediction is nearest to the right label word's vector."""
    tasks, candidates, right = law.answered(sheets, torch.Generator().manual_seed(seed))
    with torch.no_grad():
        predictions = model(tasks)
    nearest = [int((words @ p).argmax()) for words, p in zip(candidates, predictions)]
    return float(np.mean(np.equal(nearest, right)))


def _bags(rows: np.ndarray, spots: np.ndarray, d: int) -> np.ndarray:
    """How often each token stands in each example, at unit length, (n, count, d)."""
    n, count = spots.shape
    example = (np.arange(rows.shape[1]) > spots[:, :, None] + 1).sum(axis=1)  # of each token
    bags = np.zeros((n, count + 1, d))
    sheets, places = np.nonzero(np.ones_like(rows, dtype=bool))
    np.add.at(bags, (sheets, example.ravel(), rows[sheets, places]), 1.0)
    labels = rows[np.arange(n)[:, None], spots]
    bags[np.arange(n)[:, None], np.arange(count), labels] -= 1.0
    bags = bags[:, :count]
    return bags / np.linalg.norm(bags, axis=2, keepdims=True)
