"""Nodes of a page become Markdown that a plain notebook viewer shows as meant."""

from types import SimpleNamespace

import nbformat
import pytest
from docutils import nodes
from sphinx.errors import ExtensionError

from tools.colab import plain_notebook
from tools.markdown import CodeCell, MarkdownWriter, escaped, linked_addresses, quoted

PAGE = "https://site/page.html"


@pytest.fixture
def writer():
    """Return a writer for a page with one numbered equation and one citation."""
    env = SimpleNamespace(
        toc_secnumbers={"page": {"": (3,)}},
        toc_fignumbers={"page": {"displaymath": {"equation-a": (3, 1)}, "figure": {"fig": (3, 2)},
                                 "exercise": {"ex": (3, 4)}}},
        get_domain=lambda name: SimpleNamespace(citations=[SimpleNamespace(citation_id="id7")]),
    )
    return MarkdownWriter(env, "page", PAGE, "https://pictures")


def paragraph(*children):
    return nodes.paragraph("", "", *children)


@pytest.mark.parametrize(("text", "written"), [
    ("a * b", r"a \* b"),
    ("W_0 and _x_", r"W_0 and \_x\_"),
    ("costs $5", r"costs \$5"),
    ("a < b", r"a \< b"),
    ("[1](x)", r"[1\](x)"),
    ("[Polyak, 1964]", "[Polyak, 1964]"),
    ("# no heading", r"\# no heading"),
    ("- no item", r"\- no item"),
])
def test_special_characters_are_shown_as_they_are(text, written):
    assert escaped(text) == written


def test_formulas_in_quotes_stand_on_one_line():
    assert quoted(["a", "$$\nx\n$$"]) == "> a\n>\n> $$ x $$"


def test_code_in_a_box_is_refused():
    with pytest.raises(ExtensionError, match="code cell stands inside a box"):
        quoted(["text", CodeCell(3)])


def test_numbered_formula_keeps_its_number(writer):
    block = nodes.math_block("", r"x \\ y", ids=["equation-a"], label="a", nowrap=False)
    assert writer.block(block) == [
        "$$\n\\begin{split}x \\\\ y\\end{split}\\tag{3.1}\n$$"]


def test_chapter_number_stands_before_the_title(writer):
    inner = nodes.section("", nodes.title("", "Kernel"), paragraph(nodes.Text("t")))
    section = nodes.section("", nodes.title("", "Softmax"), inner)
    assert writer.block(section) == ["# 3. Softmax", "## Kernel", "t"]


def test_bars_in_tables_do_not_split_cells(writer):
    def row(*cells):
        return nodes.row("", *(nodes.entry("", paragraph(cell)) for cell in cells))

    head = nodes.thead("", row(nodes.Text("a"), nodes.Text("b")))
    body = nodes.tbody("", row(nodes.math("", "|x|"), nodes.Text("2")))
    table = nodes.table("", nodes.tgroup("", head, body))
    assert writer.block(table) == [
        "| a | b |\n| --- | --- |\n| $\\vert x\\vert $ | 2 |"]


def test_citation_links_to_the_paper_and_is_listed(writer):
    entry = "A. Author. Title. 2020. doi:10.1000/x."
    link = nodes.reference("", "2020", refuri="https://site/references.html#id7", reftitle=entry)
    assert writer.text(paragraph(link)) == "[2020](https://doi.org/10.1000/x)"
    assert list(writer.cited.values()) == [
        "A. Author. Title. 2020. [doi:10.1000/x](https://doi.org/10.1000/x)."]


def test_links_into_the_page_are_text_and_others_are_full(writer):
    inner = nodes.reference("", "(3.1)", refid="equation-a")
    same = nodes.reference("", "here", refuri=f"{PAGE}#part")
    other = nodes.reference("", "there", refuri="https://site/other.html#part")
    assert writer.text(paragraph(inner, nodes.Text(" "), same, nodes.Text(" "), other)) == (
        "(3.1) here [there](https://site/other.html#part)")


def test_lists_nest(writer):
    inner = nodes.bullet_list("", nodes.list_item("", paragraph(nodes.Text("b"))))
    outer = nodes.enumerated_list("", nodes.list_item("", paragraph(nodes.Text("a")), inner),
                                  nodes.list_item("", paragraph(nodes.Text("c"))))
    assert writer.block(outer) == ["1. a\n   - b\n2. c"]


def test_unknown_nodes_stop_the_build_and_are_named(writer):
    with pytest.raises(ExtensionError, match=r"'topic' near 'strange'"):
        writer.block(nodes.topic("", paragraph(nodes.Text("strange"))))


def test_addresses_become_links():
    assert linked_addresses("URL: https://arxiv.org/abs/1.") == "URL: <https://arxiv.org/abs/1>."


def test_cells_stay_in_order_and_the_install_cell_comes_first():
    v4 = nbformat.v4
    output = v4.new_output("display_data", {"text/html": "<b>", "text/plain": "table"})
    chapter = v4.new_notebook(cells=[
        v4.new_markdown_cell("title"), v4.new_code_cell("install"), v4.new_code_cell("hidden"),
        v4.new_code_cell("shown", outputs=[output]), v4.new_code_cell("answer"),
        v4.new_code_cell("last")])
    blocks = ["# T", CodeCell(3), "text", CodeCell(4, solution="Solution to Exercise 1.1")]
    notebook = plain_notebook(chapter, blocks)
    off_page = "# @title Numbers that the text quotes\n"
    assert [cell.source for cell in notebook.cells] == [
        "install", "# T", f"{off_page}hidden", "shown", "text",
        "# @title Solution to Exercise 1.1\nanswer", f"{off_page}last"]
    assert notebook.cells[3].outputs[0].data == {"text/plain": "table"}
    assert notebook.cells[5].metadata.cellView == "form"
