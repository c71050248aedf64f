"""What stands around the text of each page, and what the site says to search engines."""

import re
from urllib.parse import urlsplit

import yaml
from docutils import nodes
from test_files import parsed

import iclbook
from tools import furniture
from tools.bookext import pages_url
from tools.repository import ROOT


def test_every_page_can_be_edited_and_reported_on(site, page_name, repository_url):
    links = {
        a.get_text(): a["href"]
        for a in parsed(site / f"{page_name}.html").select(".page-actions > a")
    }
    source = links["Edit this page"].removeprefix(f"{repository_url}/edit/main/")
    assert (ROOT / source).is_file()
    assert links["Report a mistake"] == f"{repository_url}/issues/new?title=Mistake%20in%20{source}"


def test_a_chapter_can_be_run_downloaded_and_cited(site, chapter, repository_url):
    soup = parsed(site / f"{chapter}.html")
    links = {a.get_text(): a["href"] for a in soup.select(".page-actions > a")}
    assert links["Open in Colab"] in [a["href"] for a in soup.select(".article-header-buttons a")]
    assert links["Download the notebook"] == f"{repository_url}/raw/colab/{chapter}.ipynb"
    citation = soup.select_one(".page-actions details pre").get_text()
    title = re.search(r"title     = \{(.*)\},", citation)[1]
    assert soup.h1.find_all(string=True)
    assert soup.select_one(".bd-article h1").get_text().replace("#", "").endswith(title)
    assert f"{pages_url(repository_url)}{chapter}.html" in citation


def test_a_chapter_says_how_long_it_takes_to_read(site, chapter):
    text = parsed(site / f"{chapter}.html").select_one(".reading-time").get_text()
    assert 5 <= int(re.fullmatch(r"About (\d+) minutes to read", text)[1]) <= 60


def test_reading_counts_words_of_text_and_not_of_code():
    text = nodes.paragraph("", "word " * 600)
    code = nodes.literal_block("", "word " * 6000)
    assert furniture.reading_minutes(nodes.section("", text, code)) == 3
    assert furniture.reading_minutes(nodes.section("", code)) == 1


def test_the_foot_of_a_page_names_version_day_and_licences(site, page_name):
    foot = parsed(site / f"{page_name}.html").select_one(".bd-footer-content").get_text(" ")
    assert f"Version {iclbook.__version__} of 20" in " ".join(foot.split())
    assert "CC BY 4.0" in foot
    assert "Apache 2.0" in foot


def test_the_foot_of_a_page_leads_to_the_whole_book(site, repository_url):
    foot = parsed(site / "book/intro.html").select_one(".bd-footer-content")
    links = {a.get_text(): a["href"] for a in foot.find_all("a")}
    home = pages_url(repository_url)
    published = (ROOT / ".github/workflows/publish.yml").read_text("utf-8")
    for name, kind in [("PDF", "pdf"), ("EPUB", "epub")]:
        assert links[name] == f"{home}iclbook.{kind}"
        assert f"_build/{kind}/iclbook.{kind}" in published


def test_outside_a_repository_there_is_no_day(tmp_path):
    assert furniture.last_change(tmp_path) == ""


def test_paths_lead_from_chapter_to_chapter_and_leave_out_nothing_needed(site):
    config = yaml.safe_load((ROOT / "_config.yml").read_text("utf-8"))
    for name, pages in config["sphinx"]["config"]["reading_paths"].items():
        for place, page in enumerate(pages):
            path, folder = site / f"{page}.html", (site / page).parent
            soup = parsed(path)
            title = soup.find("dt", string=f"{name}, {place + 1} of {len(pages)}")
            led = [a["href"] for a in title.find_next("dd").find_all("a")]
            around = pages[max(0, place - 1) : place] + pages[place + 1 : place + 2]
            assert [(folder / a).resolve() for a in led] == [
                site.resolve() / f"{p}.html" for p in around
            ]
            needs = next(p for p in soup.select(".bd-article p") if "Needs:" in p.get_text())
            needed = {urlsplit(a["href"]).path for a in needs.find_all("a", class_="internal")}
            before = (*pages[:place], "book/glossary")
            known = [(site / f"{page}.html").resolve() for page in before]
            assert [n for n in needed if (folder / n).resolve() not in known] == []


def test_search_engines_find_every_page(site, page_name, repository_url):
    home = pages_url(repository_url)
    sitemap = (site / "sitemap.xml").read_text("utf-8")
    assert f"<loc>{home}{page_name}.html</loc>" in sitemap
    assert f"Sitemap: {home}sitemap.xml" in (site / "robots.txt").read_text("utf-8")


def test_an_address_that_does_not_exist_leads_back(site, repository_url):
    soup = parsed(site / "404.html")
    assert soup.find_all(src=True) == soup.find_all("link") == []  # served at any depth
    home = pages_url(repository_url)
    linked = [a["href"].removeprefix(home) for a in soup.find_all("a")]
    assert linked
    assert [name for name in linked if not (site / urlsplit(name).path).is_file()] == []


def test_no_page_lies_where_nothing_leads(site):
    pages = {path.relative_to(site).as_posix() for path in site.rglob("*.html")}
    expected = {"404.html", "index.html", "search.html"}
    linked = {
        (path.parent / urlsplit(a["href"]).path).resolve().relative_to(site).as_posix()
        for path in site.glob("book/*.html")
        for a in parsed(path).find_all("a", href=True)
        if urlsplit(a["href"]).path.endswith(".html") and not urlsplit(a["href"]).netloc
    }
    assert pages - linked <= expected
