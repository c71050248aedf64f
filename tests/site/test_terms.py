"""A term leads to the glossary where a chapter first uses it."""

from collections import Counter

from test_files import parsed

from tools import terms
from tools.repository import ROOT


def test_only_names_that_mean_nothing_else_are_looked_for():
    found = terms.unmistakable_terms((ROOT / "book/glossary.md").read_text("utf-8"))
    assert {"linear attention", "simaou", "zero-shot", "kendall's tau"} <= set(found)
    assert not {"value", "key", "rank", "seed", "adam"} & set(found)
    assert found["simaou"] == "SimAOU"


def test_a_chapter_links_its_terms_once(site, chapter):
    links = [
        span.parent for span in parsed(site / f"{chapter}.html").select(".bd-article .std-term")
    ]
    assert links
    assert all(link.name == "a" and "glossary.html#term-" in link["href"] for link in links)
    twice = [target for target, n in Counter(link["href"] for link in links).items() if n > 2]
    assert twice == []


def test_headings_formulas_code_and_links_stay_as_they_are(site, chapter):
    soup = parsed(site / f"{chapter}.html")
    assert soup.select(":is(h1, h2, h3, pre, code, figcaption, .proof-title, a a) .std-term") == []
