"""The records' files: write, read, list and validate them."""

import dataclasses
import os
import tempfile
from pathlib import Path

from iclbook.records.record import Record, RecordError, check
from iclbook.records.registry import EXPERIMENTS, find

STORE = Path(__file__).resolve().parent / "store"
"""Folder of the records that come with the package."""


def write(record: Record, store: Path = STORE) -> Path:
    """Write a record, or leave everything as it was.

    Returns
    -------
    Path
        The file, ``<store>/<experiment>/<name>.json``.

    Raises
    ------
    RecordError
        If the record is incomplete; nothing is written then.
    """
    text = record.to_json()
    path = store / record.experiment / f"{record.name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, draft = tempfile.mkstemp(dir=path.parent, prefix=path.name, suffix=".tmp")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(draft, 0o644)
        os.replace(draft, path)
    except BaseException:
        os.unlink(draft)
        raise
    return path


def load(experiment: str, name: str, store: Path = STORE) -> Record:
    """Read a record.

    Raises
    ------
    ValueError
        If there is no such record, naming those that there are; a :class:`RecordError` if the
        file is broken.
    """
    path = store / experiment / f"{name}.json"
    if not path.is_file():
        known = ", ".join(label(path) for path in paths(store)) or "none"
        raise ValueError(f"no record {experiment}/{name}; known: {known}")
    return _read(path)


def validate(record: Record | Path) -> Record:
    """Return a record after checking that it is complete and fits its experiment.

    :func:`load` checks all but the last, because that imports the experiment.

    Parameters
    ----------
    record : Record or Path
        A record, or the path of its file.

    Raises
    ------
    RecordError
        Naming the file, the field and the fix.
    """
    if isinstance(record, Record):
        check(record)
        where = label_of(record)
    else:
        record, where = _read(record), str(record)
    if record.experiment not in EXPERIMENTS:
        raise RecordError(
            f"{where}: experiment {record.experiment!r} is unknown; "
            f"known: {', '.join(sorted(EXPERIMENTS))}"
        )
    fields = {field.name for field in dataclasses.fields(find(record.experiment))}
    if set(record.config) != fields:
        odd = ", ".join(sorted(set(record.config) ^ fields))
        raise RecordError(
            f"{where}: config and the experiment's fields differ in {odd}; "
            "remove the file and rerun it with --write"
        )
    return record


def all_records(store: Path | str = STORE) -> list[Record]:
    """Read all records, in the order of their names.

    Raises
    ------
    RecordError
        If one is broken.
    """
    return [_read(path) for path in paths(store)]


def _read(path: Path) -> Record:
    try:
        record = Record.from_json(path.read_text(encoding="utf-8"))
    except UnicodeDecodeError as error:
        raise RecordError(f"{path}: not text ({error}); take it from git again") from error
    except RecordError as error:
        raise RecordError(f"{path}: {error}") from error
    if label_of(record) != label(path):
        raise RecordError(f"{path}: holds the record {label_of(record)}; give it its own name")
    return record


def paths(store: Path | str = STORE) -> list[Path]:
    """Return the files of all records, in order."""
    return sorted(Path(store).glob("*/*.json"))


def label(path: Path) -> str:
    """Name of the record at a path: ``experiment/name``."""
    return f"{path.parent.name}/{path.stem}"


def label_of(record: Record) -> str:
    """Name of a record: ``experiment/name``."""
    return f"{record.experiment}/{record.name}"
