"""Shared set-up of the unit tests."""

import gc
import importlib.abc
import os
import sys

os.environ.setdefault("OMP_NUM_THREADS", "1")  # small tensors: threads would only wait

import jaxtyping
import pytest
from hypothesis import settings

settings.register_profile(
    "iclbook", derandomize=True, database=None, deadline=None, max_examples=25
)
settings.load_profile("iclbook")


@pytest.fixture
def plain_python():
    """Switch runtime type checking off, as it is for a reader.

    With `--jaxtyping-packages` the type checker would speak before our own input checks do.
    """
    before = jaxtyping.config.jaxtyping_disable
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", before)


# What computes with torch and transformers, the extra `models`. With --plain it is left out, and
# the rest runs as where they are not installed: Part I, records and command line do without.
MODELS = ("torch", "transformers", "datasets")
NEED_MODELS = (
    "test_checks.py",
    "test_*_torch.py",
    "test_gpt_*.py",
    "test_mini_*.py",
    "test_regression_*.py",
    "test_states.py",
)


class NotInstalled(importlib.abc.MetaPathFinder):
    """Let the packages of the extra `models` be missing."""

    def find_spec(self, fullname, path, target=None):
        """Refuse to find them."""
        if fullname.partition(".")[0] in MODELS:
            raise ModuleNotFoundError(f"No module named {fullname!r}", name=fullname)


def pytest_addoption(parser):
    """Add --plain."""
    parser.addoption("--plain", action="store_true",
                     help="only what runs without torch and transformers, and without them")


def pytest_configure(config):
    """With --plain, hide what a plain installation has not."""
    if config.getoption("plain"):
        sys.meta_path.insert(0, NotInstalled())


def pytest_ignore_collect(collection_path, config):
    """With --plain, leave out the modules of tests that need it."""
    if config.getoption("plain") and any(map(collection_path.match, NEED_MODELS)):
        return True
    return None


def pytest_collection_finish():
    """Never look through what was imported for garbage again: it takes half a second each time."""
    gc.freeze()
