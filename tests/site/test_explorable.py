"""Components in a browser: their arithmetic, and moving them by mouse, finger and keyboard.

The pages here are bare: the live form of each component, which brings its own script and style.
"""

import json
import re

import matplotlib.pyplot as plt
import numpy as np
import pytest
from bare_pages import barriers, page_of

from iclbook import controls, dual

K = np.array([[1.2, 0.3], [-0.3, 1.3], [0.4, -1.2]])
V = np.array([[-0.4, 1.5], [1.7, 0.2], [-1.0, -1.3]])
W = np.array([[0.4, 0.9], [-0.5, -0.8]])
Q = np.array([0.9, 0.7])
STATE = {"W": W.tolist(), "keys": K.tolist(), "values": V.tolist(), "query": Q.tolist()}


def draw(value):
    figure, axis = plt.subplots(figsize=(3, 2))
    axis.plot([0, value])
    return figure


@pytest.fixture(scope="module")
def html():
    """Text of a page with one explorable and one static slider."""

    def both(patch):
        patch.setenv("ICLBOOK_STATIC", "1")
        controls.play(
            draw,
            [1, 2, 4],
            label="slope",
            table=lambda v: {"rise": v},
            alt=lambda v: f"The line rises to {v}.",
        )
        patch.delenv("ICLBOOK_STATIC")
        controls.explorable("fast-weights", STATE, table=[{"demonstrations": 3}])

    return page_of("Components", both)


def reading(page, name):
    """The vector at the end of a line of the explorable."""
    text = page.locator(f"[data-reading={name}] b").inner_text()
    return [float(number) for number in re.findall(r"[\d.-]+", text.replace("−", "-"))]


def middle(point):
    """Where to take hold of a point."""
    box = point.locator(".dot").bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def test_its_arithmetic_is_that_of_the_package(bare):
    page, rng = bare(), np.random.default_rng(0)
    for _ in range(25):
        n, d_k, d_v = rng.integers(1, 6, size=3)
        keys, values = rng.normal(size=(n, d_k)), rng.normal(size=(n, d_v))
        query, weights = rng.normal(size=d_k), rng.normal(size=(d_v, d_k))
        update, attention, prediction = page.evaluate(
            """([W, K, V, q]) => [iclbook.fastWeights.deltaW(K, V),
                iclbook.fastWeights.linearAttention(K, V, q),
                iclbook.fastWeights.predict(W, K, V, q)]""",
            [a.tolist() for a in (weights, keys, values, query)],
        )
        np.testing.assert_allclose(update, dual.delta_w(keys, values), rtol=0, atol=1e-9)
        linear = dual.linear_attention(keys, values, query)
        np.testing.assert_allclose(attention, linear, rtol=0, atol=1e-9)
        np.testing.assert_allclose(prediction, weights @ query + linear, rtol=0, atol=1e-9)


def test_it_starts_where_the_state_says(bare):
    page = bare()
    update = dual.linear_attention(K, V, Q)
    assert reading(page, "attention") == reading(page, "update")
    assert reading(page, "update") == pytest.approx(update, abs=0.00501)
    assert reading(page, "prediction") == pytest.approx(W @ Q + update, abs=0.00501)
    assert page.locator(".bar").count() == 3


def test_a_point_follows_the_mouse(bare):
    page = bare(viewport={"width": 1000, "height": 900})
    point = page.get_by_role("slider", name="Key 1")
    before = reading(page, "prediction")
    x, y = middle(point)
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x - 40, y - 60, steps=4)
    page.mouse.up()
    page.mouse.move(x, y)  # not held any more
    assert middle(point) == pytest.approx((x - 40, y - 60), abs=1.5)
    moved = [
        float(part)
        for part in re.findall(r"[\d.-]+", point.get_attribute("aria-valuetext").replace("−", "-"))
    ]
    assert moved[0] < 1.2
    assert moved[1] > 0.3
    expected = W @ Q + dual.linear_attention(np.vstack([moved, K[1:]]), V, Q)
    assert reading(page, "prediction") == pytest.approx(expected, abs=0.02)
    assert reading(page, "prediction") != before


