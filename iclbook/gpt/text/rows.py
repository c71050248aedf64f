"""Rows of a classification task, checked: from a file (JSON lines, CSV, TSV) or from Python."""

import csv
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
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
        if not _is_unicode(row[column]):
            raise ValueError(
                f"{where}: column {column!r} holds half of a surrogate pair, which is no character "
                f"({row[column][:60]!r}); expected a text that can be written in UTF-8."
            )
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
            f"{len(task.labels) - 1}, or in a file also its word ({', '.join(task.labels)})."
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


FORMATS = (".jsonl", ".csv", ".tsv")
"""Endings of the files that `read_rows` reads."""


def read_rows(path: Path, task: Task) -> tuple[tuple[Row, ...], str]:
    """Read a file of rows: the task's columns and ``label`` by name.

    A file that ends in ``.csv`` or ``.tsv`` has the names in its first line; any other file has one
    JSON object a line. Labels are ids or label words.

    Returns
    -------
    tuple of Row
        The rows, in the order of the file; other columns are left out.
    str
        The sha256 of the file.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is empty or no UTF-8, or a line is no sound row: file and line are named.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path} does not exist; expected a file of rows.")
    content = path.read_bytes()
    delimiter = {".csv": ",", ".tsv": "\t"}.get(path.suffix.lower())
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise ValueError(f"{path}, line {line} is no UTF-8 ({error}).") from None
    if delimiter is None:
        found = _json_lines(path, text, task)
    else:
        found = _table(path, text, delimiter, task)
    rows = tuple(check_row(row, task, where) for where, row in found)
    if not rows:
        raise ValueError(f"{path} is empty; expected rows such as {_example(task)}.")
    return rows, hashlib.sha256(content).hexdigest()


def _json_lines(path: Path, text: str, task: Task) -> Iterator[tuple[str, object]]:
    for number, line in enumerate(text.split("\n"), start=1):
        where = f"{path}, line {number}"
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (json.JSONDecodeError, RecursionError) as error:
            raise ValueError(
                f"{where} is no JSON ({error}); expected one object a line, such as "
                f"{_example(task)}."
            ) from None
        if isinstance(row, dict) and row.get("label") in task.labels:
            row["label"] = task.labels.index(row["label"])
        yield where, row


def _table(path: Path, text: str, delimiter: str, task: Task) -> Iterator[tuple[str, dict]]:
    lines = csv.DictReader(text.splitlines(keepends=True), delimiter=delimiter, strict=True)
    try:
        for row in lines:
            where = f"{path}, line {lines.line_num}"
            if None in row or None in row.values():
                cells = [cell for cell in row.values() if isinstance(cell, str)]
                raise ValueError(
                    f"{where} has {len(cells) + len(row.get(None, ()))} cells under "
                    f"{len(lines.fieldnames)} names; expected as many. Put a text that holds the "
                    f"sign {delimiter!r} into double quotes."
                )
            yield where, row | {"label": _label(row.get("label"), task)}
    except csv.Error as error:
        raise ValueError(f"{path}, line {lines.line_num} is no table ({error}).") from None


def _label(cell: str | None, task: Task) -> int | str | None:
    """The label id of a cell, which holds a label word or the id; as it is, if neither."""
    if cell in task.labels:
        return task.labels.index(cell)
    return int(cell) if cell and cell.strip().isdecimal() else cell


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _example(task: Task) -> str:
    """A line that would be sound."""
    return json.dumps({**dict.fromkeys(task.columns, "..."), "label": 0})
