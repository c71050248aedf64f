"""What a reader does on a page: unfold, search, switch the theme, move the controls."""

import pytest

FRAMES = "figure.frames"
POINT = ".fast-weights [role=slider]"


def chapter_with(site, chapters, mark):
    """Name of the first chapter whose page contains a mark."""
    for name in chapters:
        if mark in (site / f"{name}.html").read_text("utf-8"):
            return name
    pytest.fail(f"no chapter has {mark!r}", pytrace=False)


@pytest.fixture
def framed(site, chapters):
    """A chapter with a slider over stored frames."""
    return chapter_with(site, chapters, 'class="frames"')


@pytest.fixture
def explored(site, chapters):
    """A chapter with points to drag."""
    return chapter_with(site, chapters, 'data-explorable="fast-weights"')


def test_search_finds_a_word(visit):
    page = visit("search").page
    page.goto(page.url + "?q=momentum")
    page.locator("#search-results .search li a").first.wait_for()
    assert page.locator("#search-results a", has_text="Gradient descent is memory").count() > 0


def test_the_theme_can_be_switched_and_figures_follow(visit):
    page = visit("book/intro").page
    picture = page.locator(".cell_output img").first
    ground = "getComputedStyle(document.body).backgroundColor"
    filters = "image => getComputedStyle(image).filter"
    assert picture.evaluate(filters) == "none"
    for _ in range(3):  # light, dark, auto in some order
        page.locator(".theme-switch-button:visible").first.click()
        if page.evaluate("document.documentElement.dataset.theme") == "dark":
            break
    assert page.evaluate(ground) == "rgb(18, 18, 18)"
    assert "invert" in picture.evaluate(filters)


def shown(figure):
    """Index of the frame that is visible, after checking that it is the only one."""
    hidden = figure.locator("img").evaluate_all("images => images.map(image => image.hidden)")
    assert hidden.count(False) == 1
    return hidden.index(False)


def test_slider_moves_by_keyboard_and_mouse(visit, framed):
    figure = visit(framed).page.locator(FRAMES).first
    slider = figure.locator("input[type=range]")
    start, caption = shown(figure), figure.locator("figcaption").inner_text()
    key = "ArrowRight" if start == 0 else "ArrowLeft"
    slider.press(key)
    assert shown(figure) == start + (1 if start == 0 else -1)
    assert figure.locator("figcaption").inner_text() != caption
    assert slider.get_attribute("aria-valuetext") == figure.locator("output").inner_text()
    box = slider.bounding_box()
    slider.click(position={"x": box["width"] - 4, "y": box["height"] / 2})
    assert shown(figure) == figure.locator("img").count() - 1


def test_slider_moves_by_touch(visit, framed):
    figure = visit(framed, "phone").page.locator(FRAMES).first
    slider = figure.locator("input[type=range]")
    box = slider.bounding_box()
    slider.tap(position={"x": box["width"] - 4, "y": box["height"] / 2})
    assert shown(figure) == figure.locator("img").count() - 1
    slider.tap(position={"x": 4, "y": box["height"] / 2})
    assert shown(figure) == 0


def prediction(page):
    """What the explorable says it predicts."""
    return page.locator(".fast-weights [data-reading=prediction] b").inner_text()


def test_point_moves_by_keyboard(visit, explored):
    page = visit(explored).page
    point, before = page.locator(POINT).first, prediction(page)
    where = point.get_attribute("aria-valuetext")
    point.press("ArrowLeft")
    point.press("Shift+ArrowUp")
    assert point.get_attribute("aria-valuetext") != where
    assert prediction(page) != before


def test_point_moves_by_mouse(visit, explored):
    page = visit(explored).page
    point, before = page.locator(POINT).first, prediction(page)
    point.scroll_into_view_if_needed()
    dot = point.locator(".dot").bounding_box()
    x, y = dot["x"] + dot["width"] / 2, dot["y"] + dot["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x - 30, y - 40, steps=4)
    page.mouse.up()
    assert prediction(page) != before
    page.mouse.move(x, y)  # let go: it no longer follows
    moved = prediction(page)
    page.mouse.move(x + 50, y)
    assert prediction(page) == moved


def test_point_moves_by_touch_without_scrolling_the_page(visit, explored):
    page = visit(explored, "phone").page
    point, before = page.locator(POINT).first, prediction(page)
    point.scroll_into_view_if_needed()
    scrolled = page.evaluate("scrollY")
    dot = point.locator(".dot").bounding_box()
    x, y = dot["x"] + dot["width"] / 2, dot["y"] + dot["height"] / 2
    touch = page.context.new_cdp_session(page)
    for kind, points in [
        ("touchStart", [{"x": x, "y": y}]),
        ("touchMove", [{"x": x - 15, "y": y - 20}]),
        ("touchMove", [{"x": x - 30, "y": y - 40}]),
        ("touchEnd", []),
    ]:
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    assert prediction(page) != before
    assert page.evaluate("scrollY") == scrolled


def test_explorable_adds_removes_and_starts_again(visit, explored):
    page = visit(explored).page
    points, before = page.locator(POINT).count(), prediction(page)
    page.get_by_role("button", name="Add a demonstration").click()
    assert page.locator(POINT).count() == points + 2
    assert prediction(page) != before
    page.get_by_role("button", name="Start again").click()
    assert page.locator(POINT).count() == points
    assert prediction(page) == before


def test_numbers_stay_readable_without_scripts(browser, address, framed):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{address}{framed}.html")
    figure = page.locator(FRAMES).first
    assert figure.locator("img:visible").count() == 1
    figure.locator("details.numbers summary").click()
    assert figure.locator("td").first.is_visible()
    context.close()
