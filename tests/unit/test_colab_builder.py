"""A small chapter goes through Sphinx and the real builder of the Colab edition."""

import nbformat
import pytest
from bs4 import BeautifulSoup
from markdown_it import MarkdownIt
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError
from sphinx.util.docutils import docutils_namespace, patch_docutils

V4 = nbformat.v4
URL = "https://github.com/some-one/book"
TEXT = r"""# Title with #

Least squares is older than
1797. That year says
- nothing, and 2 * 3 * 4
> is *no* quote of snake_case or \_this\_, `a|b`, \$5 and \$6.

| quantity | form | code |
|---|---|---|
| a\|b | $\|x\| + \left\|y\right\|$ | `c \| d` |
| ~5 | $p(a \mid b)$ | [link](https://x.org/a_(b)) |

1. first
   - inner (**bold**)
     1. deep
2. second

3) another list

:::{note}
- in a box

  $$
  -x \\
  + y
  $$
:::
"""
FIGURE = {"mystnb": {"figure": {"caption": "A caption with a|b", "name": "fig-a"},
                     "image": {"alt": "a [picture]"}}}
PIXEL = ("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5E"
         "rkJggg==")


def build(folder, *cells):
    """Build a book of one chapter and return the notebook that was written."""
    (folder / "_config.yml").write_text(f"repository:\n  url: {URL}\n")
    (folder / "refs.bib").write_text("")
    nbformat.write(V4.new_notebook(cells=[V4.new_code_cell("install"), *cells]),
                   folder / "index.ipynb")
    settings = {
        "extensions": ["myst_nb", "sphinxcontrib.bibtex", "tools.colab"], "numfig": True,
        "bibtex_bibfiles": ["refs.bib"], "nb_execution_mode": "off",
        "myst_enable_extensions": ["colon_fence", "dollarmath"],
        "nb_mime_priority_overrides": [("colab", "image/png", 10), ("colab", "text/plain", 30)],
    }
    with patch_docutils(), docutils_namespace():
        Sphinx(folder, None, folder / "out", folder / "trees", "colab", confoverrides=settings,
               status=None, warning=None, freshenv=True).build()
    return nbformat.read(folder / "out" / "index.ipynb", as_version=4)


@pytest.fixture(scope="module")
def notebook(tmp_path_factory):
    picture = V4.new_output("display_data", {"image/png": PIXEL, "text/plain": "<Figure>"})
    return build(
        tmp_path_factory.mktemp("book"), V4.new_markdown_cell(TEXT),
        V4.new_code_cell("draw()", outputs=[picture], metadata=FIGURE, execution_count=1),
        V4.new_code_cell("glue()", metadata={"tags": ["remove-cell"]}),
        V4.new_markdown_cell("After the figure."))


@pytest.fixture(scope="module")
def page(notebook):
    """Return the text as a viewer of plain Markdown shows it."""
    text = "\n\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    viewer = MarkdownIt("commonmark").enable(["table", "strikethrough"])
    return BeautifulSoup(viewer.render(text), "html.parser")


def test_a_line_that_starts_like_a_list_stays_in_its_sentence(page):
    paragraph = page.find("h1").find_next_sibling("p")
    assert " ".join(paragraph.get_text().split()) == (
        "Least squares is older than 1797. That year says")


def test_cells_of_a_table_stay_whole(page):
    cells = [[cell.get_text() for cell in row(["td", "th"])] for row in page.find_all("tr")]
    assert cells == [
        ["quantity", "form", "code"],
        ["a|b", r"$\vert x\vert  + \left\vert y\right\vert $", "c | d"],
        ["~5", r"$p(a \mid b)$", "link"],
    ]
    assert page.find("td").find_parent("table").find("a")["href"] == "https://x.org/a_(b)"


def test_signs_in_text_are_shown(page):
    assert "nothing, and 2 * 3 * 4" in page.get_text()
    quote = next(q for q in page.find_all("blockquote") if "snake_case" in q.get_text())
    assert "of snake_case or _this_, a|b, $5 and $6." in quote.get_text()
    assert [tag.name for tag in quote.find_all(True)] == ["p", "em", "code"]


def test_lists_keep_their_levels_and_numbers(page):
    first = next(item for item in page.find_all("ol") if item.get_text().startswith("\nfirst"))
    assert [item.get_text().split()[0] for item in first.find_all("li", recursive=False)] == [
        "first", "second"]
    assert first.find("ul").find("ol").get_text().strip() == "deep"
    assert "inner (bold)" in first.get_text()
    other = next(item for item in page.find_all("ol") if "another list" in item.get_text())
    assert other is not first
    assert other["start"] == "3"


def test_a_formula_in_a_box_stands_on_one_line(notebook):
    lines = "\n".join(cell.source for cell in notebook.cells).split("\n")
    assert any(line.startswith("> ") and line.count("$$") == 2 for line in lines)


def test_a_caption_stands_under_its_figure(notebook):
    sources = [cell.source for cell in notebook.cells]
    place = sources.index("draw()")
    assert sources[place + 1] == "*Fig. 1.* A caption with a|b"
    assert sources[place + 2].endswith("\nglue()")
    assert sources[place + 3] == "After the figure."


def test_a_pasted_picture_stops_the_build(tmp_path):
    pasted = V4.new_markdown_cell("# A\n\n![x](attachment:x.png)",
                                  attachments={"x.png": {"image/png": PIXEL}})
    with pytest.raises(ExtensionError, match=r"attachment:x\.png"):
        build(tmp_path, pasted)
