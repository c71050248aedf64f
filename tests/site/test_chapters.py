"""What every chapter has: a light first load, solutions that open, a control with its numbers."""

import gzip
from pathlib import PurePosixPath

import pytest

PACKED = {".png", ".jpg", ".woff2"}  # compressed already

LOAD_ALL_PICTURES = """Promise.all([...document.images].map((image) => {
    image.loading = "eager";
    return image.decode();
}))"""


@pytest.fixture(scope="module")
def opened(visit, chapter):
    """Each chapter, loaded into a browser with an empty cache."""
    return visit(chapter)


def test_first_load_is_light(site, opened):
    """Sizes are those of files, so they do not vary; pictures further down count as well."""
    opened.page.evaluate(LOAD_ALL_PICTURES)
    bodies = {name: (site / name).read_bytes() for name in opened.requested}
    assert sum(map(len, bodies.values())) < 1_500_000
    packed = {
        name: len(body) if PurePosixPath(name).suffix in PACKED else len(gzip.compress(body))
        for name, body in bodies.items()
    }
    assert sum(packed.values()) < 500_000


def test_a_solution_is_folded_and_opens(opened):
    solution = opened.page.locator(".solution.dropdown").first
    code = solution.locator(".cell_input").first
    assert not code.is_visible()
    solution.locator(".admonition-title").click()
    code.wait_for(state="visible")
    solution.locator("button.toggle-button").press("Enter")
    code.wait_for(state="hidden")


def test_a_control_shows_its_numbers_as_a_table(opened):
    controls = opened.page.locator("figure.frames, .explorable")
    assert controls.count() > 0
    for control in controls.all():
        control.locator("details.numbers summary").click()
        assert control.locator("details.numbers td").first.is_visible()
