"""A small language of short English sentences whose words show attributes.

A sentence is made from a frame, such as ``"{ADJECTIVE} {thing} with {ADJECTIVE} {thing2}"``. A
slot in lower case takes a neutral word; the same slot name takes the same word wherever it stands
in one example. A slot in capitals takes a word that shows the value of the attribute: with
probability ``1 - noise`` a word of that value, else one of another value. So no single word
decides, and no reader is always right.

There are five attributes: ``sentiment`` (two values), ``level`` (of the sentiment, five values),
``subjectivity`` (2), ``topic`` (4) and ``commitment`` (3: does somebody's remark make the clause
true, false, or leave it open, as in CommitmentBank).
"""

from dataclasses import dataclass, field

import numpy as np

from iclbook.mini.tokenizer import pieces
from iclbook.validate import check_choice, check_count

NEUTRAL = {
    "thing": "film plot cast ending music script scene story",
    "name": "anna ben carla david emma felix grace henry",
    "state": "cold open late here wet old clean heavy",
    "place": "paris london boston cairo tokyo lima oslo delhi",
    "day": "monday tuesday wednesday thursday friday saturday sunday today",
}
"""Neutral words by slot. A slot name may end in a digit, for a second word of its kind."""

SENTIMENT = (
    "awful dreadful horrid hopeless wretched ghastly painful worthless",
    "dull tired weak clumsy slow stale thin flat",
    "plain average ordinary usual familiar modest middling standard",
    "pleasant warm neat lively charming clever solid fresh",
    "superb brilliant stunning splendid flawless dazzling wonderful perfect",
)
"""Adjectives from very bad to very good."""


@dataclass(frozen=True)
class Attribute:
    """What a kind of sentence can show.

    Attributes
    ----------
    words : dict
        Slot to one string of words a value.
    frames : tuple of tuple of str
        One tuple of columns a frame: the texts of one example.
    phrases : tuple of str
        Frames of a word or two, for lists.
    noise : float
        Probability that a word shows another value.
    """

    words: dict[str, tuple[str, ...]]
    frames: tuple[tuple[str, ...], ...]
    phrases: tuple[str, ...]
    noise: float = 0.1

    @property
    def n_values(self) -> int:
        """How many values it has."""
        return len(next(iter(self.words.values())))


_PRAISE = ("{ADJECTIVE}", "{ADJECTIVE} {thing}", "{ADJECTIVE} {ADJECTIVE}")

_REVIEWS = (
    ("{ADJECTIVE} {thing} with {ADJECTIVE} {ADJECTIVE} {thing2}",),
    ("{ADJECTIVE} and {ADJECTIVE} with {ADJECTIVE} {thing}",),
    ("{thing} is {ADJECTIVE} {ADJECTIVE} and {ADJECTIVE}",),
    ("{ADJECTIVE} {ADJECTIVE} and {ADJECTIVE} {thing}",),
)

ATTRIBUTES = {
    "sentiment": Attribute(
        {
            "ADJECTIVE": (
                f"{SENTIMENT[0]} {SENTIMENT[1]}",
                f"{SENTIMENT[3]} {SENTIMENT[4]}",
            )
        },
        _REVIEWS,
        _PRAISE,
    ),
    "level": Attribute({"ADJECTIVE": SENTIMENT}, _REVIEWS, _PRAISE),
    "subjectivity": Attribute(
        {
            "NOUN": (
                "detective captain soldier sister king thief doctor sailor",
                "charm mood humour feeling taste wit tone message",
            ),
            "VERB": (
                "finds follows marries robs meets leaves hides rescues",
                "delights bores moves annoys amuses tires touches pleases",
            ),
        },
        (
            ("the {NOUN} {VERB} the {NOUN}",),
            ("a {NOUN} {VERB} and {VERB} it",),
            ("{NOUN} {VERB} {NOUN} in the {thing}",),
            ("{NOUN} {VERB} and {VERB} the {NOUN}",),
        ),
        ("{NOUN}", "{VERB}", "{NOUN} {VERB}"),
    ),
    "topic": Attribute(
        {
            "NOUN": (
                "minister president army embassy treaty election border parliament",
                "team coach striker league champion keeper referee stadium",
                "bank shares market company investor profits retailer economy",
                "software chip robot satellite laptop browser network scientist",
            ),
            "VERB": (
                "invades protests votes signs",
                "defeats scores trains races",
                "buys sells trades invests",
                "launches updates computes downloads",
            ),
        },
        (
            ("{NOUN} {VERB} {place} {NOUN}",),
            ("{day} {NOUN} {VERB} {NOUN}",),
            ("{NOUN} {VERB} {NOUN} in {place}",),
            ("{place} {NOUN} {VERB} the {NOUN}",),
        ),
        ("{NOUN}", "{VERB}", "{place} {NOUN}"),
    ),
    "commitment": Attribute(
        {
            "ADVERB": (
                "rightly surely indeed truly",
                "wrongly falsely never hardly",
                "perhaps maybe possibly somehow",
            ),
            "VERB": (
                "knows sees proves notices remembers confirms finds learns",
                "denies doubts disproves refutes pretends lies disbelieves rejects",
                "asks wonders hopes wishes guesses expects fears supposes",
            ),
        },
        (
            ("{name} {ADVERB} {VERB} and {VERB} it is {state}", "it is {state}"),
            ("{name} {VERB} and {ADVERB} {VERB} it is {state}", "it is {state}"),
            ("{name} {ADVERB} {ADVERB} {VERB} it is {state}", "it is {state}"),
        ),
        ("{ADVERB}", "{VERB}", "{name} {VERB}"),
    ),
}
"""The attributes of the language, by name."""


