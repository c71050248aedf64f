"""What finetuning adds to keys and values, layer by layer: taken off, measured, resized, put back.

With a change in hand its direction and its size can be told apart: the direction of one rule of
descent is put back with the size of another.

Chapter: "Could gradient descent even do this?"
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Float64
from torch import Tensor, nn

from iclbook.gpt.model.families import family_of
from iclbook.gpt.model.load import LanguageModel
from iclbook.gpt.model.projections import Entries
from iclbook.gpt.reading.merge import precise
from iclbook.gpt.text.prompts import Prompts
from iclbook.gpt.tuning.finetune import Finetuning, finetune

Changes = list[list[Tensor]]
"""Of each layer, what is added to the entries of its keys and values."""


CLOSE, TRIES = 0.05, 8
"""How near a matched size should come, and how many rates are tried for it."""

STEEPNESS = 0.3, 3.0
"""Bounds of the slope of log size over log rate that two tries are believed; for small steps it
is 1."""


def changes_by(model: LanguageModel, prompts: Prompts, how: Finetuning) -> Changes | None:
    """What finetuning on the demonstrations of `prompts` adds; None if it diverges.

    The model is as before afterwards.

    Raises
    ------
    ValueError
        As `iclbook.gpt.tuning.finetune.finetune`.
    """
    layers = _entries(model.net)
    base = [[_values(e).clone() for e in layer] for layer in layers]
    with finetune(model, prompts, how) as tuned:
        if tuned.diverged:
            return None
        return [
            [_values(e) - before for e, before in zip(layer, old, strict=True)]
            for layer, old in zip(layers, base, strict=True)
        ]


def sizes(changes: Changes) -> Float64[np.ndarray, " L"]:
    """Norm of what is added to each layer."""
    squares = [sum(float(precise(c).norm()) ** 2 for c in layer) for layer in changes]
    return np.sqrt(squares)


def matched(
    model: LanguageModel, prompts: Prompts, how: Finetuning, size: float, start: Changes | None
) -> tuple[float, Changes]:
    """Find the learning rate at which a rule goes so far in all.

    Small steps are as large as the rate says. For larger ones the last two tries say how the size
    grows. Very large ones jump with the rate; there the nearest of all tries has to do.

    Parameters
    ----------
    model, prompts
    how : Finetuning
        The rule; the first try is at its rate.
    size : float
        Norm of the wanted change, over all layers.
    start : Changes or None
        What the first try came to; None if it diverged.

    Raises
    ------
    ValueError
        If every try diverges.
    """
    changes, slope, last, nearest = start, 1.0, None, None
    for _ in range(TRIES):
        if changes is None:
            lr, last = how.lr / 10, None
        else:
            here = np.log(how.lr), np.log(np.linalg.norm(sizes(changes)) / size)
            if nearest is None or abs(here[1]) < nearest[0]:
                nearest = abs(here[1]), how.lr, changes
            if abs(here[1]) < CLOSE:
                break
            if last is not None:
                slope = np.clip((here[1] - last[1]) / (here[0] - last[0]), *STEEPNESS)
            lr, last = float(np.exp(here[0] - here[1] / slope)), here
        how = replace(how, lr=lr)
        changes = changes_by(model, prompts, how)
    if nearest is None:
        raise ValueError(f"{how.rule} diverged down to rate {how.lr:.3g}; choose a smaller lr.")
    return nearest[1:]


def resized(changes: Changes, to: Float64[np.ndarray, " L"]) -> Changes:
    """The same directions with other sizes; a layer that does not change has no direction.

    Parameters
    ----------
    changes : Changes
    to : (L,) array
        The norm that each layer's change gets.
    """
    factors = np.divide(to, now := sizes(changes), out=np.zeros_like(now), where=now > 0)
    return [[c * float(f) for c in layer] for layer, f in zip(changes, factors, strict=True)]


def random_changes(model: LanguageModel, rng: np.random.Generator) -> Changes:
    """Random numbers for every entry: a direction that has learned nothing."""
    return [
        [torch.tensor(rng.normal(size=_values(e).shape)).to(_values(e)) for e in layer]
        for layer in _entries(model.net)
    ]


@contextmanager
def changed(model: LanguageModel, changes: Changes) -> Iterator[None]:
    """The model with `changes` added, inside the block; bit for bit as before after it."""
    layers = _entries(model.net)
    places = [_values(e) for layer in layers for e in layer]
    base = [place.clone() for place in places]
    try:
        for place, change in zip(places, [c for layer in changes for c in layer], strict=True):
            place.add_(change)
        yield
    finally:
        for place, before in zip(places, base, strict=True):
            place.copy_(before)


def _entries(net: nn.Module) -> list[list[Entries]]:
    """Of each layer, the entries of its keys, then those of its values."""
    layers = family_of(net).projections(net)
    return [[e for part in "kv" for e in parts[part].entries()] for parts in layers]


def _values(entries: Entries) -> Tensor:
    """The numbers themselves: a view, not a copy."""
    return entries.of(entries.parameter.detach())
