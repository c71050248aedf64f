"""What stands around the text of a page, and what the site tells those who look for its pages.

- Each chapter says how long it takes to read, and how to cite it.
- Reading paths lead from chapter to chapter, past those that they leave out.
- Each page can be edited, reported on, and, if it is a notebook, run and downloaded.
- The foot of a page names version, day and licences; ``sitemap.xml`` lists the pages.
"""

import re
import subprocess
from pathlib import Path
from xml.sax.saxutils import escape

from docutils import nodes
from markupsafe import Markup

import iclbook
from tools.repository import ROOT, write_text

WORDS_A_MINUTE = 200
CITATION = """\
@incollection{{iclbook-{key},
  title     = {{{title}}},
  booktitle = {{{book}}},
  author    = {{{{{author}}}}},
  year      = {{{year}}},
  url       = {{{address}}}
}}"""


def last_change(root=ROOT):
    """Return the day of the last commit, or nothing outside a repository."""
    done = subprocess.run(
        ["git", "log", "-1", "--format=%cs"], cwd=root, capture_output=True, text=True, check=False
    )
    return done.stdout.strip()


def reading_minutes(doctree):
    """Return how long the paragraphs of a page take to read, in whole minutes, at least one."""
    words = sum(len(text.astext().split()) for text in doctree.findall(nodes.paragraph))
    return max(1, round(words / WORDS_A_MINUTE))


def furnish(app, pagename, templatename, context, doctree):
    """Give the templates of a page what they show."""
    repository = app.config.html_theme_options["repository_url"]
    context["edition"] = {**EDITION, "repository": repository, "site": app.config.html_baseurl}
    if doctree is None:
        return
    context["paths"] = list(passing(app, pagename))
    source = Path(app.env.doc2path(pagename))
    place = source.relative_to(app.srcdir).as_posix()
    context["actions"] = [
        ("Edit this page", f"{repository}/edit/main/{place}"),
        ("Report a mistake", f"{repository}/issues/new?title=Mistake%20in%20{place}"),
    ]
    if source.suffix != ".ipynb":
        return
    context["actions"] += [
        ("Open in Colab", in_colab(app.config.html_theme_options, place)),
        ("Download the notebook", plain_notebook(repository, pagename)),
    ]
    context["citation"] = CITATION.format(
        key=pagename.rsplit("/", 1)[-1],
        title=re.sub(r"^[\d.]+ ", "", Markup(context["title"]).striptags()),
        book=app.config.html_title,
        author=app.config.author,
        year=app.config.copyright,
        address=f"{app.config.html_baseurl}{pagename}.html",
    )
    minutes = f'<p class="reading-time">About {reading_minutes(doctree)} minutes to read</p>'
    context["body"] = context["body"].replace("</h1>", f"</h1>\n{minutes}", 1)


def passing(app, pagename):
    """Yield the reading paths that pass a page, each with its neighbours there."""
    for name, pages in app.config.reading_paths.items():
        if pagename in pages:
            place = pages.index(pagename)
            before, after = pages[:place][-1:], pages[place + 1 :][:1]
            ways = [("before", page) for page in before] + [("next", page) for page in after]
            titles = {page: app.env.titles[page].astext() for _, page in ways}
            facts = {"name": name, "number": place + 1, "length": len(pages)}
            yield {**facts, "ways": ways, "titles": titles}


def paths_markdown(paths):
    """Return a list of the reading paths for the first page of the book."""
    return "\n".join(
        f"- **{name}**: {', '.join(f'[](/{page}.ipynb)' for page in pages)}."
        for name, pages in paths.items()
    )


def in_colab(options, place):
    """Return the address of a chapter in Colab, as the theme's button has it."""
    repository = options["repository_url"].removeprefix("https://github.com/")
    start = options["launch_buttons"]["colab_url"]
    return f"{start}/github/{repository}/blob/{options['repository_branch']}/{place}"


def plain_notebook(repository, pagename):
    """Return the address of a chapter's plain notebook, which shows numbers for placeholders."""
    return f"{repository}/raw/colab/{pagename}.ipynb"


def mend_buttons(app, pagename, templatename, context, doctree):
    """Let the theme's download button offer the plain notebook: the source has placeholders."""
    repository = app.config.html_theme_options["repository_url"]
    for group in context.get("header_buttons", []):
        if group["label"] == "download-buttons":
            source, printed = group["buttons"][-2:]
            source |= {
                "url": plain_notebook(repository, pagename),
                "tooltip": "Download notebook",
                "label": "download-notebook-button",
            }
            group["buttons"] = [source, printed] if source["text"] == ".ipynb" else [printed]


def announce(app, error):
    """Write the list of pages for search engines, and the page for addresses that do not exist."""
    if error or app.builder.name != "html":
        return
    outdir, site = Path(app.outdir), app.config.html_baseurl
    addresses = "\n".join(
        f"  <url><loc>{escape(f'{site}{name}.html')}</loc></url>"
        for name in sorted(app.env.found_docs)
    )
    write_text(
        outdir / "sitemap.xml",
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">\n{addresses}\n</urlset>\n',
    )
    write_text(outdir / "robots.txt", f"User-agent: *\nAllow: /\nSitemap: {site}sitemap.xml\n")
    missing = {"site": site, "title": app.config.html_title}
    write_text(outdir / "404.html", app.builder.templates.render("404.html", missing))


EDITION = {"version": iclbook.__version__, "day": last_change()}


def setup(app):
    """Connect to Sphinx."""
    app.add_config_value("reading_paths", {}, "html", dict)
    app.connect("html-page-context", mend_buttons, priority=800)
    # Before the theme, which drops what its templates leave empty.
    app.connect("html-page-context", furnish, priority=400)
    app.connect("build-finished", announce)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
