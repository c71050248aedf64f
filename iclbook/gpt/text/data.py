"""The rows of a task: what demonstrations are drawn from, what is evaluated, where it comes from.

Rows come from files in a folder, from the hub, from the package, which holds some of two tasks
(``packaged/ATTRIBUTION.md`` says whose they are), or from the bundled language. The evaluation rows
are shuffled with seed 1 and capped, as the authors of Dai et al. (2023) do; their
``datasets.shuffle(seed)`` is ``numpy.random.default_rng(seed).permutation``.
"""

import os
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from iclbook.gpt.text import hub
from iclbook.gpt.text.rows import FORMATS, check_rows, read_rows
from iclbook.gpt.text.tasks import MINI, TASKS, Row, Task, get
from iclbook.validate import check_choice

PACKAGED = Path(__file__).with_name("packaged")
"""A data folder that comes with the package."""

_Read = tuple[tuple[Row, ...], tuple[Row, ...], dict]
"""Training rows, evaluation rows, and what there is to say of where they come from."""


@dataclass(frozen=True)
class Data:
    """Rows of a task.

    Parameters
    ----------
    task : Task
        The task.
    train : tuple of Row
        Rows that demonstrations are drawn from. If repeats were dropped, none of them fills the
        template to the same text as a row of the evaluated split.
    evaluation : tuple of Row
        Rows that are evaluated: shuffled and capped.
    origin : dict
        Source, files or revision, and row counts, as plain JSON for a record.
    """

    task: Task
    train: tuple[Row, ...]
    evaluation: tuple[Row, ...]
    origin: dict

    @property
    def summary(self) -> str:
        """Counts and source in one line."""
        o = self.origin
        dropped = f" ({o['dropped']} more equal an evaluation row)" if o["dropped"] else ""
        place = f" {o['id']} at {o['fetched'] or o['revision']}" if o["source"] == "hub" else ""
        return (
            f"{self.task.name}: {len(self.train)} training rows{dropped}, {len(self.evaluation)} "
            f"of {o['evaluation_rows']} evaluation rows ({o['evaluation_split']}), from "
            f"{o['source']}{place}"
        )


def load_rows(
    task: Task | str,
    folder: str | Path | None = None,
    source: str | None = None,
    deduplicate: bool = True,
) -> Data:
    """Load a task's rows.

    Parameters
    ----------
    task : Task or str
        The task, or its name.
    folder : path, optional
        Data folder with ``<task>/train.jsonl`` and ``<task>/validation.jsonl`` or
        ``<task>/test.jsonl`` (or ``.csv``, ``.tsv``). If not given, the environment variable
        ``ICLBOOK_DATA`` is used for tasks that it has a folder for. The words ``"hub"`` and
        ``"package"`` stand for these sources (as a `Path` they are folders).
    source : str, optional
        ``"folder"``, ``"hub"``, ``"package"`` or ``"mini"``. If not given: a task's own files, mini
        tasks from the bundled language, a folder that was given, else the hub; and if that cannot
        be used, the rows of the package, of which a line on stderr tells.
    deduplicate : bool
        Drop training rows that fill the template to the same text as a row of the evaluated
        split, and count them. The authors' code does not.

    Returns
    -------
    Data
        Rows and origin.

    Raises
    ------
    FileNotFoundError
        If a folder or a file of it is missing.
    ConnectionError, ImportError
        If the hub cannot be used, and the package has no rows of the task or was not to be asked.
    ValueError
        If the task is unknown, a file is malformed or the source does not have the task.
    """
    task = get(task) if isinstance(task, str) else task
    if source is not None:
        check_choice("source", source, ("folder", "hub", "package", "mini"))
    if source is None:
        source, folder = _source(task, folder)
    if source is None:
        source, (train, evaluation, origin) = _hub_or_package(task)
    elif source == "mini":
        train, evaluation, origin = _mini(task)
    elif source == "hub":
        train, evaluation, origin = hub.fetch(task)
    elif source == "package":
        train, evaluation, origin = _package(task)
    else:
        train, evaluation, origin = _folder(task, folder or os.environ.get("ICLBOOK_DATA"))
    return _finish(task, train, evaluation, {"source": source, **origin}, deduplicate)


def packaged(task: Task) -> bool:
    """Whether the package has rows of a built-in task."""
    known = TASKS.get(task.name)
    return known is not None and task.hub == known.hub and (PACKAGED / task.name).is_dir()


