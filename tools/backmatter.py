"""Markdown for the back matter: the cells that are not checked, and the recorded runs."""

import json
from html import escape
from pathlib import Path

from iclbook.records import all_records
from tools.comparison import left_out
from tools.notebooks import chapters, read

NONE_YET = "There are none yet."


def unchecked_cells(root):
    """List the notebook cells whose output the tests do not compare, or not closely.

    Returns
    -------
    list of (str, int, str, str)
        Page, number of the code cell (from 1), what is left out, the reason.

    Raises
    ------
    ValueError
        If such a cell gives no reason, or asks for what it may not.
    """
    found = []
    for path in chapters(root):
        page = path.relative_to(root).as_posix()
        code = [cell for cell in read(path).cells if cell.cell_type == "code"]
        for number, cell in enumerate(code, start=1):
            for what in left_out(cell):
                reason = cell.metadata.get("unchecked_reason")
                if not reason:
                    raise ValueError(
                        f"{page}: code cell {number} is not fully compared ({what}) and gives no "
                        "reason; add unchecked_reason to the cell's metadata"
                    )
                found.append((page, number, what, reason))
    return found


def unchecked_markdown(root):
    """Return a table of the unchecked cells below ``root``, or a line that says there are none."""
    cells = unchecked_cells(Path(root))
    if not cells:
        return "**None.** The output of every cell of every chapter is compared."
    rows = [f"| [](/{page}) | {number} | {what} | {why} |" for page, number, what, why in cells]
    return "\n".join(["| Chapter | Code cell | Left out | Why |", "|---|---|---|---|", *rows])


def records_markdown(url):
    """Return the recorded runs, experiment by experiment: what runs share, and a line a run.

    Each name leads to the record itself in the repository at ``url``. Ahead stands what
    ``book/web/records.js`` filters them with.
    """
    records, groups = all_records(), {}
    for record in records:
        groups.setdefault((record.experiment, record.config.get("model")), []).append(record)
    if not records:
        return NONE_YET
    pieces, named = [_filter_html(records)], set()
    for (experiment, model), group in groups.items():
        if model and experiment not in named:
            pieces.append(f"({_label(experiment)})=")
        named.add(experiment)
        pieces.append(_group_markdown(group, url))
    return "\n\n".join(pieces)


def _filter_html(records):
    """Return a form that asks which runs to show; without scripts it is not there."""
    choices = {"experiment": set(), "model": set(), "task": set()}
    for record in records:
        choices["experiment"].add(record.experiment)
        choices["model"].add(record.config.get("model"))
        choices["task"].update(_tasks(record))
    fields = "".join(
        f'<label>{name.capitalize()} <select name="{name}"><option value="">all</option>'
        + "".join(f"<option>{escape(choice)}</option>" for choice in sorted(filter(None, found)))
        + "</select></label>"
        for name, found in choices.items()
    )
    return (
        '<form class="runs-filter pst-js-only" role="search" aria-label="Recorded runs">'
        f'{fields}<output aria-live="polite"></output></form>'
    )


def _tasks(record):
    """Return the language tasks of a run; the experiments of Part II count theirs by number."""
    if "task" in record.config:
        return [record.config["task"]]
    tasks = record.config.get("tasks")
    return tasks if isinstance(tasks, list) else []


def _label(experiment, model=None):
    return "-".join(filter(None, ["records", experiment, model]))


def _group_markdown(group, url):
    configs = [{k: json.dumps(v) for k, v in record.config.items()} for record in group]
    shared = {k: v for k, v in configs[0].items() if all(c[k] == v for c in configs)}
    own = [name for name in configs[0] if name not in shared]
    facts = [
        ("On", {f"{r.provenance['device']}: {r.provenance['cpu']}" for r in group}),
        ("With", {_versions(r.provenance["versions"]) for r in group}),
        ("Source", {_source(r.provenance) for r in group}),
        ("Deterministic", {_names(r.results.deterministic) for r in group}),
        ("Measured", {_names(r.results.measured) for r in group}),
        ("Settings", {_settings(shared)}),
        *([("Differ in", {", ".join(own)})] if own else []),
    ]
    experiment, model = group[0].experiment, group[0].config.get("model")
    lines = [
        f"({_label(experiment, model)})=",
        f"### {experiment}" + (f", model `{model}`" if model else ""),
        "",
        "| Run | Task | Day | Seconds |",
        "|---|---|---|--:|",
        *(_run_row(record, url) for record in group),
        "",
        *(f"{name}\n: {'; '.join(sorted(found))}\n" for name, found in facts),
    ]
    return "\n".join(lines)


def _run_row(record, url):
    name, facts = f"{record.experiment}/{record.name}", record.provenance
    part = ", its last part" if facts["resumed"] else ""
    address = f"{url}/blob/main/iclbook/records/store/{name}.json"
    cells = [f"[{name}]({address})", ", ".join(_tasks(record)) or "-", facts["created"][:10]]
    return f"| {' | '.join(cells)} | {facts['seconds']:.0f}{part} |"


def _settings(config):
    return ", ".join(f"{name} {text}" for name, text in config.items()) or "none"


def _versions(versions):
    return ", ".join(f"{name} {number}" for name, number in versions.items())


def _source(provenance):
    commit = provenance["git_commit"]
    text = f"commit `{commit[:10]}`" if commit else "no commit"
    if commit and not provenance["git_clean"]:
        known = provenance["git_clean"] is not None
        text += ", with uncommitted changes" if known else ", taken to be as committed"
    sources = provenance["sources"]
    files = f", {len(sources)} source files" if sources else ", sources not known"
    return f"iclbook {provenance['iclbook']}, {text}{files}"


def _names(results):
    return ", ".join(f"`{name}`" for name in results) or "nothing"
