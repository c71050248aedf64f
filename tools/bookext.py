"""Sphinx extension of this book: what settings alone cannot do.

- What names the repository's address is derived from ``repository.url`` in ``_config.yml``.
- MathJax is copied from the installed ``sphinx-mathjax-offline`` into the site.
- The lists of the back matter and the samples of colours become substitutions for the pages.
- Pictures are small and load lazily; the icon script keeps only the icons that the site shows.
"""

import os
import re
import shutil
import sys
from importlib import metadata
from pathlib import Path

from PIL import Image
from pybtex.plugin import register_plugin
from pybtex.richtext import Text
from pybtex.style.formatting.plain import Style as PlainStyle
from pybtex.style.labels import BaseLabelStyle
from sphinx.errors import ExtensionError

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from iclbook.figures import COLOURS
from tools.backmatter import records_markdown, unchecked_markdown
from tools.repository import checked_url

MATHJAX_PARTS = ("tex-svg.js", "input/tex/extensions", "a11y", "sre")

# One icon of Font Awesome's script: name:[width,height,[aliases],"unicode","path"],
ICON = re.compile(
    r'(?:"(?P<quoted>[\w-]+)"|\b(?P<bare>\w+)):\[\d+,\d+,\[(?P<aliases>(?:"[^"]*"|[\d.]+|,)*)\],'
    r'"[0-9a-f]+",(?:"[^"]*"|\[[^\]]*\])\],?'
)


class AuthorYearLabels(BaseLabelStyle):
    """Labels of the reference list as the text cites: last names and year."""

    def format_labels(self, sorted_entries):
        """Return the label of each entry; a letter tells two of one year apart."""
        labels = [f"{self._names(entry)}, {entry.fields['year']}" for entry in sorted_entries]
        return [
            label + chr(ord("a") + labels[:index].count(label)) * (labels.count(label) > 1)
            for index, label in enumerate(labels)
        ]

    def _names(self, entry):
        names = [
            str(Text.from_latex(" ".join(person.prelast_names + person.last_names)))
            for person in entry.persons["author"]
        ]
        return f"{names[0]} et al." if len(names) > 2 else " and ".join(names)


class AuthorYearStyle(PlainStyle):
    """The plain style with these labels."""

    default_label_style = AuthorYearLabels


def pages_url(url):
    """Return the address of the GitHub Pages site of the repository at ``url``.

    The repository OWNER.github.io holds the site of its owner, which has no folder.

    Raises
    ------
    ValueError
        If ``url`` is not of the form ``https://github.com/NAME/REPO``.
    """
    owner, name = checked_url(url).split("/")[-2:]
    site = f"{owner.lower()}.github.io"
    return f"https://{site}/" if name.lower() == site else f"https://{site}/{name}/"


def derive_settings(app, config):
    """Fill in what follows from ``repository.url`` and from the files of the book."""
    try:
        url = checked_url(config.html_theme_options["repository_url"])
        lists = {"unchecked": unchecked_markdown(app.srcdir), "records": records_markdown()}
    except ValueError as error:
        raise ExtensionError(str(error)) from error
    config.html_baseurl = config.ogp_site_url = pages_url(url)
    config.ogp_site_name = config.html_title
    config.myst_substitutions |= {
        "issues": f"[open an issue]({url}/issues)",
        "clone": f"```bash\ngit clone {url}\ncd {url.rsplit('/', 1)[-1]}\n```",
        "install": f'```bash\npip install "iclbook @ git+{url}"\n```',
        **lists,
        **{
            f"colour_{role}": f'<span class="swatch" style="background:{code}"></span> `{code}`'
            for role, code in COLOURS.items()
        },
    }


def copy_mathjax(app):
    """Copy MathJax, its optional TeX packages and its speech for screen readers into the site."""
    if app.builder.format != "html":
        return
    try:
        files = metadata.files("sphinx-mathjax-offline") or []
    except metadata.PackageNotFoundError:
        files = []
    script = next((f.locate() for f in files if f.name == MATHJAX_PARTS[0]), None)
    if script is None or not Path(script).is_file():
        raise ExtensionError(
            "MathJax is missing: pip install -r requirements.txt brings sphinx-mathjax-offline"
        )
    source = Path(script).parent
    target = Path(app.outdir, "_static", "mathjax")
    for part in MATHJAX_PARTS:
        (target / part).parent.mkdir(parents=True, exist_ok=True)
        if (source / part).is_dir():
            shutil.copytree(source / part, target / part, dirs_exist_ok=True)
        else:
            shutil.copyfile(source / part, target / part)


def lazy_images(app, pagename, templatename, context, doctree):
    """Let the browser load a picture when the reader comes near it."""
    if "body" in context:
        context["body"] = re.sub(r"<img(?![^>]*\bloading=)", '<img loading="lazy"', context["body"])


def shrink_pictures(app, error):
    """Store the site's figures with 256 colours: a third of the size, the same look."""
    if error or app.builder.name != "html":
        return
    for path in Path(app.outdir, "_images").glob("*.png"):
        with Image.open(path) as picture:
            if picture.mode == "P":
                continue
            small = picture.convert("RGB").quantize(256, dither=Image.Dither.NONE)
        part = path.with_suffix(".part")
        small.save(part, format="png", optimize=True)
        os.replace(part, path)


def trim_icons(app, error):
    """Keep only the icons that the built pages and scripts name: 1.5 MB become 0.1 MB."""
    if error or app.builder.name != "html":
        return
    outdir = Path(app.outdir)
    script = outdir / "_static" / "scripts" / "fontawesome.js"
    texts = [p for p in outdir.rglob("*") if p.suffix in {".html", ".js"} and p != script]
    used = {
        name
        for path in texts
        if "mathjax" not in path.parts
        for name in re.findall(r"\bfa-([a-z0-9-]+)", path.read_text(encoding="utf-8"))
    }

    def keep(icon):
        names = {icon["quoted"] or icon["bare"], *re.findall(r'"([^"]*)"', icon["aliases"])}
        return icon[0] if names & used else ""

    text = script.read_text(encoding="utf-8")
    part = script.with_suffix(".part")
    part.write_text(ICON.sub(keep, text), encoding="utf-8")
    os.replace(part, script)


def setup(app):
    """Connect to Sphinx."""
    register_plugin("pybtex.style.formatting", "authoryear", AuthorYearStyle)
    app.connect("config-inited", derive_settings)
    app.connect("builder-inited", copy_mathjax)
    app.connect("html-page-context", lazy_images)
    app.connect("build-finished", shrink_pictures)
    app.connect("build-finished", trim_icons)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
