"""The built files themselves, without a browser."""

import re
from functools import cache
from html.parser import HTMLParser
from urllib.parse import unquote, urlsplit

import pytest
from bs4 import BeautifulSoup

from tools.bookext import pages_url

# Read by people or machines on the web only; a page never loads them.
ELSEWHERE = ("http://", "https://", "mailto:", "data:")


class Page(HTMLParser):
    """The places of a page and the addresses that it links to or loads."""

    def __init__(self, text):
        super().__init__()
        self.places, self.addresses = set(), []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        """Note what one tag brings."""
        attributes = dict(attrs)
        self.places |= {attributes[name] for name in ("id", "name") if name in attributes}
        linked = tag == "a" or attributes.get("rel") in ("canonical", "search")
        for name in ("src", "href", "poster"):
            if attributes.get(name) is not None:
                self.addresses.append((attributes[name], not linked))


@cache
def scanned(path):
    """One file of the site, scanned once."""
    return Page(path.read_text("utf-8"))


@cache
def parsed(path):
    """One file of the site as a tree."""
    return BeautifulSoup(path.read_text("utf-8"), "html.parser")


def problem(site, path, address, loaded):
    """Say what is wrong with an address on a page; None if nothing is."""
    if address.startswith(ELSEWHERE):
        outside = loaded and not address.startswith("data:")
        return f"loads {address} from elsewhere" if outside else None
    parts = urlsplit(address)
    target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
    if not target.is_file() or not target.is_relative_to(site):
        return f"{address} does not exist"
    if parts.fragment and target.suffix == ".html":
        known = unquote(parts.fragment) in scanned(target).places
        return None if known else f"{address} has no such place"
    return None


def test_every_address_on_every_page_exists(site):
    pages = [path for path in site.rglob("*.html") if "_static" not in path.parts]
    found = [
        f"{path.relative_to(site)}: {trouble}"
        for path in pages
        for address, loaded in scanned(path).addresses
        if address != "#" and (trouble := problem(site, path, address, loaded))
    ]
    assert found == []


def test_a_broken_address_would_be_found(site):
    page = site / "book" / "intro.html"
    assert "does not exist" in problem(site, page, "missing.js", True)
    assert "elsewhere" in problem(site, page, "https://example.org/a.js", True)
    assert "no such place" in problem(site, page, "notation.html#nowhere", False)


RAW = re.compile(r"\|\s*\||\{[a-z:]+\}`|^:{3,}|`{3}|\]\(|\$\$", re.MULTILINE)


def test_no_markup_is_left_on_a_page(site, page_name):
    """A table with a gap, or a directive that is not closed, gives no warning but raw text."""
    texts = [p.get_text() for p in parsed(site / f"{page_name}.html").select(".bd-article p")]
    assert texts
    assert [text for text in texts if RAW.search(text)] == []


def test_identifiers_are_unique(site, page_name):
    places = [tag["id"] for tag in parsed(site / f"{page_name}.html").find_all(id=True)]
    assert len(places) == len(set(places))


@pytest.mark.parametrize("name", ["og:title", "og:url", "og:image", "og:site_name"])
def test_pages_say_what_they_are_when_shared(site, chapter, name):
    tag = parsed(site / f"{chapter}.html").find("meta", property=name)
    assert tag
    assert tag["content"].strip()


def test_shared_addresses_are_those_of_the_configured_repository(site, chapter, repository_url):
    home = pages_url(repository_url)
    soup = parsed(site / f"{chapter}.html")
    assert soup.find("meta", property="og:url")["content"] == f"{home}{chapter}.html"
    assert soup.find("link", rel="canonical")["href"] == f"{home}{chapter}.html"
    picture = soup.find("meta", property="og:image")["content"]
    assert (site / picture.removeprefix(home)).is_file()


def test_chapters_open_in_colab_from_the_branch_of_plain_notebooks(site, chapter, repository_url):
    links = [a["href"] for a in parsed(site / f"{chapter}.html").find_all("a", href=True)]
    path = urlsplit(repository_url).path
    assert f"https://colab.research.google.com/github{path}/blob/colab/{chapter}.ipynb" in links


def test_pictures_have_alternative_text_and_load_lazily(site, chapter):
    pictures = parsed(site / f"{chapter}.html").select(".bd-article img")
    assert pictures
    assert [img["src"][:60] for img in pictures if not img.get("alt")] == []
    assert [img["src"][:60] for img in pictures if img.get("loading") != "lazy"] == []
