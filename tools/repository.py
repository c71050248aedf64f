"""The address of the repository, kept in one place.

``repository.url`` in ``_config.yml`` is its home. The first code cell of every chapter (which
installs ``iclbook`` in Colab), ``CITATION.cff`` and the links of ``README.md`` derive from it::

    python -m tools.repository                                  # bring them into line
    python -m tools.repository https://github.com/NAME/REPO     # move house
    python -m tools.repository --check                          # say what is out of line

The publishing workflow runs the second form with the repository that it runs in.
"""

import argparse
import os
import re
import sys
import tempfile
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parent.parent
INSTALL_CELL = """\
import sys

if "google.colab" in sys.modules:
    %pip install -q "iclbook @ git+{url}\""""
COLAB_CELL = """\
# Needs the package iclbook and, where a chapter loads a pretrained model, the network once.
# Colab installs it here. Elsewhere: pip install "iclbook @ git+{source}"
import sys

if "google.colab" in sys.modules:
    %pip install -q "iclbook @ git+{source}"
    from importlib.util import find_spec

    if find_spec("iclbook") is None:
        raise ImportError(
            "iclbook could not be installed; the lines above say why. "
            "See whether {url} opens in a browser, then choose "
            "'Runtime', 'Restart session and run all'."
        )"""


def write_text(path, text):
    """Replace the content of ``path`` in one step, so that no reader sees half of it."""
    path = Path(path)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
        mode = path.stat().st_mode if path.exists() else 0o644
        os.chmod(temporary, mode & 0o777)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def repository_url(root=ROOT):
    """Return ``repository.url`` of ``_config.yml``."""
    config = yaml.safe_load((Path(root) / "_config.yml").read_text("utf-8"))
    return config["repository"]["url"]


def checked_url(url):
    """Return ``url`` without a trailing slash or ``.git``.

    Raises
    ------
    ValueError
        If it is not of the form ``https://github.com/NAME/REPO``: the launch buttons and Colab
        know no other.
    """
    url = url.rstrip("/").removesuffix(".git")
    if not re.fullmatch(r"https://github\.com/[\w.-]+/[\w.-]+", url):
        raise ValueError(
            f"repository URL {url!r}: expected https://github.com/NAME/REPO, because the launch "
            "buttons and Colab open notebooks from GitHub"
        )
    return url


def install_cell(url):
    """Return the source of a chapter's first code cell."""
    return INSTALL_CELL.format(url=url)


def colab_cell(url, commit=""):
    """Return the source of the first cell in Colab: it installs ``commit``, or says what to do.

    Raises
    ------
    ValueError
        If ``commit`` is not a full hash. Without one the newest version is installed.
    """
    if not re.fullmatch(r"([0-9a-f]{40})?", commit):
        raise ValueError(f"commit {commit!r}: expected the 40 digits of `git rev-parse HEAD`")
    return COLAB_CELL.format(url=url, source=f"{url}@{commit}" if commit else url)


def derived(url, root=ROOT):
    """Yield ``(path, text)`` of every file that depends on the URL, as it should be."""
    root = Path(root)
    old_url = repository_url(root)
    config = (root / "_config.yml").read_text("utf-8")
    yield root / "_config.yml", re.sub(r"(?m)^(repository:\n(?:  .*\n)*?  url: ).*$",
                                       rf"\g<1>{url}", config)
    for name in ("CITATION.cff", "README.md"):
        path = root / name
        text = path.read_text("utf-8").replace(old_url, url)
        yield path, re.sub(r"(?m)^repository-code: .*$", f"repository-code: {url}", text)
    install = re.compile(r"iclbook @ git\+https://[^\"\\]+")
    for path in sorted((root / "book").rglob("*.ipynb")):
        if ".ipynb_checkpoints" not in path.parts:
            yield path, install.sub(f"iclbook @ git+{url}", path.read_text("utf-8"))


def out_of_line(url, root=ROOT):
    """Return ``(path, text)`` of the files whose content is not yet what the URL asks for."""
    return [(path, text) for path, text in derived(url, root) if path.read_text("utf-8") != text]


def main(arguments=None):
    """Run the command line; the exit status is 1 if ``--check`` found something."""
    parser = argparse.ArgumentParser(prog="python -m tools.repository", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("url", nargs="?", help="the new address; default: the one in _config.yml")
    parser.add_argument("--check", action="store_true", help="change nothing, say what would")
    options = parser.parse_args(arguments)
    try:
        url = checked_url(options.url or repository_url())
    except ValueError as error:
        parser.error(str(error))
    files = out_of_line(url)
    for path, text in files:
        name = path.relative_to(ROOT)
        if options.check:
            print(f"{name}: does not name {url}; run `python -m tools.repository`")
        else:
            write_text(path, text)
            print(f"{name}: now names {url}")
    return int(options.check and bool(files))


if __name__ == "__main__":
    sys.exit(main())
