"""Formulas are typeset when the site is built: no page loads MathJax, and none needs JavaScript.

MathJax comes with ``sphinx-mathjax-offline`` and runs in the Node.js that ``playwright`` brings. A
formula becomes a picture in SVG, with the same formula in MathML beside it for screen readers. The
letters of a page are drawn once, at its head; its formulas name them.
"""

import json
import re
import subprocess
from functools import cached_property
from html import unescape
from importlib import metadata
from pathlib import Path

from playwright._impl._driver import compute_driver_executable
from sphinx.errors import ExtensionError
from sphinx.ext import mathjax
from sphinx.util import logging

logger = logging.getLogger(__name__)

PROGRAM = Path(__file__).with_suffix(".js")
# What Sphinx leaves for MathJax: between these marks, or the whole of an environment of its own.
MARKED = re.compile(r"\\\((?P<inline>.*?)\\\)|\\\[(?P<display>.*?)\\\]", re.DOTALL)
ENVIRONMENT = re.compile(r"(?<=>)(?P<display>\s*\\begin\{.*\})(?=\s*</div>)", re.DOTALL)
# What serves neither the eye nor the ear.
NEEDLESS = re.compile(
    r' (?:xmlns|xmlns:xlink|data-c|data-mjx-texclass|focusable|unselectable|role|jax)="[^"]*"'
    r'| data-mml-node="(?!mtable)[^"]*"| style="position: relative;"'
)
GLYPH = re.compile(r'(?<=<use href="#)[\w-]+')
# A formula and the punctuation behind it stay on one line.
FOLLOWED = re.compile(
    r'(<span class="math notranslate nohighlight">(?:(?!</span>).)*</span>)([-,.;:!?)’]+)',
    re.DOTALL,
)
SMALLEST = 0.7  # of its own size: a formula that is still too wide scrolls


class Typesetter:
    """MathJax, started when the first formula comes and kept until `close`."""

    def __init__(self):
        self._known = {}
        self.glyphs = {}

    @cached_property
    def _process(self):
        return subprocess.Popen(
            [compute_driver_executable()[0], PROGRAM, mathjax_script()],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )

    def typeset(self, tex, display=False):
        """Return a formula as HTML; its glyphs are kept by name in `glyphs`.

        Raises
        ------
        ValueError
            If MathJax does not understand the formula.
        """
        if (tex, display) not in self._known:
            self._process.stdin.write(json.dumps([tex, display]) + "\n")
            self._process.stdin.flush()
            answer = json.loads(self._process.stdout.readline())
            if trouble := re.search(r'data-mjx-error="([^"]*)"', answer["html"]):
                raise ValueError(f"{unescape(trouble[1])} in the formula {tex.strip()!r}")
            self.glyphs |= {re.search('id="([^"]*)"', path)[1]: path for path in answer["glyphs"]}
            self._known[tex, display] = slim(answer["html"], display)
        return self._known[tex, display]

    def close(self):
        """End MathJax, if it was started."""
        if "_process" in self.__dict__:
            self._process.stdin.close()
            self._process.wait()


TYPESETTER = Typesetter()


def mathjax_script():
    """Return the path of MathJax's entry for Node.js.

    Raises
    ------
    ExtensionError
        If ``sphinx-mathjax-offline`` is not installed.
    """
    try:
        files = metadata.files("sphinx-mathjax-offline") or []
    except metadata.PackageNotFoundError:
        files = []
    script = next((f.locate() for f in files if f.name == "node-main.js"), None)
    if script is None or not Path(script).is_file():
        raise ExtensionError(
            "MathJax is missing: pip install -r requirements.txt brings sphinx-mathjax-offline"
        )
    return script


def slim(html, display):
    """Return MathJax's HTML without what the pages do not need; what is wide may shrink."""
    html = NEEDLESS.sub("", html).replace("xlink:href", "href").replace("></use>", "/>")
    if not display:
        return html
    width = float(re.search(r'width="([\d.]+)ex"', html)[1])
    return html.replace('<svg style="', f'<svg style="min-width: {SMALLEST * width:.1f}ex; ', 1)


def rendered(visit):
    """Return a visitor of math nodes that typesets what ``visit`` leaves for the browser."""

    def visit_math(self, node):
        start = len(self.body)
        try:
            visit(self, node)
        finally:
            html = "".join(self.body[start:])
            try:
                self.body[start:] = [typeset_marked(html)]
            except ValueError as error:
                logger.warning(str(error), location=node)

    return visit_math


def typeset_marked(html):
    """Typeset the formula that stands in HTML between MathJax's marks."""

    def typeset(found):
        parts = found.groupdict()
        display = parts["display"] is not None
        return TYPESETTER.typeset(unescape(parts["display"] or parts["inline"]), display)

    return MARKED.sub(typeset, html) if MARKED.search(html) else ENVIRONMENT.sub(typeset, html)


def draw_glyphs(app, pagename, templatename, context, doctree):
    """Draw the letters that the formulas of a page name, and tie punctuation to its formula."""
    if "body" not in context:
        return
    body = FOLLOWED.sub(r'<span class="formula">\1\2</span>', context["body"])
    names = sorted(set(GLYPH.findall(body + context.get("toc", ""))))
    if names:
        paths = "".join(TYPESETTER.glyphs[name] for name in names)
        body = f'<svg class="glyphs" aria-hidden="true"><defs>{paths}</defs></svg>{body}'
    context["body"] = body


def setup(app):
    """Register the renderer ``typeset`` with Sphinx."""
    app.add_html_math_renderer(
        "typeset",
        (rendered(mathjax.html_visit_math), None),
        (rendered(mathjax.html_visit_displaymath), None),
    )
    app.connect("html-page-context", draw_glyphs)
    app.connect("build-finished", lambda app, error: TYPESETTER.close())
    return {"parallel_read_safe": True}
