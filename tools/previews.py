"""What links lead to on other pages, kept in the page for ``book/web/preview.js`` to show.

A preview shows an equation, a figure, a theorem, a term or a paper. What stands on the same page is
there already. The rest is put, when all pages are written, into a ``template`` at the end of the
page, so a preview needs no request and works from a disk.
"""

import os
import re
from html import unescape
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

from tools.repository import write_text

LINK = re.compile(r'<a class="reference internal" href="([^"#]+#[^"]+)"')
SHOWN = re.compile(r'<(?:figure|dt id|div class="(?:math|citation|proof)\b)')
GLYPHS = re.compile(r'(<svg class="glyphs"[^>]*><defs>)(.*?)(?=</defs></svg>)', re.DOTALL)
GLYPH = re.compile(r'<path id="([^"]*)".*?</path>')
USED = re.compile(r'(?<=<use href="#)[\w-]+')
SOURCE = re.compile(r'(?<=\bsrc=")(?!data:)[^"]*')


def element(text, place):
    """Return the element of a page that has an identifier; a term comes with its definition.

    Returns
    -------
    str
        Its HTML; empty if there is none.
    """
    opening = re.search(rf'<(\w+)\b[^>]*\bid="{re.escape(place)}"', text)
    if not opening:
        return ""
    end = _end(text, opening.start(), opening[1])
    if opening[1] == "dt":
        end = _end(text, text.index("<dd", end), "dd")
    return text[opening.start() : end]


def _end(text, start, name):
    """Return where the element ends that starts here."""
    depth = 0
    for tag in re.compile(rf"<(/?){name}\b").finditer(text, start):
        depth += -1 if tag[1] else 1
        if depth == 0:
            return text.index(">", tag.end()) + 1
    raise ValueError(f"the element {name} is not closed: {text[start : start + 80]!r}")


def detached(html, source, folder):
    """Return an element of the page ``source`` for pages of a folder: no identifiers, no links."""

    def moved(found):
        return os.path.relpath(PurePosixPath(source).parent / found[0], folder)

    html = re.sub(r'<a class="headerlink".*?</a>|</?a\b[^>]*>', "", html)
    return SOURCE.sub(moved, re.sub(r' (?:id|role)="[^"]*"', "", html))


def with_places(name, pages):
    """Return the page ``name`` with what its links lead to on other pages.

    Parameters
    ----------
    name : str
        Address of the page within the site, such as ``book/dual/softmax.html``.
    pages : dict of str
        Text of every page, by address.
    """
    text, folder = pages[name], PurePosixPath(name).parent
    places, letters = [], {}
    for address in dict.fromkeys(LINK.findall(text)):
        parts = urlsplit(unescape(address))
        source = os.path.normpath(folder / parts.path)
        html = element(pages.get(source, ""), parts.fragment)
        if SHOWN.match(html):
            places.append(f'<div data-place="{address}">{detached(html, source, folder)}</div>')
            drawn = {glyph[1]: glyph[0] for glyph in GLYPH.finditer(pages[source])}
            letters |= {letter: drawn[letter] for letter in USED.findall(html)}
    if not places:
        return text
    missing = "".join(path for letter, path in letters.items() if f'id="{letter}"' not in text)
    if missing and not GLYPHS.search(text):
        text = text.replace(
            "<article", '<svg class="glyphs" aria-hidden="true"><defs></defs></svg><article', 1
        )
    text = GLYPHS.sub(lambda found: found[0] + missing, text, count=1)
    return text.replace("</body>", f'<template id="places">{"".join(places)}</template>\n</body>')


def keep_places(app, error):
    """Do so for every page of the site."""
    if error or app.builder.name != "html":
        return
    root = Path(app.outdir)
    pages = {
        path.relative_to(root).as_posix(): path.read_text("utf-8")
        for path in root.rglob("*.html")
        if "_static" not in path.parts
    }
    for name, text in pages.items():
        if (kept := with_places(name, pages)) != text:
            write_text(root / name, kept)


def setup(app):
    """Connect to Sphinx, before styles and scripts are joined."""
    app.connect("build-finished", keep_places, priority=800)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
