"""Nodes of a page become Markdown that a plain notebook viewer shows as meant."""

from types import SimpleNamespace

import nbformat
import pytest
from bs4 import BeautifulSoup
from docutils import nodes
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from mdit_py_plugins.tasklists import tasklists_plugin
from sphinx.errors import ExtensionError

from tools.colab import plain_notebook
from tools.commonmark import code_block, escaped, linked_addresses
from tools.markdown import CodeCell, MarkdownWriter, quoted

PAGE = "https://site/page.html"
VIEWER = MarkdownIt("commonmark").enable(["table", "strikethrough"]).use(tasklists_plugin)


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


def rows(*texts):
    """Return a table of nodes, its first row the head."""
    head, *body = (nodes.row("", *(nodes.entry("", cell) for cell in row)) for row in texts)
    return nodes.table("", nodes.tgroup("", nodes.thead("", head), nodes.tbody("", *body)))


def items(kind, *contents):
    """Return a list of nodes; each content is a node or several."""
    return kind("", *(nodes.list_item("", *(c if isinstance(c, tuple) else (c,)))
                      for c in contents))


def seen(blocks):
    """Return what a viewer of plain Markdown makes of blocks."""
    return BeautifulSoup(VIEWER.render("\n\n".join(blocks)), "html.parser")


def shape(blocks):
    """Return the names of the elements that a viewer shows."""
    return [tag.name for tag in seen(blocks).find_all(True)]


