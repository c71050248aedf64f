"""What pages load: one style sheet, one script, and nothing that none of them needs.

The theme and the extensions bring a dozen style sheets, twenty scripts and three fonts of icons,
for whatever a page might show. When all pages are written, icons become pictures in the page, the
style sheets are joined without the rules for what no page has, the scripts are joined too, and
what no page names any more is deleted. ``book/templates/layout.html`` names the two files.
"""

import base64
import hashlib
import io
import logging
import os
import re
from pathlib import Path

import tinycss2
from fontTools import subset
from fontTools.ttLib import TTFont
from sphinx.errors import ExtensionError

from tools.repository import write_text

STYLES, SCRIPTS = "site.css", "site.js"
# The theme names these in its own template; what it loads for its pages stands between them.
FIRST_STYLES = ("_static/basic.css", "_static/styles/pydata-sphinx-theme.css")
LAST_SCRIPTS = ("_static/scripts/bootstrap.js", "_static/scripts/pydata-sphinx-theme.js")
# These the search page loads by itself. The last is only for a switch between versions of a book.
LEFT_OUT = ("searchtools.js", "language_data.js", "DOCUMENTATION_OPTIONS.pagename")

ICON_SCRIPT = "scripts/fontawesome.js"
ICON_FONT = "vendor/fontawesome/webfonts/fa-solid-900.ttf"
# One icon of Font Awesome's script: name:[width,height,[aliases],"unicode","path"],
ICON = re.compile(
    r'(?:"(?P<quoted>[\w-]+)"|\b(?P<bare>\w+)):\[(?P<width>\d+),(?P<height>\d+),'
    r'\[(?P<aliases>(?:"[^"]*"|[\d.]+|,)*)\],"[0-9a-f]+",(?:"(?P<path>[^"]*)"|\[[^\]]*\])\]'
)
PLACE = re.compile(
    r'<(?P<tag>i|span) class="(?P<names>[^"]*\bfa-[^"]*)"(?P<rest>[^>]*)></(?P=tag)>'
)
TOGGLE = re.compile(r"(?P<link><a [^>]*>(?P<title>[^<]*)</a>)<details(?P<state>[^>]*)><summary>")

URL = re.compile(r"""url\(\s*["']?(?!data:|#)(?P<path>[^"')]+)["']?\s*\)""")
NESTED = re.compile(r"\([^()]*\)|\[[^\]]*\]")
CLASS_OR_ID = re.compile(r"[.#](-?[A-Za-z_][\w-]*)")

# The theme asks every box in turn whether it scrolls, and marks it: the page would be laid out anew
# for each, before anything is drawn. book.js has the browser tell it.
ASKS_BOXES = (
    '["pre",".nboutput > .output_area",".cell_output > .output",".jp-RenderedHTMLCommon",'
    '".pst-scrollable-table-container"].join(", ")'
)

logging.getLogger("fontTools").setLevel(logging.WARNING)  # says each table that it keeps


class Assets:
    """The files of the site beside its pages."""

    def note(self, app, pagename, templatename, context, doctree):
        """Remember what pages would load."""
        self.styles = [*FIRST_STYLES, *(style.filename for style in context["css_files"])]
        self.scripts = [*context["script_files"], *LAST_SCRIPTS]

    def finish(self, app, error):
        """Join, trim and delete."""
        if error or app.builder.name != "html":
            return
        self.root = Path(app.outdir)
        self.static = self.root / "_static"
        pages = {
            path: path.read_text("utf-8")
            for path in self.root.rglob("*.html")
            if self.static not in path.parents
        }
        if not (self.static / ICON_SCRIPT).exists():
            raise ExtensionError(f"{self.root} is finished already: delete it, then build again")
        icons = read_icons((self.static / ICON_SCRIPT).read_text("utf-8"))
        pages = {path: name_toggles(draw_icons(text, icons)) for path, text in pages.items()}
        script = self._joined_scripts()
        search = (self.static / "searchtools.js").read_text("utf-8")
        known = names(script + search, pages.values())
        style = used_rules("".join(map(self._style, self.styles)), known)
        bundles = {STYLES: with_icon_font(style, self.static / ICON_FONT), SCRIPTS: script}
        for name, text in bundles.items():
            write_text(self.static / name, text)
        for path, text in pages.items():
            text = text.replace('data-theme="auto"', 'data-theme="light"')  # without JavaScript
            for name, bundle in bundles.items():
                digest = hashlib.sha256(bundle.encode()).hexdigest()[:8]
                text = text.replace(f'_static/{name}"', f'_static/{name}?v={digest}"')
            write_text(path, text)
        self._delete_unnamed(" ".join([*pages.values(), *bundles.values()]))

    def _style(self, name):
        """Return a style sheet as it reads in the folder of the bundle."""
        folder = (self.root / name).parent

        def moved(found):
            target = os.path.normpath(folder / found["path"])
            return f'url("{Path(os.path.relpath(target, self.static)).as_posix()}")'

        return URL.sub(moved, (self.root / name).read_text("utf-8")) + "\n"

    def _joined_scripts(self):
        """Return all scripts as one; those that a page would hold set what the others read."""
        options, inline, files = [], [], []
        for script in self.scripts:
            name = getattr(script, "filename", script)
            text = (self.root / name).read_text("utf-8") if name else script.attributes["body"]
            if not any(out in (name or text) for out in LEFT_OUT):
                kind = inline if not name else options if "documentation_options" in name else files
                kind.append(re.sub(r"//# sourceMappingURL=\S+", "", text).strip())
        joined = "\n;\n".join([*options, *inline, *files])
        if ASKS_BOXES not in joined:
            raise ExtensionError("the theme looks for what scrolls in another way than before")
        return joined.replace(ASKS_BOXES, '":not(*)"')

    def _delete_unnamed(self, text):
        """Delete what is named nowhere, and folders that are empty then."""
        for path in self.static.rglob("*"):
            if path.is_file() and path.name not in text:
                path.unlink()
        for path in sorted(self.static.rglob("*"), reverse=True):
            if path.is_dir() and not any(path.iterdir()):
                path.rmdir()


