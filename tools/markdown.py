"""Write a resolved Sphinx page as plain Markdown, which Colab and every notebook viewer can show.

By the time a page arrives here, Sphinx has resolved it: references carry their numbers, citations
their authors, glued values their text. What is left is to say each node in plain Markdown. A node
that has no rule here stops the build and is named, so that nothing is lost in silence.

Notebook viewers look for formulas before they look for Markdown. A formula inside a quote must
therefore stand on one line, and one inside a table must not contain a bar.
"""

import html
import re
from dataclasses import dataclass, replace

from docutils import nodes
from sphinx.errors import ExtensionError

from tools.commonmark import (
    ADDRESS,
    BRACKETS,
    code_block,
    code_span,
    escaped,
    link,
    linked_addresses,
    paragraph,
    table,
    without_bars,
)

FORMULA = re.compile(r"(?ms)^([ \t]*)(\$\$\n.*?\n[ \t]*\$\$|\\begin\{(\w+\*?)\}.*?\\end\{\3\})$")
LISTS = (nodes.bullet_list, nodes.enumerated_list, nodes.definition_list)


@dataclass(frozen=True)
class CodeCell:
    """Place of a code cell of the notebook.

    Attributes
    ----------
    index : int
        Number of the cell in the chapter.
    captions : tuple of str
        Blocks that belong directly under its output.
    solution : str
        Title of the exercise's solution, if it is one.
    """

    index: int
    captions: tuple = ()
    solution: str = ""


def quoted(blocks):
    """Return blocks as one Markdown quote."""
    lines = []
    for block in blocks:
        if isinstance(block, CodeCell):
            raise ExtensionError("a code cell stands inside a box; a plain notebook cannot show "
                                 "that, so move it out")
        block = FORMULA.sub(lambda m: m[1] + " ".join(m[2].split()), block)
        lines += [*block.split("\n"), ""]
    return "\n".join(f"> {line}".rstrip() for line in lines[:-1])