def vocabulary() -> list[str]:
    """Every word of the language, sorted."""
    texts = list(NEUTRAL.values())
    for attribute in ATTRIBUTES.values():
        texts += [text for values in attribute.words.values() for text in values]
        texts += [text for frame in attribute.frames for text in frame]
    return sorted({w for text in texts for w in text.split() if "{" not in w})


def attribute_named(name: str) -> Attribute:
    """Return the attribute of this name.

    Raises
    ------
    ValueError
        If there is none.
    """
    return ATTRIBUTES[check_choice("attribute", name, sorted(ATTRIBUTES))]


@dataclass
class Writer:
    """Writes many examples of one attribute at once, as token ids.

    Attributes
    ----------
    attribute : str
        A name of ``ATTRIBUTES``.
    template : str
        A prompt template, with the columns of the attribute's frames as fields.
    columns : tuple of str
        The fields in the order of the columns. None: the template has one field, ``text``, and
        takes the attribute's phrases.
    ids : dict
        Token to id.
    """

    attribute: str
    template: str
    columns: tuple[str, ...] | None
    ids: dict[str, int]
    _frames: list[list[str]] = field(init=False, repr=False)

    def __post_init__(self):
        self._kind = attribute_named(self.attribute)
        columns = self.columns or ("text",)
        frames = self._kind.frames if self.columns else zip(self._kind.phrases)
        self._frames = [
            pieces(self.template.format(**dict(zip(columns, frame, strict=True))))
            for frame in frames
        ]
        self._words = {
            slot: _table(values, self.ids) for slot, values in (self._kind.words | NEUTRAL).items()
        }

    @property
    def length(self) -> int:
        """Tokens of the longest example."""
        return max(map(len, self._frames))

    @property
    def shortest(self) -> int:
        """Tokens of the shortest example."""
        return min(map(len, self._frames))

    def write(self, values: np.ndarray, random: np.random.Generator) -> np.ndarray:
        """Write one example for each value.

        Parameters
        ----------
        values : integer array (n,)
            Of the attribute.
        random : numpy.random.Generator
            Drawn from.

        Returns
        -------
        integer array (n, length)
            Token ids, filled with -1 at the end.
        """
        check_count("values", len(values))
        out = np.full((len(values), self.length), -1)
        chosen = random.integers(len(self._frames), size=len(values))
        for index, frame in enumerate(self._frames):
            rows = np.flatnonzero(chosen == index)
            drawn: dict[str, np.ndarray] = {}
            for position, piece in enumerate(frame):
                out[rows, position] = self._fill(piece, values[rows], drawn, random)
        return out

    def _fill(self, piece, values, drawn, random):
        if "{" not in piece:
            return self.ids[piece]
        slot = piece.strip(" {}")
        if not piece.startswith(" "):
            words = NEUTRAL[slot].split()
            return random.choice([self.ids[word] for word in words], size=len(values))
        table = self._words[slot.rstrip("0123456789")]
        if slot.isupper():
            shown = _noisy(values, len(table), self._kind.noise, random)
            return table[shown, random.integers(table.shape[1], size=len(values))]
        if slot not in drawn:
            drawn[slot] = random.choice(table, size=len(values))
        return drawn[slot]


def _table(words: str | tuple[str, ...], ids: dict[str, int]) -> np.ndarray:
    if isinstance(words, str):
        return np.array([ids[f" {word}"] for word in words.split()])
    return np.array([_table(text, ids) for text in words])


def _noisy(values, n, noise, random):
    shift = random.integers(1, n, size=len(values)) * (random.random(len(values)) < noise)
    return (values + shift) % n
