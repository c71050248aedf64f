"""States of long trainings: written whole or not at all, and continued with the same settings only.

A stopped training goes on from its state to the same weights. Whoever keeps a state says which
settings have to be the same: values by name, compared by their ``repr``.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from pathlib import Path
from textwrap import shorten
from typing import Any

CHECKPOINTS = "ICLBOOK_CHECKPOINTS"
"""Environment variable with a folder, where long recorded runs keep their states."""


_RESUMED: ContextVar[list[Path] | None] = ContextVar("resumed", default=None)


@contextmanager
def watched() -> Iterator[list[Path]]:
    """Collect the states from which a training goes on inside of a ``with`` block."""
    found = []
    token = _RESUMED.set(found)
    try:
        yield found
    finally:
        _RESUMED.reset(token)


def save(path: Path, settings: dict[str, Any], state: dict[str, Any]) -> None:
    """Write a state with torch, in place of an earlier one.

    Parameters
    ----------
    path : Path
        Of the file; folders that are missing are made.
    settings : dict
        What has to be the same when the training goes on.
    state : dict
        Tensors, and plain values.

    Raises
    ------
    ValueError
        If the file cannot be written.
    """
    import torch

    draft = path.with_name(f"{path.name}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        torch.save({"settings": _texts(settings), "state": state}, draft)
        os.replace(draft, path)
    except (OSError, RuntimeError) as error:  # torch reports a full disk as RuntimeError
        raise ValueError(
            f"{path} cannot be written ({error}). An earlier state there is whole: make room, or "
            "name another folder, and run the same again."
        ) from error
    finally:
        with suppress(OSError):
            draft.unlink()


def load(path: Path, settings: dict[str, Any]) -> dict[str, Any] | None:
    """Return the state that :func:`save` wrote, or None if there is no such file.

    Raises
    ------
    ValueError
        If the file is broken, or of a training with other settings.
    """
    import torch

    if not path.is_file():
        return None
    try:
        kept = torch.load(path, map_location="cpu", weights_only=True)
        before, state = kept["settings"], kept["state"]
        differ = "; ".join(
            f"{name} was {shorten(before.get(name, 'unknown'), 60)} and is {shorten(now, 60)}"
            for name, now in _texts(settings).items()
            if before.get(name) != now
        )
    except Exception as error:  # a broken file can fail anywhere
        kind = type(error).__name__
        raise ValueError(f"{path} is no whole state of a training ({kind}); remove it.") from error
    if differ:
        raise ValueError(
            f"{path} is the state of a training with other settings: {differ}. Remove the file, or "
            "use another folder."
        )
    if (resumed := _RESUMED.get()) is not None:
        resumed.append(path)
    return state


def _texts(settings: dict[str, Any]) -> dict[str, str]:
    return {name: repr(value) for name, value in settings.items()}
