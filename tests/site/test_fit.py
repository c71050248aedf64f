"""Pages fit their place: paper, a phone, a reader who wants no motion, a margin that is taken."""

import pytest

PAPER = {"width": 680, "height": 960}  # A4 within its margins, in CSS pixels

BEYOND_THE_PAPER = """() => [...document.querySelectorAll(".bd-article :is(td, th, pre, img, p)")]
    .filter((e) => e.checkVisibility() && e.getBoundingClientRect().right > innerWidth + 1)
    .map((e) => `${e.tagName} ${e.textContent.slice(0, 30)}`)"""


@pytest.mark.parametrize("name", ["book/gpt/the-table", "book/gpt/meet-the-model", "book/records"])
def test_nothing_is_lost_on_paper(visit, name):
    page = visit(name).page
    page.set_viewport_size(PAPER)
    page.emulate_media(media="print")
    assert page.locator(".bd-article td").count() > 0
    assert page.evaluate(BEYOND_THE_PAPER) == []
    hidden = "e => [e.scrollWidth > e.clientWidth + 1, getComputedStyle(e).overflowX]"
    scrolling = page.locator(".bd-article :is(pre, .cell_output, .comparison)").evaluate_all(
        f"all => all.map({hidden}).filter(([wide, flow]) => wide && flow !== 'visible').length"
    )
    assert scrolling == 0


def test_a_reader_who_wants_no_motion_has_none(browser, address, chapters):
    context = browser.new_context(reduced_motion="reduce")
    page = context.new_page()
    page.goto(f"{address}{chapters[0]}.html")
    moving = page.evaluate(
        """() => [...document.querySelectorAll("*")].filter((e) => ["", "::before", "::after"].some(
            (part) => getComputedStyle(e, part).transitionDuration.split(",").some(
                (duration) => parseFloat(duration) > 0.001))).length"""
    )
    assert moving == 0
    context.close()


def test_the_way_on_stays_on_a_phone(visit, chapters):
    page = visit(chapters[-1], "phone").page
    page.set_viewport_size({"width": 360, "height": 740})
    links = page.locator(".prev-next-area a")
    assert links.count() == 2
    for link in links.all():
        box = link.bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 360
        assert link.evaluate("e => e.scrollWidth <= e.clientWidth + 1")


def test_what_scrolls_on_a_phone_shows_that_there_is_more(visit):
    page = visit("book/gpt/the-table", "phone").page
    table = page.locator(".comparison").first
    table.scroll_into_view_if_needed()
    page.locator(".comparison.more").first.wait_for()
    assert "gradient" in table.evaluate("e => getComputedStyle(e).maskImage")
    assert table.get_attribute("tabindex") == "0"
    table.evaluate("e => e.scrollTo(e.scrollWidth, 0)")
    page.locator(".comparison:not(.more)").first.wait_for()


def test_the_contents_stay_open_beside_a_note(site, visit, chapters):
    noted = [c for c in chapters if 'class="margin sidebar"' in (site / f"{c}.html").read_text()]
    page = visit(noted[0]).page
    note, contents = page.locator("aside.margin").first, page.locator(".bd-sidebar-secondary")
    note.scroll_into_view_if_needed()
    page.wait_for_timeout(400)  # the theme folds them when it sees the note
    box, beside = note.bounding_box(), contents.bounding_box()
    assert contents.locator("nav a").nth(3).is_visible()
    assert contents.locator("nav").evaluate("e => getComputedStyle(e).opacity") == "1"
    assert beside["height"] > 100
    assert box["x"] + box["width"] <= beside["x"]


def test_a_link_into_a_page_leads_to_its_place(visit):
    """Also where the sections before it were not laid out yet."""
    page = visit("book/gpt/the-table").page
    place = page.locator(".bd-sidebar-secondary nav a").last.get_attribute("href")
    visited = page.context.new_page()
    visited.goto(page.url + place, wait_until="load")
    visited.wait_for_timeout(300)
    top = visited.locator(f"{place} > :is(h2, h3)").first.bounding_box()["y"]
    assert 0 <= top < 200
