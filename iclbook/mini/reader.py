"""A small model that reads English: pretraining on prose, with its own tokenizer.

The texts of the data sets' training splits are a part of what it reads, so that it has met reviews,
news and questions; labels, templates and demonstrations are not. It is compared with a bigram model
on the same held-out tokens.

Folders are named by environment variables, so that a record holds no path: ``ICLBOOK_CORPUS`` and
``ICLBOOK_DATA`` (see :mod:`iclbook.mini.prose`), and ``ICLBOOK_CHECKPOINTS`` for what is written.
"""

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from iclbook.mini import model
from iclbook.mini.text import Rows, Text, label_words, prepare
from iclbook.mini.training import Schedule, mean_loss, train, workplace
from iclbook.records.record import Results
from iclbook.rounding import rounded
from iclbook.validate import check_count, check_number

LEARNT = 0.05
"""Tolerance on a trained model's losses: rounding on another processor changes the whole run."""


@dataclass(frozen=True)
class Reader(Schedule):
    """Train a tokenizer and a GPT-NeoX on English text, and compare it with a bigram model.

    The last fields are those of :class:`iclbook.mini.training.Schedule`.

    Attributes
    ----------
    seed : int
        Of the weights and of the order of the text.
    vocabulary : int
        Tokens; the tasks' label words are tokens.
    width, layers, heads : int
        Of the model; the MLP is four times as wide, input and output share one table.
    window : int
        Tokens of a row.
    rows : int
        Rows of a batch.
    text_rows : int
        How many of each 16 rows are texts of training splits; the others are prose.
    cap : int
        At most so many texts of one task.
    lines : int
        Texts of a task stand together, so many in a document, one a line.
    """

    seed: int = 0
    vocabulary: int = 8192
    width: int = 192
    layers: int = 4
    heads: int = 3
    window: int = 1024
    rows: int = 4
    text_rows: int = 2
    cap: int = 10_000
    lines: int = 20
    steps: int = 2400
    every: int = 100
    lr: float = 4e-3
    warmup: int = 100
    fall: float = 0.4
    decay: float = 0.01
    precision: str = "bfloat16"
    minutes: float = 60.0
    threads: int = 1

    def __post_init__(self):
        super().__post_init__()
        model.check_sizes(self)
        for name in ("vocabulary", "window", "rows", "cap", "lines"):
            check_count(name, getattr(self, name))
        check_count("text_rows", self.text_rows, low=0)
        check_number("minutes", self.minutes, low=0.0, open_low=True)
        if self.text_rows > 16:
            raise ValueError(f"text_rows is {self.text_rows}; expected at most 16 of 16.")
        if not 300 <= self.vocabulary <= 2**16:
            raise ValueError(f"vocabulary is {self.vocabulary}; expected 300 to 65536 tokens.")

    def run(self) -> Results:
        """Train, or go on from the state in ``ICLBOOK_CHECKPOINTS`` if that folder is set.

        The model goes to ``model`` in that folder, with its tokenizer.

        Raises
        ------
        ValueError
            If a folder is not named or not sound, or the state is broken, belongs to another
            training, or cannot be written.
        iclbook.mini.training.OutOfTime
            If there is more to do than time; the state is kept.
        FloatingPointError
            If the loss is no longer finite.
        """
        with workplace(self.threads) as folder:
            return self._run(folder)

    def _run(self, folder: Path) -> Results:
        text = prepare(self)
        net = model.untrained(
            self,
            vocab_size=len(text.tokenizer),
            intermediate_size=4 * self.width,
            max_position_embeddings=self.window,
            tie_word_embeddings=True,
            pad_token_id=0,
        )
        streams = [
            Rows(tokens, self.window, [self.seed, number])
            for number, tokens in enumerate((text.prose, text.texts))
            if len(tokens)
        ]
        held = text.held[:, None].astype(np.int64)  # (rows, 1, window): each row alone
        few = held[:: math.ceil(len(held) / 32)]
        seen = train(
            net,
            self,
            text.origin,
            lambda step: self.batch(streams, step),
            lambda step: {"validation": mean_loss(net, few, self.precision)},
            folder / "english.pt",
        )
        model.save(net, text.tokenizer, folder / "model")
        read = [row[0] for step in range(self.steps) for row in self.batch(streams, step)]
        every = np.concatenate([text.prose, text.texts])
        return _results(
            seen,
            text,
            parameters=sum(p.numel() for p in net.parameters()),
            tokens_seen=self.steps * self.rows * self.window,
            whole=mean_loss(net, held, self.precision),
            pairs={
                "bigram": text.bigram(np.concatenate(read)),
                "bigram_of_all_text": text.bigram(every),
            },
        )

    def batch(self, streams: list[Rows], step: int) -> list[np.ndarray]:
        """Rows of a batch, each an array (1, window); it depends on seed and step alone."""
        found = []
        for row in range(step * self.rows, (step + 1) * self.rows):
            before, within = divmod(row, 16)
            # Rows of texts stand evenly among the others.
            earlier = before * self.text_rows + within * self.text_rows // 16
            later = before * self.text_rows + (within + 1) * self.text_rows // 16
            which, number = (1, earlier) if later > earlier else (0, row - earlier)
            found.append(streams[which][number][None])
        return found


def _results(
    seen: dict,
    text: Text,
    *,
    parameters: int,
    tokens_seen: int,
    whole: float,
    pairs: dict[str, float],
) -> Results:
    bits = 1 / (text.characters * math.log(2))
    every = np.bincount(np.concatenate([text.prose, text.texts]), minlength=len(text.tokenizer))
    learnt = {
        "validation": seen["validation"],
        "validation_nats_a_token": whole,
        "validation_bits_a_character": whole * bits,
    }
    counted = {f"{name}_nats_a_token": value for name, value in pairs.items()} | {
        f"{name}_bits_a_character": value * bits for name, value in pairs.items()
    }
    exact = dict(
        step=seen["step"],
        parameters=parameters,
        tokens_seen=tokens_seen,
        prose_tokens=len(text.prose),
        text_tokens=len(text.texts),
        validation_tokens=text.held.size,
        characters_a_token=text.characters,
        label_words={
            word: int(every[text.tokenizer.encode(f" {word}")[0]]) for word in label_words()
        },
        **{name: value for name, value in text.origin.items() if value},
    )
    deterministic = {
        name: {"value": value, "tolerance": tolerance}
        for values, tolerance in ((learnt, LEARNT), (counted, 1e-6), (exact, 0))
        for name, value in values.items()
    }
    measured = {
        name: {"value": rounded(sum(seen[name]), 1), "unit": "s"}
        for name in ("seconds", "processor_seconds")
    }
    return Results(deterministic, measured)
