"""What a setting puts out at every item, and how alike two settings are there.

A setting is a context (perhaps none) or a finetuning. Of each item the whole next-token
distribution is read once; accuracy, loss and every similarity come from it.

Chapter: "Do they change the output alike?"
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from iclbook.gpt.metrics.distributions import (
    additive_cosine,
    likeliest,
    token_overlap,
    union_cosine,
)
from iclbook.gpt.model.load import LanguageModel
from iclbook.gpt.reading.observe import observe
from iclbook.gpt.text.prompts import Prompts
from iclbook.gpt.text.words import label_tokens

METRICS = ("overlap", "without_labels", "additive_cosine", "union_cosine")
"""What `alike` computes."""


@dataclass(frozen=True)
class Seen:
    """One setting, read at n items.

    Attributes
    ----------
    top, others : (int array, array), shapes (n, K)
        The likeliest tokens and their probabilities; `others` without the label words.
    right : (n,)
        Whether the likeliest of *all* tokens is the item's label word.
    loss : (n,)
        Minus the log-probability of the item's label word, among all tokens.
    """

    top: tuple[np.ndarray, np.ndarray]
    others: tuple[np.ndarray, np.ndarray]
    right: Bool[np.ndarray, " n"]
    loss: Float[np.ndarray, " n"]

    def rolled(self) -> "Seen":
        """The same setting with each item's output at the next item."""
        return Seen(
            *(tuple(np.roll(part, 1, axis=0) for part in pair) for pair in (self.top, self.others)),
            np.roll(self.right, 1),
            np.roll(self.loss, 1),
        )


def see(model: LanguageModel, prompts: Prompts, context: bool, top: int = 10) -> Seen:
    """Read every item, in context or without.

    Parameters
    ----------
    model : LanguageModel
    prompts : Prompts
        With label words of one token each.
    context : bool
    top : int
        How many of the likeliest tokens are kept.

    Raises
    ------
    ValueError
        If a label word has several tokens.
    """
    labels = label_tokens(prompts)
    p = observe(model, prompts, context, want={"distribution"}).distribution
    gold = np.array(labels)[prompts.gold]
    of_gold = p[np.arange(len(p)), gold].astype(float)
    return Seen(
        top=likeliest(p, top),
        others=likeliest(p, top, without=labels),
        right=p.argmax(axis=1) == gold,
        loss=-np.log(np.maximum(of_gold, np.finfo(float).tiny)),
    )


def alike(a: Seen, b: Seen) -> dict[str, Float[np.ndarray, " n"]]:
    """How alike two settings are at each item, by metric; each is 1 for a setting and itself.

    ``overlap``: share of the likeliest tokens of one that the other has too; ``without_labels``:
    the same without label words; ``additive_cosine`` and ``union_cosine``: see
    `iclbook.gpt.metrics.distributions`.
    """
    return {
        "overlap": token_overlap(a.top[0], b.top[0]),
        "without_labels": token_overlap(a.others[0], b.others[0]),
        "additive_cosine": additive_cosine(a.top, b.top),
        "union_cosine": union_cosine(a.top, b.top),
    }
