"""Search: chapters first, exercise checks last, and what it found stands out where it leads."""

import pytest

LEAST_CONTRAST = 4.5

CONTRAST = """mark => {
    const [ground, ink] = ["backgroundColor", "color"].map((name) => {
        const [r, g, b] = getComputedStyle(mark)[name].match(/\\d+/g).map((part) => {
            const share = part / 255;
            return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
        });
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    });
    return (Math.max(ground, ink) + 0.05) / (Math.min(ground, ink) + 0.05);
}"""


@pytest.fixture(scope="module")
def search(visit):
    """Addresses that a search finds, the best first."""
    page = visit("search", "dark").page
    start = page.url

    def find(words):
        page.goto(f"{start}?q={words}")
        page.locator("#search-results .search-summary", has_text="found").wait_for()
        links = page.locator("#search-results ul.search > li > a").all()
        return [link.get_attribute("href").partition("#")[0] for link in links]

    find.page = page
    return find


@pytest.mark.parametrize(
    ("title", "page"),
    [
        ("the dual", "book/dual/the-dual.html"),
        ("softmax", "book/dual/softmax.html"),
        ("attention is training", "book/dual/attention-is-training.html"),
        ("what do more layers do", "book/regression/deeper.html"),
        ("glossary", "book/glossary.html"),
    ],
)
def test_a_title_leads_to_its_page(search, title, page):
    found = search(title)
    assert page in found[:2]
    checks = [place for place, address in enumerate(found) if "api/checks" in address]
    others = [place for place, address in enumerate(found) if "api/checks" not in address]
    assert not checks or min(checks) > max(others)


@pytest.mark.parametrize(
    ("words", "page"),
    [
        ("metagradient", "book/glossary.html"),
        ("ΔW", "book/notation.html"),
        ("η", "book/notation.html"),
        ("W_ZSL", "book/notation.html"),
        ("linear_attention", "book/api/dual.html"),
    ],
)
def test_symbols_and_names_are_found(search, words, page):
    assert page in search(words)


def test_what_was_searched_stands_out_where_the_search_leads(search):
    search("metagradient kernel")
    search("kernel")
    page = search.page
    page.locator("#search-results a[href*='softmax.html']").first.click()
    marks = page.locator(".bd-article span.highlighted")
    marks.first.wait_for(state="attached")
    assert marks.first.inner_text().lower() == "kernel"
    assert marks.first.evaluate(CONTRAST) >= LEAST_CONTRAST
