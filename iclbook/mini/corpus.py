"""The pretraining corpus: a mixture of stories and labelled sheets, drawn anew for every batch.

A document is a row of a batch: ``<s>``, then text up to the row's end. There are four sorts, with
the shares in ``Mixture``:

``story``
    Sentences that all show one value of one attribute. No labels.
``usual``
    A labelled sheet: examples in a task's template, one a line, with the task's label words in
    their usual sense. Classes are out of balance, most often towards the task's frequent word.
``swapped``
    The same, but the label words stand for the classes in an order drawn for this sheet.
``arbitrary``
    A labelled sheet with label words drawn for it from a pool of common words: sentences in a
    task's template, sentences alone (``"dull plot with weak cast = apple"``), or a list of words
    and phrases (``"dull plot = apple"``).

So the usual labels are known from the weights only fairly: they are rare, swapped sheets contradict
them, and one of them is more frequent. What a sheet means by its labels shows in its examples. In
labelled sheets some examples repeat an earlier one verbatim, label included.
"""

from dataclasses import dataclass

import numpy as np

from iclbook.gpt.text.tasks import MINI, SIX, Task, get
from iclbook.mini import language
from iclbook.mini.tokenizer import BOS, PAD, UNKNOWN, pieces
from iclbook.validate import check_count, check_number

ATTRIBUTE = {
    "mini-cb": "commitment",
    "mini-sst2": "sentiment",
    "mini-sst5": "level",
    "mini-subj": "subjectivity",
    "mini-mr": "sentiment",
    "mini-agnews": "topic",
}
"""Which attribute of the language is the label of a task."""

FREQUENT = {
    "mini-cb": 0,
    "mini-sst2": 1,
    "mini-sst5": 3,
    "mini-subj": 1,
    "mini-mr": 0,
    "mini-agnews": 0,
}
"""The label that usual and swapped sheets of a task show most often."""

POOL = (
    "apple pear plum cherry lemon melon grape peach cat dog horse cow goat sheep fox wolf "
    "green blue black white brown grey pink gold monkey tiger spoon fork knife plate cup bowl "
    "north south east west spring summer autumn winter"
)
"""Label words of arbitrary sheets, beside the tasks' own."""

LONG = ("mini-cb", "mini-agnews")
"""Tasks whose sheets need long rows: their templates are long."""

SORTS = ("story", "usual", "swapped", "arbitrary")
FORMS = ("list", "bare", "task")


@dataclass(frozen=True)
class Mixture:
    """Shares and shapes of the corpus.

    Attributes
    ----------
    story, usual, swapped : float
        Shares of the documents; the rest is ``arbitrary``. In long rows stories are left out.
    lists, bare : float
        Shares of arbitrary sheets that are lists of phrases, and sentences without a template.
    skew : float
        How much more frequent a task's frequent word is than each of the others, on average over
        usual and swapped sheets.
    evenness : float
        Concentration of the class shares of a sheet around that average.
    repeats : float
        Share of examples that repeat an earlier one of their sheet.
    short_rows, short, long_rows, long : int
        Rows of a batch and their lengths in tokens.
    """

    story: float = 0.1
    usual: float = 0.12
    swapped: float = 0.12
    lists: float = 0.2
    bare: float = 0.35
    skew: float = 4.0
    evenness: float = 3.0
    repeats: float = 0.3
    short_rows: int = 10
    short: int = 256
    long_rows: int = 2
    long: int = 736

    def __post_init__(self):
        for name in ("short_rows", "short", "long_rows", "long"):
            check_count(name, getattr(self, name))
        for name in ("story", "usual", "swapped"):
            check_number(name, getattr(self, name), low=0.0)
        for name in ("lists", "bare", "repeats"):
            check_number(name, getattr(self, name), low=0.0, high=1.0)
        if self.story + self.usual + self.swapped > 1:
            raise ValueError(
                f"story, usual and swapped are {self.story}, {self.usual} and {self.swapped}; "
                "expected shares that sum to 1 at most."
            )
        if self.lists + self.bare > 1:
            raise ValueError(
                f"lists and bare are {self.lists} and {self.bare}; expected shares that sum to 1 "
                "at most."
            )

    @property
    def tokens(self) -> int:
        """Tokens of a batch."""
        return self.short_rows * self.short + self.long_rows * self.long


