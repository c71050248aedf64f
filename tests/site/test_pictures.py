"""Pictures: each is told in words, takes its place before it is loaded, and is read on a phone."""

import re

import pytest
from test_files import parsed

from tools.pictures import trouble


@pytest.mark.parametrize(
    ("picture", "wrong"),
    [
        ('<img src="a.png">', "has no alternative text"),
        ('<img alt=" " src="a.png">', "has no alternative text"),
        ('<img alt="Figure 3" src="a.png">', "says nothing"),
        ('<img alt="a plot of the results" src="a.png">', "says nothing"),
        ('<img alt="../_images/loss-over-time.png">', "says nothing"),
        ('<img alt="Figure for k 4" data-sentence="" src="a.png">', "has no alternative text"),
    ],
)
def test_a_picture_without_words_stops_the_build(picture, wrong):
    assert wrong in trouble(picture)


def test_a_picture_with_words_is_well():
    assert trouble('<img alt="The loss falls, then stays at 0.2." src="a.png">') is None
    assert trouble('<img alt="Figure for k 4" data-sentence="With 4, half are right.">') is None


def test_pictures_are_files_with_a_size(site, chapter):
    pictures = parsed(site / f"{chapter}.html").select(".bd-article img")
    sources = [img["src"] for img in pictures]
    assert [source[:40] for source in sources if source.startswith("data:")] == []
    assert [img["src"] for img in pictures if not re.fullmatch(r"\d+", img["width"])] == []


def test_letters_of_a_figure_are_read_on_a_phone(visit):
    """Labels of 8 points at 130 pixels an inch: 9 pixels and more are left of them."""
    page = visit("book/gpt/meet-the-model", "phone").page
    page.set_viewport_size({"width": 360, "height": 740})
    pictures = page.locator(".bd-article :is(.picture, .frames-stage) img.wide:not([hidden])")
    assert pictures.count() > 2
    for picture in pictures.all():
        drawn = picture.evaluate("e => e.getBoundingClientRect().width / e.getAttribute('width')")
        assert drawn * 8 / 72 * 130 >= 8
    box = page.locator(".picture").first
    box.scroll_into_view_if_needed()
    page.locator(".picture.more").first.wait_for()
    assert box.get_attribute("tabindex") == "0"
    assert box.get_attribute("role") == "group"
    assert box.get_attribute("aria-label")
    box.press("ArrowRight")
    page.wait_for_timeout(300)  # the browser scrolls smoothly
    assert box.evaluate("e => e.scrollLeft") > 0


def test_all_frames_of_a_slider_are_there_before_it_is_moved(visit, site, chapters):
    framed = [c for c in chapters if 'class="frames"' in (site / f"{c}.html").read_text("utf-8")]
    page = visit(framed[0]).page
    figure = page.locator("figure.frames").first
    figure.scroll_into_view_if_needed()
    figure.locator("img[loading=eager]").first.wait_for(state="attached")
    decoded = "images => Promise.all(images.map((image) => image.decode())).then(() => true)"
    assert figure.locator("img[loading=eager]").count() == figure.locator("img").count()
    assert figure.locator("img").evaluate_all(decoded)
