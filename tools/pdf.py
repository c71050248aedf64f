"""The book as a PDF: all pages of the built site, one behind another, printed by Chromium.

::

    python -m tools.pdf     # after `make book`; writes _build/pdf/iclbook.pdf

The pages become one, so that links between them work on paper's screen as well: every identifier
is put behind the name of its page. The browser is that of the site tests.
"""

import os
import re
import sys
from pathlib import PurePosixPath
from urllib.parse import urlsplit

import yaml
from playwright.sync_api import sync_playwright

from tools import browser
from tools.bookext import pages_url
from tools.furniture import EDITION
from tools.repository import ROOT, repository_url, write_text

SITE = ROOT / "_build" / "html"
TARGET = ROOT / "_build" / "pdf"
ARTICLE = re.compile(r'<article class="bd-article">(.*?)</article>', re.DOTALL)
GLYPHS = re.compile(r'<svg class="glyphs"[^>]*><defs>(.*?)</defs></svg>', re.DOTALL)
GLYPH = re.compile(r'<path id="([^"]*)".*?</path>')
NAMING = re.compile(r'\b(id|for|aria-labelledby|aria-describedby)="([^"]*)"')
LEADING = re.compile(r'\b(href|src)="([^"]*)"')
DOCUMENT = """<!DOCTYPE html>
<html lang="en" data-theme="light">
<head>
<meta charset="utf-8">
<title>{title}</title>
<link rel="stylesheet" href="../html/_static/site.css">
<style>
  body {{ margin: 0; }}
  article {{ break-before: page; }}
  .bd-article .headerlink, .reading-time, button {{ display: none; }}
  .cover {{ text-align: center; padding-top: 30vh; }}
  .cover .title {{ font-size: 2.4rem; line-height: 1.2; }}
</style>
</head>
<body>
<svg class="glyphs" aria-hidden="true"><defs>{glyphs}</defs></svg>
<div class="cover"><p class="title">{title}</p><p>{author}</p><p>{edition}</p></div>
<article class="bd-article"><h1>Contents</h1>{contents}</article>
{articles}
</body>
</html>
"""
FOOT = (
    '<div style="font-size: 8pt; width: 100%; text-align: center">'
    '<span class="pageNumber"></span></div>'
)


def parts(toc):
    """Yield the caption and the pages of each part of a table of contents."""
    yield "", [toc["root"]]
    for part in toc["parts"]:
        yield part["caption"], [entry["file"] for entry in part["chapters"]]


def plan(root):
    """Return what a whole book is made of.

    Returns
    -------
    config : dict
        The settings of the book.
    toc : list of pairs
        Caption and pages of each part.
    names : list of str
        All pages in their order.
    home : str
        Address of the published site.
    """
    config = yaml.safe_load((root / "_config.yml").read_text("utf-8"))
    toc = list(parts(yaml.safe_load((root / "_toc.yml").read_text("utf-8"))))
    return (
        config,
        toc,
        [name for _, pages in toc for name in pages],
        pages_url(repository_url(root)),
    )


def within(name, anchor=""):
    """Return the identifier, within the one page, of a place on the page ``name``."""
    return f"{name}.{anchor}" if anchor else name


def article(name, text, pages, site):
    """Return the article of a page as it reads within the one page.

    Parameters
    ----------
    name : str
        The page, such as ``book/dual/softmax``.
    text : str
        Its HTML.
    pages : set of str
        All pages of the book: links to these lead within it, others to the site.
    site : str
        Address of the published site.
    """
    folder = PurePosixPath(name).parent

    def named(found):
        return f'{found[1]}="{" ".join(within(name, word) for word in found[2].split())}"'

    def led(found):
        kind, address = found.groups()
        parts = urlsplit(address)
        if address.startswith("#MJX-") or parts.scheme:
            return found[0]
        if not parts.path:
            return f'{kind}="#{within(name, parts.fragment)}"'
        path = os.path.normpath(folder / parts.path)
        if kind == "src":
            return f'{kind}="../html/{path}"'
        if path.removesuffix(".html") in pages:
            return f'{kind}="#{within(path.removesuffix(".html"), parts.fragment)}"'
        return f'{kind}="{site}{path}"'

    body = GLYPHS.sub("", ARTICLE.search(text)[1])
    body = LEADING.sub(led, NAMING.sub(named, body))
    body = body.replace(' loading="lazy"', "").replace('class="answer">', 'class="answer" open>')
    return f'<article class="bd-article" id="{name}">{body}</article>'


def one_page(root=ROOT, site=SITE):
    """Return the whole book as one page of HTML."""
    config, toc, names, home = plan(root)
    texts = {name: (site / f"{name}.html").read_text("utf-8") for name in names}
    glyphs = {g[1]: g[0] for text in texts.values() for g in GLYPH.finditer(text)}
    titles = {name: re.search(r"<title>(.*?) &#8212;", text)[1] for name, text in texts.items()}
    contents = "".join(
        f"<p><strong>{caption}</strong></p><ul>"
        + "".join(f'<li><a href="#{name}">{titles[name]}</a></li>' for name in pages)
        + "</ul>"
        for caption, pages in toc
    )
    return DOCUMENT.format(
        title=config["title"],
        author=config["author"],
        edition=f"Version {EDITION['version']} {EDITION['day']}<br>Text and figures CC BY 4.0",
        glyphs="".join(glyphs.values()),
        contents=contents,
        articles="\n".join(article(name, texts[name], set(names), home) for name in names),
    )


def main():
    """Write the page, print it, and return the exit status."""
    if not (SITE / "index.html").is_file():
        print("The site is not built: run `make book` first.", file=sys.stderr)
        return 1
    TARGET.mkdir(parents=True, exist_ok=True)
    page_file, pdf = TARGET / "book.html", TARGET / "iclbook.pdf"
    write_text(page_file, one_page())
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=browser.get(), args=browser.flags())
        page = chromium.new_page(java_script_enabled=False)
        page.set_default_timeout(600_000)
        page.goto(page_file.as_uri())
        page.pdf(
            path=pdf.with_suffix(".part"),
            format="A4",
            margin={"top": "16mm", "bottom": "18mm", "left": "16mm", "right": "16mm"},
            display_header_footer=True,
            header_template="<span></span>",
            footer_template=FOOT,
            tagged=True,
            outline=True,
        )
        chromium.close()
    os.replace(pdf.with_suffix(".part"), pdf)
    print(f"The book as a PDF: {pdf}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
