"""Values to point at: where they are in the stored picture, and what they say."""

import html
import io
import json
import re

import matplotlib.pyplot as plt
import numpy as np
import pytest
from PIL import Image

from iclbook import controls, figures


@pytest.fixture
def shown(monkeypatch):
    """What is displayed, in the static form."""
    monkeypatch.setenv("ICLBOOK_STATIC", "1")
    found = []
    monkeypatch.setattr(controls, "display", lambda data, **_: found.append(data))
    yield found
    plt.close("all")


def points(shown):
    """The points of what was displayed last."""
    data = re.search(r'data-points="([^"]*)"', shown[-1]["text/html"])[1]
    return json.loads(html.unescape(data))


def test_a_point_lies_where_the_stored_picture_has_it(shown):
    figure, axes = plt.subplots(1, 2, figsize=(5, 2.5))
    axes[1].plot([3], [0.25], "o", ms=4, mew=0, color="#ff0000", label="found")
    axes[1].set(xlim=(0, 4), ylim=(0, 1), xlabel="steps", ylabel=r"size $\sigma$")
    figure.savefig(stored := io.BytesIO(), format="png", bbox_inches="tight")
    figures.point_at(figure)
    red = np.array(Image.open(stored).convert("RGB")) == [255, 0, 0]
    rows, columns = np.nonzero(red.all(axis=-1))
    ((left, top, text),) = points(shown)
    assert left == pytest.approx(100 * (columns.mean() + 0.5) / red.shape[1], abs=0.4)
    assert top == pytest.approx(100 * (rows.mean() + 0.5) / red.shape[0], abs=0.4)
    assert text == "found: steps 3, size sigma 0.25"
    assert shown[-1]["text/plain"] == "1 values to point at"


def test_levels_and_what_lies_outside_are_left_out(shown):
    figure, axis = plt.subplots()
    axis.plot([0, 1, 2, 3], [0, 1, np.nan, 50])
    axis.axhline(0.5, label="level")
    axis.set(ylim=(-1, 2), title="loss <b>")
    figures.point_at(figure)
    assert [text for *_, text in points(shown)] == ["x 0, loss <b> 0", "x 1, loss <b> 1"]


def test_named_ticks_and_labels_of_error_bars_are_said(shown):
    figure, axis = plt.subplots()
    axis.errorbar(0.9, 2, 0.5, fmt="o", label="SmolLM2")
    axis.set(xticks=[0, 1], xticklabels=["sst2", "mr"], ylabel="accuracy", xlim=(-1, 2))
    figures.point_at(figure)
    assert [text for *_, text in points(shown)] == ["SmolLM2: mr, accuracy 2"]


@pytest.mark.parametrize(
    ("heights", "message"), [([], "no line with points"), (range(1001), "1001 points, the limit")]
)
def test_a_figure_without_points_or_with_too_many_is_refused(shown, heights, message):
    figure, axis = plt.subplots()
    axis.plot(list(heights))
    with pytest.raises(ValueError, match=message):
        figures.point_at(figure)
    assert shown == []
