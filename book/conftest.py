"""How ``pytest --nbval book`` runs and compares the chapters.

Every ``text/plain`` and stream output (stderr included) is compared, and so
is the text that ``glue`` stores for the prose, with its name. Numbers may
differ in their last digit as ``tools/comparison.py`` says. Pictures and the
HTML of our own components are left out by MIME type: both come with equal
text, which is compared. Nothing is sanitised: an address in memory or a time
does not belong on a page.

A cell that loads a packaged model fails in one line if the model cannot be
had, and what follows it in its chapter is skipped.
"""

import copy
from functools import partial

import pytest
from nbval.plugin import IPyNbCell, IPyNbFile

from tools import models
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


def pytest_runtest_setup(item):
    """Look for the models that a cell loads before its kernel does."""
    if not isinstance(item, IPyNbCell):
        return
    chapter = item.parent
    if hasattr(chapter, "ended_at"):
        cell = chapter.ended_at
        pytest.skip(f"cell {cell} needs a model that cannot be had")
    for name in models.loaded(item.cell.source):
        if reason := models.missing(name):
            chapter.ended_at = item.cell_num
            pytest.fail(reason, pytrace=False)


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
