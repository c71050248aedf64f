"""Chapters are run, normalised and refused as ``tools/notebooks.py`` promises."""

import re

import nbformat
import pytest
from nbval.plugin import comment_markers

from tools import models, notebooks
from tools.repository import install_cell, repository_url

V4 = nbformat.v4
URL = repository_url()


def chapter(*cells):
    """Return a chapter that begins with the install cell."""
    install = V4.new_code_cell(install_cell(URL), metadata={"tags": ["remove-cell"]},
                               execution_count=1)
    return notebooks.normalised(V4.new_notebook(cells=[install, *cells]))


def saved(folder, notebook):
    path = folder / "chapter.ipynb"
    path.write_text(notebooks.to_text(notebook), "utf-8")
    return path


def shows(kind, **content):
    """Return a code cell that was run and has one output."""
    return V4.new_code_cell("1 + 1", execution_count=1, outputs=[V4.new_output(kind, **content)])


def prints(text, name="stdout"):
    """Return a code cell that was run and has printed."""
    return shows("stream", name=name, text=text)


def test_normalising_counts_from_one_and_keeps_outputs():
    cells = [V4.new_code_cell("1", execution_count=7), V4.new_markdown_cell("text"),
             V4.new_code_cell("2", execution_count=9, outputs=[
                 V4.new_output("execute_result", {"text/plain": "2"}, execution_count=9)])]
    clean = notebooks.normalised(V4.new_notebook(cells=cells))
    assert [clean.cells[i].execution_count for i in (0, 2)] == [1, 2]
    assert clean.cells[2].outputs[0].execution_count == 2
    assert clean.cells[2].outputs[0].data == {"text/plain": "2"}


def test_normalising_keeps_ids_and_only_the_metadata_that_the_book_reads():
    cell = V4.new_code_cell("1", id="mine", metadata={
        "tags": ["hide-input"], "mystnb": {"image": {"alt": "x"}}, "unchecked_reason": "random",
        "compare": {"units": 2},
        "jupyter": {"source_hidden": True}, "collapsed": False})
    clean = notebooks.normalised(V4.new_notebook(cells=[cell], metadata={"widgets": {}}))
    assert clean.cells[0].id == "mine"
    assert set(clean.cells[0].metadata) == {"tags", "mystnb", "unchecked_reason", "compare"}
    assert set(clean.metadata) == {"kernelspec", "language_info"}


def test_normalising_mends_doubled_ids_in_the_same_way_each_time():
    doubled = V4.new_notebook(cells=[V4.new_markdown_cell("a"), V4.new_markdown_cell("b")])
    doubled.cells[0].id = doubled.cells[1].id = "same"
    first, second = (notebooks.normalised(doubled) for _ in range(2))
    assert len({cell.id for cell in first.cells}) == 2
    assert first == second


def test_normalising_joins_pieces_of_one_stream():
    pieces = [V4.new_output("stream", name="stdout", text=text) for text in ("a\n", "b\n")]
    clean = notebooks.normalised(V4.new_notebook(
        cells=[V4.new_code_cell("1", execution_count=1, outputs=pieces)]))
    assert [output.text for output in clean.cells[0].outputs] == ["a\nb\n"]


def test_normalising_twice_changes_nothing(tmp_path):
    path = saved(tmp_path, chapter(V4.new_code_cell("1")))
    assert notebooks.normalise([path]) == 0
    path.write_text(path.read_text("utf-8").replace('"tags"', '"scrolled": true,\n    "tags"'))
    assert notebooks.normalise([path]) == 1
    assert notebooks.normalise([path]) == 0


def test_a_clean_chapter_has_no_problems():
    assert notebooks.problems(chapter(prints("2")), URL) == []


@pytest.mark.parametrize(("cell", "complaint"), [
    (shows("error", ename="ValueError", evalue="no", traceback=[]), "ValueError"),
    (prints("careful", "stderr"), "stderr"),
    (prints("see /home/me/x.py"), "/home/"),
    (shows("display_data", data={"text/html": "<p>/root/x</p>"}), "/root/"),
    (shows("display_data", data={"image/png": "iVBO"}), "alternative text"),
    (shows("display_data", data={"application/vnd.jupyter.widget-view+json": {}}), "live widget"),
    (prints("x" * 1_600_000), "at most 1,500,000"),
])
def test_what_may_not_be_stored_is_named(cell, complaint):
    found = notebooks.problems(chapter(cell), URL)
    assert any(complaint in problem for problem in found), found


def test_pictures_inside_html_are_not_taken_for_paths():
    data = {"text/html": '<img alt="x" src="data:image/png;base64,AAA/tmp/BBB=">',
            "text/plain": "a table"}
    assert notebooks.problems(chapter(shows("display_data", data=data)), URL) == []


