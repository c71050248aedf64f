"""The lists of the back matter, and what stops the build."""

import pytest
from bs4 import BeautifulSoup
from nbformat import v4, write

from iclbook.records import all_records
from tools import backmatter, bookext
from tools.repository import ROOT


def notebook(root, **metadata):
    """Write a notebook with one code cell that has the given metadata."""
    (root / "book").mkdir()
    cells = [v4.new_markdown_cell("# Title"), v4.new_code_cell("1 + 1", metadata=metadata)]
    write(v4.new_notebook(cells=cells), root / "book" / "chapter.ipynb")


def test_an_unchecked_cell_is_listed_with_its_reason(tmp_path):
    notebook(tmp_path, tags=["nbval-ignore-output"], unchecked_reason="shows the time")
    assert backmatter.unchecked_cells(tmp_path) == [
        ("book/chapter.ipynb", 1, "runs, output not compared", "shows the time")
    ]
    assert "| shows the time |" in backmatter.unchecked_markdown(tmp_path)


def test_an_unchecked_cell_without_a_reason_stops_the_build(tmp_path):
    notebook(tmp_path, tags=["nbval-skip"])
    with pytest.raises(ValueError, match=r"chapter\.ipynb: code cell 1 .* unchecked_reason"):
        backmatter.unchecked_cells(tmp_path)


def test_every_record_is_on_its_page_with_its_settings(site):
    text = BeautifulSoup((site / "book/records.html").read_text("utf-8"), "html.parser").get_text()
    assert "python -m iclbook records rerun NAME" in text
    assert all_records()
    for record in all_records():
        assert f"{record.experiment}/{record.name}" in text
        assert record.provenance["cpu"] in text


def test_records_with_the_same_settings_say_them_once(monkeypatch):
    cells = [record for record in all_records() if record.experiment == "gpt-cell"][:3]
    monkeypatch.setattr(backmatter, "all_records", lambda: cells)
    lines = backmatter.records_markdown("https://x.org/a").splitlines()
    assert sum('preset "book"' in line for line in lines) == 1
    runs = [line.split("](")[0] for line in lines if line.startswith("| [gpt-cell/")]
    assert runs == [f"| [gpt-cell/{cell.name}" for cell in cells]
    assert lines[lines.index("Differ in") + 1] == ": seed"


def test_every_run_leads_to_its_record(site, repository_url):
    soup = BeautifulSoup((site / "book/records.html").read_text("utf-8"), "html.parser")
    start = f"{repository_url}/blob/main/"
    linked = [a["href"] for a in soup.select("td a") if a["href"].startswith(start)]
    assert len(linked) == len(all_records())
    files = [ROOT / address.removeprefix(start) for address in linked]
    assert [file for file in files if not file.is_file()] == []


def test_tables_of_records_have_heads(site):
    soup = BeautifulSoup((site / "book/records.html").read_text("utf-8"), "html.parser")
    assert [head for head in soup.select(".bd-article th") if not head.get_text(strip=True)] == []


def test_the_site_address_follows_from_the_repository():
    assert bookext.pages_url("https://github.com/Some-One/book") == (
        "https://some-one.github.io/book/"
    )
    assert bookext.pages_url("https://github.com/Some-One/Some-One.github.io") == (
        "https://some-one.github.io/"
    )
    with pytest.raises(ValueError, match=r"expected https://github\.com"):
        bookext.pages_url("https://example.org/book")
