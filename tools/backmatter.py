"""Markdown for the back matter: the cells that are not checked, and the recorded runs."""

import json
from pathlib import Path

from iclbook.records import all_records
from tools.notebooks import chapters, read

LEFT_OUT = {"nbval-ignore-output": "runs, output not compared", "nbval-skip": "not run"}


def unchecked_cells(root):
    """List the notebook cells whose output the tests do not compare.

    Returns
    -------
    list of (str, int, str, str)
        Page, number of the code cell (from 1), what is left out, the reason.

    Raises
    ------
    ValueError
        If such a cell gives no reason.
    """
    found = []
    for path in chapters(root):
        page = path.relative_to(root).as_posix()
        code = [cell for cell in read(path).cells if cell.cell_type == "code"]
        for number, cell in enumerate(code, start=1):
            for tag in sorted(LEFT_OUT.keys() & set(cell.metadata.get("tags", ()))):
                reason = cell.metadata.get("unchecked_reason")
                if not reason:
                    raise ValueError(
                        f"{page}: code cell {number} has the tag {tag!r} but no reason; "
                        "add unchecked_reason to the cell's metadata"
                    )
                found.append((page, number, LEFT_OUT[tag], reason))
    return found


def unchecked_markdown(root):
    """Return a table of the unchecked cells below ``root``, or a line that says there are none."""
    cells = unchecked_cells(Path(root))
    if not cells:
        return "**None.** The output of every cell of every chapter is compared."
    rows = [f"| [](/{page}) | {number} | {what} | {why} |" for page, number, what, why in cells]
    return "\n".join(["| Chapter | Code cell | Left out | Why |", "|---|---|---|---|", *rows])


def records_markdown():
    """Return one paragraph, table and configuration for each record of the package."""
    return "\n\n".join(map(_record_markdown, all_records())) or "There are none yet."


def _record_markdown(record):
    label = f"{record.experiment}/{record.name}"
    source = record.provenance
    commit = f"commit `{source['git_commit'][:10]}`" if source["git_commit"] else "no commit"
    commit += ", with uncommitted changes" if source["git_clean"] is False else ""
    rows = [
        ("Run again with", f"`python -m iclbook records rerun {label}`"),
        ("---", "---"),
        ("Ran", f"{source['created'][:10]}, {source['seconds']:.0f} s"),
        ("On", f"{source['device']}: {source['cpu']}, {source['cores']} cores"),
        ("With", ", ".join(f"{name} {number}" for name, number in source["versions"].items())),
        ("Source", f"iclbook {source['iclbook']}, {commit}"),
        ("Deterministic", _names(record.results.deterministic)),
        ("Measured", _names(record.results.measured)),
        ("Configuration", f"`{json.dumps(record.config, ensure_ascii=False)}`"),
    ]
    return "\n".join([f"**{label}**", "", *(f"| {name} | {text} |" for name, text in rows)])


def _names(results):
    return ", ".join(f"`{name}`" for name in results) or "nothing"
