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


def test_runs_are_filtered_by_experiment_model_and_task(visit):
    page = visit("book/records").page
    form, rows = (
        page.get_by_role("search", name="Recorded runs"),
        "section section tbody tr:visible",
    )
    told = form.locator("output")
    total = len(all_records())
    assert told.inner_text() == f"{total} of {total} runs are shown."
    form.get_by_label("Experiment").press("ArrowDown")  # by keyboard: the first experiment
    assert 0 < page.locator(rows).count() < total
    form.get_by_label("Experiment").select_option("gpt-cell")
    form.get_by_label("Model").select_option("smollm2")
    form.get_by_label("Task").select_option("mr")
    names = page.locator(f"{rows} td:first-child").all_inner_texts()
    assert told.inner_text() == f"{len(names)} of {total} runs are shown."
    assert names
    assert [name for name in names if not name.startswith("gpt-cell/smollm2-mr")] == []
    page.evaluate("location.hash = 'records-gpt-rate'")  # whoever follows a link sees all again
    page.wait_for_function("!document.getElementById('records-gpt-rate').closest('[hidden]')")
    assert told.inner_text() == f"{total} of {total} runs are shown."


def test_every_experiment_has_an_anchor(site):
    soup = BeautifulSoup((site / "book/records.html").read_text("utf-8"), "html.parser")
    places = {tag["id"] for tag in soup.find_all(id=True)}
    assert {f"records-{record.experiment}" for record in all_records()} <= places


def test_all_runs_are_shown_without_scripts(browser, address):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{address}book/records.html")
    assert page.locator(".runs-filter").is_hidden()
    assert page.locator("section section tbody tr:visible").count() == len(all_records())
    context.close()
