"""Which training rows are demonstrations, and which others choose a learning rate.

Demonstrations are drawn with a seed, or given: exactly these rows in this order. The authors of Dai
et al. (2023) take the first rows after ``datasets.shuffle(seed)``, which is
``numpy.random.default_rng(seed).permutation``.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from iclbook.gpt.text.data import Data
from iclbook.gpt.text.rows import read_rows
from iclbook.gpt.text.tasks import Row, Task
from iclbook.validate import check_choice, check_count


def read_demonstrations(path: str | Path, task: Task) -> tuple[list[Row], str]:
    """Read demonstrations from a file: exactly these rows, in this order.

    Parameters
    ----------
    path : path
        JSON lines, CSV or TSV, see `iclbook.gpt.text.rows.read_rows`.
    task : Task

    Returns
    -------
    list of Row
    str
        The sha256 of the file.

    Raises
    ------
    FileNotFoundError, ValueError
        If there is no such file, or a line of it is no sound row.
    """
    rows, digest = read_rows(Path(path), task)
    return list(rows), digest


def draw(data: Data, k: int, seed: int, scheme: str = "book") -> list[Row]:
    """Draw demonstrations.

    Parameters
    ----------
    data : Data
        A task's rows.
    k : int
        How many; the first of a larger draw with the same seed.
    seed : int
        Which draw.
    scheme : str
        ``"book"``: our own draw. ``"authors"``: the first rows of the training split after the
        authors' shuffle, where these rows are the hub's in the hub's order.

    Raises
    ------
    ValueError
        If there are fewer than `k` training rows, or if the rows at hand cannot reproduce the
        authors' draw.
    """
    check_count("k", k, low=0)
    check_count("seed", seed, low=0)
    check_choice("scheme", scheme, ("book", "authors"))
    rows = data.train
    if k > len(rows):
        raise ValueError(
            f"k is {k}, but task {data.task.name!r} has {len(rows)} training rows; expected at "
            f"most that many."
        )
    if scheme == "authors" and (reason := why_not_authors(data)):
        raise ValueError(
            f"scheme 'authors' cannot be reproduced for task {data.task.name!r}: {reason}."
        )
    rng = np.random.default_rng(seed if scheme == "authors" else [seed, 1])
    return [rows[i] for i in rng.permutation(len(rows))[:k]]


def why_not_authors(data: Data) -> str | None:
    """Why these rows cannot reproduce the authors' demonstrations; None if they can."""
    hub, origin = data.task.hub, data.origin
    rows = origin["train_rows"] + origin["dropped"]
    if origin["source"] == "hub":
        if not hub.pinned or origin["fetched"] != hub.revision:
            return "the hub's rows are not known to be at a pinned revision"
    elif origin["source"] != "folder" or hub is None or not (hub.rows or hub.other_order):
        return "the authors' code does not have these rows"
    elif hub.other_order:
        return f"{hub.other_order}; use the hub"
    elif rows != hub.rows:
        return f"there are {rows} training rows, and the hub has {hub.rows}"
    if origin["dropped"]:
        return (
            f"{origin['dropped']} training rows that equal evaluation rows were dropped; load "
            f"the data without dropping (deduplicate=False)"
        )
    return None


def mislabelled(rows: Sequence[Row], labels: int, seed: int) -> list[Row]:
    """The same texts, each with one of the other labels, all of these equally likely.

    Parameters
    ----------
    rows : sequence of Row
    labels : int
        How many labels the task has.
    seed : int
    """
    shift = np.random.default_rng([seed, 3]).integers(1, labels, len(rows))
    return [dict(row) | {"label": int(row["label"] + by) % labels} for row, by in zip(rows, shift)]


def leave_out(data: Data, without: Sequence[Row]) -> Data:
    """The data without the training rows whose prompts are those of `without`."""
    taken = {data.task.prompt(row) for row in without}
    left = tuple(row for row in data.train if data.task.prompt(row) not in taken)
    return replace(data, train=left)


def selection(data: Data, n: int, seed: int, without: Sequence[Row] = ()) -> list[Row]:
    """Draw training rows for choosing a learning rate: none of `without`, none evaluated.

    Raises
    ------
    ValueError
        If fewer than `n` rows are left.
    """
    check_count("n", n)
    check_count("seed", seed, low=0)
    left = leave_out(data, without).train
    if n > len(left):
        raise ValueError(
            f"n is {n}, but task {data.task.name!r} has {len(left)} training rows besides the "
            f"demonstrations; expected at most that many."
        )
    order = np.random.default_rng([seed, 2]).permutation(len(left))[:n]
    return [left[i] for i in order]
