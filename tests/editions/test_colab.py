"""The Colab notebooks are plain, complete, numbered like the site, and run where Colab runs."""

import re
import shutil
import zipfile
from html import unescape
from itertools import pairwise

import nbformat
import pytest
from nbclient import NotebookClient
from sphinx_external_toc.parsing import parse_toc_yaml

from tools.colab import TARGET
from tools.notebooks import ROOT
from tools.repository import colab_cell, repository_url

PAGES = [f"{page}.ipynb" for page in parse_toc_yaml(ROOT / "_toc.yml")]
NAMES = [name for name in PAGES if (ROOT / name).exists()]
RAW = {
    "directive": re.compile(r"(?m)^[ >]*(?:`{3,}|:{3,})\s*\{"),
    "role": re.compile(r"\{[\w:+-]+\}`"),
    "option of a directive": re.compile(r"(?m)^[ >]*:[\w-]+: "),
    "label": re.compile(r"(?m)^\([\w-]+\)=\s*$|\$\$\s*\([\w-]+\)"),
    "unresolved citation": re.compile(r"\[\?\]|\{cite|\bcite:[pt]\b"),
}


@pytest.fixture(params=NAMES)
def name(request):
    """Name one chapter after another."""
    return request.param


@pytest.fixture
def notebook(name):
    """Return the Colab notebook of a chapter."""
    path = TARGET / name
    assert path.exists(), f"{path} is missing: run `make colab` first"
    return nbformat.read(path, as_version=4)


@pytest.fixture
def chapter(name):
    """Return the chapter itself."""
    return nbformat.read(ROOT / name, as_version=4)


def text(notebook):
    """Return all text of a notebook, without literal blocks."""
    cells = [cell.source for cell in notebook.cells if cell.cell_type == "markdown"]
    return "\n\n".join(cells)


def test_edition_has_the_chapters_and_nothing_else():
    written = sorted(path.relative_to(TARGET).as_posix() for path in TARGET.rglob("*.*"))
    assert written == sorted(NAMES)


def test_notebook_is_valid_and_installs_first(notebook):
    nbformat.validate(notebook)
    assert notebook.cells[0].source == colab_cell(repository_url())


@pytest.mark.parametrize("kind", RAW)
def test_no_markup_of_the_site_is_left(notebook, kind):
    assert not (found := RAW[kind].search(text(notebook))), f"{kind}: {found.group()!r}"


def test_every_code_cell_is_there_in_order(notebook, chapter):
    def sources(cells):
        code = [cell.source for cell in cells if cell.cell_type == "code"]
        return [re.sub(r"^# @title .*\n", "", source) for source in code[1:]]

    assert sources(notebook.cells) == sources(chapter.cells)


def test_solutions_are_folded_away(notebook, chapter):
    exercises = len(re.findall(r"\{solution(?:-start)?\}", text(chapter)))
    folded = [cell for cell in notebook.cells if "solution" in cell.metadata.get("tags", ())]
    for cell in folded:
        assert cell.source.startswith("# @title Solution to Exercise")
        assert cell.metadata.cellView == "form"
        assert cell.metadata.jupyter.source_hidden
    outside = re.sub(r"(?s)<details>.*?</details>", "", text(notebook))
    assert "Solution to" not in outside
    assert len(folded) >= exercises or exercises == 0
    assert text(notebook).count("### Exercise") == len(re.findall(r"\{exercise(?:-start)?\}",
                                                                 text(chapter)))


def test_every_cited_paper_is_listed(notebook, chapter):
    keys = {
        key.strip()
        for keys in re.findall(r"\{cite:[pt]\}`([^`]+)`", text(chapter))
        for key in keys.split(",")
    }
    _, _, listed = text(notebook).partition("## References")
    assert len(re.findall(r"(?m)^- ", listed)) == len(keys)


def test_numbers_are_those_of_the_site(notebook, name):
    page = (ROOT / "_build/html" / name).with_suffix(".html")
    assert page.exists(), f"{page} is missing: run `make book` first"
    html = re.sub(r"(?s)<template\b.*?</template>", "", page.read_text("utf-8"))  # of other pages
    equations = re.findall(r'<span class="eqno">\(([\d.]+)\)', html)
    figures = re.findall(r'<span class="caption-number">Fig\. ([\d.]+?)\s*</span>', html)
    assert re.findall(r"\\tag\{([\d.]+)\}", text(notebook)) == equations
    assert re.findall(r"\*Fig\. ([\d.]+?)\.\*", text(notebook)) == figures


def test_the_table_has_numbers_where_the_chapter_has_placeholders():
    name = "book/gpt/the-table.ipynb"
    chapter, plain = (text(nbformat.read(root / name, as_version=4)) for root in (ROOT, TARGET))
    placeholders = re.findall(r"\{glue(?::text)?\}`", chapter)
    html = (ROOT / "_build/html" / name).with_suffix(".html").read_text("utf-8")
    numbers = re.findall(r'<span class="output text_plain">(.*?)</span>', html)
    assert len(numbers) == len(placeholders) > 20
    shown = plain.replace("\\", "")
    assert [number for number in numbers if unescape(number) not in shown] == []


def test_captions_stand_under_their_figures(notebook):
    for before, cell in pairwise(notebook.cells):
        for caption in re.finditer(r"(?m)^\*Fig\. [\d.]+\.\*", cell.source):
            text_before = cell.source[:caption.start()].strip()
            if text_before:
                assert text_before.split("\n")[-1].startswith("!["), caption.group()
            else:
                assert before.cell_type == "code", caption.group()
                assert "off-page" not in before.metadata.get("tags", []), caption.group()


def test_pictures_and_text_stay_and_controls_of_the_page_go(notebook, chapter):
    def kinds(cells):
        outputs = [o for c in cells if c.cell_type == "code" for o in c.outputs]
        return [kind for o in outputs for kind in o.get("data", {"stream": 1})
                if not kind.startswith("application/papermill")]

    stored = [kind for kind in kinds(chapter.cells) if kind != "text/html"]
    assert sorted(kinds(notebook.cells)) == sorted(stored)


def test_wheel_carries_components_and_records(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    package = ROOT / "iclbook"
    rows = (package / "gpt/text/packaged").rglob("*.*")
    for path in [*package.glob("web/*"), *package.glob("records/store/**/*.json"), *rows]:
        assert path.relative_to(ROOT).as_posix() in names


def test_notebook_runs_outside_the_repository(notebook, name, colab_kernel, tmp_path):
    folder = (tmp_path / name).parent
    folder.mkdir(parents=True)
    shutil.copy(TARGET / name, folder)
    NotebookClient(notebook, timeout=300, kernel_name=colab_kernel,
                   resources={"metadata": {"path": str(folder)}}).execute()
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    outputs = [output for cell in code for output in cell.outputs]
    errors = [output.text for output in outputs if output.get("name") == "stderr"]
    assert not errors, f"{name} writes to stderr: {errors}"
    sliders = sum(cell.source.count("figures.play(") for cell in code)
    live = [o for o in outputs if "application/vnd.jupyter.widget-view+json" in o.get("data", {})]
    assert len(live) >= sliders, f"{name} has {sliders} sliders, {len(live)} of them are live"
