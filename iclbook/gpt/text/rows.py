"""Rows of a classification task, checked: from a JSON-lines file or from Python."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from iclbook.gpt.text.task import Row, Task


def check_row(row: object, task: Task, where: str) -> Row:
    """Return the task's columns and the label id of one example.

    Raises
    ------
    ValueError
        If a column or the label is missing, has the wrong type or is out of range; the message
        begins with `where`.
    """
    if not isinstance(row, Mapping):
        raise ValueError(
            f"{where}: {str(row)[:60]!r} is no object; expected columns and a label by name, such "
            f"as {_example(task)}."
        )
    for column in task.columns:
        if column not in row:
            raise ValueError(
                f"{where}: column {column!r} of task {task.name!r} is missing; the row has "
                f"{', '.join(map(repr, row)) or 'nothing'}. Expected {_example(task)}."
            )
        if not isinstance(row[column], str):
            raise ValueError(
                f"{where}: column {column!r} is {str(row[column])[:60]!r}; expected a string."
            )
        if not row[column].strip():
            raise ValueError(f"{where}: column {column!r} is empty; expected a text.")
    if "label" not in row:
        raise ValueError(f"{where}: the label is missing; expected {_example(task)}.")
    label = row["label"]
    if (
        isinstance(label, bool)
        or not isinstance(label, int)
        or label not in range(len(task.labels))
    ):
        raise ValueError(
            f"{where}: label is {label!r}; expected a whole number from 0 to "
            f"{len(task.labels) - 1} ({', '.join(task.labels)})."
        )
    return {**{column: row[column] for column in task.columns}, "label": label}


def check_rows(rows: Iterable[Mapping], task: Task, where: str) -> tuple[Row, ...]:
    """Return rows as `check_row` does; `where` and the row's number begin every message.

    Raises
    ------
    ValueError
        If a row is not sound, or if there are none.
    """
    checked = tuple(check_row(row, task, f"{where}, row {i}") for i, row in enumerate(rows))
    if not checked:
        raise ValueError(f"{where} of task {task.name!r} has no rows; expected one or more.")
    return checked


def read_jsonl(path: Path, task: Task) -> tuple[tuple[Row, ...], str]:
    """Read a file with one JSON object a line: the task's columns and ``label``.

    Returns
    -------
    tuple of Row
        The rows, in the order of the file; other entries of a line are left out.
    str
        The sha256 of the file.

    Raises
    ------
    ValueError
        If the file is empty, or a line is no JSON or no sound row: file and line are named.
    """
    content = path.read_bytes()
    rows = []
    for number, line in enumerate(content.split(b"\n"), start=1):
        where = f"{path}, line {number}"
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (json.JSONDecodeError, UnicodeDecodeError) as error:
            raise ValueError(
                f"{where} is no JSON ({error}); expected one object a line in UTF-8, such as "
                f"{_example(task)}."
            ) from None
        rows.append(check_row(row, task, where))
    if not rows:
        raise ValueError(f"{path} is empty; expected lines such as {_example(task)}.")
    return tuple(rows), hashlib.sha256(content).hexdigest()


def _example(task: Task) -> str:
    """A line that would be sound."""
    return json.dumps({**dict.fromkeys(task.columns, "..."), "label": 0})
