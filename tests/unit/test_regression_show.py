"""What the chapters of Part II draw."""

import matplotlib.pyplot as plt
import numpy as np

from iclbook.regression.show import matrices, sheet, spread


def test_a_spread_is_mean_lowest_and_highest():
    assert spread([1.0, 2.0, 6.0], 1) == ["3.0", "1.0", "6.0"]


def test_matrices_are_drawn_on_one_scale_and_parted_behind_the_inputs():
    figure = matrices({"first": np.eye(3), "second": -0.5 * np.eye(3)}, d=2)
    assert [axis.get_title() for axis in figure.axes] == ["first", "second"]
    for axis in figure.axes:
        assert axis.images[0].get_clim() == (-1, 1)
        assert axis.lines[0].get_ydata()[0] == 1.5
        assert list(axis.get_xticks()) == [0.5, 2]
    plt.close(figure)


def test_a_sheet_has_the_keys_above_and_the_values_below():
    figure, axis = plt.subplots()
    sheet(axis, [1.0, 2.0, 3.0], np.zeros((3, 3)), "a layer")
    drawn = axis.images[0].get_array()
    assert drawn.shape == (5, 3)
    assert drawn[4].tolist() == [1.0, 2.0, 3.0]
    assert drawn.mask[3].all()
    plt.close(figure)
