"""The explorables of the book, as its chapters hold them, on a page without a book.

The tests look at them there, and ``benchmarks/explorables.py`` measures how fast they answer.
"""

import re
from importlib import resources

import nbformat

from tools.repository import ROOT

WEB = resources.files("iclbook") / "web"
NAME = re.compile(r'<div class="explorable" data-explorable="([a-z-]+)"')


def stored():
    """Return the stored HTML of each explorable by its name, from the first chapter with it."""
    found = {}
    for path in sorted((ROOT / "book").rglob("*.ipynb")):
        for cell in nbformat.read(path, 4).cells:
            for output in cell.get("outputs", ()):
                html = output.get("data", {}).get("text/html", "")
                if name := NAME.match(html):
                    found.setdefault(name[1], html)
    return found


def page(bodies):
    """Return a page with these pieces of HTML, and the style and all scripts of components."""
    scripts = sorted(WEB.glob("*.js"), key=lambda path: path.name != "components.js")
    style = (WEB / "components.css").read_text("utf-8")
    return (
        '<!doctype html><html lang="en"><meta name="viewport" content="width=device-width">'
        f"<title>Explorables</title><style>{style}</style>"
        f"<main><h1>Explorables</h1>{''.join(bodies)}</main>"
        f"<script>{''.join(path.read_text('utf-8') for path in scripts)}</script></html>"
    )
