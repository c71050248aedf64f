"""Run, normalise and check the chapters.

::

    python -m tools.notebooks run [NOTEBOOK ...]         # execute in place, then normalise
    python -m tools.notebooks normalise [NOTEBOOK ...]   # no execution; outputs are kept
    python -m tools.notebooks check [NOTEBOOK ...]       # change nothing, say what is wrong

Without a name, all chapters under ``book/`` are meant. A chapter is committed with its outputs, so
two runs of the same code must give the same file: execution counts are 1, 2, 3 ..., cell ids never
change, and metadata is only what the book reads.
"""

import argparse
import copy
import hashlib
import json
import math
import os
import re
import sys
from pathlib import Path

import nbformat

from tools import models
from tools.cells import cell_problems, length_problems
from tools.repository import ROOT, install_cell, repository_url, write_text

KERNELSPEC = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
CELL_METADATA = ("mystnb", "tags", "compare", "unchecked_reason")
LARGEST_OUTPUTS = 1_500_000
RUNS_IN = re.compile(r"(\*\*Runs in:\*\* about )(\d+)( s on 2 CPU cores)")

# One thread per kernel, so that sums have one order (KERNEL_THREADS tries another number); static
# components, because those are stored.
THREADS = os.environ.get("KERNEL_THREADS", "1")
KERNEL_ENVIRONMENT = {
    "ICLBOOK_STATIC": "1",
    "OMP_NUM_THREADS": THREADS,
    "OPENBLAS_NUM_THREADS": THREADS,
    "MKL_NUM_THREADS": THREADS,
    "MPLBACKEND": "module://matplotlib_inline.backend_inline",
}


def prepare_kernels():
    """Set the environment that kernels started from this process inherit.

    Matplotlib's font list is made here as well: the first import on a new machine may take long and
    would then print a warning into a chapter.
    """
    os.environ.update(KERNEL_ENVIRONMENT)
    import matplotlib.font_manager  # noqa: F401


def chapters(root=ROOT):
    """Return the paths of all chapters below ``book/``."""
    found = sorted((Path(root) / "book").rglob("*.ipynb"))
    return [path for path in found if ".ipynb_checkpoints" not in path.parts]


def read(path):
    """Read a notebook.

    Raises
    ------
    ValueError
        If the file is missing or is not a version 4 notebook.
    """
    try:
        text = Path(path).read_text("utf-8")
        if json.loads(text).get("nbformat") != 4:
            raise ValueError("not version 4 of the format")
        return nbformat.v4.reads(text)
    except FileNotFoundError:
        raise ValueError(f"{path}: no such notebook; name a file such as "
                         "book/dual/softmax.ipynb") from None
    except (ValueError, AttributeError, KeyError) as error:
        raise ValueError(f"{path}: not a notebook ({error})") from None


def to_text(notebook):
    """Return the notebook as the JSON text that is committed."""
    return nbformat.writes(notebook, version=4) + "\n"


def normalised(notebook):
    """Return a copy of ``notebook`` in the form in which it is committed; outputs are kept."""
    notebook = copy.deepcopy(notebook)
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    notebook.metadata = nbformat.from_dict(
        {"kernelspec": KERNELSPEC, "language_info": {"name": "python"}}
    )
    count, ids = 0, set()
    for cell in notebook.cells:
        if cell.get("id") is None or cell.id in ids:
            text = f"{len(ids)}:{cell.source}"
            cell.id = hashlib.sha256(text.encode()).hexdigest()[:8]
        ids.add(cell.id)
        cell.metadata = nbformat.from_dict(
            {key: cell.metadata[key] for key in CELL_METADATA if cell.metadata.get(key)}
        )
        if cell.cell_type != "code":
            continue
        if cell.execution_count is not None or cell.outputs:
            count += 1
            cell.execution_count = count
        cell.outputs = merged_streams(cell.outputs)
        for output in cell.outputs:
            if output.output_type == "execute_result":
                output.execution_count = count
    return notebook


def merged_streams(outputs):
    """Join neighbouring outputs of the same stream: where they are split is a matter of timing."""
    merged = []
    for output in outputs:
        last = merged[-1] if merged else None
        if last and output.output_type == last.output_type == "stream" and output.name == last.name:
            last.text += output.text
        else:
            merged.append(output)
    return merged