class MarkdownWriter:
    """Write one page.

    Parameters
    ----------
    env : sphinx.environment.BuildEnvironment
        Knows the numbers of figures, equations, theorems and exercises.
    docname : str
        The page.
    address : str
        Where the page stands on the site: links into the page itself become plain text.
    images : str
        Address below which picture files of the repository are found.

    Attributes
    ----------
    cited : dict
        Formatted bibliography entries that the page has cited so far, in order.
    """

    def __init__(self, env, docname, address, images):
        self.env, self.docname, self.address, self.images = env, docname, address, images
        self.depth = 0
        self.in_table = self.in_link = False
        self.cited = {}
        self.citation_ids = {c.citation_id for c in env.get_domain("cite").citations}

    def write(self, document):
        """Return the page as a list of Markdown blocks (str) and code cells (CodeCell)."""
        return self.blocks(document)

    # -- blocks ------------------------------------------------------------------------------------

    def blocks(self, node):
        """Return the blocks of all children of ``node``."""
        return self.blocks_of(node.children)

    def blocks_of(self, children):
        """Return the blocks of several nodes; a comment keeps neighbouring lists apart."""
        blocks, before = [], None
        for child in children:
            found = self.block(child)
            if found and isinstance(child, LISTS) and type(child) is type(before):
                blocks.append("<!-- -->")
            before = child if found else before
            blocks += found
        return blocks

    def block(self, node):
        """Return the blocks of one node."""
        rule = getattr(self, f"block_{type(node).__name__}", None)
        if rule is not None:
            return rule(node)
        return [self.inline(node)]

    def block_section(self, node):
        self.depth += 1
        blocks = self.blocks(node)
        self.depth -= 1
        return blocks

    def block_title(self, node):
        number = self.env.toc_secnumbers.get(self.docname, {}).get("") if self.depth == 1 else None
        text = re.sub(r"(#+)$", r"\\\1", self.text(node))
        return [f"{'#' * self.depth} {'.'.join(map(str, number)) + '. ' if number else ''}{text}"]

    def block_paragraph(self, node):
        return [paragraph(self.text(node))]

    def block_rubric(self, node):
        return [f"**{self.text(node)}**"]

    def block_transition(self, node):
        return ["---"]

    def block_list_item(self, node, marker="- "):
        blocks = self.blocks(node)
        tight = len(blocks) > 1 and blocks[1].startswith(("- ", "1. "))
        text = ("\n" if tight and len(blocks) == 2 else "\n\n").join(blocks)
        return [marker + text.replace("\n", "\n" + " " * len(marker))]

    def block_bullet_list(self, node):
        return ["\n".join(item for child in node for item in self.block_list_item(child))]

    def block_enumerated_list(self, node):
        first = node.get("start", 1)
        return ["\n".join(item for number, child in enumerate(node.children, first)
                          for item in self.block_list_item(child, f"{number}. "))]

    def block_definition_list(self, node):
        return ["\n".join(item for child in node for item in self.block(child))]

    def block_definition_list_item(self, node):
        terms = ", ".join(self.text(term) for term in node if isinstance(term, nodes.term))
        body = [b for part in node if isinstance(part, nodes.definition) for b in self.blocks(part)]
        return [f"- **{terms}**: " + "\n\n".join(body).replace("\n", "\n  ")]

    def block_block_quote(self, node):
        return [quoted(self.blocks(node))]

    def block_literal_block(self, node):
        language = node.get("language", "").replace("default", "").replace("none", "")
        return [code_block(node.astext(), language)]

    def block_math_block(self, node):
        formula = self.formula(node).strip()
        if node.get("nowrap"):
            return [formula]
        if r"\\" in formula:
            formula = rf"\begin{{split}}{formula}\end{{split}}"
        tag = rf"\tag{{{self.number('displaymath', node)}}}" if node.get("label") else ""
        return [f"$$\n{formula}{tag}\n$$"]

    def block_table(self, node):
        self.in_table = True
        rows = [[" ".join(self.blocks(entry)) for entry in row] for row in node.findall(nodes.row)]
        self.in_table = False
        caption = [f"*{self.text(part)}*" for part in node if isinstance(part, nodes.title)]
        return [*caption, table(rows)]

    def block_figure(self, node):
        return self.blocks(node)

    def block_caption(self, node):
        return [f"*Fig. {self.number('figure', node.parent)}.* {self.text(node)}"]

    def block_legend(self, node):
        return self.blocks(node)

    def block_admonition(self, node, title=""):
        body = node.children
        if isinstance(node[0], nodes.title):
            title, body = self.text(node[0]), node.children[1:]
        return [quoted([*([f"**{title}**"] if title else []), *self.blocks_of(body)])]

    def block_note(self, node):
        """A box whose title is the name of its kind."""
        return self.block_admonition(node, type(node).__name__.title())

    block_attention = block_caution = block_danger = block_error = block_hint = block_note
    block_important = block_tip = block_warning = block_note

    def block_seealso(self, node):
        return self.block_admonition(node, "See also")

    def block_sidebar(self, node):
        blocks = self.blocks_of(child for child in node if child.astext())
        return blocks if all(b.startswith(">") for b in blocks) else [quoted(blocks)]

    def block_container(self, node):
        """Code cells are kept as places; every other container is only a frame."""
        if node.get("nb_element") != "cell_code":
            return self.blocks(node)
        captions = [b for figure in node.findall(nodes.figure) for part in figure
                    if isinstance(part, nodes.caption) for b in self.block_caption(part)]
        return [CodeCell(node["cell_index"], tuple(captions))]

    def block_proof_node(self, node):
        """A proof: its frame is a box with a title of its own."""
        return self.blocks(node)

    def block_statement(self, node):
        """Theorem, definition, remark ... with the number that the site shows."""
        number = self.number(node["countertype"], node)
        title = f"{node['realtype'].title()} {number}{self.text(node[0]).rstrip()}"
        return [quoted([f"**{title}**", *self.blocks_of(node.children[1:])])]

    block_theorem_node = block_definition_node = block_remark_node = block_statement
    block_lemma_node = block_proposition_node = block_corollary_node = block_statement
    block_example_node = block_conjecture_node = block_assumption_node = block_statement

    def block_exercise_enumerable_node(self, node):
        """An exercise gets a heading, so that it can be folded and found."""
        title = f"Exercise {self.number('exercise', node)}{self.text(node[0])}"
        return [f"{'#' * (self.depth + 1)} {title}", *self.blocks_of(node.children[1:])]

    def block_solution_node(self, node):
        """A solution is folded away: its text in a details element, its code as a closed form."""
        title = " ".join(node[0].astext().split())
        blocks, shown = [], []
        for block in [*self.blocks_of(node.children[1:]), None]:
            if isinstance(block, str):
                shown.append(block)
                continue
            if shown:
                text = "\n\n".join(shown)
                blocks.append(f"<details>\n<summary>{html.escape(title)}</summary>\n\n{text}\n\n</details>")
                shown = []
            if block is not None:
                blocks.append(replace(block, solution=title))
        return blocks

    def nothing(self, node):
        """Nodes that show nothing on the page."""
        return []

    block_comment = block_target = block_index = block_substitution_definition = nothing
    block_meta = block_toctree = nothing

    def block_compound(self, node):
        """The table of contents is the site's; other compounds are frames."""
        return [] if "toctree-wrapper" in node["classes"] else self.blocks(node)

    def block_raw(self, node):
        """HTML is valid Markdown; what is meant for other formats is not shown."""
        return [node.astext()] if "html" in node.get("format", "").split() else []

    # -- text --------------------------------------------------------------------------------------

    def text(self, node):
        """Return the children of ``node`` as one line of Markdown text."""
        return "".join(self.inline(child) for child in node.children)

    def inline(self, node):
        """Return one node inside a paragraph as Markdown text."""
        rule = getattr(self, f"inline_{type(node).__name__}", None)
        if rule is None:
            raise ExtensionError(
                f"{self.docname}: no plain form for the node {type(node).__name__!r} near "
                f"{node.astext()[:60]!r}; add a rule to tools/markdown.py"
            )
        return rule(node)

    def inline_Text(self, node):
        text = escaped(node.astext())
        return text.translate(BRACKETS) if self.in_link else text

    def inline_inline(self, node):
        return self.text(node)

    inline_abbreviation = inline_generated = inline_title_reference = inline_inline

    def inline_emphasis(self, node, mark="*", tag="em"):
        """Stars; where they touch a letter or other stars so that they would stay stars, HTML."""
        place = node.parent.index(node)
        before, after = node.parent[max(place - 1, 0):place], node.parent[place + 1:place + 2]
        plain = node.astext()
        touches = [(n[0].astext()[end:][:1], plain[-1 - end]) for n, end in
                   ((before, -1), (after, 0)) if n]
        starred = any(isinstance(n, nodes.emphasis | nodes.strong) for n in [*before, *after])
        if starred or any(letter.isalnum() and not edge.isalnum() for letter, edge in touches):
            return f"<{tag}>{self.text(node)}</{tag}>"
        return f"{mark}{self.text(node)}{mark}"

    def inline_strong(self, node):
        return self.inline_emphasis(node, "**", "strong")

    def inline_superscript(self, node):
        return f"<sup>{self.text(node)}</sup>"

    def inline_subscript(self, node):
        return f"<sub>{self.text(node)}</sub>"

    def inline_literal(self, node):
        return code_span(node.astext())

    def inline_math(self, node):
        return f"${self.formula(node)}$".replace("\n", " ")

    def formula(self, node):
        """Return the TeX of a formula."""
        return without_bars(node.astext()) if self.in_table else node.astext()

    def inline_image(self, node):
        if node["uri"].startswith("attachment:"):
            raise ExtensionError(f"{self.docname}: the picture {node['uri']} was pasted into a "
                                 "cell; store it as a file and show it with the directive figure")
        address = node["uri"] if "://" in node["uri"] else f"{self.images}/{node['uri']}"
        return "!" + link(escaped(node.get("alt", "")).translate(BRACKETS), address)

    def inline_raw(self, node):
        return "".join(self.block_raw(node)).replace("\n", " ")

    def inline_target(self, node):
        return self.text(node)

    def inline_reference(self, node):
        """A link; places on the same page are only named, since notebooks have no anchors."""
        address = node.get("refuri", "")
        if address.partition("#")[2] in self.citation_ids:
            entry = node["reftitle"]
            self.cited[entry] = linked_addresses(entry)
            found = ADDRESS.search(entry)
            address = found and (f"https://doi.org/{found[1]}" if found[1] else found[0])
        if not address or address.partition("#")[0] == self.address:
            return self.text(node)
        self.in_link = True
        text = self.text(node)
        self.in_link = False
        return link(text, address)

    inline_number_reference = inline_reference

    # -- numbers -----------------------------------------------------------------------------------

    def number(self, kind, node):
        """Return the number that the site shows for a figure, equation, theorem or exercise."""
        numbers = self.env.toc_fignumbers.get(self.docname, {}).get(kind, {})
        for name in node["ids"]:
            if name in numbers:
                return ".".join(map(str, numbers[name]))
        raise ExtensionError(f"{self.docname}: the {kind} {node['ids']} has no number")
