"""A tiny random model and small data for the tests of cells, studies and their tables."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict

import pytest

from iclbook.gpt.study.cell import Cell
from iclbook.gpt.study.setup import Setup
from tests.unit.classification_rows import data_folder
from tests.unit.tiny_models import save_tiny


@contextmanager
def tiny_model(tmp_path_factory) -> Iterator[str]:
    """A folder with a tiny random model; meanwhile the data folder is in the environment."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ICLBOOK_DATA", str(data_folder(tmp_path_factory.mktemp("data"))))
        yield str(save_tiny("gpt2", tmp_path_factory.mktemp("models") / "tiny", n_positions=1024))


def setup_of(tiny, **settings) -> Setup:
    """Few demonstrations, few items."""
    return Setup(**(dict(model=tiny, task="sst2", k=4, items=20) | settings))


def cell_of(tiny, lr=0.05, arrays="", **settings) -> Cell:
    """A cell with the same."""
    return Cell(**asdict(setup_of(tiny, **settings)), lr=lr, arrays=arrays)


def results_of(experiment) -> dict:
    """Deterministic results of a run, by name."""
    return {name: entry["value"] for name, entry in experiment.run().deterministic.items()}