def problems(notebook, url):
    """Return what keeps a chapter from being committed, one line each, in reading order."""
    found = []
    if to_text(normalised(notebook)) != to_text(notebook):
        found.append("not normalised; run `python -m tools.notebooks normalise`")
    found += [f"cell {number} holds a pasted picture, which no edition of the book shows; store it "
              "as a file and show it with the directive figure"
              for number, cell in enumerate(notebook.cells, start=1) if cell.get("attachments")]
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    if not code or code[0].source != install_cell(url) or "remove-cell" not in code[0].metadata.get(
        "tags", ()
    ):
        found.append("the first code cell is not the install cell with the tag remove-cell; "
                     f"it must read:\n{install_cell(url)}")
    for number, cell in enumerate(code, start=1):
        found += [f"code cell {number} {problem}"
                  for rule in (cell_problems, length_problems) for problem in rule(cell)]
    size = sum(len(json.dumps(cell.outputs)) for cell in code)
    if size > LARGEST_OUTPUTS:
        found.append(f"outputs take {size:,} bytes; at most {LARGEST_OUTPUTS:,} are allowed")
    return found


def state_seconds(notebook, seconds):
    """Write the measured run time into the chapter's box.

    The box says "Runs in: about N s on 2 CPU cores". N is left alone while the measured time is
    within half of it, so that it does not change with every run.
    """
    measured = max(1, math.ceil(seconds))
    for cell in notebook.cells:
        if cell.cell_type == "markdown" and (match := RUNS_IN.search(cell.source)):
            stated = int(match.group(2))
            if stated == 0 or abs(measured - stated) > stated / 2:
                cell.source = RUNS_IN.sub(rf"\g<1>{measured}\g<3>", cell.source, count=1)
            return


def processor_seconds():
    """Return the processor time of all kernels that have ended.

    A chapter runs on one thread, so on an idle machine this is the time that a reader waits; unlike
    that time it does not grow when the machine is busy. Where it is not known it is the clock.
    """
    times = os.times()
    return times.children_user + times.children_system if os.name == "posix" else times.elapsed


def execute(path):
    """Execute the chapter at ``path`` in place and return the processor seconds it took.

    Raises
    ------
    ValueError
        If a cell fails or writes to stderr, or a model that it loads cannot be had. The file is
        then left as it was.
    """
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

    path = Path(path)
    notebook = read(path)
    if reasons := list(filter(None, map(models.missing, models.loaded_by(notebook)))):
        raise ValueError(f"{path} is left as it was: {reasons[0]}")
    client = NotebookClient(notebook, timeout=300, kernel_name="python3",
                            extra_arguments=["--log-level=ERROR"],
                            resources={"metadata": {"path": str(path.parent)}})
    before = processor_seconds()
    try:
        client.execute()
    except CellExecutionError as error:
        raise ValueError(f"{path}: a cell failed, the file is left as it was\n{error}") from None
    except (CellTimeoutError, DeadKernelError) as error:
        raise ValueError(f"{path}: {error}; the file is left as it was") from None
    seconds = processor_seconds() - before
    for number, cell in enumerate((c for c in notebook.cells if c.cell_type == "code"), start=1):
        for output in cell.outputs:
            if output.get("name") == "stderr":
                raise ValueError(f"{path}: code cell {number} writes to stderr, the file is left "
                                 f"as it was\n{cell.source}\n---\n{output.text}")
    state_seconds(notebook, seconds)
    write_text(path, to_text(normalised(notebook)))
    return seconds


def run(paths):
    """Execute chapters one after another and print the seconds of each."""
    prepare_kernels()
    total = 0.0
    for path in paths:
        seconds = execute(path)
        total += seconds
        print(f"{seconds:6.1f} s  {path}", flush=True)
    print(f"{total:6.1f} s  in all")
    return 0


def normalise(paths):
    """Normalise chapters; the exit status is 1 if one was changed (as commit hooks expect)."""
    changed = 0
    for path in paths:
        notebook = read(path)
        text = to_text(normalised(notebook))
        if text != Path(path).read_text("utf-8"):
            write_text(path, text)
            print(f"{path}: normalised")
            changed = 1
    return changed


def check(paths):
    """Print what is wrong with chapters; the exit status is 1 if something is."""
    url = repository_url()
    found = [f"{path}: {problem}" for path in paths for problem in problems(read(path), url)]
    print("\n".join(found) if found else f"{len(paths)} chapters are as they should be")
    return int(bool(found))


def main(arguments=None):
    """Run the command line and return its exit status."""
    parser = argparse.ArgumentParser(prog="python -m tools.notebooks", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("action", choices=["run", "normalise", "check"])
    parser.add_argument("paths", nargs="*", metavar="NOTEBOOK")
    options = parser.parse_args(arguments)
    paths = options.paths or [path.relative_to(ROOT) for path in chapters()]
    try:
        return {"run": run, "normalise": normalise, "check": check}[options.action](paths)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
