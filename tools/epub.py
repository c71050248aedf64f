"""The book as an EPUB: the pages of the built site as XHTML, with their pictures, in one archive.

::

    python -m tools.epub     # after `make book`; writes _build/epub/iclbook.epub

Pages lie in the archive as on the site, so links and pictures keep their addresses. Formulas stay
pictures with MathML for the ear. What needs a script shows its stored form: a slider its first
picture and its table of numbers.
"""

import mimetypes
import os
import posixpath
import re
import sys
import zipfile
from html import escape
from urllib.parse import urlsplit

from bs4 import BeautifulSoup

from tools.furniture import EDITION
from tools.pdf import ARTICLE, GLYPHS, SITE, plan
from tools.repository import ROOT

TARGET = ROOT / "_build" / "epub" / "iclbook.epub"
STYLE = ROOT / "book" / "web" / "epub.css"
FORMULA = re.compile(r"<mjx-container.*?</mjx-container>", re.DOTALL)
GONE = (
    ".headerlink, .reading-time, .frames-control, .runs-filter, button, img[hidden], "
    "summary p.expanded"
)
NAMESPACES = {
    "<svg": '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"',
    "<math": '<math xmlns="http://www.w3.org/1998/Math/MathML"',
    '<use href="': '<use xlink:href="',
    "</mjx-container>": "</span>",
    "</mjx-assistive-mml>": "</span>",
    "&nbsp;": "\u00a0",
}
PAGE = """<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE html>
<html xmlns="http://www.w3.org/1999/xhtml" xmlns:epub="http://www.idpf.org/2007/ops" lang="en"
  xml:lang="en">
<head><title>{title}</title><link rel="stylesheet" type="text/css" href="{style}"/></head>
<body>{body}</body>
</html>
"""
CONTAINER = """<?xml version="1.0"?>
<container version="1.0" xmlns="urn:oasis:names:tc:opendocument:xmlns:container">
<rootfiles><rootfile full-path="EPUB/package.opf" media-type="application/oebps-package+xml"/>
</rootfiles></container>
"""
PACKAGE = """<?xml version="1.0" encoding="utf-8"?>
<package xmlns="http://www.idpf.org/2007/opf" version="3.0" unique-identifier="id" xml:lang="en">
<metadata xmlns:dc="http://purl.org/dc/elements/1.1/">
<dc:identifier id="id">{home}</dc:identifier>
<dc:title>{title}</dc:title>
<dc:creator>{author}</dc:creator>
<dc:language>en</dc:language>
<dc:rights>Text and figures CC BY 4.0, code Apache 2.0</dc:rights>
<meta property="dcterms:modified">{day}T00:00:00Z</meta>
<meta property="schema:accessMode">textual</meta>
<meta property="schema:accessMode">visual</meta>
<meta property="schema:accessibilityFeature">alternativeText</meta>
<meta property="schema:accessibilityFeature">MathML</meta>
<meta property="schema:accessibilityFeature">tableOfContents</meta>
<meta property="schema:accessibilityHazard">none</meta>
</metadata>
<manifest>{items}</manifest>
<spine>{spine}</spine>
</package>
"""


def formula(html):
    """Return a typeset formula as XHTML: a picture, and MathML that is heard and not seen."""
    html = re.sub(
        r'<mjx-container[^>]*?( display="true")?>',
        lambda found: f'<span class="formula{" display" if found[1] else ""}">',
        html,
    )
    html = re.sub(r"<mjx-assistive-mml[^>]*>", '<span class="spoken">', html)
    return svg_as_xml(re.sub(r'(<[^>]*?) data-[\w-]+="[^"]*"', r"\1", html))


def svg_as_xml(html):
    """Return HTML with formulas as XML has them, which must name its vocabularies."""
    for mark, full in NAMESPACES.items():
        html = html.replace(mark, full)
    return html


def chapter(name, text, names, home):
    """Return a page of the site as XHTML.

    Parameters
    ----------
    name : str
        The page, such as ``book/dual/softmax``.
    text : str
        Its HTML.
    names : set of str
        The pages of the book: links to these stay in it, others lead to the site.
    home : str
        Address of the published site.
    """
    formulas = []

    def put_by(found):
        formulas.append(formula(found[0]))
        return f"\ue000{len(formulas) - 1}\ue001"

    body = ARTICLE.search(text)[1]
    glyphs = "".join(found[0] for found in GLYPHS.finditer(body))
    soup = BeautifulSoup(FORMULA.sub(put_by, GLYPHS.sub("", body)), "html.parser")
    simplify(soup)
    folder = posixpath.dirname(name)
    for link in soup.select("a[href]"):
        link["href"] = led(link["href"], folder, names, home)
    body = re.sub("\ue000(\\d+)\ue001", lambda found: formulas[int(found[1])], str(soup))
    return PAGE.format(
        title=re.search(r"<title>(.*?) &#8212;", text)[1],
        style=posixpath.relpath("epub.css", folder),
        body=svg_as_xml(glyphs) + body,
    )


