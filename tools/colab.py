"""The Colab edition: each chapter as a plain notebook in ``_build/colab``.

::

    python -m tools.colab [COMMIT]

Colab shows neither directives nor roles. So the chapters are read by Sphinx, exactly as for the
site, which gives every number and citation, and are then written as plain notebooks at the same
paths as their sources:

- the install cell comes first; with COMMIT it installs that commit, which the pictures come from
  too;
- text is plain Markdown (``tools/markdown.py``), captions stand under their figures, and the cited
  papers are listed at the end;
- solutions are folded away, their text in a details element and their code as a closed form, and
  so are cells that are not on the page;
- stored pictures and text stay, so that a reader sees what to expect before running anything.
  Stored HTML goes: it is the static form of a control, which the live control replaces as soon as
  the cell is run, and its table of numbers is kept as text.
"""

import re
import shutil
import sys
from pathlib import Path

import nbformat
import yaml
from sphinx.builders import Builder

from tools.bookext import pages_url
from tools.markdown import CodeCell, MarkdownWriter
from tools.notebooks import KERNELSPEC, read, to_text
from tools.repository import ROOT, colab_cell, repository_url, write_text

TARGET = ROOT / "_build" / "colab"
NOTICE = "*This is the notebook of a chapter of a book. Its page, with all figures and links: <{}>*"


class ColabBuilder(Builder):
    """Write resolved pages as plain notebooks."""

    name = format = "colab"
    epilog = "The Colab notebooks are in %(outdir)s."
    supported_remote_images = True

    def init(self):
        """Find the addresses that plain notebooks link to."""
        self.repository = repository_url(self.srcdir)
        self.site = pages_url(self.repository)
        self.commit = self.config.colab_commit

    def get_outdated_docs(self):
        """Everything is written anew."""
        return self.env.found_docs

    def get_target_uri(self, docname, typ=None):
        """Return where a page stands on the site."""
        return f"{self.site}{docname}.html"

    def get_relative_uri(self, from_, to, typ=None):
        """Return the full address: a notebook in Colab has no neighbours."""
        return self.get_target_uri(to)

    def prepare_writing(self, docnames):
        """Nothing to prepare."""

    def write_doc(self, docname, doctree):
        """Write one chapter; pages without code have no notebook."""
        source = Path(self.env.doc2path(docname))
        if source.suffix != ".ipynb":
            return
        address = self.get_target_uri(docname)
        raw = f"{self.repository}/raw/{self.commit or 'main'}"
        writer = MarkdownWriter(self.env, docname, address, raw)
        blocks = writer.write(doctree)
        if writer.cited:
            cited = sorted(writer.cited, key=surname)
            entries = "\n".join(f"- {writer.cited[entry]}" for entry in cited)
            blocks += [f"## References\n\n{entries}"]
        notebook = plain_notebook(read(source), [NOTICE.format(address), *blocks])
        notebook.cells[0].source = colab_cell(self.repository, self.commit)
        target = Path(self.outdir, f"{docname}.ipynb")
        target.parent.mkdir(parents=True, exist_ok=True)
        write_text(target, to_text(notebook))


def plain_notebook(chapter, blocks):
    """Return the plain notebook of a chapter.

    Parameters
    ----------
    chapter : nbformat.NotebookNode
        The chapter as committed.
    blocks : list of str or CodeCell
        Its text and the places of its code cells, in reading order. Code cells that are not on the
        page are put where they stand in the chapter; the first one, which installs the package,
        comes before everything else.
    """
    code = [index for index, cell in enumerate(chapter.cells) if cell.cell_type == "code"]
    cells = [code_cell(chapter.cells[code.pop(0)])]
    off_page = {"title": "Numbers that the text quotes", "tag": "off-page"}
    text = []

    def end_text():
        if text:
            cells.append(nbformat.v4.new_markdown_cell("\n\n".join(text), id=f"text-{len(cells)}"))
            text.clear()

    for block in [*blocks, CodeCell(len(chapter.cells))]:
        if isinstance(block, str):
            if block.startswith("#"):
                end_text()
            text.append(block)
            continue
        end_text()
        while code and code[0] < block.index:
            cells.append(code_cell(chapter.cells[code.pop(0)], **off_page))
        if code and code[0] == block.index:
            cells.append(code_cell(chapter.cells[code.pop(0)], block.solution, "solution"))
        text += block.captions
        # What follows directly and is off the page belongs before the text that quotes it.
        following = block.index + 1
        while code and code[0] == following and "remove-cell" in tags(chapter.cells[following]):
            end_text()
            cells.append(code_cell(chapter.cells[code.pop(0)], **off_page))
            following += 1
    metadata = {
        "kernelspec": KERNELSPEC,
        "language_info": {"name": "python"},
        "colab": {"provenance": [], "toc_visible": True},
    }
    return nbformat.v4.new_notebook(cells=cells, metadata=metadata)


def tags(cell):
    """Return the tags of a cell."""
    return cell.metadata.get("tags", [])


def surname(entry):
    """Return the last name of a bibliography entry's first author."""
    return re.split(r", | and ", entry)[0].split()[-1]


def code_cell(cell, title="", tag=""):
    """Return a code cell for Colab, folded under ``title`` if there is one."""
    outputs = []
    for output in cell.outputs:
        data = output.get("data", {})
        if any(mime.startswith("application/papermill.record") for mime in data):
            continue
        if data.pop("text/html", None) is None or data:
            outputs.append(output)
    plain = nbformat.v4.new_code_cell(
        cell.source, id=cell.id, execution_count=cell.execution_count, outputs=outputs
    )
    if title:
        plain.source = f"# @title {title}\n{cell.source}"
        plain.metadata = nbformat.from_dict(
            {"cellView": "form", "jupyter": {"source_hidden": True}, "tags": [tag]}
        )
    return plain


def setup(app):
    """Register the builder with Sphinx."""
    app.add_builder(ColabBuilder)
    app.add_config_value("colab_commit", "", "env", str)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def main(commit=""):
    """Write the edition afresh and return the exit status."""
    from jupyter_book.sphinx import build_sphinx

    work = ROOT / "_build" / ".colab"
    shutil.rmtree(work, ignore_errors=True)
    settings = yaml.safe_load((ROOT / "_config.yml").read_text("utf-8"))["sphinx"]["config"]
    status = build_sphinx(
        ROOT,
        work / "notebooks",
        path_config=ROOT / "_config.yml",
        noconfig=True,
        confoverrides={
            "external_toc_path": str(ROOT / "_toc.yml"),
            "latex_individualpages": False,
            "nitpicky": True,
            "colab_commit": commit,
            "extensions": [*settings["extensions"], "tools.colab"],
            "nb_mime_priority_overrides": [
                ("colab", "image/png", 10),
                ("colab", "image/svg+xml", 20),
                ("colab", "text/plain", 30),
            ],
        },
        doctreedir=work / "doctrees",
        builder="colab",
        warningiserror=True,
        keep_going=True,
        quiet=True,
    )
    if status != 0:
        print("The Colab notebooks were not written: mend the warnings above.", file=sys.stderr)
        return 1
    shutil.rmtree(work / "notebooks" / "_static", ignore_errors=True)
    shutil.rmtree(TARGET, ignore_errors=True)
    (work / "notebooks").rename(TARGET)
    for path in sorted(TARGET.rglob("*.ipynb")):
        print(path.relative_to(ROOT))
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