@pytest.mark.parametrize(("text", "written"), [
    ("a * b", r"a \* b"),
    ("W_0 and _x_", r"W_0 and \_x\_"),
    ("costs $5", r"costs \$5"),
    ("a < b", r"a \< b"),
    ("[1](x)", r"[1\](x)"),
    ("[Polyak, 1964]", "[Polyak, 1964]"),
    ("a\nb", "a b"),
    ("AT&T, &amp;", r"AT&T, \&amp;"),
    ("about ~5", r"about \~5"),
    (r"\(x\)", "&#92;(x&#92;)"),
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
    formula = r"\left|x\right| \|y\| p(a|b) \\|c|"
    link = nodes.reference("", "u|v", refuri="https://x/a|b")
    written = writer.block(rows(
        [paragraph(nodes.Text("a|b")), paragraph(nodes.Text("2"))],
        [paragraph(nodes.literal("", "c | d")), paragraph(nodes.strong("", "", nodes.Text("e|f")))],
        [paragraph(nodes.math("", formula)), paragraph(link)],
        [nodes.math_block("", "|g|"), paragraph(nodes.Text("|"))]))
    cells = [[cell.get_text() for cell in row.find_all(["td", "th"])]
             for row in seen(written).find_all("tr")]
    assert cells[0] == ["a|b", "2"]
    assert cells[1] == ["c | d", "e|f"]
    assert cells[2][1] == "u|v"
    assert [len(row) for row in cells] == [2, 2, 2, 2]
    assert cells[3][1] == "|"
    assert r"$\left\vert x\right\vert  \Vert y\Vert  p(a\vert b) \\\vert c\vert $" in written[0]
    assert "|g|" not in written[0]


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
    inner = items(nodes.bullet_list, paragraph(nodes.Text("b")))
    outer = items(nodes.enumerated_list, (paragraph(nodes.Text("a")), inner),
                  paragraph(nodes.Text("c")))
    assert writer.block(outer) == ["1. a\n   - b\n2. c"]


def test_lists_keep_their_items_starts_and_neighbours(writer):
    third = items(nodes.enumerated_list, paragraph(nodes.Text("c")))
    third["start"] = 3
    deep = items(nodes.bullet_list, (paragraph(nodes.Text("a")), third,
                                     paragraph(nodes.Text("- not an item")),
                                     nodes.literal_block("", "code")))
    next_to_it = items(nodes.bullet_list, paragraph(nodes.Text("1797. That")))
    page = seen(writer.blocks(nodes.container("", deep, next_to_it)))
    assert [len(found.find_all("li", recursive=False)) for found in page.find_all("ul")] == [1, 1]
    assert page.find("ol")["start"] == "3"
    assert page.find("ol").find_parent("li") == page.find("pre").find_parent("li")
    assert page.find_all("ul")[1].get_text().strip() == "1797. That"


# -- text stays text -------------------------------------------------------------------------------

STARTS = ["1797. That", "1) a", "- a", "+ a", "* a", "# a", "###### a", "#", "> a", ">a", "---",
          "- - -", "***", "___", "===", "~~~", "```", "[x] a", "[ ] a", "[a]: b", "    a",
          "| a | b |", "<b>", "<!-- a", "a\n- b", "a\n1797. That", "a\n===", "a\n# b", "a\n> b"]
INSIDE = ["*a* **b**", "_a_ __b__ a_b_c", "`a`", "$5 and $6", "~~a~~ ~b~", "[a](b) ![a](b)",
          "[a][b]", "<http://a.b> <i>", "&amp; &lt; &#35;", "\\* \\\\ \\(x\\)", "a\\", "a_ _b",
          "2 * 3 * 4", "x[0](1)", "a | b"]


@pytest.mark.parametrize("text", [*STARTS, *INSIDE])
@pytest.mark.parametrize("frame", ["paragraph", "item", "box", "cell"])
def test_text_is_shown_as_it_is(writer, frame, text):
    node = paragraph(nodes.Text(text))
    block, element = {
        "paragraph": (node, "p"),
        "item": (items(nodes.bullet_list, node), "li"),
        "box": (nodes.note("", node), "p:last-child"),
        "cell": (rows([paragraph(nodes.Text("a")), node]), "th:last-child"),
    }[frame]
    assert_text(seen(writer.block(block)).select_one(element), text)


def assert_text(element, text):
    assert " ".join(element.get_text().split()) == " ".join(text.split())
    assert not element.find(True), f"{text!r} is shown as {element}"


@given(st.text(alphabet="ab1 \n" + "*_`~$<>[]()!&;#|\\+-=.:", max_size=25))
@example("[a]\n(b)")
def test_any_text_is_shown_as_it_is(text):
    env = SimpleNamespace(get_domain=lambda name: SimpleNamespace(citations=[]))
    writer = MarkdownWriter(env, "page", PAGE, "https://pictures")
    page = seen(writer.block(paragraph(nodes.Text(f"{text} end"))))
    assert [tag.name for tag in page.find_all(True)] == ["p"]
    assert " ".join(page.get_text().split()) == " ".join(f"{text} end".split())


def test_a_glued_number_at_the_start_of_a_sentence_starts_no_list(writer):
    glued = nodes.inline("", "", nodes.Text("1797"))
    assert shape(writer.block(paragraph(glued, nodes.Text(". That")))) == ["p"]


@pytest.mark.parametrize("kind", [nodes.emphasis, nodes.strong])
@pytest.mark.parametrize("pieces", [
    ("a ", "b", " c"), ("a", "b", "c"), ("", "note:", "c"), ("a", "(b)", "c"), ("a", "(b)", ""),
    ("a ", "note:", " c"), ("(", "b.", ")"), ("a ", "b*", " c"),
])
def test_emphasis_is_seen_whatever_it_touches(writer, kind, pieces):
    before, text, after = pieces
    node = paragraph(nodes.Text(before), kind("", "", nodes.Text(text)), nodes.Text(after))
    (shown,) = seen(writer.block(node)).find_all(["em", "strong"])
    assert shown.get_text() == text
    assert shown.parent.get_text() == "".join(pieces).strip()


def test_neighbouring_emphasis_stays_apart(writer):
    inner = nodes.strong("", "", nodes.Text("b"))
    node = paragraph(nodes.emphasis("", "", nodes.Text("a")), inner,
                     nodes.emphasis("", "", nodes.Text("c "), inner.deepcopy()))
    assert shape(writer.block(node)) == ["p", "em", "strong", "em", "strong"]


@pytest.mark.parametrize("code", ["a", "a`b", "``a``", "`", "a|b", "*a*", "$x$", " a ", "a\nb"])
def test_code_is_shown_as_it_is(writer, code):
    page = seen(writer.block(paragraph(nodes.literal("", code))))
    assert page.find("code").get_text() == code.replace("\n", " ")
    assert page.get_text().strip() == page.find("code").get_text().strip()


@pytest.mark.parametrize("code", ["a\nb", "```\na\n```", "# a\n- b", "````"])
def test_blocks_of_code_are_shown_as_they_are(code):
    assert seen([code_block(code, "python")]).find("code").get_text() == f"{code}\n"


@pytest.mark.parametrize("address", [
    "https://x/a_(b)", "https://x/a_(b", "https://x/a)", "https://x/a b", "https://x/a*b*c?d=_e_",
])
@pytest.mark.parametrize("text", ["a", "[a]", "a]", "a [b", "*a*", "a_b_ (c)"])
def test_links_keep_address_and_text(writer, address, text):
    link = nodes.reference("", "", nodes.Text(text), refuri=address)
    (found,) = seen(writer.block(paragraph(nodes.Text("see "), link))).find_all("a")
    assert found["href"].replace("%20", " ") == address
    assert found.get_text() == text


def test_pictures_keep_address_and_alternative_text(writer):
    picture = nodes.image("", uri="book/a (1).png", alt="a [b\nc")
    (written,) = writer.block(paragraph(picture))
    assert seen([written]).find("img")["src"] == "https://pictures/book/a%20(1).png"
    assert written.startswith("![a &#91;b c](")


def test_a_pasted_picture_stops_the_build(writer):
    with pytest.raises(ExtensionError, match=r"attachment:x\.png was pasted"):
        writer.block(paragraph(nodes.image("", uri="attachment:x.png")))


def test_formulas_inside_lists_in_boxes_stand_on_one_line(writer):
    formula = nodes.math_block("", "x", nowrap=False)
    aligned = nodes.math_block("", "\\begin{align}\na\n\\end{align}", nowrap=True)
    box = nodes.note("", items(nodes.bullet_list, (paragraph(nodes.Text("a")), formula)), aligned)
    (text,) = writer.block(box)
    assert ">   $$ x $$" in text.split("\n")
    assert "> \\begin{align} a \\end{align}" in text.split("\n")


def test_formulas_in_a_line_stay_on_it(writer):
    assert writer.block(paragraph(nodes.math("", "a\n- b"))) == ["$a - b$"]


def test_headings_keep_their_last_sign(writer):
    section = nodes.section("", nodes.section("", nodes.title("", "", nodes.Text("In C #"))))
    assert seen(writer.block(section)).find("h2").get_text() == "In C #"


def test_raw_html_starts_no_line(writer):
    line_break = nodes.raw("", "<br />\n", format="html")
    written = writer.block(paragraph(nodes.Text("a"), line_break, nodes.Text("- b")))
    assert shape(written) == ["p", "br"]


def test_unknown_nodes_stop_the_build_and_are_named(writer):
    with pytest.raises(ExtensionError, match=r"'topic' near 'strange'"):
        writer.block(nodes.topic("", paragraph(nodes.Text("strange"))))


def test_addresses_become_links():
    assert linked_addresses("URL: https://arxiv.org/abs/1.") == "URL: <https://arxiv.org/abs/1>."


@pytest.mark.parametrize("address", ["https://x.org/~a/_b_*c*", "https://x.org/a_(b)?c&d"])
def test_addresses_are_not_escaped(address):
    page = seen([linked_addresses(f"A * B_ [1]. {address}.")])
    assert page.find("a").get_text() == address
    assert page.get_text().strip() == f"A * B_ [1]. {address}."


def test_a_doi_with_brackets_stays_a_link():
    page = seen([linked_addresses("doi:10.1016/0005-2744(78)90105-6.")])
    assert page.find("a")["href"] == "https://doi.org/10.1016/0005-2744(78)90105-6"
    assert page.get_text().strip() == "doi:10.1016/0005-2744(78)90105-6."


def test_a_caption_stands_under_its_figure_whatever_follows():
    v4 = nbformat.v4
    chapter = v4.new_notebook(cells=[
        v4.new_code_cell("install"), v4.new_code_cell("figure"),
        v4.new_code_cell("folded", metadata={"tags": ["remove-cell"]})])
    notebook = plain_notebook(chapter, [CodeCell(1, captions=("*Fig. 1.*",)), "text"])
    assert [cell.source.split("\n")[-1] for cell in notebook.cells] == [
        "install", "figure", "*Fig. 1.*", "folded", "text"]


def test_a_caption_belongs_to_its_figure(writer):
    figure = nodes.figure("", nodes.caption("", "", nodes.Text("a")), ids=["fig"])
    cell = nodes.container("", figure, nb_element="cell_code", cell_index=4)
    assert writer.block(cell) == [CodeCell(4, captions=("*Fig. 3.2.* a",))]


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
