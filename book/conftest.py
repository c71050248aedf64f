"""How ``pytest --nbval book`` runs and compares the chapters.

Every ``text/plain`` and stream output (stderr included) is compared, and so
is the text that ``glue`` stores for the prose. Pictures and the HTML of our
own components are left out by MIME type: both come with equal text, which is
compared. ``tests/notebooks/sanitize.cfg`` lists the few patterns that may
differ between two runs.
"""

from tools.notebooks import prepare_kernels

NOT_COMPARED = ("text/html", "image/svg+xml", "image/png", "image/jpeg")


def pytest_configure(config):
    """Give nbval's kernels the same environment as ``make run``."""
    prepare_kernels()


def pytest_collectstart(collector):
    """Leave pictures and component HTML out of the comparison."""
    if hasattr(collector, "skip_compare"):
        collector.skip_compare += NOT_COMPARED
