"""The records' files: write, read, list and validate them."""

import os
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from difflib import get_close_matches
from pathlib import Path

from iclbook.records.record import Record, RecordError, check
from iclbook.records.registry import EXPERIMENTS
from iclbook.records.signature import fields

STORE = Path(__file__).resolve().parent / "store"
"""Folder of the records that come with the package."""

SHOWN = 8
"""Names in an answer to one that is not known."""

ABANDONED = 3600
"""A draft that was not touched for so many seconds was left over by a process that was killed."""


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
    _clear(path.parent)
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


def _clear(folder: Path) -> None:
    """Remove the drafts that killed processes left over; others may be writing now."""
    for draft in folder.glob("*.json*.tmp"):
        with suppress(FileNotFoundError):  # somebody else was faster
            if time.time() - draft.stat().st_mtime > ABANDONED:
                draft.unlink()


def load(experiment: str, name: str, store: Path = STORE) -> Record:
    """Read a record.

    Raises
    ------
    ValueError
        If there is no such record, naming those of the experiment with the most similar names; a
        :class:`RecordError` if the file is broken.
    """
    path = store / experiment / f"{name}.json"
    if not path.is_file():
        known = [other.stem for other in path.parent.glob("*.json")]
        similar = get_close_matches(name, known, n=SHOWN, cutoff=0)
        more = f", and {len(known) - SHOWN} more" if len(known) > SHOWN else ""
        raise ValueError(
            f"no record {experiment}/{name}; known: {', '.join(similar) or 'none'}{more}"
        )
    return read(path)


def validate(record: Record | Path) -> Record:
    """Return a record after checking that it is complete and fits its experiment.

    :func:`load` checks all but the last. No experiment is imported.

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
        record, where = read(record), str(record)
    if record.experiment not in EXPERIMENTS:
        raise RecordError(
            f"{where}: experiment {record.experiment!r} is unknown; "
            f"known: {', '.join(sorted(EXPERIMENTS))}"
        )
    known = {field.name for field in fields(record.experiment)}
    if set(record.config) != known:
        odd = ", ".join(sorted(set(record.config) ^ known))
        raise RecordError(
            f"{where}: config and the experiment's fields differ in {odd}; "
            "remove the file and run the experiment again"
        )
    return record


def all_records(
    store: Path | str = STORE,
    broken: Callable[[RecordError], object] | None = None,
    experiment: str = "*",
) -> list[Record]:
    """Read all records, in the order of their names.

    Parameters
    ----------
    store : Path or str
        Folder of the records.
    broken : callable, optional
        Gets the error of each file that cannot be read, which is then left out.
    experiment : str
        Only those of this experiment.

    Raises
    ------
    RecordError
        If one is broken and nobody is told.
    """
    found = []
    for path in paths(store, experiment):
        try:
            found.append(read(path))
        except RecordError as error:
            if broken is None:
                raise
            broken(error)
    return found


def read(path: Path) -> Record:
    """Read the file of a record.

    Raises
    ------
    RecordError
        If it is broken, naming it and the fix.
    """
    try:
        record = Record.from_json(path.read_text(encoding="utf-8"))
        if label_of(record) != label(path):
            raise RecordError(f"holds the record {label_of(record)}")
    except UnicodeDecodeError as error:
        raise RecordError(f"{path}: not text ({error}). {_advice(path)}") from error
    except RecordError as error:
        raise RecordError(f"{path}: {error}. {_advice(path)}") from error
    return record


def _advice(path: Path) -> str:
    if path.resolve().is_relative_to(STORE):
        return f"Take it from git again, or: python -m iclbook records rerun {label(path)} --write"
    return "Remove the file, and give the command that made it again."


def paths(store: Path | str = STORE, experiment: str = "*") -> list[Path]:
    """Return the files of all records, or of those of an experiment, in order."""
    return sorted(Path(store).glob(f"{experiment}/*.json"))


def label(path: Path) -> str:
    """Name of the record at a path: ``experiment/name``."""
    return f"{path.parent.name}/{path.stem}"


def label_of(record: Record) -> str:
    """Name of a record: ``experiment/name``."""
    return f"{record.experiment}/{record.name}"
