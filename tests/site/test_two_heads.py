"""The explorable of two heads in a browser: its arithmetic is the package's, and it moves."""

import re

import numpy as np
import pytest
import torch
from bare_pages import page_of

from iclbook import controls
from iclbook.dual import softmax_attention
from iclbook.regression.standard import smoother
from iclbook.regression.tasks import Tasks

TURNS = np.linspace(-3, 3, 12)
KEYS = np.column_stack([np.cos(TURNS), np.sin(TURNS)])
VALUES = np.random.default_rng(0).normal(size=12)
START = {
    "keys": KEYS.tolist(),
    "values": VALUES.tolist(),
    "power": 1,
    "turn": 30,
    "presets": [{"name": "A small scale", "power": -3}],
}


@pytest.fixture(scope="module")
def html():
    """Text of a page with the explorable and nothing else."""
    table = [{"scale": 2, "half difference": 0.5}]
    return page_of("Two heads", lambda patch: controls.explorable("two-heads", START, table=table))


def shown(page):
    """The table: a row of three numbers for each part."""
    rows = page.locator(".live tbody tr").all_inner_texts()
    return np.array(
        [[float(cell.replace("−", "-")) for cell in row.split("\t")[1:]] for row in rows]
    )


def heads(degrees, s):
    """What both heads answer, from the package."""
    q = np.array([np.cos(np.radians(degrees)), np.sin(np.radians(degrees))])
    return [softmax_attention(K, VALUES[:, None], q, s).item() for K in (KEYS, -KEYS)]


def test_its_arithmetic_is_that_of_the_package(bare):
    page, rng = bare(), np.random.default_rng(0)
    for _ in range(25):
        N, d = rng.integers(1, 9, size=2)
        K, v, q, s = (
            rng.normal(size=(N, d)),
            rng.normal(size=N),
            rng.normal(size=d),
            rng.uniform(0, 9),
        )
        found = page.evaluate(
            "([K, v, q, s]) => iclbook.twoHeads.parts(K, v, q, s)",
            [K.tolist(), v.tolist(), q.tolist(), s],
        )
        plus, minus = (softmax_attention(k, v[:, None], q, s).item() for k in (K, -K))
        line = s * (v - v.mean()) @ (K - K.mean(axis=0)) / N @ q
        assert found["plus"] == pytest.approx(plus, abs=1e-9)
        assert found["minus"] == pytest.approx(minus, abs=1e-9)
        assert found["line"] == pytest.approx(line, abs=1e-9)
        assert found["middle"] + found["even"] == pytest.approx((plus + minus) / 2, abs=1e-9)
        assert found["line"] + found["odd"] == pytest.approx((plus - minus) / 2, abs=1e-9)
        pair = Tasks(*(torch.tensor(x)[None] for x in (K, v[:, None], q, np.zeros(1))))
        two = float(smoother(pair, s, heads=2))
        assert found["plus"] - found["minus"] == pytest.approx(two, abs=1e-9)


def test_the_parts_add_up_and_even_ones_cancel(bare):
    page = bare()
    rows = shown(page)
    plus, minus = heads(30, 2)
    assert rows[-1] == pytest.approx([plus, minus, (plus - minus) / 2], abs=0.00051)
    assert rows[:-1].sum(axis=0) == pytest.approx(rows[-1], abs=0.0021)
    assert rows[[0, 2], 2].tolist() == [0, 0]
    page.get_by_role("button", name="A small scale").click()
    rows = shown(page)
    assert abs(rows[3, 2]) < 0.002
    assert rows[-1, 2] == pytest.approx(rows[1, 2], abs=0.002)


def test_keys_mouse_and_finger_turn_the_query(bare):
    page = bare(viewport={"width": 390, "height": 900}, has_touch=True, is_mobile=True)
    curve = page.locator(".wide > svg path.head").get_attribute("d")
    page.get_by_role("slider", name="scale").press("ArrowRight")
    assert page.locator(".wide > svg path.head").get_attribute("d") != curve
    page.get_by_role("button", name="Start again").click()
    page.get_by_role("slider", name="direction").press("ArrowLeft")
    assert shown(page)[-1, 0] == pytest.approx(heads(29, 2)[0], abs=0.00051)

    picture = page.locator(".wide > svg")
    picture.scroll_into_view_if_needed()
    box = picture.bounding_box()
    page.mouse.click(box["x"] + box["width"] * 34 / 340 + 1, box["y"] + 60)
    assert shown(page)[-1, 0] == pytest.approx(heads(-180, 2)[0], abs=0.02)

    dot = page.locator(".ring .point .dot")
    dot.scroll_into_view_if_needed()
    box, before = dot.bounding_box(), page.locator(".sliders output").nth(1).inner_text()
    touch = page.context.new_cdp_session(page)
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    for kind, points in (
        ("touchStart", [{"x": x, "y": y}]),
        ("touchMove", [{"x": x + 40, "y": y - 60}]),
        ("touchEnd", []),
    ):
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    after = page.locator(".sliders output").nth(1).inner_text()
    assert after != before
    degrees = float(re.sub("°", "", after).replace("−", "-"))
    assert shown(page)[-1, 0] == pytest.approx(heads(degrees, 2)[0], abs=0.02)
