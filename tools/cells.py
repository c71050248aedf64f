"""What a code cell of a chapter may not hold, and what its outputs may not show."""

import json
import re

from nbval.plugin import find_comment_markers

from tools.comparison import left_out

MACHINE_PATH = re.compile(
    r"(?<![\w.])(/home/|/root/|/Users/|/tmp/|/var/folders/|[A-Z]:\\\\?Users)"
)
NOT_READ = {"hide-input", "remove-input", "remove-cell"}
MOST_LINES, MOST_COLUMNS = 15, 79
EMBEDDED_DATA = re.compile(r"data:[\w/+.-]+;base64,[A-Za-z0-9+/=\s]+")


def output_texts(output):
    """Yield every text in one output, without embedded pictures."""
    yield output.get("text", "")
    for mime, data in output.get("data", {}).items():
        if not mime.startswith("image/") or mime == "image/svg+xml":
            yield EMBEDDED_DATA.sub("", data if isinstance(data, str) else json.dumps(data))


def cell_problems(cell):
    """Yield what is wrong with one code cell and its outputs."""
    if cell.execution_count is None:
        yield "was never run, so nothing of it is compared; run the chapter again"
    if any(find_comment_markers(cell.source)):
        yield "has a comment for nbval; use a tag, which the page of unchecked cells can see"
    reason = cell.metadata.get("unchecked_reason")
    try:
        what = left_out(cell)
    except ValueError as error:
        yield str(error)
    else:
        if what and not reason:
            yield f"is not fully compared ({what[0]}); say why in the metadata unchecked_reason"
        if reason and not what:
            yield "has an unchecked_reason, but all of it is compared; take the reason out"
    if MACHINE_PATH.search(cell.source):
        yield "names a path of one machine in its code"
    for output in cell.outputs:
        data = output.get("data", {})
        if output.output_type == "error":
            yield f"stores the error {output.ename}: {output.evalue}"
        if output.get("name") == "stderr":
            yield f"writes to stderr: {output.text.strip()[:200]}"
        if "application/vnd.jupyter.widget-view+json" in data:
            yield "stores a live widget; run it with ICLBOOK_STATIC=1 (`make run` does)"
        for text in output_texts(output):
            if path := MACHINE_PATH.search(text):
                yield f"shows a path of one machine ({path.group()})"
        alternative = cell.metadata.get("mystnb", {}).get("image", {}).get("alt")
        if not alternative and any(mime.startswith("image/") for mime in data):
            yield "shows a picture without alternative text; set mystnb.image.alt"


def length_problems(cell):
    """Yield what makes a code cell that readers see too long to be read beside the text."""
    if NOT_READ & set(cell.metadata.get("tags", ())):
        return
    lines = cell.source.splitlines()
    count = sum(bool(line.strip()) for line in lines)
    if count > MOST_LINES:
        yield (f"has {count} lines, blank ones not counted; {MOST_LINES} are allowed where readers "
               "see it; move what is not the point into iclbook/, or tag it hide-input")
    for number, line in enumerate(lines, start=1):
        if len(line) > MOST_COLUMNS:
            yield f"line {number} has {len(line)} columns, {MOST_COLUMNS} are allowed"
