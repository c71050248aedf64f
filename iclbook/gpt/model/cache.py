"""A folder on this machine for models that were converted once; what is in it is whole."""

import errno
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

VARIABLE = "ICLBOOK_CACHE"


def cache() -> Path:
    """The folder: ``ICLBOOK_CACHE``, else ``iclbook`` where this system's user caches are."""
    named = os.environ.get(VARIABLE)
    home = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(named or f"{home}/iclbook").expanduser() / "models"


def made_once(name: str, make: Callable[[Path], None]) -> Path:
    """A folder of the cache; made now if it is not there, and only as a whole.

    Parameters
    ----------
    name : str
        Of the folder; it has to change with what the folder holds.
    make : function of a folder
        Fills it.

    Raises
    ------
    OSError
        If it cannot be written; nothing stays behind.
    """
    folder = cache() / name
    if folder.is_dir():
        return folder
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{name}-draft-"))
        try:
            make(draft)
            _in_place(draft, folder)
        finally:
            shutil.rmtree(draft, ignore_errors=True)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EROFS):
            raise
        raise OSError(
            f"{folder} cannot be written ({error.strerror}). Nothing was kept: make room, or name "
            f"another folder in the variable {VARIABLE}, and run the same again."
        ) from error
    return folder


def check_room(folder: Path, needed: int) -> None:
    """See that so many bytes are free, before they are fetched or computed.

    Raises
    ------
    OSError
        If not, as a full disk would.
    """
    free = shutil.disk_usage(folder).free
    if free < needed:
        text = f"no space left: {needed / 1e6:,.0f} MB needed, {free / 1e6:,.0f} MB free"
        raise OSError(errno.ENOSPC, text)


def _in_place(draft: Path, folder: Path) -> None:
    """Rename, unless another process was faster with the same."""
    try:
        os.replace(draft, folder)
    except OSError:
        if not folder.is_dir():
            raise
