"""Texts to train models on: batches, what was trained on, and what was held out.

=========== =================================================================================
``mini``    the small language of the book, in words; what is held out is drawn with another seed
``little``  labelled sheets of a still smaller one, which a small model learns to read in context
            within a minute
``python``  the source code of Python's standard library: on every machine that runs this
``package`` the packaged sentences of subj and mr: those that demonstrations are drawn from, and
            held out those that are evaluated
a folder    files ``*.txt`` and ``*.txt.gz``; those named ``validation*`` are held out
=========== =================================================================================

The last three are read in bytes, or in the tokens of a pretrained model. A batch depends on the
seed and its number alone, so that all variants read the same in order.
"""

import gzip
import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from iclbook.gpt.text.data import load_rows
from iclbook.momentum.languages import LANGUAGES, PARTS, Batch

PACKAGED = ("subj", "mr")


@dataclass
class Pieces:
    """Text as token ids, cut into pieces.

    Parameters
    ----------
    training, validation : arrays of int, (tokens,)
        Two texts.
    seed : int
    rows, length : int
        Of a batch: pieces that begin anywhere in the text.
    """

    training: np.ndarray
    validation: np.ndarray
    seed: int
    rows: int
    length: int
    vocabulary: int = 256
    spread: float = 0.02

    def __post_init__(self):
        for name, text in (("training", self.training), ("held-out", self.validation)):
            if len(text) <= self.rows * self.length * PARTS:
                raise ValueError(
                    f"there are {len(text)} tokens of {name} text; expected more than "
                    f"{self.rows * self.length * PARTS} for {PARTS} batches of {self.rows} pieces "
                    f"of {self.length}. Take a longer text or smaller batches."
                )

    @property
    def sha256(self) -> str:
        """Of both texts, one behind the other."""
        return hashlib.sha256(self.training.tobytes() + self.validation.tobytes()).hexdigest()

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

    def in_context(self, net) -> dict[str, list[float]]:
        """Nothing: such text asks no questions."""
        return {}


def open_text(name: str, seed: int, rows: int, length: int, tokenizer=None):
    """The text of this name.

    Parameters
    ----------
    name : str
        ``mini``, ``little``, ``python``, ``package``, or a folder.
    seed : int
        Of its batches.
    rows, length : int
        Of a batch, in tokens.
    tokenizer : transformers.PreTrainedTokenizerFast, optional
        What reads it; else a byte is a token. The small languages have tokens of their own.

    Returns
    -------
    iclbook.momentum.languages.Words or Sheets, or Pieces

    Raises
    ------
    ValueError
        If it is none of these, or holds too little.
    """
    if name in LANGUAGES:
        return LANGUAGES[name](seed, rows, length)
    both = read(name)
    if tokenizer is None:
        ids = [np.frombuffer(text, dtype=np.uint8) for text in both]
    else:
        given = dict(add_special_tokens=False, verbose=False)
        ids = [np.array(tokenizer(text.decode(), **given)["input_ids"]) for text in both]
    return Pieces(*ids, seed, rows, length)


def read(name: str) -> tuple[bytes, bytes]:
    """Training and held-out text: ``python``, ``package``, or a folder.

    Raises
    ------
    ValueError
        If it is none of these.
    """
    if name == "package":
        rows = [load_rows(task, "package") for task in PACKAGED]
        texts = ([x for r in rows for x in r.train], [x for r in rows for x in r.evaluation])
        return tuple("\n".join(row["text"] for row in text).encode() for text in texts)
    if name == "python":
        files = sorted(Path(os.__file__).parent.glob("*.py"))
        held = files[::10]
    else:
        files = sorted(path for end in ("*.txt", "*.txt.gz") for path in Path(name).glob(end))
        held = [path for path in files if path.name.startswith("validation")]
        if not held or held == files:
            raise ValueError(
                f"text is {name!r}; expected 'mini', 'little', 'python', 'package', or a folder "
                "with *.txt or *.txt.gz of which one or more are called validation*, which are "
                "held out."
            )
    return _joined([path for path in files if path not in held]), _joined(held)


def _joined(paths: list[Path]) -> bytes:
    """The files one behind the other."""
    return b"\n".join(
        gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        for path in paths
    )


def _pieces(text: np.ndarray, begin: np.ndarray, length: int) -> np.ndarray:
    return np.stack([text[b : b + length] for b in begin]).astype(np.int64)
