"""The small languages as texts: what is trained on, what is held out, and questions in context.

A batch depends on the seed and its number alone, so that all variants read the same in order.
"""

from dataclasses import dataclass, field

import numpy as np

from iclbook.gpt.text.tasks import MINI
from iclbook.mini import little
from iclbook.mini.corpus import Corpus, Mixture, vocabulary
from iclbook.mini.measure import right

Batch = list[np.ndarray]
"""Arrays of token ids, (rows, tokens) each."""

PARTS = 4
"""Batches of which perplexity is measured."""

ANOTHER = 10**6
"""What is added to a seed for held-out text of the small languages."""

SHEETS, EXAMPLES, FIRST = 16, 12, 8
"""Sheets of each task in which examples are answered, how many a sheet has, and the first of them
that is: the four last ones, each behind all before it."""


@dataclass
class Words:
    """The small language.

    Parameters
    ----------
    seed : int
    rows, length : int
        Of a batch: rows of short sheets and stories, and a quarter as many with long templates.
    """

    seed: int
    rows: int
    length: int
    vocabulary: int = field(init=False)
    sha256: None = None
    spread: float = 0.02  # of the weights with which a model for it begins

    def __post_init__(self):
        mixture = Mixture(
            short_rows=self.rows,
            short=self.length,
            long_rows=max(1, self.rows // 4),
            long=self.length,
        )
        self.vocabulary = 3 + len(vocabulary())
        self.corpus, self._other = (Corpus(mixture, self.seed + n) for n in (0, ANOTHER))

    def batch(self, number: int) -> Batch:
        """The batch of a step of training."""
        return self.corpus.batch(number)

    def held_out(self) -> Batch:
        """Documents of the same kind that no training reads."""
        return [rows for number in range(PARTS) for rows in self._other.batch(number)]

    def in_context(self, net) -> dict[str, list[float]]:
        """Share of right answers on each task, behind eight examples or more.

        Label words are the task's own (``usual``), or drawn for each sheet (``arbitrary``). The
        sheets are the same for every variant of a seed.
        """
        found = {}
        for name in ("usual", "arbitrary"):
            random = np.random.default_rng([self.seed, 3])
            how = (SHEETS, EXAMPLES, name == "arbitrary", random)
            found[name] = [right(net, *self.corpus.sheets(task, *how), FIRST) for task in MINI]
        return found


@dataclass
class Sheets:
    """Sheets of the little language, see `iclbook.mini.little`.

    Parameters
    ----------
    seed : int
    rows, length : int
        Of a batch; a sheet has one token and four for each example.
    """

    seed: int
    rows: int
    length: int
    vocabulary: int = field(init=False)
    sha256: None = None
    spread: float = 0.15

    def __post_init__(self):
        if self.length % 4 != 1:
            raise ValueError(
                f"length is {self.length}; expected 1 and four for each example of a sheet, such "
                "as 33 for eight."
            )
        self.language = little.Little(examples=self.length // 4)
        self.vocabulary = 3 + len(self.language.vocabulary())

    def batch(self, number: int) -> Batch:
        """The batch of a step of training."""
        return self._sheets(self.seed, number)

    def held_out(self) -> Batch:
        """Sheets that no training reads."""
        return [rows for n in range(PARTS) for rows in self._sheets(self.seed + ANOTHER, n)]

    def _sheets(self, *seed: int) -> Batch:
        return [self.language.batch(self.rows, 1.0, np.random.default_rng(seed))]

    def in_context(self, net) -> dict[str, list[float]]:
        """Share of right answers at each place in the second half of a sheet.

        At all words (``known``), one number a place, and at those that do not stand earlier in
        their sheet (``fresh``), one number.
        """
        found = little.answers(net, self.language, seed=self.seed)
        half = self.language.examples // 2
        return {"known": found["known"][half:], "fresh": found["fresh_known"]}


LANGUAGES = {"mini": Words, "little": Sheets}
"""The languages by name."""
