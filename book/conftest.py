"""How ``pytest --nbval book`` runs and compares the chapters.

Every ``text/plain`` and stream output (stderr included) is compared, and so
is the text that ``glue`` stores for the prose, with its name. Numbers may
differ in their last digit as ``tools/comparison.py`` says. Pictures and the
HTML of our own components are left out by MIME type: both come with equal
text, which is compared. ``tests/notebooks/sanitize.cfg`` lists the few
patterns that may differ between two runs.
"""

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
    computed, stored = (
        item.sanitize_outputs(with_glued_names(outputs))
        for outputs in (computed, stored)
    )
    tolerance = Tolerance.of(item.cell.metadata)
    computed, refusal = settled(stored, computed, tolerance)
    same = equal(computed, stored)
    if refusal and not same:
        item.comparison_traceback.insert(0, refusal)
    return same


def with_glued_names(outputs):
    """Return outputs that show the names of glued values: nbval skips them."""
    for output in outputs:
        name = output.get("metadata", {}).get("scrapbook", {}).get("name")
        if name:
            output = output.copy()
            output.data = {**output.data, "glued name": name}
        yield output
