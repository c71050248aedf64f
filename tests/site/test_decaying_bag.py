"""The explorable of the fading bag in a browser: its sums are the package's, and it moves."""

import numpy as np
import pytest
import torch
from bare_pages import numbers, page_of

from iclbook import controls
from iclbook.momentum.sums import explicit_sum

VALUES = np.random.default_rng(1).normal(size=24).round(2)
START = {
    "values": VALUES.tolist(),
    "eta": 0.7,
    "t": 16,
    "presets": [{"name": "The same again and again", "values": [1] * 24}],
}


def sums(values, eta):
    """s_1 .. s_T by the definition in the package."""
    one = torch.tensor(np.asarray(values, dtype=float))[None, :, None, None]
    return explicit_sum(one, torch.tensor([eta], dtype=torch.float64))[0, :, 0, 0].numpy()


@pytest.fixture(scope="module")
def html():
    """Text of a page with the explorable and nothing else."""
    table = [{"eta": 0.7, "sum": 1.0}]
    return page_of("Bag", lambda patch: controls.explorable("decaying-bag", START, table=table))


def shown(page):
    """The numbers of the table."""
    return numbers(page.locator(".live tbody td"))


def test_its_arithmetic_is_that_of_the_package(bare):
    page, rng = bare(), np.random.default_rng(0)
    for T in (1, 2, 7, 40):
        values, eta = rng.normal(size=T), rng.uniform(0.01, 0.99)
        whole, recurrence = page.evaluate(
            """([v, eta]) => [v.map((_, i) => iclbook.bag.sum(v, eta, i + 1)),
                iclbook.bag.recurrence(v, eta)]""",
            [values.tolist(), eta],
        )
        np.testing.assert_allclose(whole, sums(values, eta), rtol=0, atol=1e-9)
        np.testing.assert_allclose(recurrence, sums(values, eta), rtol=0, atol=1e-9)


def test_sliders_presets_and_the_line_move_it(bare):
    page = bare(viewport={"width": 1000, "height": 900})
    assert shown(page)[:2] == pytest.approx([sums(VALUES, 0.7)[15]] * 2, abs=5e-5)
    page.get_by_role("slider", name="token").press("ArrowRight")
    page.get_by_role("slider", name="momentum").press("ArrowLeft")
    assert shown(page)[0] == pytest.approx(sums(VALUES, 0.69)[16], abs=5e-5)

    picture = page.locator(".contents > svg")
    box = picture.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 40)
    page.mouse.down()
    page.mouse.move(box["x"] + 1, box["y"] + 40, steps=3)
    page.mouse.up()
    assert page.locator(".sliders output").nth(1).inner_text() == "2"
    assert shown(page)[0] == pytest.approx(0.69 * VALUES[0], abs=5e-5)

    page.get_by_role("button", name="The same").click()
    page.get_by_role("slider", name="token").press("End")
    page.get_by_role("slider", name="momentum").press("End")
    assert shown(page)[0] == pytest.approx(sums(np.ones(24), 0.95)[23], abs=5e-5)
    assert "outside" in picture.locator("xpath=ancestor::*[@class='planes']").inner_text()
    page.get_by_role("button", name="Start again").click()
    assert shown(page)[0] == pytest.approx(sums(VALUES, 0.7)[15], abs=5e-5)


def test_it_counts_the_values_that_hold_most(bare):
    page = bare()
    weights = 0.7 ** np.arange(1, 16)
    most = int(np.argmax(weights.cumsum() >= 0.9 * weights.sum())) + 1
    assert shown(page)[2:4] == pytest.approx([weights.sum(), most], abs=0.00501)
