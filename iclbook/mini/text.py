"""The text that the English model reads, as rows of tokens."""

import os
from dataclasses import dataclass

import numpy as np

from iclbook.gpt.text.tasks import TASKS
from iclbook.mini import bigram, prose

CORPUS, DATA = "ICLBOOK_CORPUS", "ICLBOOK_DATA"
"""Environment variables with the folders to read."""


def label_words() -> list[str]:
    """The label words of all tasks: each is one token."""
    return list(dict.fromkeys(word for task in TASKS.values() for word in task.labels))


@dataclass(frozen=True)
class Text:
    """What a model reads, as tokens.

    Attributes
    ----------
    tokenizer : transformers.PreTrainedTokenizerFast
        Trained on `prose` and `texts`.
    prose, texts : arrays (n,)
        Token ids of the corpus, and of the texts of training splits (perhaps none).
    held : array (rows, window)
        Token ids of the held-out part.
    characters : float
        Characters a token in the held-out part.
    origin : dict
        ``corpus`` and ``texts``: plain values for a record.
    """

    tokenizer: object
    prose: np.ndarray
    texts: np.ndarray
    held: np.ndarray
    characters: float
    origin: dict

    def bigram(self, tokens: np.ndarray) -> float:
        """Loss of a bigram model of some tokens, on all tokens of `held` but each row's first."""
        model = bigram.fit(tokens, len(self.tokenizer))
        return -float(model.log_probs(self.held[:, :-1].ravel(), self.held[:, 1:].ravel()).mean())


def prepare(how) -> Text:
    """Read the folders, train the tokenizer, encode.

    Parameters
    ----------
    how : iclbook.mini.reader.Reader
        The settings.

    Raises
    ------
    ValueError
        If a folder is not named or not sound, or holds too little text.
    """
    corpus = prose.read(_folder(CORPUS, "--corpus"))
    texts = prose.Prose([])
    if how.text_rows:
        folder = _folder(DATA, "--data")
        texts = prose.texts(folder, cap=how.cap, lines=how.lines, seed=how.seed)
    tokenizer = prose.train_tokenizer(corpus.train + texts.train, how.vocabulary, label_words())
    held = prose.encode(corpus.validation, tokenizer)
    if len(held) < how.window:
        raise ValueError(
            f"the held-out text has {len(held)} tokens; expected a row of {how.window} or more. "
            "Give more text, or choose a smaller window."
        )
    return Text(
        tokenizer,
        prose.encode(corpus.train, tokenizer),
        prose.encode(texts.train, tokenizer),
        held[: len(held) // how.window * how.window].reshape(-1, how.window),
        sum(map(len, corpus.validation)) / len(held),
        dict(corpus=corpus.origin, texts=texts.origin),
    )


class Rows:
    """Tokens cut into rows, in an order drawn anew for every time through.

    Parameters
    ----------
    tokens : array (n,)
        Token ids.
    window : int
        Length of a row.
    seed : list of int
        Of the order, and of where the first row begins.

    Raises
    ------
    ValueError
        If there are too few tokens for a row.
    """

    def __init__(self, tokens: np.ndarray, window: int, seed: list[int]):
        if len(tokens) < 2 * window:
            raise ValueError(
                f"the training text has {len(tokens)} tokens; expected {2 * window} or more. Give "
                "more text, or choose a smaller window."
            )
        self.tokens, self.window, self.seed = tokens, window, seed
        self.n = len(tokens) // window - 1
        self._time, self._order, self._shift = -1, None, 0

    def __getitem__(self, number: int) -> np.ndarray:
        """Row `number`, counted on through all times: token ids (window,), int64."""
        time, place = divmod(number, self.n)
        if time != self._time:
            random = np.random.default_rng([*self.seed, time])
            self._time, self._order = time, random.permutation(self.n)
            self._shift = int(random.integers(self.window))
        first = self._shift + self.window * int(self._order[place])
        return self.tokens[first : first + self.window].astype(np.int64)


def _folder(variable: str, option: str) -> str:
    folder = os.environ.get(variable)
    if not folder:
        what = {CORPUS: "folder of English text", DATA: "folder of data sets"}[variable]
        raise ValueError(f"no {what} to read; name one with {option}, or set {variable}.")
    return folder
