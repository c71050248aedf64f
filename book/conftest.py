"""How ``pytest --nbval book`` runs and compares the chapters.

Every ``text/plain`` and stream output (stderr included) is compared, and so
is the text that ``glue`` stores for the prose, with its name. Numbers may
differ in their last digit as ``tools/comparison.py`` says. Pictures and the
HTML of our own components are left out by MIME type: both come with equal
text, which is compared. Nothing is sanitised: an address in memory or a time
does not belong on a page.
"""

import copy
from functools import partial

from nbval.plugin import IPyNbCell, IPyNbFile

from tools.comparison import NOT_COMPARED, Tolerance, settled
from tools.notebooks import prepare_kernels


def pytest_configure(config):
    """Give nbval's kernels the same environment as ``make run``."""
    prepare_kernels()


def pytest_collectstart(collector):
    """Leave pictures and component HTML out of the comparison."""
    if isinstance(collector, IPyNbFile):
        collector.skip_compare += NOT_COMPARED


def pytest_itemcollected(item):
    """Let numbers differ in their last digit; the rest is nbval's."""
    if isinstance(item, IPyNbCell):
        item.compare_outputs = partial(compare, item, item.compare_outputs)


def compare(item, equal, computed, stored):
    """Return whether the outputs of a cell are as stored, up to rounding."""
    tolerance = Tolerance.of(item.cell.metadata)
    computed, refusal = settled(stored, computed, tolerance)
    same = equal(with_glued_names(computed), with_glued_names(stored))
    if refusal and not same:
        item.comparison_traceback.insert(0, refusal)
    return same


def with_glued_names(outputs):
    """Return outputs that show the names of glued values: nbval skips them."""
    named = copy.deepcopy(outputs)
    for output in named:
        glue = output.get("metadata", {}).get("scrapbook")
        if glue:
            output.data["glued as"] = glue["name"]
    return named
