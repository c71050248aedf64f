"""Where a run comes from: machine, versions, sources, commit."""

import os
import platform
import subprocess
from contextlib import suppress
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

import iclbook
from iclbook.records.sources import PACKAGE, files, hashes, libraries

LIBRARIES = {"scipy", "tokenizers", "torch", "transformers"}
"""Libraries whose versions are recorded where a run's sources import them."""


def provenance(
    module: str,
    sources: dict[str, str],
    seconds: float,
    *,
    device: str = "cpu",
    resumed: bool = False,
) -> dict[str, Any]:
    """Describe this machine, its software and the sources of an experiment, after a run.

    Parameters
    ----------
    module : str
        The experiment's module.
    sources : dict
        Its sources as they were when the run began, of :func:`iclbook.records.sources.hashes`.
        One that has changed since is recorded as not known: the run may have read either.
    seconds : float
        How long the run took.
    device : str
        What it ran on.
    resumed : bool
        Whether it went on from a kept state.

    Returns
    -------
    dict
        The fields of :data:`iclbook.records.record.PROVENANCE`.
    """
    now = hashes(module)
    edited = {name for name, sha in sources.items() if sha != now.get(name)}
    commit, clean = _git(list(files(module).values()))
    return {
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "seconds": round(seconds, 2),
        "resumed": resumed,
        "device": device,
        "cpu": _cpu(),
        "cores": os.cpu_count() or 1,
        "versions": _versions(module),
        "iclbook": iclbook.__version__,
        "sources": {name: None if name in edited else sha for name, sha in sources.items()},
        "git_commit": commit,
        "git_clean": clean and not edited,
    }


def _versions(module: str) -> dict[str, str]:
    blas = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
    versions = {
        "python": platform.python_version(),
        "numpy": np.__version__,
        "blas": f"{blas.get('name', 'unknown')} {blas.get('version', '')}".strip(),
    }
    for name in sorted(LIBRARIES & libraries(module)):
        with suppress(metadata.PackageNotFoundError):
            versions[name] = metadata.version(name)
    return versions


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine() or "unknown"


def _git(sources: list[Path]) -> tuple[str | None, bool | None]:
    """Commit, and whether these files are as in it; (None, None) without git."""

    def git(*arguments: str) -> str:
        command = ["git", "-C", str(PACKAGE), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    try:
        if Path(git("rev-parse", "--show-toplevel")).resolve() != PACKAGE.parent:
            return None, None  # an installed package inside somebody else's repository
        inside = [str(path) for path in sources if path.is_relative_to(PACKAGE.parent)]
        return git("rev-parse", "HEAD"), not git("status", "--porcelain", "--", *inside)
    except (OSError, subprocess.CalledProcessError):
        return None, None
