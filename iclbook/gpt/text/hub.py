"""A task's rows from the Hugging Face hub, through the library `datasets`."""

import importlib.util
import re
from pathlib import Path

from iclbook.gpt.text.rows import check_rows
from iclbook.gpt.text.task import Row, Task


def fetch(task: Task) -> tuple[tuple[Row, ...], tuple[Row, ...], dict]:
    """Load the training and the evaluation split of a task, at its revision.

    Rows that were fetched before come from the library's own cache if ``HF_HUB_OFFLINE`` is set.
    A task's data set id may also be a folder with a copy of the data set's repository.

    Returns
    -------
    train, evaluation : tuple of Row
        Rows in the hub's order.
    dict
        Data set id, configuration, the revision that was asked for and the commit that was read
        (None if the library does not tell), and the splits.

    Raises
    ------
    ImportError
        If `datasets` is not installed.
    ConnectionError
        If the hub cannot be reached; the message tells the ways without a network.
    ValueError
        If the task is on no hub, if the data set, its revision or a split does not exist there,
        if the cached copy is of another revision, or if a column is missing.
    """
    hub = task.hub
    if hub is None:
        raise ValueError(f"task {task.name!r} has no data set on the hub; {offline(task)}")
    if importlib.util.find_spec("datasets") is None:
        raise ImportError(
            f"task {task.name!r} comes from the hub ({hub.id}), for which the package 'datasets' "
            f"is needed: pip install datasets. Or {offline(task)}"
        )
    _reach(task)
    import datasets  # now: it takes seconds

    named = f"data set {hub.id} (configuration {hub.config}, revision {hub.revision})"
    try:
        splits = datasets.load_dataset(
            hub.id, hub.config, revision=hub.revision, split=[hub.train, hub.evaluation]
        )
    except (ConnectionError, TimeoutError) as error:
        raise ConnectionError(_unreachable(task, error)) from None
    except (FileNotFoundError, RuntimeError, ValueError) as error:
        raise ValueError(f"{named} cannot be loaded: {error}") from error
    fetched = _commit(splits[0])
    if fetched and hub.pinned and fetched != hub.revision:
        raise ValueError(f"{named}: the cached copy is of {fetched}; fetch it with a network.")
    train, evaluation = (_rows(task, split) for split in splits)
    origin = {
        "id": hub.id,
        "config": hub.config,
        "revision": hub.revision,
        "fetched": fetched,
        "train_split": hub.train,
        "evaluation_split": hub.evaluation,
    }
    return train, evaluation, origin


def _reach(task: Task) -> None:
    """Ask the hub for the data set once: the library itself would try for half a minute."""
    from huggingface_hub import HfApi, constants
    from huggingface_hub.errors import RepositoryNotFoundError, RevisionNotFoundError

    hub = task.hub
    if Path(hub.id).is_dir() or constants.HF_HUB_OFFLINE:
        return
    try:
        HfApi().dataset_info(hub.id, revision=hub.revision, timeout=5)
    except (RepositoryNotFoundError, RevisionNotFoundError) as error:
        raise ValueError(
            f"data set {hub.id} of task {task.name!r} (revision {hub.revision}) is refused by the "
            f"hub: {error}"
        ) from None
    except Exception as error:  # network errors of the hub's client have no base class of their own
        raise ConnectionError(_unreachable(task, error)) from None


def _unreachable(task: Task, error: Exception) -> str:
    """What to do when the hub does not answer."""
    return (
        f"data set {task.hub.id} of task {task.name!r} is not at hand: the hub cannot be reached "
        f"({error}). If it was fetched here before, set HF_HUB_OFFLINE=1; or {offline(task)}"
    )


def offline(task: Task) -> str:
    """How to run a task without a network."""
    return (
        f"put {task.name}/train.jsonl and {task.name}/{task.evaluation}.jsonl into a data folder "
        f"(--data or ICLBOOK_DATA), or take a task that needs neither: mr or subj of the package "
        f"(--data package), or a mini task."
    )


def _rows(task: Task, split) -> tuple[Row, ...]:
    """Rows of a split of the hub under the task's own column names."""
    there = dict(zip(task.columns, task.hub.columns or task.columns, strict=True))
    there["label"] = task.hub.label
    missing = [name for name in there.values() if name not in split.column_names]
    if missing:
        raise ValueError(
            f"data set {task.hub.id} has no column {', '.join(map(repr, missing))}; it has "
            f"{', '.join(map(repr, split.column_names))}. Mend the columns of the task's Hub."
        )
    texts = [list(split[name]) for name in there.values()]
    rows = (dict(zip(there, values, strict=True)) for values in zip(*texts, strict=True))
    return check_rows(rows, task, f"{task.hub.id}, split {split.split}")


def _commit(split) -> str | None:
    """The commit that a split came from, as the library names its cache folder after it."""
    for file in split.cache_files:
        if found := re.search(r"[/\\]([0-9a-f]{40})[/\\]", file["filename"]):
            return found[1]
    return None