def from_rows(
    task: Task,
    train: Iterable[Mapping],
    evaluation: Iterable[Mapping],
    deduplicate: bool = True,
) -> Data:
    """Make data of rows of your own: the task's columns and ``label`` by name.

    Raises
    ------
    ValueError
        If a row is not sound or there are none.
    """
    rows = (check_rows(train, task, "train"), check_rows(evaluation, task, "evaluation"))
    origin = {"source": "rows", "evaluation_split": "evaluation"}
    return _finish(task, *rows, origin, deduplicate)


def _source(task: Task, folder) -> tuple[str | None, str | Path | None]:
    """Which source serves a task when none is asked for; None: the hub or the package."""
    if task.files is not None:
        return "folder", None
    if task.bundled:
        return "mini", None
    if folder in ("hub", "package"):
        return folder, None
    if folder is not None:
        return "folder", folder
    found = os.environ.get("ICLBOOK_DATA")
    if found and (task.hub is None or (Path(found) / task.name).is_dir()):
        return "folder", found
    return None, None


def _hub_or_package(task: Task) -> tuple[str, _Read]:
    """The source of the two that can be used, and its rows."""
    try:
        return "hub", hub.fetch(task)
    except (ConnectionError, ImportError) as error:
        if not packaged(task):
            raise
        without = isinstance(error, ImportError)
        why = "needs 'datasets', which is not installed" if without else "cannot be reached"
        print(
            f"{task.name}: the few hundred rows of the package, as the hub {why}", file=sys.stderr
        )
        return "package", _package(task)


def _package(task: Task) -> _Read:
    """Rows of a task that come with the package."""
    if not packaged(task):
        held = ", ".join(name for name in TASKS if packaged(TASKS[name]))
        raise ValueError(
            f"the package has no rows of task {task.name!r}; expected one of {held}, or another "
            f"source."
        )
    return _folder(task, PACKAGED)


def _folder(task: Task, folder) -> _Read:
    """Rows of a task from its own files or from its folder in a data folder."""
    if task.files is not None:
        paths = [Path(path) for path in task.files]
        split = paths[1].stem
        shown = [path.name for path in paths]
    elif folder is None:
        raise ValueError(
            "source is 'folder', but no folder is given; expected one (--data or ICLBOOK_DATA)."
        )
    else:
        home = Path(folder) / task.name
        splits = dict.fromkeys((task.evaluation, "validation", "test"))
        split = next((s for s in splits if _file(home, s).is_file()), task.evaluation)
        paths = [_file(home, "train"), _file(home, split)]
        shown = [f"{task.name}/{path.name}" for path in paths]
    for path in paths:
        if not path.is_file():
            raise FileNotFoundError(
                f"{path} does not exist; expected the rows of task {task.name!r} there: a folder "
                f"{task.name} with train.jsonl and {task.evaluation}.jsonl, or as .csv or .tsv."
            )
    (train, train_hash), (evaluation, evaluation_hash) = (read_rows(p, task) for p in paths)
    origin = {
        "files": dict(zip(shown, (train_hash, evaluation_hash), strict=True)),
        "evaluation_split": split,
    }
    return train, evaluation, origin


def _file(home: Path, split: str) -> Path:
    """The file of a split, in the first format that there is."""
    paths = [home / f"{split}{ending}" for ending in FORMATS]
    return next((path for path in paths if path.is_file()), paths[0])


def _mini(task: Task) -> _Read:
    """Rows of a mini task, made by the bundled language."""
    if not task.bundled:
        raise ValueError(f"task {task.name!r} is no mini task; expected one of {', '.join(MINI)}.")
    from iclbook import mini

    train, evaluation = mini.data(task.name)
    rows = (check_rows(train, task, "train"), check_rows(evaluation, task, "evaluation"))
    return *rows, {"evaluation_split": "evaluation"}


def _finish(task: Task, train, evaluation, origin: dict, deduplicate: bool) -> Data:
    """Drop repeats, shuffle and cap the evaluation rows, and count."""
    dropped = 0
    if deduplicate:
        evaluated = {task.prompt(row) for row in evaluation}
        kept = tuple(row for row in train if task.prompt(row) not in evaluated)
        dropped, train = len(train) - len(kept), kept
        if not train:
            raise ValueError(
                f"every training row of task {task.name!r} is also an evaluation row; expected "
                f"different rows."
            )
    order = np.random.default_rng(1).permutation(len(evaluation))[: task.cap]
    counts = {
        "train_rows": len(train),
        "evaluation_rows": len(evaluation),
        "evaluated": len(order),
        "deduplicated": deduplicate,
        "dropped": dropped,
    }
    return Data(task, train, tuple(evaluation[i] for i in order), {**origin, **counts})
