"""The explorable of GD++ in a browser: its arithmetic is the package's, and its sliders work."""

import itertools
import re

import numpy as np
import pytest
import torch
from bare_pages import page_of

from iclbook import controls
from iclbook.regression.spectrum import change_eigenvalue, residual, spectral_loss, spectrum
from iclbook.regression.tasks import TaskLaw

LAW = TaskLaw()
LAM = spectrum(LAW.sample(30, torch.Generator().manual_seed(0)))
STATE = {
    "contexts": LAM.tolist(),
    "N": LAW.N,
    "s": LAW.moments[0],
    "eta": 6.0,
    "gamma": 0.0,
    "layers": 2,
    "presets": [{"name": "Best GD++", "eta": 13.5, "gamma": 0.176, "layers": 2}],
}


def loss(eta, gamma, layers):
    """What the page should show, from the package."""
    rates = (torch.full((layers,), value, dtype=torch.float64) for value in (eta, gamma))
    return float(spectral_loss(LAM, *rates, LAW))


@pytest.fixture(scope="module")
def html():
    """Text of a page with the explorable and nothing else."""
    table = [{"layers": 2, "loss of GD": loss(6.0, 0.0, 2)}]
    return page_of("GD++", lambda patch: controls.explorable("gdpp", STATE, table=table))


def shown(page):
    """The losses of GD and GD++ in the chosen row."""
    cells = page.locator(".live tr.chosen td").all_inner_texts()[:2]
    return [float(cell) for cell in cells]


def test_its_arithmetic_is_that_of_the_package(bare):
    page, rng = bare(), np.random.default_rng(0)
    for layers in range(1, 6):
        eta, gamma = rng.uniform(0, 40), rng.uniform(0, 0.3)
        changed, left, whole = page.evaluate(
            """([lam, eta, gamma, N, s, layers]) => [
                lam[0].map((l) => iclbook.gdpp.changeEigenvalue(l, gamma)),
                lam[0].map((l) => iclbook.gdpp.residual(l, eta, gamma, N, layers)),
                iclbook.gdpp.loss(lam, eta, gamma, { N, s }, layers)]""",
            [LAM.tolist(), eta, gamma, LAW.N, LAW.moments[0], layers],
        )
        rates = [torch.full((layers,), value, dtype=torch.float64) for value in (eta, gamma)]
        np.testing.assert_allclose(changed, change_eigenvalue(LAM[0], gamma), rtol=1e-9)
        np.testing.assert_allclose(left, residual(LAM[0], *rates, LAW.N), rtol=1e-9)
        np.testing.assert_allclose(whole, loss(eta, gamma, layers), rtol=1e-9)


def test_it_starts_where_the_state_says(bare):
    page = bare()
    assert page.locator(".live tbody tr").count() == 5
    assert shown(page) == pytest.approx([loss(6.0, 0.0, 2)] * 2, rel=0.005)
    assert page.locator(".sliders output").all_inner_texts() == ["6.0", "0.000", "2"]


def test_sliders_and_buttons_move_it(bare):
    page = bare()
    page.get_by_role("button", name="Best GD++").click()
    assert shown(page) == pytest.approx([loss(13.5, 0, 2), loss(13.5, 0.176, 2)], rel=0.005)
    curve = page.locator(".changed > svg path.plus").get_attribute("d")
    page.get_by_role("slider", name="layers").focus()
    page.keyboard.press("ArrowRight")
    assert shown(page) == pytest.approx([loss(13.5, 0, 3), loss(13.5, 0.176, 3)], rel=0.005)
    page.get_by_role("slider", name="γ").focus()
    page.keyboard.press("ArrowLeft")
    assert shown(page)[1] == pytest.approx(loss(13.5, 0.175, 3), rel=0.005)
    assert page.locator(".changed > svg path.plus").get_attribute("d") != curve
    assert "GD++" in page.locator("[aria-live]").inner_text()
    page.get_by_role("button", name="Start again").click()
    assert shown(page) == pytest.approx([loss(6.0, 0.0, 2)] * 2, rel=0.005)


def test_what_lies_outside_of_a_picture_is_cut_off_and_not_held_at_its_edge(bare):
    page = bare()
    page.get_by_role("slider", name="learning rate").press("End")
    drawn = page.locator(".left > svg path.plain").get_attribute("d")
    heights = [float(y) for y in re.findall(r",([-\d.]+)", drawn)]
    assert max(heights) - min(heights) > 1000  # they go on where nobody sees them
    inside = page.locator(".left > svg svg")
    assert inside.evaluate("e => getComputedStyle(e).overflow") == "hidden"
    assert inside.evaluate("e => e.height.baseVal.value") < 250


def test_bars_of_different_losses_differ(bare):
    page = bare()
    shares = [0.1, 0.9, 1, 1.34, 10, 1e5, 1e12]
    lengths = page.evaluate("(shares) => shares.map(iclbook.gdpp.length)", shares)
    assert all(b - a > 0.3 for a, b in itertools.pairwise(lengths))
    assert lengths[-1] <= 100
    assert lengths[1] == pytest.approx(9 * lengths[0])


def test_without_script_the_table_remains(bare):
    page = bare(java_script_enabled=False)
    assert page.get_by_role("cell", name="2", exact=True).is_visible()
