"""Previews: what a link leads to is shown beside it, by mouse and by keyboard."""

import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from test_chapters import LOAD_ALL_PICTURES
from test_files import parsed

from tools import previews

PAGE = "book/dual/the-dual"
LINKS = {
    "paper": "a[href*='references.html#']",
    "equation": "a[href='#equation-eq-attention-form']",
    "equation elsewhere": "a[href$='memory.html#equation-eq-dual']",
    "figure": "a[href='#fig-concentration']",
    "theorem": "a[href='#prop-dual-signs']",
    "term": "a[href*='#term-linear-attention']",
}


@pytest.fixture(scope="module")
def opened(visit):
    """The chapter in the dark, its previews at hand."""
    page = visit(PAGE, "dark").page
    page.locator("#preview").wait_for(state="attached")
    page.evaluate(LOAD_ALL_PICTURES)
    return page


def link(page, kind):
    """The first such link that can be seen."""
    return page.locator(f".bd-article {LINKS[kind]}.reference:visible").first


@pytest.mark.parametrize(
    ("kind", "shown"),
    [
        ("paper", "The dual form of neural networks revisited"),
        ("equation", "(2.2)"),
        ("equation elsewhere", "(1.6)"),
        ("figure", "Fig. 2.3"),
        ("theorem", "The label decides the sign"),
        ("term", "linear attention"),
    ],
)
def test_a_link_shows_what_it_leads_to(opened, kind, shown):
    box, led = opened.locator("#preview"), link(opened, kind)
    led.scroll_into_view_if_needed()
    opened.wait_for_timeout(300)  # what was never seen is drawn
    before = led.bounding_box()
    led.hover()
    box.wait_for()
    assert shown in box.inner_text()
    assert led.bounding_box() == before  # nothing moves
    for formula in box.locator("mjx-container > svg").all():
        assert formula.bounding_box()["width"] > 3
    if kind in ("figure", "term"):
        assert Axe().run(opened, context={"include": [["#preview"]]}).response["violations"] == []
    opened.keyboard.press("Escape")
    box.wait_for(state="hidden")


def test_the_mouse_can_move_onto_a_preview_and_away(opened):
    box = opened.locator("#preview")
    link(opened, "figure").hover()
    box.wait_for()
    box.hover()
    opened.wait_for_timeout(500)
    assert box.is_visible()
    assert (
        box.locator("img").evaluate("image => image.decode().then(() => image.naturalWidth)") > 99
    )
    opened.mouse.move(2, 2)
    box.wait_for(state="hidden")


def test_a_preview_comes_and_goes_with_the_focus(opened):
    box, cited = opened.locator("#preview"), link(opened, "paper")
    cited.evaluate("e => e.focus({ focusVisible: true })")
    box.wait_for()
    assert cited.get_attribute("aria-describedby") == "preview"
    opened.keyboard.press("Tab")
    assert cited.get_attribute("aria-describedby") is None
    cited.evaluate("e => e.blur()")


def test_a_finger_follows_the_link(visit):
    page = visit(PAGE, "phone").page
    page.locator("#preview").wait_for(state="attached")
    link(page, "equation").tap()
    page.wait_for_timeout(400)
    assert page.url.endswith("#equation-eq-attention-form")
    assert page.locator("#preview").is_hidden()


def test_previews_need_no_server(browser, site):
    page = browser.new_page()
    page.goto((site / f"{PAGE}.html").as_uri())
    link(page, "equation elsewhere").hover()
    page.locator("#preview svg").first.wait_for()
    page.close()


def test_every_citation_and_formula_of_another_page_has_its_preview(site, page_name):
    soup = parsed(site / f"{page_name}.html")
    kept = {place["data-place"] for place in soup.find_all(attrs={"data-place": True})}
    led = {a["href"] for a in soup.select(".bd-article a.reference.internal[href]")}
    led = {a for a in led if re.search(r"^[^#].*(references\.html#id|#equation-|#term-)", a)}
    assert led <= kept


def test_an_element_ends_where_it_is_closed():
    page = '<div id="a"><div>1</div><img id="b"></div><dl><dt id="t">T</dt><dd><p>x</p></dd></dl>'
    assert previews.element(page, "a") == '<div id="a"><div>1</div><img id="b"></div>'
    assert previews.element(page, "t") == '<dt id="t">T</dt><dd><p>x</p></dd>'
    assert previews.element(page, "missing") == ""


def test_what_stands_elsewhere_keeps_its_pictures_and_no_links():
    html = '<figure id="f"><img src="../_images/a.png"><a href="b.html">b</a></figure>'
    assert previews.detached(html, "book/c.html", "book/dual") == (
        '<figure><img src="../../_images/a.png">b</figure>'
    )
