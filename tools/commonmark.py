"""Pieces of plain Markdown, each so written that every notebook viewer shows what was meant.

Viewers look for formulas before they look for Markdown, and for the bars of a table before they
look at its cells. A backslash becomes an entity: some viewers take an escaped one for a formula.
"""

import re

SPECIAL = re.compile(r"\\|[*`$<~]|&(?=#?\w+;)|\](?=[(:\[])|(?<![^\W_])_|_(?![^\W_])")
BLOCK_START = re.compile(
    r"#{1,6}(?=\s|$)|[-+](?=[\s-]|$)|>|\d{1,9}(?=[.)](?:\s|$))|\[[ xX](?=\](?:\s|$))"
)
ADDRESS = re.compile(r"https?://\S+?(?=[.,]?(?:\s|$))|doi:(10\.\S+?)(?=[.,]?(?:\s|$))")
BRACKETS = str.maketrans({"[": "&#91;", "]": "&#93;"})


def escaped(text):
    """Return ``text`` on one line, so that Markdown shows it as it is inside a paragraph."""
    return SPECIAL.sub(lambda m: "&#92;" if m[0] == "\\" else rf"\{m[0]}", text.replace("\n", " "))


def paragraph(text):
    """Return one line of Markdown as a paragraph: its first word starts no list and no heading."""
    text = text.strip()
    start = BLOCK_START.match(text)
    if not start:
        return text
    mark = start[0]
    before = mark if mark[0].isdigit() or mark[0] == "[" else ""
    return f"{before}\\{text[len(before):]}"


def code_span(text):
    """Return ``text`` as code inside a paragraph."""
    text = text.replace("\n", " ")
    fence = "`" * (longest_run(text) + 1)
    room = " " if text[:1] == "`" or text[-1:] == "`" or text[:1] == text[-1:] == " " else ""
    return f"{fence}{room}{text}{room}{fence}"


def code_block(text, language=""):
    """Return ``text`` as a block of code."""
    fence = "`" * max(3, longest_run(text) + 1)
    return f"{fence}{language}\n{text}\n{fence}"


def longest_run(text):
    """Return the length of the longest run of backticks in ``text``."""
    return max(map(len, re.findall("`+", text)), default=0)


def link(text, address):
    """Return a link; ``text`` is Markdown whose own brackets were replaced (see BRACKETS)."""
    if re.search(r"[\s()]", address):
        address = f"<{address}>"
    return f"[{text}]({address})"


def table(rows):
    """Return rows of cells, each one Markdown text, as a table; the first row is its head."""
    lines = [[cell.replace("\n", " ").replace("|", r"\|") for cell in row] for row in rows]
    lines.insert(1, ["---"] * len(lines[0]))
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def without_bars(formula):
    """Return a formula that can stand in a table: its bars have names."""
    names = {r"\|": r"\Vert ", "|": r"\vert "}
    return re.sub(r"\\\\|\\?\|", lambda m: names.get(m[0], m[0]), formula)


def linked_addresses(text):
    """Return a formatted bibliography entry with its addresses as links."""
    pieces, end = [], 0
    for found in ADDRESS.finditer(text):
        pieces.append(escaped(text[end:found.start()]))
        pieces.append(link(escaped(f"doi:{found[1]}"), f"https://doi.org/{found[1]}")
                      if found[1] else f"<{found[0]}>")
        end = found.end()
    return "".join([*pieces, escaped(text[end:])])
