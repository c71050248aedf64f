"""The pages of the helper package: all of it, and no page too long."""

import ast
from pathlib import Path

import pytest
from sphinx.util.inventory import InventoryFile
from test_files import parsed

import iclbook

PACKAGE = Path(iclbook.__file__).parent
# Commands, whose help says what they do, and what `iclbook.records` alone hands out.
INSIDE = {"command.py", "console.py", "listing.py", "options.py", "__main__.py"}
PAGES = sorted(Path(__file__).parents[2].glob("book/api/*.md"))
LONGEST = 3500  # words: about fifteen screens of 900 pixels


def public(path):
    """Names of the public functions and classes of a module."""
    kinds = (ast.ClassDef, ast.FunctionDef)
    body = ast.parse(path.read_text("utf-8")).body
    return [n.name for n in body if isinstance(n, kinds) and not n.name.startswith("_")]


def test_every_public_function_and_class_has_its_entry(site):
    with (site / "objects.inv").open("rb") as file:
        entries = InventoryFile.load(file, "", lambda base, place: place)
    known = {name for kind in ("py:function", "py:class", "py:exception") for name in entries[kind]}
    missing = []
    for path in PACKAGE.rglob("*.py"):
        folder = ".".join(("iclbook", *path.relative_to(PACKAGE).parent.parts))
        if path.name in INSIDE or folder in ("iclbook.records", "iclbook.regression.experiments"):
            continue
        module = folder if path.stem == "__init__" else f"{folder}.{path.stem}"
        # What a package hands out itself may be documented there.
        missing += [
            f"{module}.{name}"
            for name in public(path)
            if not {f"{module}.{name}", f"{folder}.{name}"} & known
        ]
    assert missing == []


@pytest.mark.parametrize("page", PAGES, ids=[page.stem for page in PAGES])
def test_no_page_is_long(site, page):
    text = parsed(site / "book" / "api" / f"{page.stem}.html").select_one("article").get_text(" ")
    assert len(text.split()) < LONGEST


def test_formulas_of_docstrings_are_typeset(site):
    page = (site / "book" / "api" / "dual.html").read_text("utf-8")
    assert page.count("<mjx-container") > 20
    assert "sum_i" not in parsed(site / "book" / "api" / "dual.html").get_text()
