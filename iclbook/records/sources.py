"""The files of the package that an experiment depends on, and their hashes.

They are found by reading the experiment's module: what it imports, at its head or inside a
function, what that imports, and so on. So they do not depend on what a process imported before,
and a module that a run imports late is among them. A module that a run could import and did not
is among them too: a change of it is said once too often, never once too seldom.

Files that are not Python count if a module names them, or their folder, by a string and stands
beside them, as in ``Path(__file__).with_name("published.toml")``.

The modules of ``iclbook.records`` are left out: they keep results, they do not make them.
"""

import ast
import functools
import hashlib
import importlib.util
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import iclbook

PACKAGE = Path(iclbook.__file__).resolve().parent

KEEPERS = "iclbook.records"
"""The package whose modules are no sources."""

FILE_NAME = re.compile(r"\w[\w.-]*")
"""A string that can be the name of a file or folder beside a module."""


def hashes(module: str, package: Path = PACKAGE) -> dict[str, str]:
    """SHA-256 of each source of an experiment.

    Parameters
    ----------
    module : str
        The experiment's module, such as ``"iclbook.dual.cost"``.
    package : Path
        Folder of the package.

    Returns
    -------
    dict
        Path, such as ``"iclbook/dual/cost.py"``, to hash, in the order of the paths.
    """
    found = files(module, package)
    return {name: sha256(path) for name, path in sorted(found.items())}


def changed(sources: Mapping[str, str | None], package: Path = PACKAGE) -> list[str]:
    """The files of the package among recorded sources whose content is another one today."""
    return [
        name
        for name, recorded in sources.items()
        if recorded is not None
        and name.startswith(f"{package.name}/")
        and recorded != sha256(package.parent / name)
    ]


def files(module: str, package: Path = PACKAGE) -> dict[str, Path]:
    """The sources of an experiment: path as in :func:`hashes`, to file."""
    found, seen, waiting = {}, set(), [module]
    while waiting:
        name = waiting.pop()
        path = None if name in seen or _within(name, KEEPERS) else locate(name, package)
        seen.add(name)
        if path is None:
            continue
        found |= {_label(file, package): file for file in (path, *_data(path))}
        called = (*imports(name, path), name.rpartition(".")[0])  # parents are imported too
        waiting += [other for other in called if _within(other, package.name)]
    return found


def libraries(module: str) -> set[str]:
    """Names of the libraries that an experiment's sources import."""
    names = set()
    for path in files(module).values():
        if path.suffix == ".py":
            names |= {name.partition(".")[0] for name in imports("", path)}
    return names - {PACKAGE.name} - sys.stdlib_module_names


def locate(module: str, package: Path = PACKAGE) -> Path | None:
    """File of a module; None if the package has no such module."""
    if not _within(module, package.name):  # an experiment that somebody else brings along
        spec = importlib.util.find_spec(module)
        return Path(spec.origin) if spec and spec.origin else None
    stem = package.joinpath(*module.split(".")[1:])
    candidates = (stem / "__init__.py", stem.with_name(f"{stem.name}.py"))
    return next((path for path in candidates if path.is_file()), None)


def imports(module: str, path: Path) -> set[str]:
    """Names of what a module may import; for ``from a import b`` both ``a`` and ``a.b``."""
    found = set()
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    for node in _telling(path, path.stat().st_mtime_ns):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            origin = node.module or ""
            if node.level:
                origin = importlib.util.resolve_name("." * node.level + origin, package)
            found |= {origin, *(f"{origin}.{alias.name}" for alias in node.names)}
    return found


def parse(path: Path) -> ast.Module:
    """Syntax tree of a module's file."""
    return _parse(path, path.stat().st_mtime_ns)


@functools.lru_cache(maxsize=256)
def _parse(path: Path, changed: int) -> ast.Module:
    return ast.parse(path.read_bytes(), str(path))


@functools.lru_cache(maxsize=512)
def _telling(path: Path, changed: int) -> tuple[ast.AST, ...]:
    """The imports of a module, and its strings that may name files."""
    return tuple(
        node
        for node in ast.walk(_parse(path, changed))
        if isinstance(node, ast.Import | ast.ImportFrom)
        or (
            isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and FILE_NAME.fullmatch(node.value)
        )
    )


def sha256(path: Path) -> str | None:
    """Hash of a file; None if there is none."""
    if not path.is_file():
        return None
    stat = path.stat()
    return _sha256(path, stat.st_mtime_ns, stat.st_size)


@functools.lru_cache(maxsize=1024)
def _sha256(path: Path, changed: int, size: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _data(path: Path) -> Iterator[Path]:
    """Files beside a module that it names by a string, and those in a folder that it names."""
    for node in _telling(path, path.stat().st_mtime_ns):
        if not isinstance(node, ast.Constant):
            continue
        named = path.parent / node.value
        if named.is_file() and named.suffix != ".py":
            yield named
        elif named.is_dir() and not (named / "__init__.py").exists():
            yield from (file for file in named.rglob("*") if file.is_file())


def _label(path: Path, package: Path) -> str:
    inside = path.is_relative_to(package)
    return path.relative_to(package.parent).as_posix() if inside else path.name


def _within(module: str, package: str) -> bool:
    return module == package or module.startswith(f"{package}.")
