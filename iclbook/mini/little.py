"""A language so small that a model learns in context within a minute: a few words of two values.

A *sheet* is examples, one a line, such as ``" awful = apple"``: a word, and the label word that
stands for its value in this sheet. A *story* is words of one value among neutral words, without
labels. Label words are drawn for each sheet, so no weight can know what they mean.

The trap: how long it takes depends on how much there is to tell apart. With twice the words and
label words a model of this size may see nothing but a plateau in the same time.
"""

from dataclasses import dataclass

import numpy as np

from iclbook.mini import language
from iclbook.mini.corpus import POOL, different
from iclbook.mini.tokenizer import BOS, PAD, UNKNOWN
from iclbook.validate import check_count

VALUES = tuple(language.SENTIMENT[level].split() for level in (0, -1))
"""Words of the two values."""

NEUTRAL = language.NEUTRAL["thing"].split()
UNSEEN = ["red", "orange", "purple", "silver", "bronze", "violet", "scarlet", "indigo"]
KINDS = ("known", "new", "unseen")
"""Label words: of the trained ones; from the neutral words, which never are labels in training; and
words that stand nowhere in training."""


@dataclass(frozen=True)
class Little:
    """The language, and how its documents are written.

    Attributes
    ----------
    words : int
        How many words each value has.
    labels : int
        How many label words sheets use.
    examples : int
        In a sheet.
    """

    words: int = 4
    labels: int = 16
    examples: int = 8

    def __post_init__(self) -> None:
        check_count("examples", self.examples)
        for name, least, there in (("words", 1, VALUES[0]), ("labels", 2, POOL.split())):
            if check_count(name, getattr(self, name), low=least) > len(there):
                raise ValueError(
                    f"{name} is {getattr(self, name)}; expected {least} to {len(there)}, as many "
                    "as there are."
                )

    @property
    def length(self) -> int:
        """Tokens of a document."""
        return 1 + 4 * self.examples

    @property
    def parts(self) -> dict[str, list[str]]:
        """The words: both values, neutral ones, known and unseen label words."""
        bad, good = (words[: self.words] for words in VALUES)
        known = POOL.split()[: self.labels]
        return {"bad": bad, "good": good, "new": NEUTRAL, "known": known, "unseen": UNSEEN}

    def vocabulary(self) -> list[str]:
        """The tokens, without the three special ones."""
        return ["\n", " =", *(f" {word}" for words in self.parts.values() for word in words)]

    def ids(self) -> dict[str, np.ndarray]:
        """Token ids by part; ``cue`` and ``line`` are the equals sign and the line break."""
        known = {token: i for i, token in enumerate([BOS, UNKNOWN, PAD, *self.vocabulary()])}
        found = {
            part: np.array([known[f" {word}"] for word in words])
            for part, words in self.parts.items()
        }
        return found | {"line": known["\n"], "cue": known[" ="]}

    def batch(self, rows: int, sheets: float, random: np.random.Generator) -> np.ndarray:
        """Documents, (rows, length), each a sheet with probability `sheets`, else a story."""
        ids = self.ids()
        there = self.sheets(rows, "known", random)[0]
        value = random.integers(2, size=rows)
        shown = np.stack([ids["bad"], ids["good"]])[value]
        shape = (rows, self.length - 1)
        told = np.take_along_axis(shown, random.integers(shown.shape[1], size=shape), axis=1)
        neutral = random.choice(ids["new"], size=shape)
        story = there.copy()
        story[:, 1:] = np.where(random.random(shape) < 0.5, told, neutral)
        return np.where(random.random((rows, 1)) < sheets, there, story)

    def sheets(self, n: int, kind: str, random: np.random.Generator):
        """Write sheets with label words of a kind.

        Returns
        -------
        tuple of arrays
            Token ids (n, length); label word of each value (n, 2); value of each example
            (n, examples).
        """
        ids = self.ids()
        values = random.integers(2, size=(n, self.examples))
        words = np.stack([ids["bad"], ids["good"]])
        shown = words[values, random.integers(words.shape[1], size=values.shape)]
        labels = different(ids[kind], n, 2, random)
        answers = np.take_along_axis(labels, values, axis=1)
        lines = np.stack(
            [shown, np.full_like(shown, ids["cue"]), answers, np.full_like(shown, ids["line"])],
            axis=2,
        ).reshape(n, -1)
        return np.pad(lines, ((0, 0), (1, 0))), labels, values  # <s> is token 0

    def places(self) -> np.ndarray:
        """Where the label words of a sheet stand."""
        return 3 + 4 * np.arange(self.examples)

    def is_label(self, rows: np.ndarray) -> np.ndarray:
        """Which tokens of documents (rows, length) are label words of sheets."""
        found = np.zeros(rows.shape, dtype=bool)
        found[:, :-1] = rows[:, 1:] == self.ids()["line"]
        return found


def answers(net, language: Little, *, sheets: int = 400, seed: int = 1) -> dict[str, list[float]]:
    """How a model answers sheets with label words of each kind.

    Parameters
    ----------
    net : transformers.PreTrainedModel
        A causal language model with the language's tokens.
    language : Little
    sheets : int
        Of each kind.
    seed : int
        Of the sheets.

    Returns
    -------
    dict
        Kind to accuracies at each place of a sheet, the first of them zero-shot: the likelier of
        the sheet's two label words is right. ``said_`` and the kind: the likeliest of all tokens
        is. ``fresh_`` and the kind, in the second half of the sheets: among the two, at words that
        do not stand earlier in the sheet while the other of their value does, one number.
    """
    import torch

    random, found = np.random.default_rng([seed, 6]), {}
    for kind in KINDS:
        rows, labels, values = language.sheets(sheets, kind, random)
        with torch.inference_mode():
            scores = net(input_ids=torch.from_numpy(rows).to(net.device)).logits.cpu().numpy()
        scores = scores[:, language.places() - 1]
        among = np.take_along_axis(scores, labels[:, None], axis=2).argmax(axis=2) == values
        said = scores.argmax(axis=2) == np.take_along_axis(labels, values, axis=1)
        fresh = unheard(rows[:, language.places() - 2], values)
        fresh[:, : language.examples // 2] = False
        found[kind] = among.mean(axis=0).tolist()
        found[f"said_{kind}"] = said.mean(axis=0).tolist()
        found[f"fresh_{kind}"] = [float(among[fresh].mean()) if fresh.any() else None]
    return found


def unheard(words: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Where an example's word does not stand earlier in its sheet, but its value does."""

    def earlier(found):
        same = found[:, :, None] == found[:, None, :]
        return (same & np.tri(found.shape[1], k=-1, dtype=bool)).any(axis=2)

    return ~earlier(words) & earlier(values)