def tasks() -> list[Task]:
    """The six tasks of the language."""
    return [get(name) for name in MINI]


def label_words() -> list[str]:
    """All label words: the tasks' own, then the pool."""
    own = [word for task in tasks() for word in task.labels]
    return list(dict.fromkeys(own + POOL.split()))


def vocabulary() -> list[str]:
    """The tokens of the language, without the three special ones."""
    texts = [get(name, wording).template for name in SIX for wording in ("code", "paper")]
    template = [t for text in texts for t in pieces(text) if "{" not in t]
    words = [f" {word}" for word in label_words() + language.vocabulary()]
    names = language.NEUTRAL["name"].split()
    return list(dict.fromkeys(["\n", ".", " =", *template, *words, *names]))


def token_ids() -> dict[str, int]:
    """Token to id, as in the saved tokenizer."""
    return {token: i for i, token in enumerate([BOS, UNKNOWN, PAD, *vocabulary()])}


def different(ids: np.ndarray, n: int, count: int, random: np.random.Generator) -> np.ndarray:
    """Draw tokens for each of n sheets, (n, count); those of a sheet are different."""
    return ids[random.random((n, len(ids))).argsort(axis=1)[:, :count]]


class Corpus:
    """Draws batches of the mixture.

    Parameters
    ----------
    mixture : Mixture
        Shares and shapes.
    seed : int
        Batch number ``n`` depends on the seed and ``n`` alone, so that a stopped training can go
        on anywhere.
    """

    def __init__(self, mixture: Mixture, seed: int):
        self.mixture, self.seed = mixture, seed
        self._ids = token_ids()
        self._labels = np.array([self._ids[f" {word}"] for word in label_words()])
        self._own = {
            task.name: np.array([self._ids[f" {word}"] for word in task.labels]) for task in tasks()
        }
        self._writers = {
            task.name: language.Writer(ATTRIBUTE[task.name], task.template, task.columns, self._ids)
            for task in tasks()
        }
        columns = {ATTRIBUTE[task.name]: task.columns for task in tasks()}
        for name, fields in columns.items():
            for form, template, chosen in (
                ("story", f" {{{fields[0]}}}.", fields),
                ("bare", f" {{{fields[0]}}} =", fields),
                ("list", " {text} =", None),
            ):
                self._writers[f"{form} {name}"] = language.Writer(name, template, chosen, self._ids)
        self._attributes = tuple(columns)

    def batch(self, number: int) -> list[np.ndarray]:
        """Return one batch: the short rows and the long ones, token ids (rows, length)."""
        mixture, random = self.mixture, np.random.default_rng([self.seed, number])
        short = [name for name in MINI if name not in LONG]
        return [
            self._rows(mixture.short_rows, mixture.short, short, mixture.story, random),
            self._rows(mixture.long_rows, mixture.long, LONG, 0.0, random),
        ]

    def documents(self, n: int, length: int, long: bool, random: np.random.Generator):
        """Return rows with the sort of each, for a look at the corpus.

        Returns
        -------
        tuple
            Token ids (n, length) and a list of n pairs (sort, writer).
        """
        names = LONG if long else [name for name in MINI if name not in LONG]
        plan = self._plan(n, names, 0.0 if long else self.mixture.story, random)
        rows = np.concatenate([self._write(p, 1, length, random) for p in plan])
        return rows, plan

    def sheets(self, task: str, n: int, count: int, arbitrary: bool, random: np.random.Generator):
        """Write sheets for a test: even classes, no repeated examples.

        Parameters
        ----------
        task : str
            A name of ``ATTRIBUTE``.
        n, count : int
            Sheets, and examples of each.
        arbitrary : bool
            Whether the label words are drawn for each sheet; else the task's own.
        random : numpy.random.Generator
            Drawn from.

        Returns
        -------
        tuple of arrays
            Token ids (n, length), filled with ``<s>`` at the end; places of the labels (n, count);
            label word of each class (n, classes); class of each example (n, count).
        """
        writer = self._writers[task]
        classes = language.attribute_named(writer.attribute).n_values
        kind = ("arbitrary" if arbitrary else "usual", task)
        words = self._words(kind, n, classes, random)
        values = random.permuted(np.arange(n * count) % classes).reshape(n, count)
        examples = self._examples(writer, words, values, random)
        ends = (examples >= 0).sum(axis=2).cumsum(axis=1)
        return self._pack(examples, ends.max() + 1), ends - 1, words, values

    def _rows(self, n, length, names, story, random):
        plan = self._plan(n, names, story, random)
        kinds = sorted(set(plan))
        return np.concatenate([self._write(k, plan.count(k), length, random) for k in kinds])

    def _plan(self, n, names, story, random):
        """The sort and the writer of each of n rows."""
        mixture = self.mixture
        shares = np.array([story, mixture.usual, mixture.swapped])
        sorts = random.choice(SORTS, size=n, p=[*shares, 1 - shares.sum()])
        shares = np.array([mixture.lists, mixture.bare])
        forms = random.choice(FORMS, size=n, p=[*shares, 1 - shares.sum()])
        plan = []
        for sort, form in zip(sorts.tolist(), forms.tolist(), strict=True):
            form = {"story": "story", "arbitrary": form}.get(sort, "task")
            which = random.choice(names if form == "task" else self._attributes)
            plan.append((sort, str(which) if form == "task" else f"{form} {which}"))
        return plan

    def _write(self, kind, n, length, random):
        """Write n rows of one sort with one writer."""
        sort, which = kind
        writer = self._writers[which]
        classes = language.attribute_named(writer.attribute).n_values
        count = length // (writer.shortest + (sort != "story")) + 1
        if sort == "story":
            values = np.repeat(random.integers(classes, size=(n, 1)), count, axis=1)
            text = writer.write(values.ravel(), random).reshape(n, count, -1)
            return self._pack(text, length)
        words = self._words(kind, n, classes, random)
        values = self._classes(kind, words, count, random)
        examples = self._examples(writer, words, values, random)
        source = self._sources(n, count, random)
        return self._pack(np.take_along_axis(examples, source[..., None], axis=1), length)

    def _examples(self, writer, words, values, random):
        """Examples with their labels and line breaks, (n, count, tokens), filled with -1."""
        text = writer.write(values.ravel(), random).reshape(*values.shape, -1)
        label = np.take_along_axis(words, values, axis=1)[..., None]
        return np.concatenate([text, label, np.full_like(label, self._ids["\n"])], axis=2)

    def _words(self, kind, n, classes, random):
        """The label word of each class, (n, classes)."""
        sort, which = kind
        if sort == "arbitrary":
            return different(self._labels, n, classes, random)
        own = np.tile(self._own[which], (n, 1))
        return random.permuted(own, axis=1) if sort == "swapped" else own

    def _classes(self, kind, words, count, random):
        """The class of each example, (n, count)."""
        sort, which = kind
        n, classes = words.shape
        if sort == "arbitrary":
            return random.integers(classes, size=(n, count))
        frequent = words == self._own[which][FREQUENT[which]]
        mean = np.where(frequent, self.mixture.skew, 1.0)
        weights = random.gamma(self.mixture.evenness * mean / mean.sum(axis=1, keepdims=True))
        shares = (weights / weights.sum(axis=1, keepdims=True)).cumsum(axis=1)
        drawn = (random.random((n, count, 1)) > shares[:, None, :]).sum(axis=2)
        return np.minimum(drawn, classes - 1)

    def _sources(self, n, count, random):
        """For each example the one it shows: itself, or an earlier one that it repeats."""
        source = np.tile(np.arange(count), (n, 1))
        again = random.random((n, count)) < self.mixture.repeats
        earlier = (random.random((n, count)) * np.arange(count)).astype(int)
        for i in range(1, count):
            repeated = source[np.arange(n), earlier[:, i]]
            source[:, i] = np.where(again[:, i], repeated, i)
        return source

    def _pack(self, examples, length):
        """Write the examples of each row one after the other behind ``<s>``, up to the length."""
        n = len(examples)
        flat = examples.reshape(n, -1)
        here = flat >= 0
        place = here.cumsum(axis=1)
        keep = here & (place < length)
        rows = np.full((n, length), self._ids[BOS])
        rows[np.nonzero(keep)[0], place[keep]] = flat[keep]
        return rows
