"""Text classification as prompts: a template, a word for each label, and where the rows come from.

A task is a TOML entry. The built-in ones stand in ``tasks.toml`` beside this file: the six tasks
of Dai et al. (2023) with the templates and label words of the authors' released code
(`get(name, wording="paper")` gives the wording printed in the paper, which differs in small ways),
RTE and TREC from the same code, and six ``mini-*`` tasks, the same on the small language of the
bundled model. A task of your own is a TOML file (`load_toml`) or `Task(...)`.
"""

import dataclasses
import difflib
import tomllib
from collections.abc import Mapping
from pathlib import Path

from iclbook.gpt.text.task import Hub, Row, Task

__all__ = ["MINI", "SIX", "TASKS", "Hub", "Row", "Task", "find_task", "get", "load_toml"]

_NEEDED = ("name", "template", "labels")
_KEYS = (*_NEEDED, "columns", "evaluation", "cap", "hub", "files")


def _task(entry: Mapping) -> Task:
    """A task from its TOML entry."""
    unknown = [key for key in entry if key not in _KEYS]
    missing = [key for key in _NEEDED if key not in entry]
    if unknown or missing:
        raise ValueError(
            f"unknown entries {unknown}, missing entries {missing}; expected {', '.join(_NEEDED)}, "
            f"and perhaps {', '.join(_KEYS[len(_NEEDED) :])}."
        )
    entry = {k: tuple(v) if isinstance(v, list) else v for k, v in entry.items()}
    if "hub" in entry:
        entry["hub"] = _hub(entry["hub"])
    return Task(**entry)


def _hub(entry: object) -> Hub:
    fields = [field.name for field in dataclasses.fields(Hub)]
    if not isinstance(entry, Mapping) or "id" not in entry or not set(entry) <= set(fields):
        raise ValueError(
            f"hub is {entry!r}; expected a table with id, and perhaps {', '.join(fields[1:])}."
        )
    kinds = {"columns": list, "rows": int}
    for key, value in entry.items():
        if not isinstance(value, kind := kinds.get(key, str)):
            raise TypeError(f"{key} of hub is {value!r}; expected a {kind.__name__}.")
    return Hub(**{k: tuple(v) if isinstance(v, list) else v for k, v in entry.items()})


def _built_in() -> tuple[dict[str, Task], dict[str, str]]:
    """The built-in tasks, and the paper's wording of those that have one."""
    entries = tomllib.loads((Path(__file__).parent / "tasks.toml").read_text(encoding="utf-8"))
    papers = {name: entry.pop("paper") for name, entry in entries.items() if "paper" in entry}
    found: dict[str, Task] = {}
    for name, entry in entries.items():
        if "like" in entry:
            found[name] = dataclasses.replace(
                found[entry["like"]], name=name, hub=None, evaluation="validation", bundled=True
            )
        else:
            found[name] = _task({"name": name, **entry})
    return found, papers


TASKS, _PAPER = _built_in()
"""The built-in tasks by name."""

MINI = tuple(name for name, task in TASKS.items() if task.bundled)
"""The six of the paper on the bundled model's language."""

SIX = tuple(name.removeprefix("mini-") for name in MINI)
"""The six tasks of the paper."""


def get(name: str, wording: str = "code") -> Task:
    """Return a built-in task by name.

    Parameters
    ----------
    name : str
        One of `TASKS`.
    wording : str
        ``"code"``: the templates of the authors' released code, with which their numbers were
        made. ``"paper"``: those of the paper's appendix.

    Raises
    ------
    ValueError
        If there is no such task (the message names near ones) or no such wording.
    """
    if name not in TASKS:
        near = difflib.get_close_matches(str(name).lower(), TASKS, n=3, cutoff=0.5)
        hint = f" Did you mean {' or '.join(near)}?" if near else ""
        raise ValueError(
            f"task {name!r} is unknown; expected one of {', '.join(TASKS)}, or a TOML file.{hint}"
        )
    if wording == "code":
        return TASKS[name]
    if wording != "paper":
        raise ValueError(f"wording is {wording!r}; expected 'code' or 'paper'.")
    if name not in _PAPER:
        raise ValueError(
            f"task {name!r} has no wording 'paper': the paper prints templates of "
            f"{', '.join(_PAPER)} only. Use wording 'code'."
        )
    return dataclasses.replace(TASKS[name], template=_PAPER[name])


def find_task(name: str, wording: str = "code") -> Task:
    """Return a task by name, or from a TOML file.

    Raises
    ------
    FileNotFoundError, ValueError
        As `get` and `load_toml`; an entry of the wrong type is a ValueError as well. So is
        another wording for a TOML file, which has one template.
    """
    if not name.endswith(".toml"):
        return get(name, wording)
    if wording != "code":
        raise ValueError(
            f"wording is {wording!r}, which is of built-in tasks alone; {name} has one template."
        )
    try:
        return load_toml(Path(name).expanduser())
    except TypeError as error:
        raise ValueError(str(error)) from None


def load_toml(path: str | Path) -> Task:
    """Read a task of your own from a TOML file.

    The file has ``name``, ``template`` and ``labels``, and may have ``columns``, ``evaluation`` and
    ``cap``. A table ``files`` names the files ``train`` and ``evaluation`` (JSON lines, CSV or
    TSV), relative to the TOML file; a table ``hub`` the data set on the hub (see `Hub`). Without
    either the rows are looked for in the data folder, under the task's name.

    Raises
    ------
    FileNotFoundError
        If the file does not exist.
    ValueError, TypeError
        If it is no TOML, has an unknown or missing entry, or describes no sound task (see
        `Task`); the message names the file.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path} does not exist; expected a TOML file with a task.")
    try:
        entry = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"{path} is no TOML file: {error}.") from None
    try:
        if "files" in entry:
            entry["files"] = _files(entry["files"], path.parent)
        return _task(entry)
    except (TypeError, ValueError) as error:
        raise type(error)(f"{path}: {error}") from None


def _files(entry: object, folder: Path) -> tuple[str, str]:
    splits = ("train", "evaluation")
    if (
        not isinstance(entry, Mapping)
        or set(entry) != set(splits)
        or not all(isinstance(name, str) and name.strip() for name in entry.values())
    ):
        raise ValueError(
            f"files is {entry!r}; expected a table with the two entries train and evaluation, each "
            f"a file name."
        )
    return tuple(str(folder / entry[split]) for split in splits)