def test_a_point_follows_a_finger_and_the_page_does_not(bare):
    page = bare(viewport={"width": 390, "height": 700}, has_touch=True, is_mobile=True)
    point = page.get_by_role("slider", name="Value 2")
    point.scroll_into_view_if_needed()
    x, y = middle(point)
    scrolled, before = page.evaluate("scrollY"), reading(page, "update")
    touch = page.context.new_cdp_session(page)

    def send(kind, *at):
        points = [{"x": at[0], "y": at[1]}] if at else []
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    send("touchStart", x, y)
    for step in range(1, 6):
        send("touchMove", x - 6 * step, y - 10 * step)
    send("touchEnd")
    assert middle(point) == pytest.approx((x - 30, y - 50), abs=2)
    assert page.evaluate("scrollY") == scrolled
    assert reading(page, "update") != before
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_a_point_follows_the_arrow_keys_and_stays_inside(bare):
    page = bare()
    point = page.get_by_role("slider", name="Query")
    point.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Shift+ArrowUp")
    assert point.get_attribute("aria-valuetext") == "x 1.00, y 1.10"
    expected = W @ [1.0, 1.1] + dual.linear_attention(K, V, np.array([1.0, 1.1]))
    assert reading(page, "prediction") == pytest.approx(expected, abs=0.00501)
    assert (
        page.locator("[aria-live]")
        .last.inner_text()
        .endswith(page.locator("[data-reading=prediction] b").inner_text() + ".")
    )
    for _ in range(5):
        page.keyboard.press("Shift+ArrowRight")
    assert point.get_attribute("aria-valuenow") == point.get_attribute("aria-valuemax") == "2"
    assert page.evaluate("document.activeElement.getAttribute('aria-label')") == "Query"


def test_demonstrations_come_and_go(bare):
    page = bare()
    add, remove, again = (
        page.get_by_role("button", name=name)
        for name in ("Add a demonstration", "Remove the last", "Start again")
    )
    start = reading(page, "prediction")
    add.click()
    add.click()
    assert page.get_by_role("slider", name="Key").count() == 5
    assert page.locator(".bar").count() == 5
    assert add.is_disabled()
    assert reading(page, "attention") == reading(page, "update")
    for _ in range(4):
        remove.click()
    assert page.get_by_role("slider", name="Value").count() == 1
    assert remove.is_disabled()
    again.click()
    assert page.get_by_role("slider", name="Key").count() == 3
    assert reading(page, "prediction") == start


def test_the_slider_over_frames_moves_by_keyboard_and_mouse(bare):
    page = bare()
    slider = page.get_by_role("slider", name="slope")
    frames, caption = page.locator(".frames-stage img"), page.locator("figure.frames figcaption")
    assert [frame.is_visible() for frame in frames.all()] == [True, False, False]
    slider.focus()
    page.keyboard.press("ArrowRight")
    assert [frame.is_visible() for frame in frames.all()] == [False, True, False]
    assert slider.get_attribute("aria-valuetext") == "2"
    assert caption.inner_text() == "The line rises to 2."
    box = slider.bounding_box()
    page.mouse.click(box["x"] + box["width"] - 3, box["y"] + box["height"] / 2)
    assert [frame.is_visible() for frame in frames.all()] == [False, False, True]
    assert page.locator("figure.frames output").inner_text() == "4"


def test_the_slider_over_frames_has_the_width_of_a_phone(bare):
    page = bare(viewport={"width": 360, "height": 740}, has_touch=True, is_mobile=True)
    slider = page.get_by_role("slider", name="slope")
    assert slider.bounding_box()["width"] >= 240
    slider.tap(position={"x": 236, "y": 16})
    assert page.locator("figure.frames output").inner_text() == "4"


def test_without_script_the_tables_remain(bare, html):
    page = bare(java_script_enabled=False)
    assert page.locator(".frames-stage img").first.is_visible()
    assert page.locator(".frames-control").is_hidden()
    assert page.get_by_role("cell", name="3", exact=True).is_visible()
    assert json.loads(page.locator(".explorable").get_attribute("data-state")) == STATE


def test_everyone_can_use_them(themed):
    assert barriers(themed) == []
