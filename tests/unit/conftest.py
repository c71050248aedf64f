"""Shared set-up of the unit tests."""

import os

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
