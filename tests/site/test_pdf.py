"""The book as one page, which is printed as a PDF."""

import re

import pytest

from tools import pdf
from tools.repository import ROOT

PAGES = {"book/dual/softmax", "book/notation"}


@pytest.fixture(scope="module")
def whole(site):
    """The one page."""
    return pdf.one_page()


def test_every_link_within_the_book_leads_somewhere(whole):
    places = re.findall(r'\bid="([^"]*)"', whole)
    assert len(places) == len(set(places)) > 1000
    led = set(re.findall(r'\bhref="#([^"]*)"', whole))
    assert sorted(led - set(places)) == []


def test_every_picture_is_there(whole):
    pictures = re.findall(r'\bsrc="(\.\./html/[^"]*)"', whole)
    assert len(pictures) > 100
    files = [(ROOT / "_build" / "pdf" / name).resolve() for name in pictures]
    assert [path for path in files if not path.is_file()] == []


@pytest.mark.parametrize(
    ("address", "within"),
    [
        ("#idea", "#book/dual/softmax.idea"),
        ("../notation.html#letters", "#book/notation.letters"),
        ("../notation.html", "#book/notation"),
        ("../api.html", "https://site/book/api.html"),
        ("https://example.org/a", "https://example.org/a"),
    ],
)
def test_links_are_those_of_the_one_page(address, within):
    text = f'<article class="bd-article"><a href="{address}">x</a></article>'
    html = pdf.article("book/dual/softmax", text, PAGES, "https://site/")
    assert f'<a href="{within}">' in html


def test_answers_to_questions_are_unfolded_on_paper(whole):
    assert whole.count('<details class="answer" open>') == whole.count('class="quiz ') > 3