@pytest.mark.parametrize("metadata", [
    {"tags": ["nbval-ignore-output"]}, {"tags": ["nbval-skip"]}, {"compare": {"numbers": 5}},
    {"tags": ["pytest-validate-ignore-output"]},
])
def test_an_unchecked_cell_needs_a_reason(metadata):
    cell = V4.new_code_cell("1", execution_count=2, metadata=metadata)
    assert any("unchecked_reason" in problem for problem in notebooks.problems(chapter(cell), URL))
    cell.metadata["unchecked_reason"] = "a time"
    assert notebooks.problems(chapter(cell), URL) == []


@pytest.mark.parametrize("data", [
    {"text/html": "<b>0.5</b>", "text/plain": "<IPython.core.display.HTML object>"},
    {"text/html": "<b>0.5</b>", "text/plain": ""},
    {"text/html": "<b>0.5</b>"},
])
def test_html_needs_a_text_that_can_be_compared(data):
    cell = shows("display_data", data=data)
    cell.outputs += prints("0.5").outputs
    assert any("HTML that has no text" in found for found in notebooks.problems(chapter(cell), URL))
    cell.outputs[0].data["text/plain"] = "a   0.5"
    assert notebooks.problems(chapter(cell), URL) == []


@pytest.mark.parametrize(("data", "what"), [
    ({"image/png": "iVBO", "text/plain": "<Figure size 640x480 with 1 Axes>"}, "a picture"),
    ({"image/png": "iVBO"}, "a picture"),
    ({"text/plain": "[<matplotlib.lines.Line2D at 0x7f00aa00bb00>,\n <a.B>]"}, "the name"),
    ({"text/plain": ""}, "the name"),
])
def test_outputs_that_say_nothing_need_a_reason(data, what):
    cell = shows("display_data", data=data)
    cell.metadata["mystnb"] = {"image": {"alt": "x"}}
    (problem,) = notebooks.problems(chapter(cell), URL)
    assert what in problem
    assert "unchecked_reason" in problem
    cell.metadata["unchecked_reason"] = "a drawing"
    assert notebooks.problems(chapter(cell), URL) == []
    cell.metadata.pop("unchecked_reason")
    cell.outputs += prints("loss 0.5").outputs
    assert notebooks.problems(chapter(cell), URL) == []


@pytest.mark.parametrize(("metadata", "complaint"), [
    ({"unchecked_reason": "a time"}, "take the reason out"),
    ({"compare": {"units": 0}, "unchecked_reason": "chaos"}, "whole numbers from 1"),
    ({"compare": {"units": 2}, "tags": ["compare-exactly"]}, "keep one"),
])
def test_what_does_not_fit_a_comparison_is_named(metadata, complaint):
    cell = V4.new_code_cell("1", execution_count=2, metadata=metadata)
    assert any(complaint in problem for problem in notebooks.problems(chapter(cell), URL))


@pytest.mark.parametrize("mark", sorted(comment_markers))
@pytest.mark.parametrize("comment", ["# {}", "    #{}  ", "### {}"])
def test_marks_for_nbval_in_comments_are_refused(mark, comment):
    cell = V4.new_code_cell(f"x = 1\n{comment.format(mark)}", execution_count=2)
    assert any("comment for nbval" in problem for problem in notebooks.problems(chapter(cell), URL))


@pytest.mark.parametrize(("source", "complaint"), [
    ("\n".join(["x = 1"] * 15), None),
    ("\n\n".join(["x = 1"] * 15), None),
    ("\n".join(["x = 1"] * 16), "code cell 2 has 16 lines"),
    ("\n".join(["x = 1", "  ", "# why"] * 8), "code cell 2 has 16 lines"),
    ("y" * 79, None),
    ("x = 1\n" + "y" * 80, "code cell 2 line 2 has 80 columns, 79 are allowed"),
])
def test_cells_that_readers_see_are_short(source, complaint):
    cell = V4.new_code_cell(source, execution_count=2, metadata={"tags": ["remove-output"]})
    found = notebooks.problems(chapter(cell), URL)
    assert len(found) == bool(complaint)
    assert not complaint or found[0].startswith(complaint)


@pytest.mark.parametrize("tag", ["hide-input", "remove-input", "remove-cell"])
def test_cells_that_readers_do_not_see_may_be_long(tag):
    cell = V4.new_code_cell("\n".join(["x" * 80] * 16), execution_count=2,
                            metadata={"tags": [tag]})
    assert notebooks.problems(chapter(cell), URL) == []


