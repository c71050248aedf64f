"""Texts to train small models on: batches, what was trained on, and what was held out.

========== ==================================================================================
``mini``   the small language of the book, in words; what is held out is drawn with another seed
``python`` the source code of Python's standard library, in bytes: on every machine that runs this
a folder   files ``*.txt`` and ``*.txt.gz``, in bytes; those named ``validation*`` are held out
========== ==================================================================================

A batch depends on the seed and its number alone, so that all variants read the same in order.
"""

import gzip
import hashlib
import os
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from iclbook.mini.corpus import Corpus, Mixture, vocabulary

Batch = list[np.ndarray]
"""Arrays of token ids, (rows, tokens) each."""

PARTS = 4
"""Batches of which perplexity is measured."""

ANOTHER = 10**6
"""What is added to a seed for held-out text of the small language."""


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


@dataclass
class Bytes:
    """Text files, each byte a token.

    Parameters
    ----------
    training, validation : bytes
        Two texts.
    seed : int
    rows, length : int
        Of a batch: pieces that begin anywhere in the text.
    """

    training: bytes
    validation: bytes
    seed: int
    rows: int
    length: int
    vocabulary: int = 256

    def __post_init__(self):
        for name, text in (("training", self.training), ("held-out", self.validation)):
            if len(text) <= self.rows * self.length * PARTS:
                raise ValueError(
                    f"there are {len(text)} bytes of {name} text; expected more than "
                    f"{self.rows * self.length * PARTS} for {PARTS} batches of {self.rows} pieces "
                    f"of {self.length}. Take a longer text or smaller batches."
                )

    @property
    def sha256(self) -> str:
        """Of both texts, one behind the other."""
        return hashlib.sha256(self.training + self.validation).hexdigest()

    def batch(self, number: int) -> Batch:
        """The batch of a step of training."""
        random = np.random.default_rng([self.seed, number])
        begin = random.integers(len(self.training) - self.length, size=self.rows)
        return [_pieces(self.training, begin, self.length)]

    def held_out(self) -> Batch:
        """Pieces of the other text, at equal distances; the same for every seed."""
        most = len(self.validation) - self.length
        begin = np.linspace(0, most, self.rows * PARTS).astype(int)
        return [_pieces(self.validation, begin, self.length)]


def open_text(name: str, seed: int, rows: int, length: int) -> Words | Bytes:
    """The text of this name.

    Parameters
    ----------
    name : str
        ``mini``, ``python``, or a folder.
    seed : int
        Of its batches.
    rows, length : int
        Of a batch, in tokens.

    Raises
    ------
    ValueError
        If it is neither, or holds too little.
    """
    if name == "mini":
        return Words(seed, rows, length)
    if name == "python":
        files = sorted(Path(os.__file__).parent.glob("*.py"))
        held = files[::10]
        training = [path for path in files if path not in held]
    else:
        files = sorted(path for end in ("*.txt", "*.txt.gz") for path in Path(name).glob(end))
        held = [path for path in files if path.name.startswith("validation")]
        training = [path for path in files if path not in held]
        if not held or not training:
            raise ValueError(
                f"text is {name!r}; expected 'mini', 'python', or a folder with *.txt or *.txt.gz "
                "of which one or more are called validation*, which are held out."
            )
    return Bytes(_read(training), _read(held), seed, rows, length)


def _read(paths: list[Path]) -> bytes:
    """The files one behind the other."""
    return b"\n".join(
        gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        for path in paths
    )


def _pieces(text: bytes, begin: np.ndarray, length: int) -> np.ndarray:
    whole = np.frombuffer(text, dtype=np.uint8)
    return np.stack([whole[b : b + length] for b in begin]).astype(np.int64)
