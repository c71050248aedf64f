"""Where a run comes from: machine, versions, sources, commit."""

import hashlib
import os
import platform
import subprocess
import sys
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

import iclbook

PACKAGE = Path(iclbook.__file__).resolve().parent


def provenance(module: str, seconds: float, device: str = "cpu") -> dict[str, Any]:
    """Describe this machine, its software and the sources of an experiment.

    Parameters
    ----------
    module : str
        The experiment's module; its whole package counts as its sources.
    seconds : float
        How long the run took.
    device : str
        What it ran on.

    Returns
    -------
    dict
        The fields of :data:`iclbook.records.record.PROVENANCE`.
    """
    commit, clean = _git(_folder(module))
    return {
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "seconds": round(seconds, 2),
        "device": device,
        "cpu": _cpu(),
        "cores": os.cpu_count() or 1,
        "versions": _versions(),
        "iclbook": iclbook.__version__,
        "sources_sha256": sources_sha256(module),
        "git_commit": commit,
        "git_clean": clean,
    }


def sources_sha256(module: str) -> str:
    """Hash the Python files of the package that a module belongs to.

    ``iclbook.dual.cost`` stands for all files of ``iclbook/dual``.
    """
    digest = hashlib.sha256()
    for path in sorted(_folder(module).rglob("*.py")):
        digest.update(path.relative_to(PACKAGE).as_posix().encode() + b"\0")
        digest.update(path.read_bytes() + b"\0")
    return digest.hexdigest()


def _folder(module: str) -> Path:
    return PACKAGE.joinpath(*module.split(".")[1:-1])


def _versions() -> dict[str, str]:
    blas = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
    versions = {
        "python": platform.python_version(),
        "numpy": np.__version__,
        "blas": f"{blas.get('name', 'unknown')} {blas.get('version', '')}".strip(),
    }
    loaded = (name for name in ("torch", "transformers") if name in sys.modules)
    return versions | {name: metadata.version(name) for name in loaded}


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine() or "unknown"


def _git(folder: Path) -> tuple[str | None, bool | None]:
    """Commit, and whether a folder has no uncommitted change; (None, None) without git."""

    def git(*arguments: str) -> str:
        command = ["git", "-C", str(PACKAGE), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    try:
        if Path(git("rev-parse", "--show-toplevel")).resolve() != PACKAGE.parent:
            return None, None  # an installed package inside somebody else's repository
        return git("rev-parse", "HEAD"), not git("status", "--porcelain", "--", str(folder))
    except (OSError, subprocess.CalledProcessError):
        return None, None
