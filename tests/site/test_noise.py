"""The explorable of normalised noise in a browser: its arithmetic is the engine's, and it moves."""

import numpy as np
import pytest
from bare_pages import numbers, page_of

from iclbook import controls
from iclbook.gpt.metrics import sim_aou

STATE = {
    "rho": 1.73,
    "angle": 90,
    "power": 7,
    "count": 60,
    "seed": 1,
    "presets": [{"name": "Opposite updates", "rho": 1.73, "angle": 180, "power": 7}],
}


def chance(rho):
    """Expected cosine of the normalised updates, from the text."""
    return (1 - 1 / np.sqrt(1 + rho**2)) / 2


@pytest.fixture(scope="module")
def html():
    """Text of a page with the explorable and nothing else."""
    table = [{"size": 1.73, "normalised": chance(1.73)}]
    return page_of("Noise", lambda patch: controls.explorable("noise", STATE, table=table))


def shown(page, row):
    """The three numbers of a row of the table: at this angle, random, chance."""
    return numbers(page.locator(".live tbody tr").nth(row).locator("td"))


def test_its_arithmetic_is_that_of_the_engine(bare):
    page, rng = bare(), np.random.default_rng(0)
    for d in (2, 3, 20):
        z, u, v = rng.normal(size=(3, d))
        rho = rng.uniform(0.1, 3)
        z, u, v = (x / np.linalg.norm(x) for x in (z, u, v))
        found = page.evaluate(
            "([rho, products]) => iclbook.noise.cosines(rho, products)",
            [rho, [u @ z, v @ z, u @ v]],
        )
        settings = [x[None, None] for x in (z, z + rho * u, z + rho * v)]
        for key, normalise in (("plain", False), ("normalised", True)):
            assert found[key] == pytest.approx(sim_aou(*settings, normalise=normalise).mean())
        assert page.evaluate("(rho) => iclbook.noise.chance(rho)", rho) == pytest.approx(
            chance(rho)
        )


def test_its_random_directions_are_uniform(bare):
    page = bare()
    for d in (2, 16):
        drawn = np.array(page.evaluate("(d) => iclbook.noise.draw(d, 4000, 3)", d))
        assert drawn.mean(0) == pytest.approx(np.zeros(3), abs=0.03)
        assert (drawn**2).mean(0) == pytest.approx(np.full(3, 1 / d), rel=0.08)


def test_it_starts_where_the_state_says(bare):
    page = bare()
    assert page.locator(".sliders output").all_inner_texts() == ["1.73", "90°", "128"]
    assert shown(page, 0) == pytest.approx([0, 0, 0], abs=0.05)
    at_the_angle, random, expected = shown(page, 1)
    assert at_the_angle == expected == pytest.approx(chance(1.73), abs=0.005)
    assert random == pytest.approx(chance(1.73), abs=0.03)


def test_sliders_and_buttons_move_it(bare):
    page = bare()
    page.get_by_role("button", name="Opposite updates").click()
    # Opposite and at an angle t to the vector's own length: -cos t.
    assert shown(page, 0)[0] == -1
    assert shown(page, 1)[0] == pytest.approx(-1 / np.sqrt(1 + 1.73**2), abs=0.005)
    picture = page.locator(".tent > svg path.normalised").get_attribute("d")
    page.get_by_role("slider", name="angle").focus()
    page.keyboard.press("ArrowLeft")
    assert page.locator(".tent > svg path.normalised").get_attribute("d") != picture
    assert page.locator(".sliders output").nth(1).inner_text() == "179°"
    dots = page.locator(".cosine > svg path.dots.normalised").get_attribute("d")
    page.get_by_role("slider", name="dimensions").focus()
    page.keyboard.press("Home")
    assert page.locator(".sliders output").nth(2).inner_text() == "2"
    assert page.locator(".cosine > svg path.dots.normalised").get_attribute("d") != dots
    assert "2 dimensions" in page.locator("[aria-live]").inner_text()
    page.get_by_role("button", name="Start again").click()
    assert shown(page, 1)[0] == pytest.approx(chance(1.73), abs=0.005)


def test_every_position_of_the_sliders_draws_numbers(bare):
    page = bare()
    for rho, angle, power in [(0.05, 0, 1), (0.05, 180, 10), (3, 0, 10), (3, 180, 1)]:
        page.evaluate(
            """([rho, angle, power]) => {
                Object.entries({ rho, angle, power }).forEach(([name, value]) => {
                    document.querySelector(`[name=${name}]`).value = value; });
                document.querySelector("[name=rho]")
                    .dispatchEvent(new Event("input", { bubbles: true })); }""",
            [rho, angle, power],
        )
        drawings = page.locator(".noise svg path").evaluate_all(
            "paths => paths.map((path) => path.getAttribute('d')).join()"
        )
        assert "NaN" not in drawings + page.locator(".live").inner_text()


def test_without_script_the_table_remains(bare):
    page = bare(java_script_enabled=False)
    assert page.get_by_role("cell", name="1.73", exact=True).is_visible()
