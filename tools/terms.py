"""The first use of a term in a chapter leads to the glossary, where the chapter does not say so.

Only names that mean nothing else are looked for: of several words, or with capitals inside. "Value"
and "key" are for the chapter to link.
"""

import re
from pathlib import Path

from docutils import nodes
from sphinx import addnodes
from sphinx.transforms import SphinxTransform

GLOSSARY = re.compile(r"^```\{glossary\}\n(.*?)^```", re.DOTALL | re.MULTILINE)
UNMISTAKABLE = re.compile(r"\w[\s-]\w|\w[A-Z]")


def unmistakable_terms(glossary):
    """Return the terms of a glossary's text that are looked for, by their small letters."""
    lines = GLOSSARY.search(glossary)[1].splitlines()
    terms = [line for line in lines if line and not line.startswith(" ")]
    return {term.lower(): term for term in terms if UNMISTAKABLE.search(term)}


class FirstUses(SphinxTransform):
    """Link them in the paragraphs of a chapter."""

    default_priority = 600

    def apply(self):
        """Go through the text once, in reading order."""
        if not self.env.doc2path(self.env.docname).endswith(".ipynb"):
            return
        left = unmistakable_terms((Path(self.app.srcdir) / "book/glossary.md").read_text("utf-8"))
        for link in self.document.findall(addnodes.pending_xref):
            if link["reftype"] == "term":
                left.pop(link["reftarget"].lower(), None)
        for text in list(self.document.findall(nodes.Text)):
            if isinstance(text.parent, nodes.paragraph):
                pieces = list(self._pieces(text.astext(), left))
                if len(pieces) > 1:
                    text.parent.replace(text, pieces)

    def _pieces(self, text, left):
        """Yield a text in pieces, with links for the terms that are ``left``; takes these away."""
        while left:
            longest = sorted(map(re.escape, left), key=len, reverse=True)
            found = re.search(rf"\b({'|'.join(longest)})s?\b", text, re.IGNORECASE)
            if not found:
                break
            link = addnodes.pending_xref(
                "",
                nodes.inline("", found[0], classes=["xref", "std", "std-term"]),
                refdomain="std",
                reftype="term",
                reftarget=left.pop(found[1].lower()),
                refdoc=self.env.docname,
                refexplicit=True,
                refwarn=True,
            )
            yield from [nodes.Text(text[: found.start()]), link]
            text = text[found.end() :]
        yield nodes.Text(text)


def setup(app):
    """Connect to Sphinx."""
    app.add_transform(FirstUses)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