def test_a_pasted_picture_is_kept_and_refused():
    pasted = V4.new_markdown_cell("![x](attachment:x.png)", attachments={
        "x.png": {"image/png": "iVBO"}})
    notebook = chapter(pasted)
    assert notebook.cells[1].attachments == pasted.attachments
    (problem,) = notebooks.problems(notebook, URL)
    assert problem.startswith("cell 2 holds a pasted picture")
    assert "figure" in problem


def test_the_install_cell_is_demanded():
    notebook = notebooks.normalised(V4.new_notebook(cells=[V4.new_code_cell("1")]))
    assert any("install cell" in problem for problem in notebooks.problems(notebook, URL))


@pytest.mark.parametrize("cell", [prints("2"), V4.new_code_cell("print(2)")])
def test_a_cell_that_was_not_run_is_refused(cell):
    notebook = chapter(cell)
    notebook.cells[1].execution_count = None
    assert any("was never run" in problem for problem in notebooks.problems(notebook, URL))


@pytest.mark.parametrize(("stated", "measured", "written"), [
    (0, 3.2, 4), (10, 12.1, 10), (10, 14.9, 10), (10, 15.1, 16), (10, 4.0, 4), (0, 0.1, 1),
])
def test_run_time_is_written_when_it_is_new(stated, measured, written):
    notebook = chapter(V4.new_markdown_cell(
        f"- **Runs in:** about {stated} s on 2 CPU cores, no GPU needed"))
    notebooks.state_seconds(notebook, measured)
    assert f"about {written} s on" in notebook.cells[1].source


@pytest.mark.parametrize("text", ["", "{", "[]", '{"nbformat": 3}', '{"nbformat": 4, "cells"'])
def test_a_broken_notebook_is_named(tmp_path, text):
    path = tmp_path / "broken.ipynb"
    path.write_text(text)
    with pytest.raises(ValueError, match=r"broken\.ipynb: not a notebook"):
        notebooks.read(path)


def test_a_missing_notebook_is_named():
    with pytest.raises(ValueError, match=r"gone\.ipynb: no such notebook"):
        notebooks.read("gone.ipynb")


def test_running_stores_outputs_and_time(tmp_path):
    path = saved(tmp_path, chapter(
        V4.new_markdown_cell("**Runs in:** about 0 s on 2 CPU cores"),
        V4.new_code_cell("import os\nprint(os.environ['ICLBOOK_STATIC'])")))
    assert notebooks.main(["run", str(path)]) == 0
    notebook = notebooks.read(path)
    assert notebook.cells[2].outputs[0].text == "1\n"
    assert "about 0 s" not in notebook.cells[1].source
    assert notebooks.problems(notebook, URL) == []


def test_a_chapter_without_its_model_is_left_as_it_was(tmp_path, capsys, monkeypatch):
    path = saved(tmp_path, chapter(V4.new_code_cell('net = load_model("smollm2")')))
    before = path.read_bytes()
    monkeypatch.setattr(models, "missing", lambda name: f"{name} cannot be had.")
    assert notebooks.main(["run", str(path)]) == 1
    assert path.read_bytes() == before
    assert capsys.readouterr().err == f"{path} is left as it was: smollm2 cannot be had.\n"


@pytest.mark.parametrize("path", notebooks.chapters(), ids=lambda path: path.stem)
def test_the_packaged_models_that_a_chapter_runs_are_found(path):
    notebook = notebooks.read(path)
    code = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "code")
    names = "|".join(map(re.escape, models.PACKAGED))
    run = re.findall(rf'\bmodel\b[^=\n]*=\s*f?"({names})["@]', code, re.IGNORECASE)
    assert set(run) <= set(models.loaded_by(notebook))


def test_a_model_is_found_where_it_is_loaded():
    notebook = chapter(V4.new_code_cell('net = load_model("smollm2", device="cpu")'),
                       V4.new_code_cell('old = records.load("gpt-cell", "gemma3-270m")'))
    assert models.loaded_by(notebook) == ["smollm2"]


@pytest.mark.parametrize(("source", "complaint"), [
    ("1 / 0", "ZeroDivisionError"),
    ("import sys\nprint('careful', file=sys.stderr)", "stderr"),
])
def test_a_failing_cell_leaves_the_file_as_it_was(tmp_path, capsys, source, complaint):
    path = saved(tmp_path, chapter(V4.new_code_cell(source)))
    before = path.read_bytes()
    assert notebooks.main(["run", str(path)]) == 1
    assert path.read_bytes() == before
    message = capsys.readouterr().err
    assert complaint in message
    assert path.name in message
    assert source.splitlines()[0] in message
    assert [other.name for other in tmp_path.iterdir()] == [path.name]
