"""The book as an EPUB: a reader opens it, and everything in it is there."""

import posixpath
import re
import zipfile
from urllib.parse import unquote, urlsplit
from xml.etree import ElementTree

import pytest
from conftest import CHAPTERS

from tools import epub

XHTML, OPF = "{http://www.w3.org/1999/xhtml}", "{http://www.idpf.org/2007/opf}"


@pytest.fixture(scope="module")
def archive(site, tmp_path_factory):
    """The archive."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(epub, "TARGET", tmp_path_factory.mktemp("epub") / "book.epub")
        assert epub.main() == 0
        with zipfile.ZipFile(epub.TARGET) as archive:
            yield archive


@pytest.fixture(scope="module")
def pages(archive):
    """Its pages, which are well-formed."""
    names = [name for name in archive.namelist() if name.endswith(".xhtml")]
    return {name: ElementTree.fromstring(archive.read(name)) for name in names}


def test_it_says_first_what_it_is(archive):
    first = archive.infolist()[0]
    assert (first.filename, first.compress_type) == ("mimetype", zipfile.ZIP_STORED)
    assert archive.read("mimetype") == b"application/epub+zip"


def test_its_list_names_every_file_and_every_page_is_read_once(archive, pages):
    package = ElementTree.fromstring(archive.read("EPUB/package.opf"))
    items = {item.get("id"): item for item in package.iter(f"{OPF}item")}
    listed = [f"EPUB/{item.get('href')}" for item in items.values()]
    apart = {"mimetype", "META-INF/container.xml", "EPUB/package.opf"}
    assert sorted(listed) == sorted(set(archive.namelist()) - apart)
    order = [f"EPUB/{items[ref.get('idref')].get('href')}" for ref in package.iter(f"{OPF}itemref")]
    assert order == list(pages)
    assert {f"EPUB/{chapter}.xhtml" for chapter in CHAPTERS} < set(order)
    for item in items.values():
        content = archive.read(f"EPUB/{item.get('href')}")
        assert (b"<svg " in content) == ("svg" in (item.get("properties") or ""))


def test_every_address_in_it_exists(archive, pages):
    places = {
        name: {e.get("id") for e in page.iter() if e.get("id")} for name, page in pages.items()
    }
    files, lost = set(archive.namelist()), []
    for name, page in pages.items():
        addresses = [e.get(kind) for e in page.iter() for kind in ("href", "src") if e.get(kind)]
        for parts in map(urlsplit, addresses):
            if parts.scheme:
                continue
            folder = posixpath.dirname(name)
            target = posixpath.normpath(posixpath.join(folder, parts.path)) if parts.path else name
            if target not in files or (
                parts.fragment and unquote(parts.fragment) not in places[target]
            ):
                lost.append((name, parts.geturl()))
    assert lost == []


def test_formulas_are_seen_and_heard(archive):
    text = archive.read("EPUB/book/dual/the-dual.xhtml").decode()
    used = set(re.findall(r'<use xlink:href="#([^"]*)"', text))
    assert used <= set(re.findall(r'<path id="([^"]*)"', text))
    assert text.count("<math ") == text.count('<span class="spoken">') > 10


def test_solutions_are_folded_and_sliders_show_their_numbers(pages):
    page = pages["EPUB/book/dual/attention-is-training.xhtml"]
    solutions = [
        e for e in page.iter(f"{XHTML}div") if "solution" in (e.get("class") or "").split()
    ]
    assert solutions
    assert {solution[0].tag for solution in solutions} == {f"{XHTML}details"}
    tables = [e for e in page.iter(f"{XHTML}details") if e.get("class") == "numbers"]
    assert tables
    assert all(table.get("open") is not None for table in tables)
