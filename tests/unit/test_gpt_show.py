"""Pictures of Part III show the numbers that they are given."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from iclbook import figures
from iclbook.gpt.report import show


@pytest.fixture(autouse=True)
def close():
    yield
    plt.close("all")


def test_a_grid_says_its_numbers():
    _, axis = plt.subplots()
    show.grid(axis, np.array([[0.25, -0.001], [1.0, -0.5]]), "cosine", low=-1.0, high=1.0)
    assert [text.get_text() for text in axis.texts] == ["0.25", "0.00", "1.00", "-0.50"]
    assert [text.get_position() for text in axis.texts] == [(0, 0), (1, 0), (0, 1), (1, 1)]
    assert axis.images[0].get_cmap().name == figures.SIGNED
    assert axis.images[0].get_clim() == (-1, 1)


def test_a_large_grid_has_colours_alone():
    _, axis = plt.subplots()
    show.grid(axis, np.ones((24, 32)), "share", low=0.0, high=1.0)
    assert not axis.texts
    assert axis.images[0].get_cmap().name == figures.UNSIGNED
