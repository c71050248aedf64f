"""English text for pretraining: a folder of prose, and the unlabelled texts of training splits.

A corpus folder holds text files, ``.txt`` or ``.txt.gz``, in UTF-8; documents are separated by a
line ``<|endoftext|>``. Files whose name begins with ``validation`` are held out, all others are
for training.

A data folder holds ``<task>/train.jsonl``. Of each row only the texts are read, never the label. A
text that shares ten words in a row with a text of any ``validation.jsonl`` or ``test.jsonl`` there
is left out, because some of these data sets were made from the same reviews.
"""

import gzip
import hashlib
import json
import re
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

END = "<|endoftext|>"
"""The line, and the token, behind every document."""

COLUMNS = ("text", "premise", "hypothesis")
"""Columns of a data set that are texts."""


@dataclass(frozen=True)
class Prose:
    """Documents of a folder.

    Attributes
    ----------
    train, validation : list of str
        Documents. Those made from a data folder have no validation part.
    origin : dict
        Plain values for a record: counts, and the sha256 of every file.
    """

    train: list[str]
    validation: list[str] = field(default_factory=list)
    origin: dict = field(default_factory=dict)


def read(folder: Path | str) -> Prose:
    """Read a corpus folder.

    Raises
    ------
    ValueError
        If there is no such folder, a file cannot be read, or a part has no text.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise ValueError(f"{folder} is no folder; name one that holds text files (.txt, .txt.gz).")
    paths = sorted(p for p in folder.iterdir() if p.name.endswith((".txt", ".txt.gz")))
    parts: dict[str, list[str]] = {"train": [], "validation": []}
    for path in paths:
        part = "validation" if path.name.startswith("validation") else "train"
        parts[part] += _documents(_text(path))
    for part, name in (("train", "train.txt.gz"), ("validation", "validation.txt.gz")):
        if not parts[part]:
            raise ValueError(
                f"{folder} has no text for {part}; expected files such as {name}, and found "
                f"{', '.join(p.name for p in paths) or 'no text files'}."
            )
    counts = {f"{part}_documents": len(found) for part, found in parts.items()}
    return Prose(**parts, origin={**counts, "files": {p.name: _sha256(p) for p in paths}})


def texts(folder: Path | str, *, cap: int, lines: int, seed: int) -> Prose:
    """Read the texts of the training splits in a data folder.

    Parameters
    ----------
    folder : path
        Holds ``<task>/train.jsonl``.
    cap : int
        At most so many texts of a task, drawn.
    lines : int
        Texts in a document, one a line, all of one task.
    seed : int
        Of the drawing.

    Raises
    ------
    ValueError
        If there is no such file, a line is no JSON object with a text, or no text is left.
    """
    folder = Path(folder)
    paths = sorted(folder.glob("*/train.jsonl"))
    if not paths:
        raise ValueError(f"{folder} has no training splits; expected files <task>/train.jsonl.")
    evaluated = {
        run
        for name in ("validation", "test")
        for path in sorted(folder.glob(f"*/{name}.jsonl"))
        for text in _column_texts(path)
        for run in _runs(text)
    }
    seen: set[tuple[str, ...]] = set()
    documents, counts, dropped = [], {}, 0
    for number, path in enumerate(paths):
        found = []
        for text in _column_texts(path):
            runs = _runs(text)
            if runs & evaluated:
                dropped += 1
            elif not runs <= seen:
                found.append(text)
            seen |= runs
        order = np.random.default_rng([seed, number]).permutation(len(found))[:cap]
        chosen = [found[i] for i in order]
        counts[path.parent.name] = len(chosen)
        documents += ["\n".join(chosen[i : i + lines]) for i in range(0, len(chosen), lines)]
    if not documents:
        raise ValueError(f"{folder} has no training text that is not an evaluation text as well.")
    files = {f"{p.parent.name}/{p.name}": _sha256(p) for p in paths}
    return Prose(
        documents, [], {"texts": counts, "evaluation_texts_dropped": dropped, "files": files}
    )


def train_tokenizer(documents: Iterable[str], size: int, words: Iterable[str] = ()):
    """Train a byte-level BPE tokenizer; it adds nothing to a text.

    Parameters
    ----------
    documents : iterable of str
        What it is trained on.
    size : int
        Tokens, with the 256 bytes and ``<|endoftext|>``; fewer if the text has fewer.
    words : iterable of str
        Words that shall be one token each behind a space.

    Returns
    -------
    transformers.PreTrainedTokenizerFast

    Raises
    ------
    ValueError
        If the tokens are too few for the words.
    """
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        special_tokens=[END],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    words = list(words)
    tokenizer.train_from_iterator(_with_words(documents, words), trainer)
    several = [w for w in words if len(tokenizer.encode(f" {w}").ids) > 1]
    if several:
        raise ValueError(
            f"a vocabulary of {size} tokens has no room for {', '.join(several)}; expected one "
            "token each. Choose a larger vocabulary."
        )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token=END,
        eos_token=END,
        pad_token=END,
        clean_up_tokenization_spaces=False,
    )


def encode(documents: list[str], tokenizer) -> np.ndarray:
    """Return the tokens of all documents in a row, uint16, ``<|endoftext|>`` behind each."""
    end = tokenizer.convert_tokens_to_ids(END)
    pieces = []
    for first in range(0, len(documents), 100):
        found = tokenizer.backend_tokenizer.encode_batch_fast(
            documents[first : first + 100], add_special_tokens=False
        )
        pieces += [np.array([*one.ids, end], dtype=np.uint16) for one in found]
    return np.concatenate([np.zeros(0, np.uint16), *pieces])


def _with_words(documents: Iterable[str], words: list[str]) -> Iterator[str]:
    """The documents, and each word so often that it becomes a token."""
    total = 0
    for document in documents:
        total += len(document)
        yield document
    for word in words:
        yield f" {word}" * (1000 + total // 10_000)


def _text(path: Path) -> str:
    opened = gzip.open if path.suffix == ".gz" else open
    try:
        with opened(path, "rt", encoding="utf-8") as file:
            return file.read()
    except (OSError, EOFError, zlib.error) as error:
        raise ValueError(f"{path} cannot be read ({error}); fetch or pack it again.") from error
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is no text in UTF-8 ({error}); convert it.") from error


def _documents(text: str) -> list[str]:
    found = (part.strip("\n") for part in re.split(rf"^{re.escape(END)}$", text, flags=re.M))
    return [part for part in found if part.strip()]


def _column_texts(path: Path) -> list[str]:
    """The texts of a file's rows, each once, in order."""
    found: dict[str, None] = {}
    for number, line in enumerate(_text(path).splitlines(), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            parts = [row[column] for column in COLUMNS if column in row]
            found |= {part.strip(): None for part in parts if part.strip()}
        except (json.JSONDecodeError, TypeError, AttributeError) as error:
            raise ValueError(f"{path}, line {number} is no row of texts ({error}).") from error
        if not parts:
            raise ValueError(
                f"{path}, line {number} has no text; expected a column {', '.join(COLUMNS)}."
            )
    return list(found)


def _runs(text: str, length: int = 10) -> set[tuple[str, ...]]:
    """All runs of so many words, or all words of a shorter text; case and marks do not count."""
    words = re.findall(r"[^\W_]+", text.lower())
    return {tuple(words[i : i + length]) for i in range(max(1, len(words) - length + 1))}


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
