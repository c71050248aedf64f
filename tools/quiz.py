"""The directive ``quiz``: a question that a page asks, with one right answer.

::

    ```{quiz}
    :answer: 2

    How many outer products does a step on one example add to a weight matrix?

    1. None.
    2. One.
    3. As many as there are weights.

    The error times the input is one outer product.
    ```

Everywhere it is a box with the answer folded away; on the site ``book/web/quiz.js`` lets the reader
choose first.
"""

from typing import ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.util.docutils import SphinxDirective

TITLE = "Check yourself"
OPENING = '<details class="answer">\n<summary>The answer</summary>'


class Quiz(SphinxDirective):
    """A question, a numbered list of answers, and what there is to say about the right one."""

    has_content = True
    option_spec: ClassVar = {"answer": directives.positive_int}

    def run(self):
        """Return a box with the explanation folded away."""
        body = nodes.Element()
        self.state.nested_parse(self.content, self.content_offset, body)
        places = [i for i, part in enumerate(body) if isinstance(part, nodes.enumerated_list)]
        if len(places) != 1 or places[0] in (0, len(body) - 1):
            raise self.error("a quiz has a question, one numbered list of answers, an explanation")
        (place,), right = places, self.options.get("answer", 0)
        answers, explanation = body[place], body[place + 1 :]
        if not 1 <= right <= len(answers):
            raise self.error(f"answer {right}: expected the number of one of the {len(answers)}")
        box = nodes.admonition("", classes=["quiz", f"answer-{right}"])
        box += nodes.title("", TITLE)
        box += body[: place + 1]
        box += nodes.raw("", OPENING, format="html")
        explanation[0].insert(0, [nodes.strong("", f"Answer {right}."), nodes.Text(" ")])
        box += explanation
        box += nodes.raw("", "</details>", format="html")
        return [box]


def setup(app):
    """Register the directive with Sphinx."""
    app.add_directive("quiz", Quiz)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