def simplify(soup):
    """Take from a page what only the site can show; solutions are folded away."""
    for gone in soup.select(GONE):
        gone.decompose()
    for code in soup.select("pre"):
        code.string = code.get_text()
    for text in soup.select("summary p"):
        text.unwrap()
    for numbers in soup.select("details.numbers"):
        numbers["open"] = ""
        if figure := numbers.find_parent("figure"):
            figure.insert_after(numbers)
    for solution in soup.select(".solution"):
        title = solution.select_one(".admonition-title")
        title.name = "summary"
        title.wrap(soup.new_tag("details")).extend(list(title.next_siblings))
    for tag in soup.find_all(True):
        kept = {key: value for key, value in tag.attrs.items() if not key.startswith("data-")}
        kept.pop("loading", None)
        tag.attrs = kept


def led(address, folder, names, home):
    """Return where a link of a page leads within the book, or else on the site."""
    parts = urlsplit(address)
    if parts.scheme or not parts.path:
        return address
    target = posixpath.normpath(posixpath.join(folder, parts.path))
    anchor = f"#{parts.fragment}" if parts.fragment else ""
    if target.removesuffix(".html") in names:
        return f"{parts.path.removesuffix('.html')}.xhtml{anchor}"
    return f"{home}{target}{anchor}"


def navigation(toc, titles, config):
    """Return the page of contents, which readers also show beside the text."""

    def entries(pages):
        return "".join(f'<li><a href="{name}.xhtml">{titles[name]}</a></li>' for name in pages)

    contents = "".join(
        f"<li><span>{escape(caption)}</span><ol>{entries(pages)}</ol></li>"
        if caption
        else entries(pages)
        for caption, pages in toc
    )
    body = (
        f"<h1>{escape(config['title'])}</h1><p>{escape(config['author'])}</p>"
        f"<p>Version {EDITION['version']} {EDITION['day']}</p>"
        f'<nav epub:type="toc" id="toc"><h2>Contents</h2><ol>{contents}</ol></nav>'
    )
    return PAGE.format(title=escape(config["title"]), style="epub.css", body=body)


def package(files, home, config):
    """Return the list of all files, and the order of the pages."""
    items, spine = [], []
    for number, (place, content) in enumerate(files.items()):
        page = place.endswith(".xhtml")
        kind = "application/xhtml+xml" if page else mimetypes.guess_type(place)[0]
        has = [] if not page else [word for word in ("math", "svg") if f"<{word} " in content]
        has = [{"math": "mathml"}.get(word, word) for word in has] + ["nav"] * (
            place == "nav.xhtml"
        )
        properties = f' properties="{" ".join(has)}"' if has else ""
        items.append(f'<item id="i{number}" href="{place}" media-type="{kind}"{properties}/>')
        if page:
            spine.append(f'<itemref idref="i{number}"/>')
    return PACKAGE.format(
        home=home,
        title=escape(config["title"]),
        author=escape(config["author"]),
        day=EDITION["day"] or "1970-01-01",
        items="\n".join(items),
        spine="\n".join(spine),
    )


def whole_book(root=ROOT, site=SITE):
    """Return the files of the archive by name, in their order."""
    config, toc, names, home = plan(root)
    texts, pictures = {}, {}
    for name in names:
        text = (site / f"{name}.html").read_text("utf-8")
        texts[f"{name}.xhtml"] = chapter(name, text, set(names), home)
        for source in re.findall(r'<img[^>]*\bsrc="([^"]*)"', texts[f"{name}.xhtml"]):
            place = posixpath.normpath(posixpath.join(posixpath.dirname(name), source))
            pictures[place] = (site / place).read_bytes()
    titles = {name: re.search("<title>(.*)</title>", texts[f"{name}.xhtml"])[1] for name in names}
    files = {
        "nav.xhtml": navigation(toc, titles, config),
        **texts,
        "epub.css": STYLE.read_text("utf-8"),
        **pictures,
    }
    return {
        "mimetype": "application/epub+zip",
        "META-INF/container.xml": CONTAINER,
        "EPUB/package.opf": package(files, home, config),
        **{f"EPUB/{place}": content for place, content in files.items()},
    }


def main():
    """Write the archive, and return the exit status."""
    if not (SITE / "index.html").is_file():
        print("The site is not built: run `make book` first.", file=sys.stderr)
        return 1
    TARGET.parent.mkdir(parents=True, exist_ok=True)
    part = TARGET.with_suffix(".part")
    with zipfile.ZipFile(part, "w") as archive:
        for name, content in whole_book().items():
            entry = zipfile.ZipInfo(name)  # of 1980: the same book gives the same file
            entry.compress_type = zipfile.ZIP_STORED if name == "mimetype" else zipfile.ZIP_DEFLATED
            archive.writestr(entry, content)
    os.replace(part, TARGET)
    print(f"The book as an EPUB: {TARGET}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
