"""What holds for every explorable, on one page with all that the chapters have."""

import pytest
import yaml
from bare_pages import barriers

from tools.explorables import WEB, page, stored
from tools.repository import ROOT

SCRIPTS = sorted(path.name for path in WEB.glob("*.js") if path.name != "components.js")


@pytest.fixture(scope="module")
def html():
    """Text of the page."""
    return page(stored().values())


@pytest.mark.parametrize("name", SCRIPTS)
def test_its_own_script_is_small(name):
    assert (WEB / name).stat().st_size < 15_000


def test_each_is_in_a_chapter_and_its_script_on_the_site():
    assert sorted(f"{name}.js" for name in stored()) == SCRIPTS
    config = yaml.safe_load((ROOT / "_config.yml").read_text("utf-8"))
    files = config["sphinx"]["config"]["html_js_files"]
    assert files[0] == "components.js"
    assert set(SCRIPTS) <= set(files)


def test_each_part_has_one():
    parts = {
        path.parent.name
        for path in (ROOT / "book").rglob("*.ipynb")
        if 'data-explorable=\\"' in path.read_text("utf-8")
    }
    assert parts == {"dual", "regression", "gpt", "momentum", "doubts"}


def test_all_start_and_draw_numbers(bare):
    opened = bare()
    assert opened.locator(".explorable[data-ready]").count() == len(SCRIPTS)
    for end in ("Home", "End"):
        for slider in opened.locator(".explorable input[type=range]").all():
            slider.press(end)
        drawn = opened.locator(".explorable path").evaluate_all(
            "paths => paths.map((path) => path.getAttribute('d')).join()"
        )
        assert "NaN" not in drawn + opened.locator("main").inner_text()
        assert "undefined" not in drawn


def test_sliders_are_wide_enough_for_a_finger(bare):
    opened = bare(viewport={"width": 360, "height": 740}, is_mobile=True, has_touch=True)
    boxes = [slider.bounding_box() for slider in opened.locator("input[type=range]").all()]
    assert min(box["width"] for box in boxes) >= 240
    assert min(box["height"] for box in boxes) >= 24
    assert opened.evaluate("document.documentElement.scrollWidth") <= 360


def test_without_scripts_there_is_a_table_and_a_picture_where_it_has_one(bare):
    opened = bare(java_script_enabled=False)
    for explorable in opened.locator(".explorable").all():
        assert explorable.locator("td").first.is_visible()
    pictures = opened.locator(".explorable img").all()
    assert len(pictures) >= 3
    for picture in pictures:
        assert picture.is_visible()
        assert len(picture.get_attribute("alt")) > 30


def test_with_scripts_the_picture_gives_way(bare):
    opened = bare()
    assert [img.is_visible() for img in opened.locator(".explorable img").all()].count(True) == 0
    opened.emulate_media(media="print")
    assert [img.is_visible() for img in opened.locator(".explorable img").all()].count(True) == 0


def test_everyone_can_use_them(themed):
    assert barriers(themed) == []
