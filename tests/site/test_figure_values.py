"""Values of a figure in a browser: found by mouse, finger and keyboard."""

import base64
import io

import matplotlib.pyplot as plt
import pytest
from bare_pages import barriers, page_of

from iclbook import controls, figures


@pytest.fixture(scope="module")
def html():
    """Text of a page with a figure and its values."""
    figure, axis = plt.subplots(figsize=(3.5, 2))
    axis.plot([0, 1, 2], [1, 3, 2], "o-", label="trained")
    axis.set(xlabel="steps", ylabel="loss")
    figure.savefig(stored := io.BytesIO(), format="png", bbox_inches="tight")
    data = base64.b64encode(stored.getvalue()).decode()

    def both(patch):
        controls.display(
            {"text/html": f'<img alt="A line" src="data:image/png;base64,{data}"'
             ' style="max-width: 100%">'}
        )  # fmt: skip
        figures.point_at(figure)

    text = page_of("Values", both)
    plt.close(figure)
    return text


def test_mouse_and_keyboard_find_values(bare):
    page = bare(viewport={"width": 900, "height": 700})
    said, picture = page.locator(".pointing"), page.locator("img")
    assert said.inner_text().startswith("Point at the figure")
    stage = page.get_by_role("group", name="Values")
    stage.press("ArrowRight")
    assert said.inner_text() == "trained: steps 0, loss 1"
    stage.press("ArrowRight")
    assert said.inner_text() == "trained: steps 1, loss 3"
    mark, box = page.locator(".pointing-mark").bounding_box(), picture.bounding_box()
    stage.press("ArrowLeft")
    page.mouse.move(mark["x"] + mark["width"] / 2 + 5, mark["y"] + mark["height"] / 2 + 5)
    assert said.inner_text() == "trained: steps 1, loss 3"
    page.mouse.move(box["x"] + 3, box["y"] + 3)  # far from all of them
    assert said.inner_text() == "trained: steps 1, loss 3"


def test_a_finger_finds_values_and_the_page_fits(bare):
    page = bare(viewport={"width": 360, "height": 740}, has_touch=True, is_mobile=True)
    stage = page.get_by_role("group", name="Values")
    stage.press("ArrowRight")
    mark, box = page.locator(".pointing-mark").bounding_box(), stage.bounding_box()
    stage.press("Shift+ArrowRight")
    assert page.locator(".pointing").inner_text() == "trained: steps 2, loss 2"
    stage.tap(position={"x": mark["x"] + 7 - box["x"], "y": mark["y"] + 7 - box["y"]})
    assert page.locator(".pointing").inner_text() == "trained: steps 0, loss 1"
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    assert barriers(page) == []
