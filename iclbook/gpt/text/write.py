"""Rows from Python as files, so that a study, its processes and the command line can read them."""

import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from iclbook.gpt.text.rows import check_rows
from iclbook.gpt.text.task import Task


def write_task(
    task: Task, train: Iterable[Mapping], evaluation: Iterable[Mapping], folder: str | Path
) -> Path:
    """Write a task and its rows into a folder.

    Parameters
    ----------
    task : Task
        What is asked; where its rows come from is left out.
    train, evaluation : iterable of mapping
        Rows as `iclbook.gpt.text.data.from_rows` takes them.
    folder : path
        Is made if it does not exist.

    Returns
    -------
    Path
        The TOML file, which stands for the task: ``Setup(task=str(path))``, or ``--tasks PATH``.

    Raises
    ------
    ValueError
        If a row is not sound or there are none; nothing is written then.
    """
    folder = Path(folder)
    rows = {
        "train": check_rows(train, task, "train"),
        "evaluation": check_rows(evaluation, task, "evaluation"),
    }
    entry = {name: getattr(task, name) for name in ("name", "template", "labels", "columns")}
    entry["cap"] = task.cap or len(rows["evaluation"])
    lines = [f"{name} = {json.dumps(value)}" for name, value in entry.items()]  # as in TOML
    lines += ["", "[files]", *(f'{split} = "{split}.jsonl"' for split in rows)]
    folder.mkdir(parents=True, exist_ok=True)
    for split, found in rows.items():
        _write(folder / f"{split}.jsonl", map(json.dumps, found))
    return _write(folder / f"{task.name}.toml", lines)


def _write(path: Path, lines: Iterable[str]) -> Path:
    draft = path.with_name(f"{path.name}.draft")
    draft.write_text("\n".join(lines) + "\n", encoding="utf-8")
    os.replace(draft, path)
    return path
