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


FOUND = """words => {
    history.replaceState({}, "", `?q=${encodeURIComponent(words)}`);
    return Search._performSearch(...Search._parseQuery(words)).reverse().map(([page]) => page);
}"""


@pytest.fixture(scope="module")
def search(visit):
    """Names of the pages that a search finds, the best first."""
    page = visit("search").page
    page.wait_for_function("Search.hasIndex()")
    return lambda words: page.evaluate(FOUND, words)


@pytest.mark.parametrize(
    ("title", "page"),
    [
        ("the dual", "book/dual/the-dual"),
        ("softmax", "book/dual/softmax"),
        ("attention is training", "book/dual/attention-is-training"),
        ("what do more layers do", "book/regression/deeper"),
        ("glossary", "book/glossary"),
    ],
)
def test_a_title_leads_to_its_page(search, title, page):
    found = search(title)
    assert page in found[:2]  # two titles begin with "Softmax"
    checks = [name for name in found if name.startswith("book/api/checks")]
    assert found[len(found) - len(checks) :] == checks


@pytest.mark.parametrize(
    ("words", "page"),
    [
        ("metagradient", "book/glossary"),
        ("ΔW", "book/notation"),
        ("η", "book/notation"),
        ("W_ZSL", "book/notation"),
        ("linear_attention", "book/api/dual"),
    ],
)
def test_symbols_and_names_are_found(search, words, page):
    assert page in search(words)


@pytest.mark.parametrize("words", ["Delta W", "ΔW", r"\eta", "eta", r"\Delta W_ICL", "lambda"])
def test_a_symbol_leads_to_the_page_of_notation(search, words):
    assert search(words)[0] == "book/notation"


def test_what_was_searched_stands_out_where_the_search_leads(visit):
    page = visit("search", "dark").page
    page.goto(f"{page.url}?q=heavy+ball")
    page.locator("#search-results a[href*='memory.html']").first.click()
    marks = page.locator(".bd-article span.highlighted")
    marks.first.wait_for(state="attached")
    assert marks.first.inner_text().lower() in ("heavy", "ball")
    assert marks.first.evaluate(CONTRAST) >= LEAST_CONTRAST
