"""Records of the experiment ``doubts-order``, read together, and compared at about equal distance.

A *look* is one method on one draw of demonstrations, at one rate and after some passes. A model and
task may have several records, with other methods each; their looks are one list.

The trap: a method that changes nothing cannot be sensitive to anything. So a descent is looked at
where it has moved the output about as far as the demonstrations do in context.

Chapters: "Do they feel the order alike?", "What do we know?"
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from iclbook import records

NEAR = 0.75
"""Of the distance in context: a descent that has gone so far has gone about as far."""


def recorded_looks(*stores: Path | str) -> dict[tuple[str, str], list[dict]]:
    """The looks of each model and task that has one in context.

    Parameters
    ----------
    *stores : path
        Folders of records.
    """
    found = defaultdict(list)
    for store in stores:
        for record in records.all_records(store):
            if record.experiment == "doubts-order":
                found[record.config["model"], record.config["task"]] += record["points"]
    return {at: looks for at, looks in found.items() if methods_of(looks) & {"icl"}}


def methods_of(looks: Sequence[Mapping[str, Any]]) -> set[str]:
    """The methods that there are, as `iclbook.gpt.doubts.order.Order` names them."""
    return {look["method"] for look in looks}


def pick(looks: Sequence[Mapping[str, Any]], **about: Any) -> dict[str, np.ndarray]:
    """Some of the looks, each number of theirs as an array with one entry a draw.

    Parameters
    ----------
    looks : sequence of dict
        See `recorded_looks`.
    **about
        What they have in common: method, rate, epochs.

    Raises
    ------
    ValueError
        If there are none.
    """
    some = [look for look in looks if all(look[name] == value for name, value in about.items())]
    if not some:
        raise ValueError(f"nothing is recorded with {about}; there is {_there(looks)}.")
    return {name: np.array([look[name] for look in some]) for name in some[0]}


def as_far(
    looks: Sequence[Mapping[str, Any]], epochs: int, method: str = "sgd-1", slower: int = 0
) -> dict[str, np.ndarray]:
    """A descent after so many passes, at the rate that goes about as far as in-context learning.

    That is the smallest rate at which it goes at least `NEAR` of the distance, or else the one at
    which it goes farthest.

    Parameters
    ----------
    looks : sequence of dict
        Of one model and task.
    epochs : int
        Passes over the demonstrations.
    method : str
        The descent.
    slower : int
        Take a rate so many places lower among those recorded, or the lowest.

    Raises
    ------
    ValueError
        If the method has no such looks, or in-context learning has none.
    """
    goal = NEAR * pick(looks, method="icl")["moved"].mean()
    every = pick(looks, method=method, epochs=epochs)
    rates = np.unique(every["rate"])
    moved = np.array([every["moved"][every["rate"] == rate].mean() for rate in rates])
    chosen = np.argmax(moved >= goal) if (moved >= goal).any() else moved.argmax()
    rate = rates[max(chosen - slower, 0)]
    return pick(looks, method=method, epochs=epochs, rate=rate)


def _there(looks: Sequence[Mapping[str, Any]]) -> str:
    return ", ".join(sorted({f"{x['method']} {x['rate']} {x['epochs']}" for x in looks})) or "none"