def read_icons(script):
    """Return width, height and path of each icon of Font Awesome's script, by name."""
    icons = {}
    for icon in ICON.finditer(script):
        if icon["path"]:
            aliases = re.findall(r'"([^"]*)"', icon["aliases"])
            for name in (icon["quoted"] or icon["bare"], *aliases):
                icons.setdefault(name, (icon["width"], icon["height"], icon["path"]))
    return icons


def draw_icons(text, icons):
    """Put pictures into the places where Font Awesome's script would put them."""

    def draw(found):
        named = re.findall(r"\bfa-([\w-]+)", found["names"])
        width, height, path = icons[next(name for name in named if name in icons)]
        return (
            f'<svg class="svg-inline--fa {found["names"]}"{found["rest"]} aria-hidden="true" '
            f'viewBox="0 0 {width} {height}"><path fill="currentColor" d="{path}"/></svg>'
        )

    return PLACE.sub(draw, text)


def name_toggles(text):
    """Give a name to the switches of the sidebar, which show an icon alone."""
    return TOGGLE.sub(r'\g<link><details\g<state>><summary aria-label="Pages of \g<title>">', text)


def names(script, pages):
    """Return all words that may be classes or identifiers: of pages, and any of the script."""
    values = {value for text in pages for value in re.findall(r'\b(?:class|id)="([^"]*)"', text)}
    return set(re.findall(r"[\w-]+", " ".join([script, *values])))


def used_rules(style, known):
    """Return a style sheet without the rules that ask for a class or an identifier not known.

    Parameters
    ----------
    style : str
        Text of the style sheet.
    known : set of str
        Classes and identifiers that may occur.
    """
    kept = []
    for rule in tinycss2.parse_stylesheet(style, skip_comments=True, skip_whitespace=True):
        if rule.type == "qualified-rule":
            selectors = split(tinycss2.serialize(rule.prelude))
            if used := [selector for selector in selectors if asks_for(selector) <= known]:
                kept.append(f"{','.join(used)}{{{tinycss2.serialize(rule.content).strip()}}}")
        elif rule.at_keyword in ("media", "supports"):
            if inner := used_rules(tinycss2.serialize(rule.content), known):
                kept.append(f"@{rule.at_keyword}{tinycss2.serialize(rule.prelude)}{{{inner}}}")
        elif rule.at_keyword != "charset":
            kept.append(rule.serialize())
    return "\n".join(kept)


def split(selectors):
    """Return the selectors of a list; a comma within brackets ends none."""
    bare = selectors
    while (shorter := NESTED.sub(lambda found: "_" * len(found[0]), bare)) != bare:
        bare = shorter
    ends = [found.start() for found in re.finditer(",", bare)]
    starts = [0, *(end + 1 for end in ends)]
    return [selectors[a:b].strip() for a, b in zip(starts, [*ends, len(selectors)], strict=True)]


def asks_for(selector):
    """Return the classes and identifiers that an element must have; within brackets it may not."""
    while (shorter := NESTED.sub("", selector)) != selector:
        selector = shorter
    return set(CLASS_OR_ID.findall(selector))


def with_icon_font(style, path):
    """Replace the fonts of icons by one with the few characters that the style sheet names."""
    style = re.sub(r"@font-face\s*\{[^}]*Font Awesome[^}]*\}", "", style)
    characters = {int(code, 16) for code in re.findall(r'"\\(f[0-9a-f]{3})"', style)}
    characters |= {ord(c) for c in re.findall("[\uf000-\uf8ff]", style)}
    options = subset.Options(flavor="woff", layout_features=[], name_IDs=[], notdef_outline=False)
    font = TTFont(path)
    subsetter = subset.Subsetter(options)
    subsetter.populate(unicodes=characters)
    subsetter.subset(font)
    font.flavor = "woff"
    font.save(file := io.BytesIO())
    family = re.search(r'--fa-font-solid:[^;}]*"(Font Awesome[^"]*)"', style)[1]
    data = base64.b64encode(file.getvalue()).decode()
    return (
        f'@font-face{{font-family:"{family}";font-weight:900;'
        f'src:url("data:font/woff;base64,{data}") format("woff")}}\n{style}'
    )


def setup(app):
    """Connect to Sphinx."""
    assets = Assets()
    app.connect("html-page-context", assets.note, priority=900)
    app.connect("build-finished", assets.finish, priority=900)
    return {"parallel_read_safe": True}
