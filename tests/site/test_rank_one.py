"""The explorable of a rank-one patch in a browser: its arithmetic is the engine's, and it moves."""

import re

import numpy as np
import pytest
import torch
from bare_pages import page_of

from iclbook import controls
from iclbook.gpt.reading.patch import Patches

W = np.array([[1.0, 0.4], [-0.3, 1.1]])
START = {"W": W.tolist(), "z0": [1.2, 0.4], "zC": [0.3, 1.5], "z": [0.8, -0.9]}


def patch_of(W, z_0, z_C):
    """The patch as the engine has it."""
    row = [torch.tensor(x, dtype=torch.float64)[None, None] for x in (z_0, np.subtract(z_C, z_0))]
    return W @ Patches(*row, *[torch.zeros(1)] * 3).carried(0).numpy()


@pytest.fixture(scope="module")
def html():
    """Text of a page with the explorable and nothing else."""
    table = [{"question": "another", "share": 0.5}]
    return page_of("Patch", lambda patch: controls.explorable("rank-one", START, table=table))


def reading(page, name):
    """The numbers at the end of a line."""
    text = page.locator(f"[data-reading={name}] b").inner_text().replace("−", "-")
    return [float(number) for number in re.findall(r"[\d.-]+", text)]


def test_its_arithmetic_is_that_of_the_engine(bare):
    page, rng = bare(), np.random.default_rng(0)
    for _ in range(25):
        rows, width = rng.integers(1, 6, size=2)
        W, z_0, z_C, z = (rng.normal(size=s) for s in ((rows, width), width, width, width))
        share, patch, patched = page.evaluate(
            """([W, a, b, z]) => [iclbook.rankOne.share(a, z), iclbook.rankOne.patch(W, a, b),
                iclbook.rankOne.patched(W, a, b, z)]""",
            [x.tolist() for x in (W, z_0, z_C, z)],
        )
        assert share == pytest.approx(z_0 @ z / (z_0 @ z_0), abs=1e-9)
        np.testing.assert_allclose(patch, patch_of(W, z_0, z_C), rtol=0, atol=1e-9)
        np.testing.assert_allclose(patched, W @ z + patch_of(W, z_0, z_C) @ z, rtol=0, atol=1e-9)


def test_it_starts_where_the_state_says_and_moves_by_keyboard(bare):
    page = bare()
    expected = (W + patch_of(W, START["z0"], START["zC"])) @ START["z"]
    assert reading(page, "without") == pytest.approx(W @ START["z"], abs=0.00501)
    assert reading(page, "with") == pytest.approx(expected, abs=0.00501)
    page.get_by_role("slider", name="z of another question").focus()
    page.keyboard.press("Shift+ArrowUp")
    page.keyboard.press("ArrowLeft")
    expected = (W + patch_of(W, START["z0"], START["zC"])) @ [0.7, -0.4]
    assert reading(page, "with") == pytest.approx(expected, abs=0.00501)


def test_the_own_question_gets_all_of_it_and_a_right_angle_nothing(bare):
    page = bare()
    page.get_by_role("button", name="its own question").click()
    assert reading(page, "share") == [1.0]
    assert reading(page, "with") == pytest.approx(W @ START["zC"], abs=0.00501)
    page.get_by_role("button", name="at a right angle").click()
    assert reading(page, "share") == [0.0]
    assert reading(page, "with") == reading(page, "without")
    page.get_by_role("button", name="Start again").click()
    assert reading(page, "without") == pytest.approx(W @ START["z"], abs=0.00501)


def test_a_question_of_nothing_has_no_patch(bare):
    page = bare()
    found = page.evaluate("iclbook.rankOne.patch([[1, 2], [3, 4]], [0, 0], [1, 1])")
    assert np.abs(found).max() == 0
    assert page.evaluate("iclbook.rankOne.share([0, 0], [1, 1])") == 0


def test_a_point_follows_a_finger(bare):
    page = bare(viewport={"width": 390, "height": 800}, has_touch=True, is_mobile=True)
    point = page.get_by_role("slider", name="z of another question")
    point.scroll_into_view_if_needed()
    box, before = point.locator(".dot").bounding_box(), reading(page, "with")
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    touch = page.context.new_cdp_session(page)
    for kind, points in (
        ("touchStart", [{"x": x, "y": y}]),
        ("touchMove", [{"x": x - 30, "y": y - 40}]),
        ("touchEnd", []),
    ):
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    assert reading(page, "with") != before
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
