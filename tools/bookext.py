"""Sphinx extension of this book: what settings alone cannot do.

- What names the repository's address is derived from ``repository.url`` in ``_config.yml``.
- The lists of the back matter and the samples of colours become substitutions for the pages.
- ``tools/formulas.py`` typesets the formulas, ``tools/pictures.py`` looks after the pictures, and
  ``tools/assets.py`` joins styles and scripts.
- ``tools/terms.py`` leads from the first use of a term to the glossary.
- ``tools/quiz.py`` lets a page ask questions.
- ``tools/previews.py`` keeps in a page what its links show of other pages.
- ``tools/furniture.py`` puts around each page what is not its text.
"""

import re
import sys
from pathlib import Path

from pybtex.plugin import register_plugin
from pybtex.richtext import Text
from pybtex.style.formatting.plain import Style as PlainStyle
from pybtex.style.labels import BaseLabelStyle
from sphinx.errors import ExtensionError

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from iclbook.figures import COLOURS
from tools.backmatter import records_markdown, unchecked_markdown
from tools.furniture import paths_markdown
from tools.repository import checked_url

OUTPUT = re.compile(
    r'(?P<start><div class="output [^>]*><div class="highlight">)<pre>(?P<text>.*?)(?=</pre>)', re.S
)
COLUMNS = re.compile(r"\S {2,}\S|^ *[\[(]", re.M)
"""What an output in columns has: gaps between words, or the bracket of an array."""


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
        lists = {"unchecked": unchecked_markdown(app.srcdir), "records": records_markdown(url)}
    except ValueError as error:
        raise ExtensionError(str(error)) from error
    config.html_baseurl = config.ogp_site_url = pages_url(url)
    config.ogp_site_name = config.html_title
    config.myst_substitutions |= {
        "reading_paths": paths_markdown(config.reading_paths),
        "issues": f"[open an issue]({url}/issues)",
        "clone": f"```bash\ngit clone {url}\ncd {url.rsplit('/', 1)[-1]}\n```",
        "install": f'```bash\npip install "iclbook @ git+{url}"\n```',
        **lists,
        **{
            f"colour_{role}": f'<span class="swatch" style="background:{code}"></span> `{code}`'
            for role, code in COLOURS.items()
        },
    }


def mend_body(app, pagename, templatename, context, doctree):
    """Keep identifiers unique, and let outputs wrap that are sentences.

    sphinx-exercise and sphinx-proof name all their boxes alike, and nothing refers to those names.
    """
    if "body" in context:
        body = re.sub(r' id="(?:(?:exercise|solution|proof)-content|proof)"', "", context["body"])
        context["body"] = OUTPUT.sub(_wrapping, body)


def _wrapping(found):
    in_columns = COLUMNS.search(re.sub("<[^>]*>", "", found["text"]))
    return found[0] if in_columns else f'{found["start"]}<pre class="sentences">{found["text"]}'


def setup(app):
    """Connect to Sphinx."""
    register_plugin("pybtex.style.formatting", "authoryear", AuthorYearStyle)
    app.setup_extension("tools.formulas")
    app.setup_extension("tools.pictures")
    app.setup_extension("tools.furniture")
    app.setup_extension("tools.terms")
    app.setup_extension("tools.quiz")
    app.setup_extension("tools.previews")
    app.setup_extension("tools.assets")
    app.connect("config-inited", derive_settings)
    app.connect("html-page-context", mend_body)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
