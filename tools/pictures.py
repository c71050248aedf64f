"""The pictures of a page: small files of their own, loaded when needed, and told in words.

A slider keeps its frames in the notebook. On the site each becomes a file, so that a page's text
does not wait for pictures further down. A picture takes its place before it is loaded, and a wide
one has a box to scroll in on a phone. One without alternative text, or with one that says nothing,
is a warning: it stops the build.
"""

import base64
import hashlib
import os
import re
from html import unescape
from pathlib import Path

from PIL import Image
from sphinx.util import logging
from sphinx.util.osutil import relative_uri

FOLDER = "_images/frames"
WIDE = 600  # pixels; what is wider would have letters too small to read on a phone
FRAME = re.compile(r'src="data:image/png;base64,(?P<data>[^"]+)"')
PICTURE = re.compile(r"<img\b[^>]*>")
SAID = re.compile(r'\b(?P<name>alt|data-sentence)="(?P<text>[^"]*)"')
KIND = "image|figure|fig|picture|plot|chart|graph|diagram|output|screenshot|icon"
GENERIC = re.compile(
    rf"(?:an? |the )?(?:{KIND})?s?[\s\d.:]*(?:of (?:the )?(?:results?|data))?", re.IGNORECASE
)
FILE = re.compile(r"\S+\.(?:png|svg|jpe?g|gif|webp)|https?:\S*", re.IGNORECASE)

logger = logging.getLogger(__name__)


def trouble(picture):
    """Say what is wrong with the words for a picture; None if nothing is.

    Parameters
    ----------
    picture : str
        Its ``<img>`` element. The frame of a slider is told by its ``data-sentence``.
    """
    said = {found["name"]: unescape(found["text"]).strip() for found in SAID.finditer(picture)}
    text = said.get("data-sentence", said.get("alt", ""))
    if not text:
        return "has no alternative text"
    if GENERIC.fullmatch(text) or FILE.fullmatch(text) or len(text) < 12:
        return f"has an alternative text that says nothing: {text!r}"
    return None


def mend_pictures(app, pagename, templatename, context, doctree):
    """Give frames files, and each picture its size and a late start; ask for its words."""
    if "body" not in context:
        return
    sources = {name: Path(app.srcdir, source) for source, name in app.builder.images.items()}

    def store(found):
        data = base64.b64decode(found["data"])
        name = f"{FOLDER}/{hashlib.sha256(data).hexdigest()[:16]}.png"
        path = Path(app.outdir, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        return f'src="{relative_uri(app.builder.get_target_uri(pagename), name)}"'

    def mend(found):
        picture = found[0]
        if wrong := trouble(picture):
            logger.warning(f"The picture {picture[:80]} ... {wrong}", location=pagename)
        name = re.search(r'src="[^"]*?([^"/]*)"', picture)[1]
        source = sources.get(name, Path(app.outdir, FOLDER, name))
        if source.suffix == ".png" and source.is_file() and " width=" not in picture:
            with Image.open(source) as image:
                picture = picture.replace("<img", '<img width="{}" height="{}"'.format(*image.size))
        if "loading=" not in picture:
            picture = picture.replace("<img", '<img loading="lazy"')
        width = re.search(r' width="(\d+)"', picture)
        if width is None or int(width[1]) < WIDE:
            return picture
        picture = picture.replace("<img", '<img class="wide"')
        return picture if "data-sentence" in picture else f'<span class="picture">{picture}</span>'

    context["body"] = PICTURE.sub(mend, FRAME.sub(store, context["body"]))


def shrink_pictures(app, error):
    """Store the site's figures with 256 colours: a third of the size, the same look."""
    if error or app.builder.name != "html":
        return
    for path in Path(app.outdir, "_images").rglob("*.png"):
        with Image.open(path) as picture:
            if picture.mode == "P":
                continue
            small = picture.convert("RGB").quantize(256, dither=Image.Dither.NONE)
        part = path.with_suffix(".part")
        small.save(part, format="png", optimize=True)
        os.replace(part, path)


def setup(app):
    """Connect to Sphinx."""
    app.connect("html-page-context", mend_pictures)
    app.connect("build-finished", shrink_pictures)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
